/* RUN --mount. */
#include <string.h>

#include "src/plan/plan_eval.h"
#include "src/plan/plan_load.h"
#include "src/util/mem.h"
#include "src/util/path.h"

#define SECRET_DIR "/run/secrets/"

static int no_target(const char *target, struct err *e)
{
	err_set(e, ERR_INPUT, "--mount: nothing can be mounted on %s", target);
	return err_hint(e, "choose a directory of its own; /proc and /sys belong to the sandbox");
}

static bool is_in(const char *dir, const char *path)
{
	size_t n = strlen(dir);

	return strncmp(dir, path, n) == 0 && (!path[n] || path[n] == '/');
}

static int mount_target(struct plan_eval *v, struct plan_mount *m, struct err *e)
{
	AUTO_FREE char *secret = m->def.id ? mem_printf(SECRET_DIR "%s", m->def.id) : NULL;
	const char *written = m->def.target ? m->def.target : secret;

	if (!written) {
		if (m->def.type == DMOUNT_SSH)
			return 0;
		return err_set(e, ERR_INPUT, "--mount=type=%s: target is missing", dmount_type_name(m->def.type));
	}
	m->target = plan_eval_below_workdir(v, written);
	if (!m->target[1] || is_in("/proc", m->target) || is_in("/sys", m->target))
		return no_target(m->target, e);
	return 0;
}

static int mount_from(struct plan_eval *v, struct plan_step *s, struct plan_mount *m, struct err *e)
{
	size_t stage, image;

	m->input = PLAN_NONE;
	m->context = m->def.type == DMOUNT_BIND && !m->def.from;
	strv_add(&m->sources, m->def.source ? m->def.source : ".");
	if (!m->def.from)
		return 0;
	if (plan_load_reference(v->plan, v->at, m->def.from, true, PLAN_EDGE_MOUNT, &stage, &image, e) < 0)
		return -1;
	if (stage == PLAN_NONE && v->trigger && !v->plan->images.v[image].resolved)
		return plan_eval_unsupported(v, "--mount=from another image in an ONBUILD trigger", e);
	m->input = s->inputs.n;
	vec_push(&s->inputs, (struct plan_input){stage != PLAN_NONE ? PLAN_FROM_STAGE : PLAN_FROM_IMAGE,
						 stage != PLAN_NONE ? stage : image});
	return 0;
}

/* Without an agent to forward, one that is not required is left out, as the reference does. */
static int check_ssh(struct plan_eval *v, const struct plan_mount *m, struct err *e)
{
	if (m->def.type == DMOUNT_SSH && m->def.required)
		return plan_eval_unsupported(v, "RUN --mount=type=ssh,required", e);
	return 0;
}

static int eval_mount(struct plan_eval *v, struct plan_step *s, const char *value, struct err *e)
{
	struct plan_mount m = {0};
	int rc = dmount_parse(sv_from(value), &m.def, e);

	if (rc == 0)
		rc = mount_target(v, &m, e);
	if (rc == 0)
		rc = mount_from(v, s, &m, e);
	if (rc == 0)
		rc = check_ssh(v, &m, e);
	vec_push(&s->mounts, m);
	return rc;
}

int plan_eval_mounts(struct plan_eval *v, struct plan_step *s, struct err *e)
{
	const char *value;

	for (size_t i = 0; (value = dast_flag_nth(v->x, "mount", i)); i++)
		if (eval_mount(v, s, value, e) < 0)
			return -1;
	return 0;
}
