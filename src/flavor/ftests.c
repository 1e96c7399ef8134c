#include "src/flavor/ftests.h"

#include "src/util/mem.h"
#include "src/util/num.h"

struct ftests {
	struct flavor_test *t;
	bool service;
};

typedef int ftests_fn(struct ftests *x, struct json *v, struct err *e);

static int ftests_text(struct json *v, char **out, struct err *e)
{
	const char *s = json_str(v);

	if (!s || !s[0])
		return err_set(e, ERR_INPUT, "a text is expected here");
	free(*out);
	*out = mem_strdup(s);
	return 0;
}

/* A text is a script. */
static int ftests_command(struct json *v, struct strv *out, struct err *e)
{
	const char *s = json_str(v);

	if (!s)
		return json_to_strv(v, out, ERR_INPUT, e) || !out->n
			       ? err_set(e, ERR_INPUT, "a command is a text for /bin/sh or a list of words")
			       : 0;
	strv_add(out, "/bin/sh");
	strv_add(out, "-c");
	strv_add(out, s);
	return 0;
}

static int ftests_stage(struct ftests *x, struct json *v, struct err *e)
{
	return ftests_text(v, &x->t->stage, e);
}

static int ftests_image(struct ftests *x, struct json *v, struct err *e)
{
	return ftests_text(v, &x->t->image, e);
}

static int ftests_run(struct ftests *x, struct json *v, struct err *e)
{
	return ftests_command(v, &x->t->run, e);
}

static int ftests_ready(struct ftests *x, struct json *v, struct err *e)
{
	return ftests_command(v, &x->t->ready, e);
}

static int ftests_files(struct ftests *x, struct json *v, struct err *e)
{
	return ftests_text(v, &x->t->files, e);
}

static int ftests_user(struct ftests *x, struct json *v, struct err *e)
{
	return ftests_text(v, &x->t->user, e);
}

static int ftests_workdir(struct ftests *x, struct json *v, struct err *e)
{
	return ftests_text(v, &x->t->workdir, e);
}

static int ftests_env(struct ftests *x, struct json *v, struct err *e)
{
	if (!json_is_object(v))
		return err_set(e, ERR_INPUT, "env is a mapping from names to texts");
	for (void *it = json_iter(v); it; it = json_iter_next(v, it)) {
		if (!json_str(json_iter_val(it)))
			return err_set(e, ERR_INPUT, "the value of %s is no text", json_iter_key(it));
		strv_printf(&x->t->env, "%s=%s", json_iter_key(it), json_str(json_iter_val(it)));
	}
	return 0;
}

static int ftests_network(struct ftests *x, struct json *v, struct err *e)
{
	const char *s = json_str(v);

	x->t->net_host = s && strcmp(s, "host") == 0;
	return s && (x->t->net_host || strcmp(s, "none") == 0) ? 0 : err_set(e, ERR_INPUT, "network is none or host");
}

static int ftests_timeout(struct ftests *x, struct json *v, struct err *e)
{
	const char *s = json_str(v);

	if (s && num_parse_duration(sv_from(s), &x->t->timeout_ns) == 0)
		return 0;
	return err_set(e, ERR_INPUT, "timeout is a duration like 30s, 5m or 1h30m");
}

static int ftests_stop(struct ftests *x, struct json *v, struct err *e)
{
	const char *s = json_str(v);

	if (s && num_parse_duration(sv_from(s), &x->t->stop_ns) == 0 && x->t->stop_ns > 0)
		return 0;
	return err_set(e, ERR_INPUT, "stop is a duration like 10s or 1m");
}

static int ftests_exported(struct ftests *x, struct json *v, struct err *e)
{
	const char *s = json_str(v);

	x->t->exported = s && strcmp(s, "true") == 0;
	return s && (x->t->exported || strcmp(s, "false") == 0) ? 0
								: err_set(e, ERR_INPUT, "exported is true or false");
}

static int ftests_services(struct ftests *x, struct json *v, struct err *e)
{
	return json_to_strv(v, &x->t->services, ERR_INPUT, e) ? err_wrap(e, "services") : 0;
}

#define FTESTS_TEST    1u
#define FTESTS_SERVICE 2u

static const struct {
	const char *name;
	ftests_fn *read;
	unsigned where;
} ftests_keys[] = {
	{"stage", ftests_stage, FTESTS_TEST | FTESTS_SERVICE},
	{"image", ftests_image, FTESTS_SERVICE},
	{"run", ftests_run, FTESTS_TEST | FTESTS_SERVICE},
	{"ready", ftests_ready, FTESTS_SERVICE},
	{"files", ftests_files, FTESTS_TEST | FTESTS_SERVICE},
	{"env", ftests_env, FTESTS_TEST | FTESTS_SERVICE},
	{"user", ftests_user, FTESTS_TEST | FTESTS_SERVICE},
	{"workdir", ftests_workdir, FTESTS_TEST | FTESTS_SERVICE},
	{"network", ftests_network, FTESTS_TEST},
	{"timeout", ftests_timeout, FTESTS_TEST | FTESTS_SERVICE},
	{"services", ftests_services, FTESTS_TEST},
	{"exported", ftests_exported, FTESTS_TEST},
	{"stop", ftests_stop, FTESTS_SERVICE},
};

static int ftests_unknown(const char *key, unsigned where, struct err *e)
{
	AUTO_STRV struct strv known = {0};
	AUTO_FREE char *list = NULL;

	for (size_t i = 0; i < ARRAY_LEN(ftests_keys); i++)
		if (ftests_keys[i].where & where)
			strv_add(&known, ftests_keys[i].name);
	list = strv_join(&known, ", ");
	err_set(e, ERR_INPUT, "unknown key %s", key);
	return err_hint(e, "keys that can stand here: %s", list);
}

static int ftests_key(struct ftests *x, const char *key, struct json *v, struct err *e)
{
	unsigned where = x->service ? FTESTS_SERVICE : FTESTS_TEST;

	for (size_t i = 0; i < ARRAY_LEN(ftests_keys); i++)
		if (strcmp(ftests_keys[i].name, key) == 0 && ftests_keys[i].where & where)
			return ftests_keys[i].read(x, v, e);
	return ftests_unknown(key, where, e);
}

/* Names become parts of file names. */
static bool ftests_is_name(const char *s)
{
	return s[0] && s[0] != '.' &&
	       !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")];
}

static int ftests_one(struct ftests *x, const struct yaml_doc *doc, const char *file, struct json *map, struct err *e)
{
	if (!ftests_is_name(x->t->name) || !json_is_object(map)) {
		err_set(e, ERR_INPUT,
			json_is_object(map) ? "\"%s\": a name has letters, digits, _ . and - only" : "%s is no mapping",
			x->t->name);
		return err_at(e, file, x->t->line, 0);
	}
	for (void *it = json_iter(map); it; it = json_iter_next(map, it)) {
		if (!ftests_key(x, json_iter_key(it), json_iter_val(it), e))
			continue;
		return err_at(e, file, yaml_line(doc, json_iter_val(it)), 0);
	}
	if (x->service ? !x->t->stage != !x->t->image : x->t->stage && x->t->run.n)
		return 0;
	err_set(e, ERR_INPUT, x->service ? "service %s needs either image or stage" : "test %s needs stage and run",
		x->t->name);
	return err_at(e, file, x->t->line, 0);
}

int ftests_read(struct flavor *f, const struct yaml_doc *doc, const char *file, struct json *map, bool service,
		struct err *e)
{
	if (!json_is_object(map) && !json_is_null(map)) {
		err_set(e, ERR_INPUT, "a mapping from names is expected here");
		return err_at(e, file, yaml_line(doc, map), 0);
	}
	for (void *it = json_iter(map); it; it = json_iter_next(map, it)) {
		struct flavor_test t = {.name = mem_strdup(json_iter_key(it)),
					.line = yaml_line(doc, json_iter_val(it))};
		struct flavor_tests *list = service ? &f->services : &f->tests;

		vec_push(list, t);
		struct ftests x = {&list->v[list->n - 1], service};

		if (ftests_one(&x, doc, file, json_iter_val(it), e))
			return -1;
	}
	return 0;
}

const struct flavor_test *ftests_service(const struct flavor *f, const char *name)
{
	for (size_t i = 0; i < f->services.n; i++)
		if (strcmp(f->services.v[i].name, name) == 0)
			return &f->services.v[i];
	return NULL;
}

int ftests_check(const struct flavor *f, const char *file, struct err *e)
{
	const struct flavor_tests *lists[] = {&f->tests, &f->services};

	for (size_t k = 0; k < ARRAY_LEN(lists); k++)
		for (size_t i = 0; i < lists[k]->n; i++) {
			const struct flavor_test *t = &lists[k]->v[i];

			if (t->stage && !flavor_stage_find(f, t->stage)) {
				err_set(e, ERR_INPUT, "%s: there is no stage %s", t->name, t->stage);
				return err_at(e, file, t->line, 0);
			}
			for (size_t s = 0; s < t->services.n; s++)
				if (!ftests_service(f, t->services.v[s])) {
					err_set(e, ERR_INPUT, "%s: there is no service %s", t->name, t->services.v[s]);
					return err_at(e, file, t->line, 0);
				}
		}
	return 0;
}

static void ftests_free(struct flavor_tests *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct flavor_test *t = &l->v[i];
		char *texts[] = {t->name, t->stage, t->image, t->files, t->user, t->workdir};
		struct strv *lists[] = {&t->run, &t->ready, &t->services, &t->env};

		for (size_t k = 0; k < ARRAY_LEN(texts); k++)
			free(texts[k]);
		for (size_t k = 0; k < ARRAY_LEN(lists); k++)
			strv_release(lists[k]);
	}
	vec_release(l);
}

void ftests_release(struct flavor *f)
{
	ftests_free(&f->tests);
	ftests_free(&f->services);
}
