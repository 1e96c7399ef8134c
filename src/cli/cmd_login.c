/* slct login: keep credentials for a registry. */
#include "src/cli/cmd_login.h"

#include "oci/ref.h"
#include "registry/credfile.h"
#include "registry/cred.h"
#include "src/cli/cli.h"
#include "src/cli/cmd.h"
#include "src/cli/prompt.h"
#include "src/util/io.h"
#include "src/util/log.h"
#include "src/util/mem.h"

#define CMD_LOGIN_HUB "docker.io"

struct cmd_login_opts {
	struct cli_net net;
	const char *username;
	bool password_stdin;
};

#define CMD_LOGIN_AT(member) .offset = offsetof(struct cmd_login_opts, member)

/* clang-format off */
static const struct opt cmd_login_options[] = {
	{.name = "username", .letter = 'u', .arg = "NAME", .kind = OPT_STRING, CMD_LOGIN_AT(username),
	 .dflt = "asked for on the terminal", .help = "user name"},
	{.name = "password-stdin", .kind = OPT_FLAG, CMD_LOGIN_AT(password_stdin),
	 .help = "read the password from standard input, instead of asking for it on the terminal"},
	CLI_NET_OPTIONS(struct cmd_login_opts),
};
/* clang-format on */

static const struct opt_conflict cmd_login_conflicts[] = {{"creds", "username"}, {"creds", "password-stdin"}};

char *cmd_login_host(const struct cli *c, struct err *e)
{
	const char *text = c->args.operands.n ? c->args.operands.v[0] : CMD_LOGIN_HUB;
	AUTO_FREE char *host = cred_key(text);
	AUTO_FREE char *repo = mem_printf("%s/x", host);
	AUTO_REF struct ref ref = {0};
	bool ok = !strchr(host, '/') && ref_parse(repo, &ref, e) == 0;

	if (ok && strcmp(ref.host, host) == 0)
		return STEAL_PTR(host);
	err_set(e, ERR_USAGE, "\"%s\" is not a registry", text);
	err_hint(e, "the form is HOST[:PORT], HOST with a dot, a port or \"localhost\"");
	return NULL;
}

/* All of standard input without its last line end. */
static char *cmd_login_read_password(struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(PROMPT_MAX);
	char *password = NULL;

	if (io_read_all(STDIN_FILENO, &text, "standard input", e))
		return NULL;
	if (text.n && text.p[text.n - 1] == '\n')
		text.p[--text.n] = 0;
	if (text.n && text.p[text.n - 1] == '\r')
		text.p[--text.n] = 0;
	if (!text.n)
		err_set(e, ERR_USAGE, "--password-stdin: standard input is empty");
	else if (strlen(text.p) != text.n || strchr(text.p, '\n'))
		err_set(e, ERR_USAGE, "--password-stdin: a password is one line without NUL bytes");
	else
		password = mem_strdup(text.p);
	if (text.p)
		explicit_bzero(text.p, text.cap);
	return password;
}

static char *cmd_login_ask(const char *what, const char *host, bool secret, struct err *e)
{
	AUTO_FREE char *text = mem_printf("%s for %s: ", what, host);
	char *answer = prompt_ask(text, secret, e);

	if (!answer && e->code == ERR_USAGE) {
		err_wrap(e, "%s for %s", what, host);
		err_hint(e, "slct login -u NAME --password-stdin %s <FILE", host);
	}
	return answer;
}

/* Name and password into *net, which cli_net_opts has filled from --creds if that was given. */
static int cmd_login_credentials(const struct cmd_login_opts *o, const char *host, struct registry_opts *net,
				 struct err *e)
{
	if (!net->username) {
		if (o->password_stdin && !o->username)
			return err_set(e, ERR_USAGE, "--password-stdin needs --username");
		net->username = o->username ? mem_strdup(o->username) : cmd_login_ask("User name", host, false, e);
		if (!net->username)
			return -1;
		net->password =
			o->password_stdin ? cmd_login_read_password(e) : cmd_login_ask("Password", host, true, e);
		if (!net->password)
			return -1;
		log_add_secret(net->password);
	}
	if (!net->username[0] || strchr(net->username, ':'))
		return err_set(e, ERR_USAGE, "a user name is not empty and has no colon");
	if (!net->creds_host)
		net->creds_host = mem_strdup(host);
	return 0;
}

static int cmd_login_verify(const struct registry_opts *net, const char *host, struct err *e)
{
	struct registry *r = registry_new(net, e);
	bool asked = false;
	int rc;

	if (!r)
		return -1;
	rc = registry_login(r, host, &asked, e);
	registry_free(r);
	if (!rc && !asked)
		log_msg(LOG_WARN, "%s asks for no login here: the password has not been verified", host);
	return rc ? err_wrap(e, "login to %s", host) : 0;
}

static int cmd_login_print(const struct cli *c, const char *host, const char *user, const char *where, struct err *e)
{
	struct json *j;

	if (!c->g.json)
		return cli_printf(e, "logged in to %s as %s: %s\n", host, user, where);
	j = json_new_object();
	json_set_str(j, "registry", host);
	json_set_str(j, "user", user);
	json_set_str(j, "saved", where);
	return cli_print_json(j, e);
}

static int cmd_login_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_login_opts *o = opts;
	AUTO_FREE char *host = cmd_login_host(c, e), *where = NULL;
	struct registry_opts net = {0};
	int rc;

	if (!host)
		return -1;
	rc = cli_net_opts(c, &o->net, host, &net, e);
	if (!rc)
		rc = cmd_login_credentials(o, host, &net, e);
	if (!rc)
		rc = cmd_login_verify(&net, host, e);
	if (!rc)
		rc = credfile_save(host, net.username, net.password, &where, e);
	if (!rc)
		rc = cmd_login_print(c, host, net.username, where, e);
	if (net.password)
		explicit_bzero(net.password, strlen(net.password));
	cli_net_release(&net);
	return rc;
}

/* clang-format off */
const struct command cmd_login = {
	.name = "login",
	.group = COMMAND_IMAGES,
	.summary = "keep credentials for a registry",
	.usage = "[OPTIONS] [HOST[:PORT]]",
	.about = "The registry (docker.io if none is named) is asked whether it takes name and password before they are "
		 "saved. They go to $REGISTRY_AUTH_FILE, else $DOCKER_CONFIG/config.json, else "
		 "~/.docker/config.json, with mode 0600 and not encrypted; where that file names a credential "
		 "helper (credHelpers, credsStore), the helper keeps them instead. docker and podman read the same "
		 "files.",
	.example = "slct login registry.example.com\n"
		   "slct login -u ci --password-stdin localhost:5000 <password.txt",
	.opts = cmd_login_options,
	.nopts = ARRAY_LEN(cmd_login_options),
	.opts_size = sizeof(struct cmd_login_opts),
	.conflicts = cmd_login_conflicts,
	.nconflicts = ARRAY_LEN(cmd_login_conflicts),
	.max_operands = 1,
	.run = cmd_login_run,
};
/* clang-format on */
