/* RUN --mount: the options with what they leave open filled in, and their part of the step's key. */
#include <string.h>

#include "src/dockerfile/dparse.h"
#include "src/plan/plan_eval.h"
#include "src/plan/plan_ref.h"
#include "src/plan/plan_mount.h"
#include "src/util/mem.h"
#include "src/util/path.h"

#define SECRETS_DIR "/run/secrets"
#define SSH_SOCKET  "/run/buildkit/ssh_agent"

void plan_mount_release(struct plan_mount *m)
{
	dmount_release(&m->m);
}

static void set_text(char **to, char *text)
{
	free(*to);
	*to = text;
}

/* "." and "/" of the image are refused: a mount there would hide the command itself. */
static int set_target(struct plan_mount *pm, const char *workdir, struct err *e)
{
	AUTO_FREE char *abs = path_join(workdir, pm->m.target);
	AUTO_FREE char *clean = mem_printf("%s%s", abs[0] == '/' ? "" : "/", abs);

	if (strcmp(clean, "/") == 0) {
		err_set(e, ERR_INPUT, "--mount: target \"%s\" is the root of the image", pm->m.target);
		return err_hint(e, "name a directory below it");
	}
	set_text(&pm->m.target, STEAL_PTR(clean));
	return 0;
}

/* The names by which a secret is asked for and seen (Dockerfile reference, "RUN --mount=type=secret"). */
static void complete_secret(struct dmount *m)
{
	if (m->source) {
		set_text(&m->id, m->source);
		m->source = NULL;
	}
	if (!m->id)
		m->id = mem_strdup(path_base(m->target));
	if (!m->target && !m->env)
		m->target = mem_printf("%s/%s", SECRETS_DIR, path_base(m->id));
}

static void complete_ssh(struct dmount *m, size_t n)
{
	if (!m->id)
		m->id = mem_strdup("default");
	if (!m->target)
		m->target = mem_printf("%s.%zu", SSH_SOCKET, n);
}

static void complete(struct dmount *m, size_t n)
{
	if (m->type == DMOUNT_SECRET)
		complete_secret(m);
	else if (m->type == DMOUNT_SSH)
		complete_ssh(m, n);
	else if (m->type == DMOUNT_CACHE && !m->id)
		m->id = path_clean(m->target);
}

/* Where the files of bind and cache come from. */
static int find_source(struct plan_eval *v, struct plan_mount *pm, struct err *e)
{
	bool scratch = pm->m.from && strcmp(pm->m.from, PLAN_SCRATCH) == 0;
	struct plan_from from = {PLAN_FROM_CONTEXT, pm->m.type == DMOUNT_BIND ? v->st->source : PLAN_NONE};

	if (scratch)
		from = (struct plan_from){PLAN_FROM_IMAGE, PLAN_NONE};
	else if (pm->m.from && plan_ref_resolve(v->plan, v->at, pm->m.from, true, PLAN_EDGE_MOUNT, &from, e) < 0)
		return -1;
	pm->origin = from.origin;
	pm->index = from.index;
	if (v->trigger && pm->m.from && !scratch && !plan_ref_ready(v->plan, &from))
		return plan_eval_unsupported(
			v, "--mount=from in an ONBUILD trigger, of what the Dockerfile does not need", e);
	return 0;
}

static int eval_mount(struct plan_eval *v, const char *value, size_t n, struct plan_mount *pm, struct err *e)
{
	const char *workdir = v->st->config.workdir && v->st->config.workdir[0] ? v->st->config.workdir : "/";

	if (dmount_parse(sv_from(value), &pm->m, e) < 0)
		return -1;
	complete(&pm->m, n);
	if (pm->m.target && set_target(pm, workdir, e) < 0)
		return -1;
	return find_source(v, pm, e);
}

int plan_mount_eval(struct plan_eval *v, struct plan_step *s, struct err *e)
{
	for (size_t i = 0; i < v->x->flags.n; i++) {
		const struct dast_flag *f = &v->x->flags.v[i];
		struct plan_mount pm = {.pos = v->trigger ? (struct dast_pos){0} : f->pos};

		if (strcmp(f->name, "mount") != 0)
			continue;
		int rc = eval_mount(v, f->value ? f->value : "", s->mounts.n, &pm, e);

		vec_push(&s->mounts, pm);
		if (rc < 0)
			return e->place.file ? -1 : dparse_err_in(v->in, f->pos, e);
	}
	return 0;
}

bool plan_mount_of_context(const struct plan_mount *pm)
{
	bool has_files = pm->m.type == DMOUNT_BIND || pm->m.type == DMOUNT_CACHE;

	return has_files && pm->origin == PLAN_FROM_CONTEXT && pm->index != PLAN_NONE;
}

/* A pattern of the source that means exactly this name. */
static char *literal(const char *path)
{
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);

	for (const char *p = path; *p; p++) {
		if (strchr("*?[\\", *p))
			buf_char_add(&b, '\\');
		buf_char_add(&b, *p);
	}
	return buf_steal(&b);
}

void plan_mount_pattern(const struct plan_mount *pm, struct strv *out)
{
	strv_take(out, literal(pm->m.source && pm->m.source[0] ? pm->m.source : "."));
}

/* --- keys --- */

/* Of secrets and ssh what the step sees of them, never a value: whoever has another value gets the cached layer. */
void plan_mount_key(struct ckey_builder *b, const struct plan_mount *pm, const struct ckey *from)
{
	const struct dmount *m = &pm->m;

	ckey_str(b, "mount", dmount_type_name(m->type));
	ckey_str(b, "target", m->target);
	ckey_str(b, "id", m->id);
	ckey_str(b, "variable", m->env);
	ckey_str(b, "source", m->source);
	ckey_int(b, "readonly", m->readonly);
	ckey_int(b, "required", m->required);
	ckey_int(b, "sharing", m->sharing);
	ckey_int(b, "mode", m->mode);
	ckey_int(b, "uid", m->uid);
	ckey_int(b, "gid", m->gid);
	ckey_int(b, "size", (int64_t)m->size);
	if (plan_mount_of_context(pm))
		ckey_str(b, "files", pm->tree.text);
	else if (m->type == DMOUNT_BIND || m->type == DMOUNT_CACHE)
		ckey_str(b, "from", from ? from->hex : "");
}
