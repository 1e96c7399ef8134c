/* slct logout: forget credentials for a registry. */
#include "registry/credfile.h"
#include "src/cli/cmd.h"
#include "src/cli/cmd_login.h"

static int cmd_logout_run(struct cli *c, const void *opts, struct err *e)
{
	AUTO_FREE char *host = cmd_login_host(c, e);
	AUTO_STRV struct strv where = {0};
	struct json *j;

	(void)opts;
	if (!host || credfile_erase(host, &where, e))
		return -1;
	if (c->g.json) {
		j = json_new_object();
		json_set_str(j, "registry", host);
		json_set(j, "removed", json_from_strv(&where));
		return cli_print_json(j, e);
	}
	for (size_t i = 0; i < where.n; i++)
		if (cli_printf(e, "removed the login for %s from %s\n", host, where.v[i]))
			return -1;
	return where.n ? 0 : cli_printf(e, "not logged in to %s\n", host);
}

/* clang-format off */
const struct command cmd_logout = {
	.name = "logout",
	.group = COMMAND_IMAGES,
	.summary = "forget credentials for a registry",
	.usage = "[HOST[:PORT]]",
	.about = "Removes the registry's login (docker.io if none is named) from every file that slct reads logins from, "
		 "and from the credential helpers that these files name.",
	.example = "slct logout registry.example.com",
	.max_operands = 1,
	.run = cmd_logout_run,
};
/* clang-format on */
