/* Phase one: contexts and flavors become stages with edges. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "src/dockerfile/dlimit.h"
#include "src/dockerfile/dparse.h"
#include "src/plan/plan_load.h"
#include "src/plan/plan_ref.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/path.h"

#define IGNORE_FILE_MAX ((size_t)1 << 20)

/* --- sources --- */

struct plan_source *plan_load_source(struct plan *p)
{
	struct plan_source *s = mem_new(struct plan_source);

	s->args = SMAP_STR;
	s->transparent = SMAP_STR;
	source_init(&s->context);
	s->first_stage = p->stages.n;
	vec_push(&p->sources, s);
	return s;
}

/* The scope of ARGs before FROM: options win over what the flavor says. */
static int open_scope(struct plan *p, struct plan_source *s, const char *target_stage, struct err *e)
{
	char here[100], wanted[100];
	struct smap all = SMAP_STR;
	struct platform host;

	smap_copy_str(&all, &s->transparent);
	smap_copy_str(&all, &s->args);
	if (p->build_args)
		smap_copy_str(&all, p->build_args);
	smap_release(&s->args);
	s->args = all;
	platform_host(&host);
	s->global = dargs_new(&(struct dargs_opts){.build_args = &s->args,
						   .build_platform = platform_format(&host, here),
						   .target_platform = platform_format(&p->platform, wanted),
						   .target_stage = target_stage});
	for (size_t i = 0; i < s->stages.meta.n; i++)
		if (dargs_meta(s->global, s->stages.meta.v[i], e) < 0)
			return -1;
	return 0;
}

static int read_ignore(const char *path, struct ignore **out, bool *found, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(IGNORE_FILE_MAX);

	*found = false;
	if (io_read_file(AT_FDCWD, path, &text, e) < 0) {
		if (e->code != ERR_NOT_FOUND)
			return -1;
		err_release(e);
		return 0;
	}
	*found = true;
	*out = ignore_parse(path, buf_sv(&text), e);
	return *out ? 0 : -1;
}

int plan_load_ignore(const char *dockerfile, const char *dir, struct ignore **out, struct err *e)
{
	static const char *const names[] = {".dockerignore", ".containerignore"};
	AUTO_FREE char *own = dockerfile ? mem_printf("%s.dockerignore", dockerfile) : NULL;
	bool found = false;

	*out = NULL;
	if (own && read_ignore(own, out, &found, e) < 0)
		return -1;
	for (size_t i = 0; !found && i < ARRAY_LEN(names); i++) {
		AUTO_FREE char *path = mem_printf("%s/%s", dir, names[i]);

		if (read_ignore(path, out, &found, e) < 0)
			return -1;
	}
	return 0;
}

/* --- stages and edges --- */

static struct plan_stage *new_stage(struct plan *p, const struct plan_source *s, size_t df_index)
{
	struct plan_stage st = {
		.base_stage = PLAN_NONE, .base_image = PLAN_NONE, .base_context = PLAN_NONE, .df_index = df_index};

	st.df = &s->stages.stages.v[df_index];
	st.source = p->sources.n - 1;
	st.platform = p->platform;
	vec_push(&p->stages, st);
	return &p->stages.v[p->stages.n - 1];
}

static bool is_taken(const struct plan *p, size_t before, const char *name)
{
	for (size_t i = 0; i < before; i++)
		if (strcmp(p->stages.v[i].name, name) == 0)
			return true;
	return false;
}

/* Stages of several plain contexts may be called alike, "stage-0" above all: the later one has its context's name
 * before it. */
static char *plain_name(const struct plan *p, const struct plan_source *s, char *inner)
{
	const char *dir = s->context.parts.n ? path_base(s->context.parts.v[0].path) : "context";
	char *name = mem_printf("%s/%s", dir, inner);

	if (!is_taken(p, s->first_stage, inner)) {
		free(name);
		return inner;
	}
	for (unsigned i = 2; is_taken(p, s->first_stage, name); i++) {
		free(name);
		name = mem_printf("%s-%u/%s", dir, i, inner);
	}
	free(inner);
	return name;
}

static void add_stages(struct plan *p, struct plan_source *s, const char *flavor, const char *stage)
{
	size_t n = s->stages.stages.n;

	for (size_t i = 0; i < n; i++) {
		const char *name = s->stages.stages.v[i].name;
		AUTO_FREE char *inner = name ? mem_strdup(name) : mem_printf("stage-%zu", i);
		struct plan_stage *st = new_stage(p, s, i);

		st->file = mem_strdup(s->file->name);
		st->flavor = mem_strdup_opt(flavor);
		if (!flavor)
			st->name = plain_name(p, s, STEAL_PTR(inner));
		else if (i + 1 == n)
			st->name = mem_printf("%s/%s", flavor, stage);
		else
			st->name = mem_printf("%s/%s:%s", flavor, stage, inner);
	}
}

/* --- a plain context --- */

char *plan_load_dockerfile(const char *dir, const char *file, struct err *e)
{
	static const char *const names[] = {"Dockerfile", "Containerfile"};

	if (file)
		return mem_strdup(file);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_FREE char *path = mem_printf("%s/%s", dir, names[i]);

		if (access(path, F_OK) == 0)
			return STEAL_PTR(path);
	}
	err_set(e, ERR_INPUT, "%s: no Dockerfile in it, and it is no flavor", dir);
	err_hint(e, "name the file with -f, or a flavor directory (flavor_base/build_steps.py, or stages in "
		    "sub-directories)");
	return NULL;
}

/* What takes a stage's place is built by nobody here. */
static int add_goal(struct plan *p, const struct plan_source *s, size_t inner, struct err *e)
{
	const char *name = s->stages.stages.v[inner].name;

	if (name && plan_named_find(p, name)) {
		err_set(e, ERR_INPUT, "%s: --build-context takes the place of stage \"%s\", which is to be built",
			s->file->name, name);
		return err_hint(e, "choose another stage with --target, or leave that context out");
	}
	vec_push(&p->defaults, s->first_stage + inner);
	return 0;
}

static int goal_of_context(struct plan *p, const struct plan_source *s, const char *target, struct err *e)
{
	size_t last = s->stages.stages.n - 1;

	if (!target)
		return add_goal(p, s, last, e);
	ssize_t found = dstage_find(&s->stages, target, s->stages.stages.n, true);

	if (found >= 0)
		return add_goal(p, s, (size_t)found, e);
	AUTO_STRV struct strv names = {0};

	for (size_t i = 0; i < s->stages.stages.n; i++)
		strv_add(&names, p->stages.v[s->first_stage + i].name);
	AUTO_FREE char *known = strv_join(&names, ", ");

	err_set(e, ERR_INPUT, "%s: target stage \"%s\" not found", s->file->name, target);
	return err_hint(e, "the stages are: %s", known);
}

static struct dast_file *load_file(const struct plan *p, const char *path, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(DFILE_MAX_BYTES);

	if (!p->shown)
		return dparse_load(AT_FDCWD, path, e);
	return io_read_file(AT_FDCWD, path, &text, e) < 0 ? NULL : dparse(p->shown, buf_sv(&text), e);
}

int plan_add_context(struct plan *p, const char *dir, const char *file, const char *target, struct err *e)
{
	AUTO_FREE char *real = realpath(dir, NULL);
	struct stat st;

	if (!real)
		return err_sys(e, ERR_INPUT, errno, "build context %s", dir);
	if (stat(real, &st) < 0 || !S_ISDIR(st.st_mode)) {
		err_set(e, ERR_INPUT, "build context %s is not a directory", dir);
		return err_hint(e, "name the directory; a Dockerfile of another name is given with -f");
	}
	AUTO_FREE char *path = plan_load_dockerfile(dir, file, e);

	if (!path)
		return -1;
	struct plan_source *s = plan_load_source(p);

	s->file = load_file(p, path, e);
	if (!s->file)
		return -1;
	source_add(&s->context, "", real);
	if (plan_load_ignore(path, real, &s->context.ignore, e) < 0 || dstage_view(s->file, &s->stages, e) < 0 ||
	    open_scope(p, s, target, e) < 0)
		return -1;
	add_stages(p, s, NULL, NULL);
	if (plan_link_stages(p, s->first_stage, e) < 0)
		return -1;
	return goal_of_context(p, s, target, e);
}

/* --- a flavor --- */

static void map_context(struct plan_source *s, const struct flavor_stage *fs)
{
	s->context.follow = true;
	for (size_t i = 0; i < fs->ncontext; i++) {
		const struct flavor_mapping *m = &fs->context[i];

		if (m->src)
			source_add(&s->context, m->dest, m->src);
		else
			source_add_text(&s->context, m->dest, m->text, m->text_len);
	}
}

static int add_flavor_stage(struct plan *p, const struct flavor *f, const struct flavor_stage *fs, struct err *e)
{
	struct plan_source *s = plan_load_source(p);
	AUTO_FREE char *text = NULL;
	size_t len;

	s->flavor = f;
	s->fstage = fs;
	if (flavor_dockerfile(f, fs, &text, &len, e) < 0)
		return -1;
	s->file = dparse(fs->dockerfile, sv_of(text, len), e);
	if (!s->file || dstage_view(s->file, &s->stages, e) < 0)
		return -1;
	smap_copy_str(&s->args, &fs->args);
	smap_copy_str(&s->transparent, &fs->transparent_args);
	map_context(s, fs);
	if (open_scope(p, s, NULL, e) < 0)
		return -1;
	add_stages(p, s, f->name, fs->name);
	return 0;
}

/* Stages are called by their flavor's name. */
static int check_name(const struct plan *p, const struct flavor *f, struct err *e)
{
	for (size_t i = 0; i + 1 < p->flavors.n; i++)
		if (strcmp(p->flavors.v[i]->name, f->name) == 0) {
			err_set(e, ERR_INPUT, "%s and %s are both called %s", p->flavors.v[i]->path, f->path, f->name);
			return err_hint(e, "build them one after the other, or rename one of the directories");
		}
	return 0;
}

int plan_add_flavor(struct plan *p, const char *dir, const char *root, struct err *e)
{
	struct flavor *f = flavor_load(dir, root, e);
	size_t first = p->stages.n;

	if (!f)
		return -1;
	vec_push(&p->flavors, f);
	if (check_name(p, f, e) < 0)
		return -1;
	for (size_t i = 0; i < f->nstages; i++)
		if (add_flavor_stage(p, f, &f->stages[i], e) < 0)
			return -1;
	for (size_t i = 0; i < f->default_goals.n; i++)
		vec_push(&p->defaults, plan_ref_flavor_stage(p, f->name, f->default_goals.v[i]));
	return plan_link_stages(p, first, e);
}
