/* Settings and their origins. */
#include "src/cli/settings.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>

#include "src/util/buf.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/num.h"
#include "src/util/path.h"
#include "src/util/yaml.h"

#define SETTINGS_FILE_MAX ((size_t)1 << 20)
#define SETTINGS_JOBS_MAX 1024

/* clang-format off */
static const struct setting_def settings_table[SETTING_COUNT] = {
	[SETTING_ROOT] = {"root", "SLCT_ROOT", SETTING_PATH, NULL, NULL,
			  "directory of the store (default: $XDG_DATA_HOME/slct, for root /var/lib/slct)"},
	[SETTING_PROGRESS] = {"progress", "SLCT_PROGRESS", SETTING_CHOICE, "auto|tty|plain|json", "auto",
			      "how progress is shown on standard error"},
	[SETTING_COLOR] = {"color", "SLCT_COLOR", SETTING_CHOICE, "auto|always|never", "auto",
			   "whether colours are used on standard error"},
	[SETTING_INSECURE] = {"insecure-registry", "SLCT_INSECURE_REGISTRY", SETTING_LIST, NULL, NULL,
			      "hosts (host[:port]) that may be asked over plain http or with an unverified "
			      "certificate; loopback always may"},
	[SETTING_CA_FILE] = {"ca-file", "SLCT_CA_FILE", SETTING_PATH, NULL, NULL,
			     "PEM file of authorities whose certificates hold besides those that the system trusts"},
	[SETTING_CERT_DIR] = {"cert-dir", "SLCT_CERT_DIR", SETTING_PATH, NULL, NULL,
			      "directory of certificates per registry, HOST[:PORT]/*.crt, *.cert and *.key, before "
			      "~/.config/containers/certs.d, ~/.config/docker/certs.d, /etc/containers/certs.d and "
			      "/etc/docker/certs.d"},
	[SETTING_CONNECT_TIMEOUT] = {"connect-timeout", "SLCT_CONNECT_TIMEOUT", SETTING_DURATION, NULL, "15s",
				     "how long a registry may take to answer a connection (5s, 1m)"},
	[SETTING_STALL_TIMEOUT] = {"stall-timeout", "SLCT_STALL_TIMEOUT", SETTING_DURATION, NULL, "60s",
				   "how long a transfer may make next to no progress before it is given up (30s, 5m)"},
	[SETTING_JOBS] = {"jobs", "SLCT_JOBS", SETTING_NUMBER, NULL, "auto",
			  "how many steps run at the same time (auto: the number of processors)"},
	[SETTING_BUCKETFS_WAIT] = {"bucketfs-wait", "SLCT_BUCKETFS_WAIT", SETTING_DURATION, NULL, "60s",
				   "how long run-db-test waits after an upload, since a BucketFS does not say when it has "
				   "unpacked a container"},
	[SETTING_UPPER] = {"upper", "SLCT_UPPER", SETTING_TEXT, NULL, "store",
			   "where what a step changes lies until it is a layer: in the store, or in memory (tmpfs, "
			   "tmpfs:SIZE)"},
};
/* clang-format on */

const struct setting_def *settings_def(enum setting_id id)
{
	return &settings_table[id];
}

static const char *settings_getenv(const char *name)
{
	return getenv(name);
}

static char *settings_user_file(void)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (xdg && xdg[0] == '/')
		return path_join(xdg, "slct/slct.yml");
	return home && home[0] == '/' ? path_join(home, ".config/slct/slct.yml") : NULL;
}

void settings_sources_init(struct settings_sources *src, const char *config, char **hold)
{
	const char *env = getenv("SLCT_CONFIG");
	const char *given = config ? config : env && env[0] ? env : NULL;

	*hold = given ? mem_strdup(given) : settings_user_file();
	*src = (struct settings_sources){"/etc/slct/slct.yml", *hold, given != NULL, settings_getenv};
}

static bool settings_choice_ok(const char *choices, const char *value)
{
	struct sv rest = sv_from(choices);

	while (rest.p) {
		if (sv_eq_str(sv_cut(&rest, '|'), value))
			return true;
	}
	return false;
}

static int settings_check(const struct setting_def *d, const char *value, enum err_code code, struct err *e)
{
	uint64_t n;
	int64_t ns;

	if (d->kind == SETTING_DURATION && (num_parse_duration(sv_from(value), &ns) || ns < 1000000000))
		return err_set(e, code, "%s: \"%s\" is not a duration of a second or more, such as 30s or 5m", d->name,
			       value);
	if (d->kind == SETTING_CHOICE && !settings_choice_ok(d->choices, value))
		return err_set(e, code, "%s: \"%s\" is not one of %s", d->name, value, d->choices);
	if (d->kind == SETTING_NUMBER && strcmp(value, "auto") != 0 &&
	    (num_parse(sv_from(value), 10, SETTINGS_JOBS_MAX, &n) || n == 0))
		return err_set(e, code, "%s: \"%s\" is neither \"auto\" nor a number from 1 to %d", d->name, value,
			       SETTINGS_JOBS_MAX);
	if (!value[0])
		return err_set(e, code, "%s: the value is empty", d->name);
	return 0;
}

static void settings_put(struct setting *s, struct strv *values, char *origin)
{
	strv_release(&s->values);
	free(s->origin);
	s->values = *values;
	s->origin = origin;
	*values = (struct strv){0};
}

/* Text of the environment: lists are separated by commas. */
static int settings_from_env(struct settings *s, enum setting_id id, const char *text, struct err *e)
{
	const struct setting_def *d = &settings_table[id];
	AUTO_STRV struct strv values = {0};
	struct sv rest = sv_from(text);

	if (d->kind != SETTING_LIST) {
		strv_add(&values, text);
		rest = SV_NULL;
	}
	while (rest.p) {
		struct sv part = sv_trim(sv_cut(&rest, ','));

		if (part.n)
			strv_take(&values, sv_dup(part));
	}
	for (size_t i = 0; i < values.n; i++) {
		if (settings_check(d, values.v[i], ERR_INPUT, e))
			return err_wrap(e, "environment variable %s", d->env);
	}
	settings_put(&s->v[id], &values, mem_strdup(d->env));
	return 0;
}

struct settings_file {
	struct settings *s;
	const struct yaml_doc *doc;
	const char *file;
};

static int settings_file_value(const struct settings_file *f, enum setting_id id, const struct json *val, unsigned line,
			       struct err *e)
{
	const struct setting_def *d = &settings_table[id];
	AUTO_STRV struct strv values = {0};

	if (d->kind == SETTING_LIST && json_is_array(val)) {
		if (json_to_strv(val, &values, ERR_INPUT, e))
			return err_wrap(e, "%s", d->name);
	} else if (json_is_string(val)) {
		strv_add(&values, json_str(val));
	} else {
		return err_set(e, ERR_INPUT, "%s: %s is wanted", d->name,
			       d->kind == SETTING_LIST ? "a list" : "a single value");
	}
	for (size_t i = 0; i < values.n; i++) {
		if (settings_check(d, values.v[i], ERR_INPUT, e))
			return -1;
	}
	if (d->kind == SETTING_PATH && values.v[0][0] != '/')
		return err_set(e, ERR_INPUT, "%s: \"%s\" is not an absolute path", d->name, values.v[0]);
	settings_put(&f->s->v[id], &values, mem_printf("%s:%u", f->file, line));
	return 0;
}

static int settings_unknown(const char *key, const char *file, unsigned line, struct err *e)
{
	AUTO_STRV struct strv names = {0};
	AUTO_FREE char *known = NULL;

	for (size_t i = 0; i < SETTING_COUNT; i++)
		strv_add(&names, settings_table[i].name);
	known = strv_join(&names, ", ");
	err_set(e, ERR_INPUT, "unknown setting \"%s\"", key);
	err_hint(e, "the settings are: %s", known);
	return err_at(e, file, line, 0);
}

static int settings_file_member(const struct settings_file *f, const char *key, const struct json *val, struct err *e)
{
	unsigned line = yaml_line(f->doc, val);

	for (size_t i = 0; i < SETTING_COUNT; i++) {
		if (strcmp(settings_table[i].name, key) != 0)
			continue;
		if (settings_file_value(f, (enum setting_id)i, val, line, e))
			return err_at(e, f->file, line, 0);
		return 0;
	}
	return settings_unknown(key, f->file, line, e);
}

static int settings_from_file(struct settings *s, const char *file, bool must, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(SETTINGS_FILE_MAX);
	AUTO_YAML struct yaml_doc *doc = NULL;
	struct json *root;

	if (io_read_file(AT_FDCWD, file, &text, e)) {
		if (e->code != ERR_NOT_FOUND || must)
			return err_wrap(e, "settings");
		err_release(e);
		return 0;
	}
	doc = yaml_parse(buf_str(&text), text.n, file, e);
	if (!doc)
		return -1;
	root = yaml_root(doc);
	if (json_is_null(root))
		return 0;
	if (!json_is_object(root)) {
		err_set(e, ERR_INPUT, "settings are wanted, one \"name: value\" a line");
		return err_at(e, file, 1, 0);
	}
	for (void *it = json_iter(root); it; it = json_iter_next(root, it)) {
		struct settings_file f = {s, doc, file};

		if (settings_file_member(&f, json_iter_key(it), json_iter_val(it), e))
			return -1;
	}
	return 0;
}

static void settings_builtin(struct settings *s)
{
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		struct strv values = {0};

		if (settings_table[i].dflt)
			strv_add(&values, settings_table[i].dflt);
		settings_put(&s->v[i], &values, mem_strdup("built in"));
	}
}

int settings_load(struct settings *s, const struct settings_sources *src, struct err *e)
{
	const char *no_color = src->env("NO_COLOR");

	settings_builtin(s);
	if (src->system_file && settings_from_file(s, src->system_file, false, e))
		return -1;
	if (src->user_file && settings_from_file(s, src->user_file, src->user_file_given, e))
		return -1;
	/* no-color.org: any value that is not empty. */
	if (no_color && no_color[0]) {
		struct strv never = {0};

		strv_add(&never, "never");
		settings_put(&s->v[SETTING_COLOR], &never, mem_strdup("NO_COLOR"));
	}
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const char *text = src->env(settings_table[i].env);

		if (text && text[0] && settings_from_env(s, (enum setting_id)i, text, e))
			return -1;
	}
	return 0;
}

int settings_override(struct settings *s, enum setting_id id, const char *value, const char *origin, struct err *e)
{
	const struct setting_def *d = &settings_table[id];
	struct setting *at = &s->v[id];
	struct strv values = {0};

	if (settings_check(d, value, ERR_USAGE, e))
		return -1;
	if (d->kind == SETTING_LIST && at->values.n) {
		char *both =
			strstr(at->origin, origin) ? mem_strdup(at->origin) : mem_printf("%s, %s", at->origin, origin);

		strv_add(&at->values, value);
		free(at->origin);
		at->origin = both;
		return 0;
	}
	strv_add(&values, value);
	settings_put(at, &values, mem_strdup(origin));
	return 0;
}

void settings_release(struct settings *s)
{
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		strv_release(&s->v[i].values);
		free(s->v[i].origin);
	}
	*s = (struct settings){0};
}

const char *settings_get(const struct settings *s, enum setting_id id)
{
	return s->v[id].values.n ? s->v[id].values.v[0] : NULL;
}

const struct strv *settings_list(const struct settings *s, enum setting_id id)
{
	return &s->v[id].values;
}

int64_t settings_duration(const struct settings *s, enum setting_id id)
{
	int64_t ns = 0;

	num_parse_duration(sv_from(settings_get(s, id)), &ns);
	return ns;
}

unsigned settings_jobs(const struct settings *s)
{
	const char *text = settings_get(s, SETTING_JOBS);
	uint64_t n;
	cpu_set_t cpus;

	if (text && num_parse(sv_from(text), 10, SETTINGS_JOBS_MAX, &n) == 0)
		return (unsigned)n;
	if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) > 0)
		return (unsigned)CPU_COUNT(&cpus);
	return 1;
}
