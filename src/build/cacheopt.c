#include "src/build/cacheopt.h"

#include <stdlib.h>
#include <string.h>

#include "oci/ref.h"
#include "src/util/mem.h"
#include "src/util/sv.h"

static bool is_directory(struct sv v)
{
	return sv_starts(v, "/") || sv_starts(v, "./") || sv_starts(v, "../") || sv_starts(v, "oci:");
}

static int take_option(struct sv v, struct cacheopt *out, struct err *e)
{
	if (sv_eq_str(v, "mode=steps"))
		out->stages_only = false;
	else if (sv_eq_str(v, "mode=stages"))
		out->stages_only = true;
	else if (sv_eq_str(v, "required"))
		out->required = true;
	else
		return err_set(e, ERR_USAGE, "cache option \"%.*s\": it is mode=steps, mode=stages or required",
			       SV_ARG(v));
	return 0;
}

static int check_repo(const char *repo, struct err *e)
{
	AUTO_REF struct ref r = {0};

	if (ref_parse_repo(repo, &r, e) < 0) {
		e->code = ERR_USAGE;
		return err_wrap(e, "cache repository");
	}
	return 0;
}

int cacheopt_parse(const char *text, struct cacheopt *out, struct err *e)
{
	struct sv rest = sv_from(text), repo = sv_cut(&rest, ',');

	*out = (struct cacheopt){0};
	if (is_directory(repo)) {
		err_set(e, ERR_USAGE, "cache directory %.*s: directories as caches are not supported yet", SV_ARG(repo));
		return err_hint(e, "name a repository of a registry: HOST[:PORT]/PATH");
	}
	while (rest.p)
		if (take_option(sv_cut(&rest, ','), out, e) < 0)
			return -1;
	out->repo = sv_dup(repo);
	if (check_repo(out->repo, e) == 0)
		return 0;
	cacheopt_release(out);
	return -1;
}

void cacheopt_release(struct cacheopt *o)
{
	free(o->repo);
	o->repo = NULL;
}
