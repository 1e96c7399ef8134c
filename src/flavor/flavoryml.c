/* flavor.yml. */
#include "src/flavor/flavoryml.h"

#include <fcntl.h>

#include "src/flavor/fexport.h"
#include "src/flavor/flink.h"
#include "src/flavor/fstage.h"
#include "src/flavor/ftests.h"
#include "src/util/io.h"
#include "src/util/path.h"

#define FLAVORYML_VERSION "1"

struct flavoryml {
	struct flavor *f;
	struct flavor_stage *stage; /* whose mapping is read */
	const char *file;
	struct yaml_doc *doc;
};

/* One key of a mapping and what reads its value. */
struct flavoryml_key {
	const char *name;
	int (*read)(struct flavoryml *y, struct json *value, struct err *e);
};

static int flavoryml_at(const struct flavoryml *y, const struct json *node, struct err *e)
{
	return err_at(e, y->file, yaml_line(y->doc, node), 0);
}

static int flavoryml_unknown(const char *key, const struct flavoryml_key *keys, size_t n, struct err *e)
{
	AUTO_STRV struct strv known = {0};
	AUTO_FREE char *list = NULL;

	for (size_t i = 0; i < n; i++)
		strv_add(&known, keys[i].name);
	list = strv_join(&known, ", ");
	err_set(e, ERR_INPUT, "unknown key %s", key);
	return err_hint(e, "keys that can stand here: %s", list);
}

static const struct flavoryml_key *flavoryml_find(const char *key, const struct flavoryml_key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(keys[i].name, key))
			return &keys[i];
	return NULL;
}

/* A mapping whose members are the keys; null is an empty one. */
static int flavoryml_mapping(struct flavoryml *y, struct json *map, const struct flavoryml_key *keys, size_t n,
			     struct err *e)
{
	if (!json_is_object(map) && !json_is_null(map)) {
		err_set(e, ERR_INPUT, "a mapping is expected here");
		return flavoryml_at(y, map, e);
	}
	for (void *it = json_iter(map); it; it = json_iter_next(map, it)) {
		const struct flavoryml_key *k = flavoryml_find(json_iter_key(it), keys, n);

		if (!k) {
			flavoryml_unknown(json_iter_key(it), keys, n, e);
			return flavoryml_at(y, json_iter_val(it), e);
		}
		if (k->read(y, json_iter_val(it), e))
			return -1;
	}
	return 0;
}

/* A mapping from strings to strings, each handed to fn. */
static int flavoryml_strings(struct flavoryml *y, struct json *map,
			     int (*fn)(struct flavoryml *, const char *key, const char *val, struct err *),
			     struct err *e)
{
	if (!json_is_object(map) && !json_is_null(map)) {
		err_set(e, ERR_INPUT, "a mapping from names to texts is expected here");
		return flavoryml_at(y, map, e);
	}
	for (void *it = json_iter(map); it; it = json_iter_next(map, it)) {
		const char *val = json_str(json_iter_val(it));

		if (!val)
			err_set(e, ERR_INPUT, "the value of %s is no text", json_iter_key(it));
		else if (!fn(y, json_iter_key(it), val, e))
			continue;
		return flavoryml_at(y, json_iter_val(it), e);
	}
	return 0;
}

static int flavoryml_map(struct flavoryml *y, const char *dest, const char *src, struct err *e)
{
	return fstage_map(y->f, y->stage, dest, src, e);
}

static int flavoryml_context(struct flavoryml *y, struct json *v, struct err *e)
{
	return flavoryml_strings(y, v, flavoryml_map, e);
}

static int flavoryml_arg(struct flavoryml *y, const char *key, const char *val, struct err *e ATTR_UNUSED)
{
	smap_set_str(&y->stage->args, key, val);
	return 0;
}

static int flavoryml_args(struct flavoryml *y, struct json *v, struct err *e)
{
	return flavoryml_strings(y, v, flavoryml_arg, e);
}

static int flavoryml_transparent_arg(struct flavoryml *y, const char *key, const char *val, struct err *e ATTR_UNUSED)
{
	smap_set_str(&y->stage->transparent_args, key, val);
	return 0;
}

static int flavoryml_transparent_args(struct flavoryml *y, struct json *v, struct err *e)
{
	return flavoryml_strings(y, v, flavoryml_transparent_arg, e);
}

static const struct flavoryml_key flavoryml_stage_keys[] = {
	{"context", flavoryml_context},
	{"args", flavoryml_args},
	{"transparent_args", flavoryml_transparent_args},
};

static struct flavor_stage *flavoryml_stage_find(struct flavor *f, const char *name)
{
	for (size_t i = 0; i < f->nstages; i++)
		if (!strcmp(f->stages[i].name, name))
			return &f->stages[i];
	return NULL;
}

static int flavoryml_no_stage(const struct flavor *f, const char *name, struct err *e)
{
	AUTO_STRV struct strv names = {0};
	AUTO_FREE char *list = NULL;

	for (size_t i = 0; i < f->nstages; i++)
		strv_add(&names, f->stages[i].name);
	list = strv_join(&names, ", ");
	err_set(e, ERR_INPUT, "there is no stage %s", name);
	return err_hint(e, "a stage is a sub-directory with a Dockerfile; there are: %s", list);
}

static int flavoryml_stages(struct flavoryml *y, struct json *map, struct err *e)
{
	if (!json_is_object(map) && !json_is_null(map)) {
		err_set(e, ERR_INPUT, "`stages` is a mapping from names of stages");
		return flavoryml_at(y, map, e);
	}
	for (void *it = json_iter(map); it; it = json_iter_next(map, it)) {
		struct json *v = json_iter_val(it);

		y->stage = flavoryml_stage_find(y->f, json_iter_key(it));
		if (!y->stage) {
			flavoryml_no_stage(y->f, json_iter_key(it), e);
			return flavoryml_at(y, v, e);
		}
		y->stage->line = yaml_line(y->doc, v);
		if (flavoryml_mapping(y, v, flavoryml_stage_keys, ARRAY_LEN(flavoryml_stage_keys), e))
			return -1;
	}
	return 0;
}

static int flavoryml_goals(struct flavoryml *y, struct json *v, struct err *e)
{
	AUTO_STRV struct strv goals = {0};

	if (json_to_strv(v, &goals, ERR_INPUT, e)) {
		err_wrap(e, "goals");
		return flavoryml_at(y, v, e);
	}
	for (size_t i = 0; i < goals.n; i++) {
		if (flavoryml_stage_find(y->f, goals.v[i]))
			continue;
		flavoryml_no_stage(y->f, goals.v[i], e);
		return flavoryml_at(y, v, e);
	}
	strv_copy(&y->f->default_goals, &goals);
	return 0;
}

static int flavoryml_version(struct flavoryml *y, struct json *v, struct err *e)
{
	const char *version = json_str(v);

	if (version && !strcmp(version, FLAVORYML_VERSION))
		return 0;
	err_set(e, ERR_INPUT, "version %s of flavor.yml is not known to this slct", version ? version : "(no text)");
	err_hint(e, "this slct reads version %s", FLAVORYML_VERSION);
	return flavoryml_at(y, v, e);
}

static int flavoryml_tests(struct flavoryml *y, struct json *v, struct err *e)
{
	return ftests_read(y->f, y->doc, y->file, v, false, e);
}

static int flavoryml_services(struct flavoryml *y, struct json *v, struct err *e)
{
	return ftests_read(y->f, y->doc, y->file, v, true, e);
}

static int flavoryml_export(struct flavoryml *y, struct json *v, struct err *e)
{
	return fexport_read(y->f, y->doc, y->file, v, e);
}

/* clang-format off */
static const struct flavoryml_key flavoryml_keys[] = {
	{"version", flavoryml_version},
	{"goals", flavoryml_goals},
	{"stages", flavoryml_stages},
	{"export", flavoryml_export},
	{"tests", flavoryml_tests},
	{"services", flavoryml_services},
};
/* clang-format on */

int flavoryml_open(const struct flavor *f, struct yaml_doc **doc, struct err *e)
{
	AUTO_FREE char *file = path_join(f->path, FLAVORYML_FILE);
	AUTO_BUF struct buf text = BUF_INIT(FLAVOR_DOCKERFILE_MAX_BYTES);
	bool there;

	*doc = NULL;
	if (flink_is_there(file, &there, e) || (there && io_read_file(AT_FDCWD, file, &text, e)))
		return -1;
	if (there)
		*doc = yaml_parse(text.p, text.n, file, e);
	return there && !*doc ? -1 : 0;
}

bool flavoryml_has_stages(const struct yaml_doc *doc)
{
	return doc && json_get(yaml_root(doc), "stages");
}

int flavoryml_apply(struct flavor *f, struct yaml_doc *doc, struct err *e)
{
	AUTO_FREE char *file = path_join(f->path, FLAVORYML_FILE);
	struct flavoryml y = {.f = f, .file = file, .doc = doc};

	if (!doc)
		return 0;
	if (flavoryml_mapping(&y, yaml_root(doc), flavoryml_keys, ARRAY_LEN(flavoryml_keys), e))
		return -1;
	return ftests_check(f, file, e);
}
