#include "src/build/stepbox.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

#include "oci/untouched.h"
#include "src/build/lowers.h"
#include "src/build/rootdiff.h"
#include "src/build/rootview.h"
#include "src/build/runmount.h"
#include "src/build/updir.h"
#include "src/sandbox/mountpoint.h"
#include "src/sandbox/sandbox.h"
#include "src/sandbox/userns.h"
#include "src/session/nsjob.h"
#include "src/session/treeview.h"
#include "src/util/mem.h"

static void complete_env(const struct step_job *j, const struct runmounts *m, struct strv *env)
{
	strv_copy(env, &j->def->env);
	strv_copy(env, &j->def->env_extra);
	strv_copy(env, &m->env);
	if (j->b->plan->timestamps_real)
		return;
	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], "SOURCE_DATE_EPOCH=", 18) == 0)
			return;
	strv_printf(env, "SOURCE_DATE_EPOCH=%lld", (long long)j->def->logical);
}

/* The step with its output masked: the filter has passed on all of it when this returns. */
static int run_masked(struct sandbox_spec *spec, const struct secrets *secrets, struct sandbox_result *res,
		      struct err *e)
{
	pid_t filter;
	int rc;

	if (!secrets->n)
		return sandbox_run(spec, res, e);
	spec->out_fd = secret_filter(secrets, spec->out_fd, &filter, e);
	if (spec->out_fd < 0)
		return -1;
	rc = sandbox_run(spec, res, e);
	close(spec->out_fd);
	while (waitpid(filter, NULL, 0) < 0 && errno == EINTR)
		;
	return rc;
}

int stepbox_open_owners(const struct step_job *j, int flags, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/owners", j->dir);
	int fd = openat(store_fd(j->b->s->store), path, flags | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? err_sys(e, ERR_HOST, errno, "%s", path) : fd;
}

/* Tier solo: what is recorded in all that the step sees, and where to put what it records. */
static int prepare_owners(const struct step_job *j, struct treeview *tv, int *fd, struct err *e)
{
	const struct session *s = j->b->s;

	if (s->tier.tier != TIER_SOLO)
		return 0;
	*fd = stepbox_open_owners(j, O_RDWR | O_CREAT | O_EXCL, e);
	if (*fd < 0 || treeview_preload(tv, s, &j->parent, e) < 0)
		return -1;
	for (size_t i = 0; i < j->from.n; i++)
		if (treeview_preload(tv, s, &j->from.v[i], e) < 0)
			return -1;
	return 0;
}

static int make_folds(void *arg, struct err *e)
{
	const struct step_job *j = arg;

	if (j->b->s->tier.trees)
		return roots_prepare(j, e);
	for (size_t i = 0; i < j->from.n; i++)
		if (lowers_make(j->b, &j->from.v[i], e) < 0)
			return -1;
	return lowers_make(j->b, &j->parent, e);
}

static int fold_layers(struct step_job *j, struct err *e)
{
	bool missing = j->b->s->tier.trees || lowers_missing(j->b, &j->parent);

	for (size_t i = 0; i < j->from.n; i++)
		missing |= lowers_missing(j->b, &j->from.v[i]);
	return missing ? nsjob_run(j->b->s->nsfd, make_folds, j, e) : 0;
}

static int load_root(const struct step_job *j, const struct treeview *tv, struct err *e)
{
	return j->b->s->tier.trees ? roots_load(j, &tv->view, e) : 0;
}

bool stepbox_upper_is_empty(const struct step_job *j)
{
	AUTO_CLOSE int fd = updir_open(j);

	return fd >= 0 && !overlay_upper_used(fd);
}

/* After the sandbox, which has joined the user namespace. Not with a root of the step's own: what its index does not
 * call changed is not in the upper directory. */
static int drop_untouched(const struct step_job *j, struct err *e)
{
	AUTO_FREE char *empty = mem_printf("%s/empty", j->dir);
	AUTO_CLOSE int upper = -1, lower = -1;

	if (j->b->s->tier.trees || !j->parent.n || stepbox_upper_is_empty(j))
		return 0;
	if (!j->memory && overlay_enter(-1, e) < 0)
		return -1;
	upper = updir_open(j);
	if (upper < 0)
		return err_sys(e, ERR_HOST, errno, "%s/upper", j->dir);
	lower = rootview_open(j->b, &j->parent, empty, e);
	return lower < 0 ? -1 : untouched_drop(upper, lower, e);
}

/* What process 1 has recorded is about the root; the layer is made of copies, whose rows are for the commit. */
static int finish_root(const struct step_job *j, const struct treeview *tv, int owners, struct err *e)
{
	if (owners < 0)
		return rootdiff_finish(j, NULL, e);
	if (owntab_load(tv->view.rows, owners, e) < 0 || rootdiff_finish(j, &tv->view, e) < 0)
		return -1;
	return owntab_save(tv->view.rows, owners, e);
}

static int enter_memory(const struct step_job *j, struct err *e)
{
	return j->memory ? updir_enter(j, false, j->b->o->limits.memory, e) : 0;
}

/* As finish_root(): the rows that the step has made are about files of the tmpfs, those of the layer about copies. */
static int leave_memory(struct step_job *j, const struct treeview *tv, int owners, struct err *e)
{
	if (!j->memory)
		return 0;
	if (owners >= 0 && owntab_load(tv->view.rows, owners, e) < 0)
		return -1;
	if (updir_save(j, &tv->view, e) < 0)
		return -1;
	return owners >= 0 ? owntab_save(tv->view.rows, owners, e) : 0;
}

static bool succeeded(const struct sandbox_result *r)
{
	return !r->timed_out && !r->signo && !r->exit_status;
}

/* --- one run --- */

struct box {
	struct step_job *j;
	struct runmounts mounts;
	struct treeview tv;
	int owners; /* stepbox_open_owners(); -1: the tier records nothing */
	struct strv lower, env, argv;
	char *upper, *work, *points, *scratch;
	struct cgroup group;
};

static void box_release(struct box *x)
{
	free(x->upper);
	free(x->work);
	free(x->points);
	free(x->scratch);
	strv_release(&x->lower);
	strv_release(&x->env);
	strv_release(&x->argv);
	if (x->owners >= 0)
		close(x->owners);
	treeview_release(&x->tv);
	runmount_release(&x->mounts);
}

/* What is done while this process is where it came from: the groups and the user namespace are not within reach
 * afterwards. */
static int prepare_outside(struct box *x, struct err *e)
{
	struct step_job *j = x->j;

	if (prepare_owners(j, &x->tv, &x->owners, e) < 0 || fold_layers(j, e) < 0 ||
	    runmount_prepare(j, &x->mounts, e) < 0)
		return -1;
	return cgroup_make(&j->b->cgroups, &j->b->o->limits, &x->group, e);
}

static int prepare_inside(struct box *x, struct err *e)
{
	struct step_job *j = x->j;
	int ns = j->memory ? USERNS_STAY : j->b->s->nsfd;

	if (enter_memory(j, e) < 0 || runmount_fill(j, &x->mounts, ns, e) < 0) {
		cgroup_remove(&x->group);
		return -1;
	}
	if (x->owners < 0)
		return 0;
	return load_root(j, &x->tv, e) < 0 ? -1 : runmount_owners(j, &x->mounts, x->tv.view.rows, e);
}

static int prepare(struct box *x, struct err *e)
{
	struct step_job *j = x->j;

	j->memory = j->b->s->tier.memory;
	x->upper = updir_path(j, "upper");
	x->work = updir_path(j, "work");
	x->points = rootdiff_points(j);
	x->scratch = mem_printf("%s/points", j->b->tmp); /* shared: the steps' mount points are alike */
	treeview_open(&x->tv, j->b->s);
	if (prepare_outside(x, e) < 0 || prepare_inside(x, e) < 0)
		return -1;
	lowers_paths(j->b, &j->parent, &x->lower);
	complete_env(j, &x->mounts, &x->env);
	strv_copy(&x->argv, &j->def->argv);
	return 0;
}

/* It borrows from the box. */
static struct sandbox_spec describe(struct box *x, int out_fd, const struct worker *w)
{
	const struct step_job *j = x->j;
	const struct build *b = j->b;

	return (struct sandbox_spec){
		.tier = &b->s->tier,
		.nsfd = b->s->nsfd,
		.joined = j->memory,
		.root = {.dirfd = store_fd(b->s->store),
			 .tree = j->root,
			 .lower = (const char *const *)x->lower.v,
			 .nlower = x->lower.n,
			 .upper = x->upper,
			 .work = x->work},
		.scratch = x->scratch,
		.points = x->points,
		.hold_fd = worker_sock(w),
		.notify_fd = j->notify,
		.argv = strv_argv(&x->argv),
		.env = strv_argv(&x->env),
		.workdir = j->def->workdir,
		.user = j->def->user ? j->def->user : "",
		.net = j->def->net_none ? SANDBOX_NET_NONE : SANDBOX_NET_HOST,
		.add_hosts = (const char *const *)b->o->add_hosts.v,
		.nadd_hosts = b->o->add_hosts.n,
		.mounts = x->mounts.list.v,
		.nmounts = x->mounts.list.n,
		.out_fd = out_fd,
		.timeout_ns = b->o->step_timeout_ns,
		.shm_size = b->o->shm_size,
		.ulimits = (const char *const *)b->o->ulimits.v,
		.nulimits = b->o->ulimits.n,
		.cgroup = &x->group,
		.owners = x->tv.view.rows,
		.owners_fd = x->owners,
		.names = x->tv.view.names,
		.sync_is_noop = !x->mounts.keep_sync && !j->def->insecure,
		.insecure = j->def->insecure,
		.seccomp_prog = x->mounts.keep_sync ? b->seccomp_sync : b->seccomp,
		.seccomp_len = x->mounts.keep_sync ? b->seccomp_sync_len : b->seccomp_len,
	};
}

/* The command, to the end of its control group. */
static int run(struct box *x, struct sandbox_spec *spec, struct sandbox_result *res, struct cgroup_events *events,
	       struct err *e)
{
	int rc = run_masked(spec, &x->mounts.secrets, res, e);

	cgroup_events(&x->group, events);
	cgroup_remove(&x->group);
	if (rc < 0 && e->sys == ENOSPC)
		updir_explain(x->j, updir_full(x->j), e);
	return rc < 0 ? -1 : 0;
}

/* The command has succeeded: what it left becomes what the commit takes. */
static int finish(struct box *x, const struct sandbox_spec *spec, bool *root_changed, struct err *e)
{
	if (x->j->b->s->tier.trees && finish_root(x->j, &x->tv, x->owners, e) < 0)
		return -1;
	if (runmount_finish(x->j, &x->mounts, e) < 0 || mountpoint_restore(&spec->root, root_changed, e) < 0 ||
	    drop_untouched(x->j, e) < 0)
		return -1;
	return leave_memory(x->j, &x->tv, x->owners, e);
}

static struct json *answer(const struct step_job *step, const struct sandbox_result *res,
			   const struct cgroup_events *events, bool root_changed)
{
	struct json *j = json_object();

	json_set_int(j, "status", res->exit_status);
	json_set_int(j, "signal", res->signo);
	json_set_bool(j, "timed_out", res->timed_out);
	json_set_bool(j, "oom", events->oom_kills > 0);
	json_set_bool(j, "pids", events->pids_refused > 0);
	json_set_bool(j, "root_changed", root_changed);
	if (res->lost[0])
		json_set_str(j, "lost", res->lost);
	json_set_int(j, "full", (int64_t)updir_full(step));
	return j;
}

int stepbox_run(void *arg, struct worker *w, struct json **result, struct err *e)
{
	const struct stepbox *o = arg;
	AUTO(box_release) struct box x = {.j = o->j, .owners = -1};
	struct sandbox_result res = {0};
	struct cgroup_events events;
	struct sandbox_spec spec;
	bool root_changed = false;

	if (prepare(&x, e) < 0)
		return -1;
	spec = describe(&x, o->out_fd, w);
	if (o->j->b->s->tier.trees && rootdiff_prepare(o->j, &spec, e) < 0)
		return -1;
	if (run(&x, &spec, &res, &events, e) < 0)
		return -1;
	if (succeeded(&res) && finish(&x, &spec, &root_changed, e) < 0)
		return -1;
	*result = answer(o->j, &res, &events, root_changed);
	return 0;
}
