#include "src/cli/activation.h"

#include <stdlib.h>

#include "src/util/mem.h"
#include "src/util/path.h"

char *activation_flavor_name(const char *path)
{
	AUTO_FREE char *clean = path_clean(path);
	AUTO_FREE char *full = strcmp(clean, ".") == 0 ? realpath(".", NULL) : NULL;

	return mem_strdup(path_base(full ? full : clean));
}

void activation_json(struct json *j, const char *definitions)
{
	AUTO_FREE char *session = langdef_alter("SESSION", definitions), *system = langdef_alter("SYSTEM", definitions);

	json_set_str(j, "definition", definitions);
	json_set_str(j, "session", session);
	json_set_str(j, "system", system);
}

int activation_print(const struct cli *c, const char *flavor, const char *definitions, const char *before,
		     struct err *e)
{
	AUTO_FREE char *name = activation_flavor_name(flavor), *text = NULL;
	struct json *j;

	if (!c->g.json) {
		text = langdef_message(name, definitions);
		return cli_printf(e, "%s%s\n", before, text);
	}
	j = json_new_object();
	json_set_str(j, "flavor", name);
	activation_json(j, definitions);
	return cli_print_json(j, e);
}
