/* Checks of Dockerfiles: those of a plan, and those of files that are just looked at. */
#include "src/plan/plan_lint.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/dockerfile/dlimit.h"
#include "src/dockerfile/dparse.h"
#include "src/flavor/fcheck.h"
#include "src/plan/plan_eval.h"
#include "src/plan/plan_load.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/path.h"

static bool ref_ok(const char *text)
{
	struct err e = ERR_INIT;
	AUTO_REF struct ref ref = {0};
	bool ok = ref_parse(text, &ref, &e) == 0;

	err_release(&e);
	return ok;
}

static void take_config(const struct imgconfig *c, struct dlint_base *out)
{
	for (size_t i = 0; i < c->env.n; i++)
		strv_printf(&out->env, "%s=%s", c->env.v[i].key, (const char *)c->env.v[i].val);
	out->shell = c->has_shell;
}

/* --- of a plan --- */

struct lint {
	struct plan *p;
	const struct plan_source *s;
	struct smap seen; /* texts of the warnings so far */
	struct err *e;	  /* the first finding of this file */
};

static bool plan_base(void *ctx, size_t stage, const char *image, struct dlint_base *out)
{
	const struct lint *l = ctx;
	const struct plan_stage *st = &l->p->stages.v[l->s->first_stage + stage];
	const struct imgconfig *c = NULL;

	(void)image;
	if (st->base_stage != PLAN_NONE && l->p->stages.v[st->base_stage].evaluated)
		c = &l->p->stages.v[st->base_stage].config;
	else if (st->base_image != PLAN_NONE && l->p->images.v[st->base_image].resolved)
		c = &l->p->images.v[st->base_image].config;
	if (c)
		take_config(c, out);
	return c;
}

static void warn(void *ctx, const struct dlint_finding *f)
{
	struct lint *l = ctx;
	AUTO_FREE char *message = plan_eval_shown(f->message);
	AUTO_FREE char *text = mem_printf("%s:%u: %s: %s", f->file->name, f->line, f->rule, message);

	if (!f->maybe && !err_is_set(l->e)) {
		err_set(l->e, ERR_INPUT, "%s: %s", f->rule, message);
		err_hint(l->e, "the file's check=error=true makes this an error");
		dparse_err_at(f->file, (struct dast_pos){f->line, 0}, l->e);
	}
	if (smap_has(&l->seen, text))
		return;
	smap_set(&l->seen, text, NULL);
	plan_warn(l->p, "", "%s", text);
}

static int lint_source(struct lint *l, struct err *e)
{
	char host_text[100], target_text[100];
	const struct plan_source *s = l->s;
	size_t n = s->stages.stages.n;
	AUTO_FREE bool *wanted = mem_zalloc(n + 1);
	struct err first = ERR_INIT;
	struct platform host;
	bool error;
	int rc;

	platform_host(&host);
	for (size_t i = 0; i < n; i++)
		wanted[i] = l->p->stages.v[s->first_stage + i].evaluated;
	struct dlint_opts o = {.build_args = &s->args,
			       .build_platform = platform_format(&host, host_text),
			       .target_platform = platform_format(&l->p->platform, target_text),
			       .target_stage = dargs_get(s->global, "TARGETSTAGE"),
			       .ignore = s->context.ignore,
			       .check = smap_get(&s->args, "BUILDKIT_DOCKERFILE_CHECK"),
			       .wanted = wanted,
			       .base = plan_base,
			       .ref_ok = ref_ok,
			       .ctx = l};
	l->e = &first;
	rc = dlint_run(&s->stages, &o, warn, l, &error, e);
	if (rc == 0 && error) {
		err_move(e, &first);
		rc = -1;
	}
	err_release(&first);
	return rc;
}

int plan_lint(struct plan *p, struct err *e)
{
	struct lint l = {.p = p, .seen = SMAP_INIT(NULL)};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < p->sources.n; i++) {
		l.s = p->sources.v[i];
		if (l.s->file && l.s->stages.stages.n && l.s->global)
			rc = lint_source(&l, e);
	}
	smap_release(&l.seen);
	return rc;
}

/* --- of files --- */

struct look {
	const struct plan_lint_opts *o;
	dlint_emit_fn *emit;
	void *ctx;
	bool error;
};

static bool file_base(void *ctx, size_t stage, const char *image, struct dlint_base *out)
{
	const struct look *k = ctx;
	AUTO_REF struct ref ref = {0};
	struct imgconfig c;
	struct err e = ERR_INIT;

	(void)stage;
	if (!k->o->image || flavor_stage_of_ref(image) || ref_parse(image, &ref, &e) < 0) {
		err_release(&e);
		return false;
	}
	if (!k->o->image(k->o->image_ctx, &ref, &c))
		return false;
	take_config(&c, out);
	imgconfig_release(&c);
	return true;
}

static void show(void *ctx, const struct dlint_finding *f)
{
	struct look *k = ctx;
	struct dlint_finding as_written = *f;
	AUTO_FREE char *message = plan_eval_shown(f->message), *excerpt = plan_eval_shown(f->excerpt);

	as_written.message = message;
	as_written.excerpt = excerpt;
	k->emit(k->ctx, &as_written);
}

static int look_at(struct look *k, const struct dast_file *f, const struct smap *args, const struct ignore *ig,
		   struct err *e)
{
	char text[100];
	struct dstage_list l;
	struct platform host;
	bool error;
	int rc;

	if (dstage_view(f, &l, e) < 0)
		return -1;
	platform_host(&host);
	struct dlint_opts o = {.build_args = args,
			       .build_platform = platform_format(&host, text),
			       .target_platform = k->o->target_platform,
			       .ignore = ig,
			       .check = k->o->check,
			       .experimental = k->o->experimental,
			       .base = file_base,
			       .ref_ok = ref_ok,
			       .ctx = k};
	rc = dlint_run(&l, &o, show, k, &error, e);
	k->error = k->error || error;
	dstage_release(&l);
	return rc;
}

static int look_at_stage(struct look *k, const struct flavor *fl, const struct flavor_stage *fs, struct err *e)
{
	AUTO_FREE char *text = NULL;
	AUTO_DAST_FILE struct dast_file *f = NULL;
	AUTO_SMAP struct smap args = SMAP_STR;
	size_t n;

	if (flavor_dockerfile(fl, fs, &text, &n, e) < 0)
		return -1;
	f = dparse(fs->dockerfile, sv_of(text, n), e);
	if (!f)
		return -1;
	smap_copy_str(&args, &fs->transparent_args);
	smap_copy_str(&args, &fs->args);
	if (k->o->build_args)
		smap_copy_str(&args, k->o->build_args);
	return look_at(k, f, &args, NULL, e);
}

static int look_at_flavor(struct look *k, const char *path, struct err *e)
{
	AUTO_FLAVOR struct flavor *fl = flavor_load(path, k->o->flavor_root, e);
	int rc = fl ? 0 : -1;

	for (size_t i = 0; rc == 0 && i < fl->nstages; i++)
		rc = look_at_stage(k, fl, &fl->stages[i], e);
	return rc == 0 ? fcheck_files(fl, e) : rc;
}

static int look_at_file(struct look *k, const char *path, struct err *e)
{
	AUTO_FREE char *dir = NULL;
	const char *slash = strrchr(path, '/');
	AUTO_DAST_FILE struct dast_file *f = dparse_load(AT_FDCWD, path, e);
	AUTO_IGNORE struct ignore *ig = NULL;

	if (!f)
		return -1;
	dir = slash ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup(".");
	if (plan_load_ignore(path, dir, &ig, e) < 0)
		return -1;
	return look_at(k, f, k->o->build_args, ig, e);
}

/* "-": one without a directory, so without an ignore file. */
static int look_at_stdin(struct look *k, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(DFILE_MAX_BYTES);
	AUTO_DAST_FILE struct dast_file *f = NULL;

	if (io_read_all(STDIN_FILENO, &text, "standard input", e) < 0)
		return -1;
	f = dparse("-", buf_sv(&text), e);
	return f ? look_at(k, f, k->o->build_args, NULL, e) : -1;
}

int plan_lint_path(const char *path, const struct plan_lint_opts *o, dlint_emit_fn *emit, void *ctx, bool *error,
		   struct err *e)
{
	struct look k = {.o = o, .emit = emit, .ctx = ctx};
	AUTO_FREE char *file = NULL;
	struct stat st;
	int rc;

	if (strcmp(path, "-") == 0) {
		rc = look_at_stdin(&k, e);
		*error = k.error;
		return rc;
	}
	if (stat(path, &st) < 0)
		return err_sys(e, ERR_INPUT, errno, "%s", path);
	if (S_ISDIR(st.st_mode) && flavor_is_flavor(path)) {
		rc = look_at_flavor(&k, path, e);
	} else {
		file = S_ISDIR(st.st_mode) ? plan_load_dockerfile(path, NULL, e) : mem_strdup(path);
		rc = file ? look_at_file(&k, file, e) : -1;
	}
	*error = k.error;
	return rc;
}
