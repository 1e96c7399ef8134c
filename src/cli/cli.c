/* What commands share. */
#include "src/cli/cli.h"

#include <stdarg.h>
#include <unistd.h>

#include "src/cli/ui.h"
#include "src/util/io.h"
#include "src/util/log.h"
#include "src/util/mem.h"

#define CLI_AT(member) .offset = offsetof(struct cli_globals, member)

/* clang-format off */
static const struct opt cli_options[] = {
	{.name = "root", .arg = "DIR", .kind = OPT_STRING, CLI_AT(root), .dflt = "$SLCT_ROOT, $XDG_DATA_HOME/slct",
	 .help = "directory of the store"},
	{.name = "quiet", .letter = 'q', .kind = OPT_FLAG, CLI_AT(quiet),
	 .help = "no progress; in tables only the names"},
	{.name = "verbose", .letter = 'v', .kind = OPT_COUNT, CLI_AT(verbose), .help = "say more; twice: debug"},
	{.name = "progress", .arg = "auto|tty|plain|json", .kind = OPT_CHOICE, CLI_AT(progress), .dflt = "auto",
	 .help = "how progress is shown on standard error"},
	{.name = "json", .kind = OPT_FLAG, CLI_AT(json), .help = "results as JSON"},
	{.name = "color", .kind = OPT_TRI, CLI_AT(color), .dflt = "on a terminal",
	 .help = "colours on standard error"},
	{.name = "config", .arg = "FILE", .kind = OPT_STRING, CLI_AT(config), .dflt = "$XDG_CONFIG_HOME/slct/slct.yml",
	 .help = "settings file of the user"},
	{.name = "help", .letter = 'h', .kind = OPT_FLAG, CLI_AT(help), .help = "explain the command"},
};
/* clang-format on */

const struct opt *cli_global_options(size_t *n)
{
	*n = ARRAY_LEN(cli_options);
	return cli_options;
}

char *cli_store_root(const struct cli *c)
{
	const char *root = settings_get(&c->settings, SETTING_ROOT);

	return root ? mem_strdup(root) : store_default_root();
}

struct event_sink *cli_display(const struct cli *c)
{
	struct ui_opts o = {
		.fd = STDERR_FILENO,
		.color = c->color,
		.quiet = c->g.quiet,
		.verbose = c->g.verbose > 0,
	};

	return ui_new(settings_get(&c->settings, SETTING_PROGRESS), &o);
}

int cli_net_opts(const struct cli *c, const struct cli_net *net, const char *host, struct registry_opts *out,
		 struct err *e)
{
	const char *colon = net->creds ? strchr(net->creds, ':') : NULL;

	*out = (struct registry_opts){
		.retries = 5,
		.connect_timeout_ns = settings_duration(&c->settings, SETTING_CONNECT_TIMEOUT),
		.stall_timeout_ns = settings_duration(&c->settings, SETTING_STALL_TIMEOUT),
	};
	strv_copy(&out->insecure, settings_list(&c->settings, SETTING_INSECURE));
	strv_copy(&out->insecure, &net->insecure);
	out->ca_file = mem_strdup_opt(net->ca_file ? net->ca_file : settings_get(&c->settings, SETTING_CA_FILE));
	out->cert_dir = mem_strdup_opt(net->cert_dir ? net->cert_dir : settings_get(&c->settings, SETTING_CERT_DIR));
	if (!net->creds)
		return 0;
	if (!colon) {
		err_set(e, ERR_USAGE, "--creds: the form is USER:PASSWORD");
		return -1;
	}
	out->username = mem_strndup(net->creds, (size_t)(colon - net->creds));
	out->password = mem_strdup(colon + 1);
	out->creds_host = mem_strdup_opt(host);
	log_add_secret(out->password);
	return 0;
}

void cli_net_release(struct registry_opts *o)
{
	strv_release(&o->insecure);
	free(o->username);
	free(o->password);
	free(o->creds_host);
	free(o->ca_file);
	free(o->cert_dir);
	*o = (struct registry_opts){0};
}

int cli_registry_error(int rc, struct err *e)
{
	if (rc && e->code == ERR_NOT_FOUND)
		e->code = ERR_REGISTRY;
	return rc;
}

int cli_platform(const char *text, struct platform *out, struct err *e)
{
	if (text)
		return platform_parse(text, out, e);
	platform_host(out);
	return 0;
}

int cli_print(const void *p, size_t n, struct err *e)
{
	return io_write_all(STDOUT_FILENO, p, n, "standard output", e);
}

int cli_printf(struct err *e, const char *fmt, ...)
{
	AUTO_FREE char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		return err_set(e, ERR_INTERNAL, "standard output: the text cannot be made");
	}
	return cli_print(text, (size_t)n, e);
}

/* The same members with the version before them. */
static struct json *cli_versioned(struct json *j)
{
	struct json *out = json_new_object();

	json_set_int(out, "version", CLI_JSON_VERSION);
	for (void *it = json_iter(j); it; it = json_iter_next(j, it))
		json_set(out, json_iter_key(it), json_ref(json_iter_val(it)));
	return out;
}

int cli_print_json(struct json *j, struct err *e)
{
	AUTO_JSON struct json *own ATTR_UNUSED = j;
	AUTO_JSON struct json *out = cli_versioned(j);
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);

	json_write_pretty(out, &text);
	buf_char_add(&text, '\n');
	if (text.over)
		return err_set(e, ERR_INTERNAL, "the JSON text is larger than %zu bytes", text.max);
	return cli_print(text.p, text.n, e);
}
