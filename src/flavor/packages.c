/* Packages files. */
#include "src/flavor/packages.h"

#include <fcntl.h>

#include "src/flavor/flink.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/yaml.h"

struct packages {
	struct yaml_doc *doc;
};

void packages_free(struct packages *p)
{
	if (!p)
		return;
	yaml_free(p->doc);
	free(p);
}

static struct json *packages_step(const struct packages *p, const char *stage)
{
	struct json *steps = json_get(yaml_root(p->doc), "build_steps");

	for (size_t i = 0; i < json_len(steps); i++) {
		const char *name = json_get_str(json_at(steps, i), "name");

		if (name && !strcmp(name, stage))
			return json_at(steps, i);
	}
	return NULL;
}

static int packages_check_step(const struct packages *p, const char *file, struct json *step, struct err *e)
{
	const char *name = json_get_str(step, "name");

	if (!name)
		err_set(e, ERR_INPUT, "a build step without a name");
	else if (packages_step(p, name) != step)
		err_set(e, ERR_INPUT, "the build step %s is there twice", name);
	else
		return 0;
	return err_at(e, file, yaml_line(p->doc, step), 0);
}

static int packages_check(const struct packages *p, const char *file, struct err *e)
{
	struct json *root = yaml_root(p->doc), *steps = json_get(root, "build_steps");

	if (json_is_null(root))
		return 0;
	if (!json_is_object(root) || !json_is_array(steps)) {
		err_set(e, ERR_INPUT, "a packages file is a mapping with a list `build_steps`");
		return err_at(e, file, yaml_line(p->doc, steps ? steps : root), 0);
	}
	if (json_len(steps) > PACKAGES_STEPS_MAX) {
		err_set(e, ERR_INPUT, "more than %d build steps", PACKAGES_STEPS_MAX);
		return err_at(e, file, yaml_line(p->doc, steps), 0);
	}
	for (size_t i = 0; i < json_len(steps); i++)
		if (packages_check_step(p, file, json_at(steps, i), e))
			return -1;
	return 0;
}

struct packages *packages_parse(const char *file, struct sv text, struct err *e)
{
	AUTO_PACKAGES struct packages *p = mem_new(struct packages);

	p->doc = yaml_parse(text.p, text.n, file, e);
	if (!p->doc || packages_check(p, file, e))
		return NULL;
	return STEAL_PTR(p);
}

int packages_load(const char *path, struct packages **out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(YAML_MAX_BYTES);
	bool there;

	*out = NULL;
	if (flink_is_there(path, &there, e) || (there && io_read_file(AT_FDCWD, path, &text, e)))
		return -1;
	if (!there)
		return 0;
	*out = packages_parse(path, buf_sv(&text), e);
	return *out ? 0 : -1;
}

char *packages_cut(const struct packages *p, const char *stage)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	AUTO_JSON struct json *file = NULL;
	AUTO_FREE char *comment = NULL;
	struct json *step = p ? packages_step(p, stage) : NULL, *steps, *version;

	if (!step)
		return NULL;
	file = json_object();
	steps = json_array();
	json_append(steps, json_ref(step));
	json_set(file, "build_steps", steps);
	version = json_get(yaml_root(p->doc), "version");
	if (version)
		json_set(file, "version", json_ref(version));
	comment = mem_printf("The part of packages.yml that belongs to %s", stage);
	json_set_str(file, "comment", comment);
	json_write_pretty(file, &out);
	buf_char_add(&out, '\n');
	return buf_steal(&out);
}
