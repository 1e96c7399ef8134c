/* A flavor: loading, and what other modules ask of it. */
#include "src/flavor/flavor.h"

#include <errno.h>
#include <fcntl.h>

#include "src/flavor/fexport.h"
#include "src/flavor/flavoryml.h"
#include "src/flavor/finfo.h"
#include "src/flavor/flink.h"
#include "src/flavor/fplain.h"
#include "src/flavor/fstage.h"
#include "src/flavor/ftests.h"
#include "src/flavor/fsteps.h"
#include "src/flavor/template.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/path.h"

/* What EXASLCT builds if it is told nothing. */
static const char *const flavor_usual_goals[] = {"release", "base_test_build_run", "flavor_test_build_run"};

void flavor_free(struct flavor *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->nstages; i++)
		fstage_release(&f->stages[i]);
	free(f->stages);
	ftests_release(f);
	fexport_release(&f->export);
	free(f->name);
	free(f->path);
	free(f->root);
	strv_release(&f->default_goals);
	free(f);
}

const struct flavor_stage *flavor_stage_find(const struct flavor *f, const char *name)
{
	for (size_t i = 0; i < f->nstages; i++)
		if (!strcmp(f->stages[i].name, name))
			return &f->stages[i];
	return NULL;
}

/* Links count even if they lead nowhere: loading then says so. */
static bool flavor_has(const char *dir, const char *name)
{
	AUTO_FREE char *path = mem_printf("%s/%s", dir, name);
	struct stat st;

	return !lstat(path, &st);
}

bool flavor_is_flavor(const char *path)
{
	AUTO_FREE char *base = mem_printf("%s/flavor_base", path);
	struct stat st;

	if (flavor_has(path, FSTEPS_FILE) || flavor_has(path, FLAVORYML_FILE))
		return true;
	if (!lstat(base, &st) && S_ISLNK(st.st_mode) && stat(base, &st))
		return true;
	return !flavor_has(path, "Dockerfile") && !flavor_has(path, "Containerfile") && fplain_has_stages(path);
}

/* Absolute, with the links that the caller went through kept: which flavors/ a linked flavor belongs to depends on
 * them. Only where ".." might stand behind a link are they resolved. */
static char *flavor_absolute(const char *path, struct err *e)
{
	bool dots = strstr(path, "..");
	AUTO_FREE char *from = path[0] == '/' && !dots ? mem_strdup(path) : realpath(dots ? path : ".", NULL);

	if (!from) {
		err_sys(e, ERR_INPUT, errno, "%s", path);
		return NULL;
	}
	return dots ? STEAL_PTR(from) : path_join(from, path);
}

/* The directory that holds flavors/, where the flavor lies below one; else the flavor's parent. */
static char *flavor_find_root(const char *path)
{
	const char *last = NULL;

	for (const char *p = path; (p = strstr(p, "/flavors/")); p++)
		last = p;
	if (!last)
		return path_dir(path);
	return last == path ? mem_strdup("/") : mem_strndup(path, (size_t)(last - path));
}

static struct flavor *flavor_new(const char *path, const char *root, struct err *e)
{
	AUTO_FLAVOR struct flavor *f = mem_new(struct flavor);
	struct stat st;

	f->path = flavor_absolute(path, e);
	if (!f->path || flink_stat(f->path, &st, e))
		return NULL;
	if (!S_ISDIR(st.st_mode)) {
		err_set(e, ERR_INPUT, "%s is no directory", path);
		return NULL;
	}
	f->name = mem_strdup(path_base(f->path));
	fexport_usual(&f->export);
	f->root = root ? flavor_absolute(root, e) : flavor_find_root(f->path);
	return f->root ? STEAL_PTR(f) : NULL;
}

static bool flavor_is_required(const struct flavor *f, const struct flavor_stage *s)
{
	for (size_t i = 0; i < f->nstages; i++)
		for (size_t k = 0; k < f->stages[i].nrequires; k++)
			if (!strcmp(f->stages[i].requires[k].stage, s->name))
				return true;
	return false;
}

/* The usual goals; without any of them the stages that nothing else needs. If all are needed the graph has a cycle:
 * then all are goals, so that whoever looks at the graph finds it. */
static void flavor_goals(struct flavor *f)
{
	for (size_t i = 0; i < ARRAY_LEN(flavor_usual_goals); i++)
		if (flavor_stage_find(f, flavor_usual_goals[i]))
			strv_add(&f->default_goals, flavor_usual_goals[i]);
	for (size_t i = 0, usual = f->default_goals.n; !usual && i < f->nstages; i++)
		if (!flavor_is_required(f, &f->stages[i]))
			strv_add(&f->default_goals, f->stages[i].name);
	for (size_t i = 0, found = f->default_goals.n; !found && i < f->nstages; i++)
		strv_add(&f->default_goals, f->stages[i].name);
}

static int flavor_fill(struct flavor *f, struct err *e)
{
	AUTO_YAML struct yaml_doc *yml = NULL;

	if (flavoryml_open(f, &yml, e))
		return -1;
	f->form = flavor_has(f->path, FSTEPS_FILE) && !flavoryml_has_stages(yml) ? FLAVOR_EXASLCT : FLAVOR_PLAIN;
	if (f->form == FLAVOR_PLAIN)
		return fplain_load(f, yml, e);
	return fsteps_load(f, e) || flavoryml_apply(f, yml, e) ? -1 : 0;
}

struct flavor *flavor_load(const char *path, const char *root, struct err *e)
{
	AUTO_FLAVOR struct flavor *f = flavor_new(path, root, e);

	if (!f)
		return NULL;
	if (flavor_fill(f, e)) {
		err_wrap(e, "flavor %s", f->name);
		return NULL;
	}
	if (!f->default_goals.n)
		flavor_goals(f);
	return STEAL_PTR(f);
}

/* What a stage's templates are rendered with. */
struct flavor_scope {
	const struct flavor *f;
	const struct flavor_stage *s;
};

/* EXASLCT: the required ones by alias; ours: any stage. */
static const char *flavor_scope_find(const struct flavor_scope *c, const char *name)
{
	const struct flavor_stage *any = c->f->form == FLAVOR_PLAIN ? flavor_stage_find(c->f, name) : NULL;

	for (size_t i = 0; i < c->s->nrequires; i++)
		if (!strcmp(c->s->requires[i].alias, name))
	return c->s->requires[i].stage;
	return any ? any->name : NULL;
}

static bool flavor_scope_value(const void *arg, struct sv name, struct buf *out)
{
	AUTO_FREE char *alias = sv_dup(name);
	const char *stage = flavor_scope_find(arg, alias);

	if (stage)
		buf_printf(out, "%s%s", FLAVOR_STAGE_PREFIX, stage);
	return stage;
}

static void flavor_scope_names(const void *arg, struct strv *out)
{
	const struct flavor_scope *c = arg;

	if (c->f->form == FLAVOR_PLAIN)
		for (size_t i = 0; i < c->f->nstages; i++)
			strv_add(out, c->f->stages[i].name);
	else
		for (size_t i = 0; i < c->s->nrequires; i++)
			strv_add(out, c->s->requires[i].alias);
}

int flavor_dockerfile(const struct flavor *f, const struct flavor_stage *s, char **out, size_t *len, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(FLAVOR_DOCKERFILE_MAX_BYTES);
	AUTO_BUF struct buf rendered = BUF_INIT(FLAVOR_DOCKERFILE_MAX_BYTES);
	const struct flavor_scope scope = {f, s};
	const struct template_env env = {flavor_scope_value, flavor_scope_names, &scope};

	if (flink_stat(s->dockerfile, NULL, e) || io_read_file(AT_FDCWD, s->dockerfile, &text, e))
		return err_wrap(e, "flavor %s, stage %s", f->name, s->name);
	if (template_render(s->dockerfile, buf_sv(&text), &env, &rendered, e))
		return -1;
	if (finfo_wanted(f, s))
		finfo_add(s, &rendered);
	*len = rendered.n;
	*out = rendered.n ? buf_steal(&rendered) : mem_strdup("");
	return 0;
}

int flavor_stage_check(const struct flavor *f, const struct flavor_stage *s, struct err *e)
{
	for (size_t i = 0; i < s->ncontext; i++) {
		const struct flavor_mapping *m = &s->context[i];

		if (m->src && flink_check_tree(m->src, e))
			return err_wrap(e, "flavor %s, stage %s, %s of its context", f->name, s->name, m->dest);
	}
	return 0;
}

const char *flavor_stage_of_ref(const char *ref)
{
	size_t n = strlen(FLAVOR_STAGE_PREFIX);

	return strncmp(ref, FLAVOR_STAGE_PREFIX, n) ? NULL : ref + n;
}
