/* RUN: one worker enters the sandbox and runs the command, a second one commits what it left. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "oci/untouched.h"
#include "src/build/lowers.h"
#include "src/build/noproc.h"
#include "src/build/output.h"
#include "src/build/rootdiff.h"
#include "src/build/rootview.h"
#include "src/build/runmount.h"
#include "src/build/state.h"
#include "src/build/updir.h"
#include "src/sandbox/chrootout.h"
#include "src/sandbox/mountpoint.h"
#include "src/sandbox/sandbox.h"
#include "src/sandbox/userns.h"
#include "src/session/nsjob.h"
#include "src/session/treeview.h"
#include "src/util/mem.h"
#include "src/util/num.h"

struct run {
	struct step_job *j;
	int out_fd;
};

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

/* Where process 1 writes what the supervisor recorded of links, fifos and sockets. */
static int open_owners(const struct step_job *j, int flags, struct err *e)
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
	*fd = open_owners(j, O_RDWR | O_CREAT | O_EXCL, e);
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

static bool upper_is_empty(const struct step_job *j)
{
	AUTO_CLOSE int fd = updir_open(j);

	return fd >= 0 && !overlay_upper_used(fd);
}

/* After the sandbox, which has joined the user namespace. Not with a root of the step's own: what its index does not call
 * changed is not in the upper directory. */
static int drop_untouched(const struct step_job *j, struct err *e)
{
	AUTO_FREE char *empty = mem_printf("%s/empty", j->dir);
	AUTO_CLOSE int upper = -1, lower = -1;

	if (j->b->s->tier.trees || !j->parent.n || upper_is_empty(j))
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

static int run_in_sandbox(void *arg, struct worker *w, struct json **result, struct err *e)
{
	const struct run *r = arg;
	struct step_job *j = r->j;
	struct build *b = j->b;
	AUTO_RUNMOUNTS struct runmounts mounts = {0};
	AUTO_TREEVIEW struct treeview tv = {0};
	AUTO_CLOSE int owners = -1;
	AUTO_STRV struct strv lower = {0}, env = {0}, argv = {0};
	AUTO_FREE char *upper = NULL, *work = NULL;
	AUTO_FREE char *points = rootdiff_points(j);
	AUTO_FREE char *scratch = mem_printf("%s/points", b->tmp); /* shared: the steps' mount points are alike */
	struct sandbox_result res = {0};
	struct cgroup_events events;
	struct cgroup group;
	bool root_changed = false;
	int rc;

	j->memory = b->s->tier.memory;
	upper = updir_path(j, "upper");
	work = updir_path(j, "work");
	treeview_open(&tv, b->s);
	if (prepare_owners(j, &tv, &owners, e) < 0 || fold_layers(j, e) < 0 || runmount_prepare(j, &mounts, e) < 0)
		return -1;
	/* While this process is where it came from: the groups and the user namespace are not within reach afterwards. */
	if (cgroup_make(&b->cgroups, &b->o->limits, &group, e) < 0)
		return -1;
	if (enter_memory(j, e) < 0 || runmount_fill(j, &mounts, j->memory ? USERNS_STAY : b->s->nsfd, e) < 0) {
		cgroup_remove(&group);
		return -1;
	}
	if (owners >= 0 && (load_root(j, &tv, e) < 0 || runmount_owners(j, &mounts, tv.view.rows, e) < 0))
		return -1;
	lowers_paths(b, &j->parent, &lower);
	complete_env(j, &mounts, &env);
	strv_copy(&argv, &j->def->argv);
	struct sandbox_spec spec = {
		.tier = &b->s->tier,
		.nsfd = b->s->nsfd,
		.joined = j->memory,
		.root = {.dirfd = store_fd(b->s->store),
			 .tree = j->root,
			 .lower = (const char *const *)lower.v,
			 .nlower = lower.n,
			 .upper = upper,
			 .work = work},
		.scratch = scratch,
		.points = points,
		.hold_fd = worker_sock(w),
		.notify_fd = j->notify,
		.argv = strv_argv(&argv),
		.env = strv_argv(&env),
		.workdir = j->def->workdir,
		.user = j->def->user ? j->def->user : "",
		.net = j->def->net_none ? SANDBOX_NET_NONE : SANDBOX_NET_HOST,
		.add_hosts = (const char *const *)b->o->add_hosts.v,
		.nadd_hosts = b->o->add_hosts.n,
		.mounts = mounts.list.v,
		.nmounts = mounts.list.n,
		.out_fd = r->out_fd,
		.timeout_ns = b->o->step_timeout_ns,
		.shm_size = b->o->shm_size,
		.ulimits = (const char *const *)b->o->ulimits.v,
		.nulimits = b->o->ulimits.n,
		.cgroup = &group,
		.owners = tv.view.rows,
		.owners_fd = owners,
		.names = tv.view.names,
		.sync_is_noop = !mounts.keep_sync && !j->def->insecure,
		.insecure = j->def->insecure,
		.seccomp_prog = mounts.keep_sync ? b->seccomp_sync : b->seccomp,
		.seccomp_len = mounts.keep_sync ? b->seccomp_sync_len : b->seccomp_len,
	};

	if (b->s->tier.trees && rootdiff_prepare(j, &spec, e) < 0)
		return -1;
	rc = run_masked(&spec, &mounts.secrets, &res, e);
	cgroup_events(&group, &events);
	cgroup_remove(&group);
	if (rc < 0) {
		if (e->sys == ENOSPC)
			updir_explain(j, updir_full(j), e);
		return -1;
	}
	if (b->s->tier.trees && succeeded(&res) && finish_root(j, &tv, owners, e) < 0)
		return -1;
	if (succeeded(&res) &&
	    (runmount_finish(j, &mounts, e) < 0 || mountpoint_restore(&spec.root, &root_changed, e) < 0 ||
	     drop_untouched(j, e) < 0 || leave_memory(j, &tv, owners, e) < 0))
		return -1;
	*result = json_object();
	json_set_int(*result, "status", res.exit_status);
	json_set_int(*result, "signal", res.signo);
	json_set_bool(*result, "timed_out", res.timed_out);
	json_set_bool(*result, "oom", events.oom_kills > 0);
	json_set_bool(*result, "pids", events.pids_refused > 0);
	json_set_bool(*result, "root_changed", root_changed);
	if (res.lost[0])
		json_set_str(*result, "lost", res.lost);
	json_set_int(*result, "full", (int64_t)updir_full(j));
	return 0;
}

static void fail(struct step_job *j, struct err *e)
{
	output_explain(j, e);
	sched_step_done(j, NULL, e);
}

/* --- commit --- */

static int commit(void *arg, struct worker *w, struct json **result, struct err *e)
{
	const struct step_job *j = arg;
	AUTO_TREEVIEW struct treeview tv = {0};
	AUTO_CLOSE int fd = -1;

	(void)w;
	treeview_open(&tv, j->b->s);
	if (j->b->s->tier.tier == TIER_SOLO) {
		fd = open_owners(j, O_RDONLY, e);
		if (fd < 0 || owntab_load(tv.view.rows, fd, e) < 0)
			return -1;
	}
	return step_commit(j->b, j, &tv, result, e);
}

static void on_committed(void *ctx, const struct json *result, struct err *e)
{
	struct step_job *j = ctx;
	struct layer_info info;

	j->worker = NULL;
	if (err_is_set(e) || step_commit_result(result, &info, e) < 0)
		fail(j, e);
	else
		sched_step_done(j, &info, e);
}

static void start_commit(struct step_job *j, struct err *e)
{
	struct worker_spec spec = {.role = "pack",
				   .what = j->st->name,
				   .enter = WORKER_USERNS,
				   .fn = commit,
				   .arg = j,
				   .done = on_committed,
				   .ctx = j};

	if (upper_is_empty(j)) {
		sched_step_done(j, &(struct layer_info){0}, e);
		return;
	}
	j->worker = worker_start(j->b->s, &spec, e);
	if (!j->worker)
		fail(j, e);
}

/* --- the command's end --- */

static int out_of_memory(const struct step_job *j, struct err *e)
{
	char size[32];

	err_set(e, ERR_STEP, "stage %s: %s: out of memory: it needs more than --memory %s", j->st->name, j->def->text,
		num_human_size(j->b->o->limits.memory, size));
	err_hint(e, "give it more by --memory, or let it do less at the same time (make -j1)");
	return err_at(e, j->st->file, j->def->line, 0);
}

static int judge(struct step_job *j, const struct json *result, struct err *e)
{
	int status = (int)json_get_int(result, "status", -1), signo = (int)json_get_int(result, "signal", 0);

	if ((status || signo) && json_get_bool(result, "oom", false))
		return out_of_memory(j, e);
	if (json_get_bool(result, "timed_out", false))
		err_set(e, ERR_STEP, "stage %s: %s: took longer than --step-timeout", j->st->name, j->def->text);
	else if (signo)
		err_set(e, ERR_STEP, "stage %s: %s: killed by signal %d (%s)", j->st->name, j->def->text, signo,
			strsignal(signo));
	else if (status)
		err_set(e, ERR_STEP, "stage %s: %s: exit status %d", j->st->name, j->def->text, status);
	else
		return 0;
	if (json_get_bool(result, "pids", false))
		err_hint(e, "it reached --pids-limit %llu: a fork was refused",
			 (unsigned long long)j->b->o->limits.pids);
	else if (signo == SIGKILL && !json_get_bool(result, "timed_out", false))
		err_hint(e, "nobody but the kernel ends a step so: most likely memory ran out (dmesg tells)");
	else if (!updir_explain(j, (uint64_t)json_get_int(result, "full", 0), e))
		noproc_explain(j, e);
	return err_at(e, j->st->file, j->def->line, 0);
}

/* The programs of another platform, and nothing here that runs them. */
static void explain_platform(const struct step_job *j, struct err *e)
{
	const struct platform *image = &j->st->config.platform;
	struct platform host;
	char here[100], there[100];

	platform_host(&host);
	if (e->code != ERR_INPUT || e->sys != ENOEXEC || platform_match(&host, image))
		return;
	platform_format(&host, here);
	platform_format(image, there);
	err_wrap(e, "the image is for %s and this machine is %s", there, here);
	err_hint(e, "programs of %s need an emulator that the kernel knows (binfmt_misc, flag F): install the packages "
		    "qemu-user-static and binfmt-support, or build on such a machine; COPY and what changes the config "
		    "alone need none", there);
}

/* For a look at what the command found. */
static void remember(const struct step_job *j)
{
	struct build_failed *f = &j->b->failed;

	if (f->step)
		return;
	f->step = mem_printf("%s: %s", j->st->name, j->def->text);
	digest_list_copy(&f->stack, &j->parent);
	strv_copy(&f->env, &j->def->env);
	strv_copy(&f->env, &j->def->env_extra);
	f->workdir = mem_strdup_opt(j->def->workdir);
	f->user = mem_strdup_opt(j->def->user);
	f->net_none = j->def->net_none;
}

/* Tier range. The programs of the step were told, and many pass over it. */
static void warn_lost(struct step_job *j, const char *what)
{
	j->lost = what;
	if (what)
		session_warn(j->b->s, j->st->name, "line %u: refused to the step: %s; root would not be refused it, so the "
			     "image may differ from root's, and its layer goes into no remote cache. Remedy: more ids in "
			     "/etc/subuid and /etc/subgid, or --isolation solo, which records all owners and device nodes",
			     j->def->line, what);
}

/* Kept from step to step. */
static void take_notify(struct step_job *j)
{
	struct build *b = j->b;

	if (b->s->tier.tier == TIER_CHROOT)
		j->notify = b->notify.n ? b->notify.v[--b->notify.n] : chrootout_notify();
}

static void give_notify(struct step_job *j)
{
	if (j->notify > 0)
		vec_push(&j->b->notify, j->notify);
	j->notify = 0;
}

static void on_run(void *ctx, const struct json *result, struct err *e)
{
	struct run *r = ctx;
	struct step_job *j = r->j;

	free(r);
	j->worker = NULL;
	give_notify(j);
	output_drain(j);
	if (err_is_set(e)) {
		explain_platform(j, e);
		err_wrap(e, "stage %s: %s", j->st->name, j->def->text);
		if (!e->place.file)
			err_at(e, j->st->file, j->def->line, 0);
	}
	if (!err_is_set(e) && json_get_bool(result, "root_changed", false)) {
		roots_drop(j);
		session_warn(j->b->s, j->st->name, "line %u: the step changed mode or owner of / itself; image layers do "
			     "not hold them, and they are as before", j->def->line);
	}
	if (err_is_set(e) || judge(j, result, e) < 0) {
		if (e->code != ERR_CANCELLED)
			remember(j);
		fail(j, e);
	} else {
		noproc_warn(j);
		warn_lost(j, json_get_str(result, "lost"));
		start_commit(j, e);
	}
}

/* The whole diagnosis: what was tried, why it failed, what to do about it. */
int step_run_refused(const struct step_job *j, struct err *e)
{
	const struct tier_info *t = &j->b->s->tier;

	if (t->tier != TIER_NONE)
		return 0;
	err_set(e, ERR_HOST, "stage %s: %s: RUN needs isolation \"root\", \"range\", \"solo\" or \"chroot\"; %s",
		j->st->name, j->def->text, t->why[0] ? t->why : "isolation \"none\" was asked for");
	err_at(e, j->st->file, j->def->line, 0);
	return err_hint(e, "%s", t->hint && t->hint[0] ? t->hint : "leave --isolation out, see `slct doctor`");
}

int step_run_start(struct step_job *j, struct err *e)
{
	struct run *r = mem_new(struct run);

	r->j = j;
	r->out_fd = output_open(j, e);
	if (r->out_fd < 0) {
		free(r);
		return -1;
	}
	struct worker_spec spec = {.role = "run",
				   .what = j->st->name,
				   .enter = WORKER_PLAIN,
				   .fn = run_in_sandbox,
				   .arg = r,
				   .done = on_run,
				   .ctx = r,
				   .fds = {r->out_fd},
				   .nfds = 1};

	take_notify(j);
	if (j->notify > 0)
		spec.fds[spec.nfds++] = j->notify;
	j->worker = worker_start(j->b->s, &spec, e);
	close(r->out_fd);
	if (j->worker)
		return 0;
	give_notify(j);
	free(r);
	return -1;
}
