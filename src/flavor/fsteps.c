/* Stages out of build_steps.py. */
#include "src/flavor/fsteps.h"

#include <fcntl.h>

#include "src/flavor/buildsteps.h"
#include "src/flavor/flink.h"
#include "src/flavor/fstage.h"
#include "src/util/io.h"
#include "src/util/path.h"

/* What a file of the flavor is read with. */
struct fsteps_reader {
	struct flavor *f;
	const char *file;
	const struct buildsteps *steps;
	struct fstage_packages packages;
};

/* A path that a method returns: below the flavor. */
static int fsteps_path_ok(const char *path, const char *method, struct err *e)
{
	if (path_is_beneath(path))
		return 0;
	return err_set(e, ERR_INPUT, "%s: the path '%s' leaves the flavor", method, path);
}

static int fsteps_mappings(struct fsteps_reader *r, const struct buildsteps_class *c, struct flavor_stage *s,
			   struct err *e)
{
	for (size_t i = 0; i < c->mapping.n; i++) {
		const struct buildsteps_item *m = &c->mapping.v[i];

		if (!fstage_map(r->f, s, m->key, m->val, e))
			continue;
		return err_at(e, r->file, m->line, 0);
	}
	return 0;
}

static int fsteps_language_definition(const struct buildsteps_class *c, const char *dir, struct flavor_stage *s,
				      struct err *e)
{
	AUTO_FREE char *path = NULL;

	if (!c->language_definition)
		return 0;
	if (fsteps_path_ok(c->language_definition, "get_language_definition", e))
		return -1;
	path = path_join(dir, c->language_definition);
	fstage_map_path(s, "language_definitions.json", path);
	return 0;
}

static void fsteps_args(const struct buildsteps_dict *from, struct smap *to)
{
	for (size_t i = 0; i < from->n; i++)
		smap_set_str(to, from->v[i].key, from->v[i].val);
}

static void fsteps_requires(struct fsteps_reader *r, const struct buildsteps_class *c, struct flavor_stage *s)
{
	for (size_t i = 0; i < c->requires.n; i++) {
		const struct buildsteps_item *d = &c->requires.v[i];

		fstage_require(s, d->key, buildsteps_find(r->steps, d->val)->step);
	}
}

static int fsteps_stage_in(struct fsteps_reader *r, const struct buildsteps_class *c, const char *dir, struct err *e)
{
	struct flavor_stage *s = fstage_add(r->f, c->step, dir);

	s->line = c->line;
	fsteps_requires(r, c, s);
	fsteps_args(&c->args, &s->args);
	fsteps_args(&c->transparent_args, &s->transparent_args);
	if (fsteps_mappings(r, c, s, e) || fsteps_language_definition(c, dir, s, e))
		return -1;
	fstage_finish(s, &r->packages);
	return 0;
}

static int fsteps_stage(struct fsteps_reader *r, const struct buildsteps_class *c, struct err *e)
{
	const char *in = c->path_in_flavor ? c->path_in_flavor : ".";
	AUTO_FREE char *dir = path_join(r->f->path, in);

	if (!fstage_is_name(c->step)) {
		err_set(e, ERR_INPUT, "'%s' cannot be the name of a stage", c->step);
		err_hint(e, "use letters, digits, '_', '-' and '.'");
	} else if (!fsteps_path_ok(in, "get_path_in_flavor", e) && !fsteps_stage_in(r, c, dir, e)) {
		return 0;
	}
	return e->place.file ? -1 : err_at(e, r->file, c->line, 0);
}

static struct buildsteps *fsteps_parse(const char *file, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(BUILDSTEPS_MAX_BYTES);

	if (flink_stat(file, NULL, e) || io_read_file(AT_FDCWD, file, &text, e))
		return NULL;
	return buildsteps_parse(file, buf_sv(&text), e);
}

static int fsteps_stages(struct fsteps_reader *r, struct err *e)
{
	if (!r->steps->n) {
		err_set(e, ERR_INPUT, "no build steps");
		return err_at(e, r->file, 0, 0);
	}
	for (size_t i = 0; i < r->steps->n; i++)
		if (fsteps_stage(r, &r->steps->v[i], e))
			return -1;
	return 0;
}

int fsteps_load(struct flavor *f, struct err *e)
{
	AUTO_FREE char *file = path_join(f->path, FSTEPS_FILE);
	AUTO_BUILDSTEPS struct buildsteps *steps = fsteps_parse(file, e);
	struct fsteps_reader r = {.f = f, .file = file, .steps = steps};
	int failed;

	if (!steps)
		return -1;
	failed = fstage_packages_load(f, &r.packages, e) || fsteps_stages(&r, e);
	fstage_packages_release(&r.packages);
	return failed ? -1 : 0;
}
