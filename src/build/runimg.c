#include "src/build/runimg.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "src/build/lowers.h"
#include "src/build/nsjob.h"
#include "src/build/opsbase.h"
#include "src/build/rootdiff.h"
#include "src/build/runstop.h"
#include "src/build/treeview.h"
#include "src/sandbox/loopback.h"
#include "src/sandbox/mountpoint.h"
#include "src/sandbox/userns.h"
#include "src/util/clock.h"
#include "src/util/mem.h"
#include "src/util/proc.h"

/* Between two tries of a service's readiness command. */
#define READY_PAUSE_NS (CLOCK_NS_PER_S / 5)
/* Of directories that a command has left. */
#define OWN_DEPTH_MAX 200
#define READY_TIMEOUT_NS (60 * CLOCK_NS_PER_S)

/* --- descriptions --- */

void runimg_mounts_release(struct runimg_mounts *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->v[i].source);
		free(m->v[i].target);
	}
	vec_release(m);
}

void runimg_mounts_add(struct runimg_mounts *m, const char *dir, const char *source, const char *target, bool readonly)
{
	bool joined = dir && source && source[0] != '/';
	struct runimg_mount one = {.source = joined ? mem_printf("%s/%s", dir, source) : mem_strdup_opt(source),
				   .target = mem_strdup(target),
				   .readonly = readonly};

	vec_push(m, one);
}

void runimg_cmd_release(struct runimg_cmd *c)
{
	free(c->name);
	free(c->workdir);
	free(c->user);
	digest_list_release(&c->stack);
	strv_release(&c->argv);
	strv_release(&c->env);
	strv_release(&c->ready);
	runimg_mounts_release(&c->mounts);
	*c = (struct runimg_cmd){0};
}

/* --- what jobs share --- */

int runimg_open(struct build *b, struct session *s, const struct cgroup_limits *limits, struct err *e)
{
	if (opsbase_init(b, s, e) < 0)
		return -1;
	AUTO_FREE char *points = mem_printf("%s/points", b->tmp);

	if (s->tier.tier == TIER_NONE) {
		err_set(e, ERR_HOST, "nothing can be run here: isolation \"none\"%s%s", s->tier.why ? ": " : "",
			s->tier.why ? s->tier.why : "");
		return err_hint(e, "slct doctor says what the host lacks");
	}
	if (mkdirat(store_fd(s->store), points, 0755) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", points);
	if (cgroup_find(limits, &b->cgroups, e) < 0 ||
	    sandbox_seccomp(false, &b->seccomp_sync, &b->seccomp_sync_len, e) < 0)
		return -1;
	return sandbox_seccomp(true, &b->seccomp, &b->seccomp_len, e);
}

void runimg_close(struct build *b)
{
	if (b->s)
		opsbase_release(b);
	free(b->seccomp);
	free(b->seccomp_sync);
	cgroup_leave(&b->cgroups);
	*b = (struct build){0};
}

int runimg_trees(struct build *b, const struct digest_list *stack, const char *what, struct err *e)
{
	return opsbase_trees(b, stack, what, e);
}

/* --- one command, in the worker --- */

/* A command whose copy is there. */
struct prepared {
	const struct runimg_job *job;
	const struct runimg_cmd *cmd;
	struct step_job step; /* what of a step rootdiff.h and roots.h need */
	struct plan_step none;
	struct treeview view;
	struct strv lower;
	char *upper, *work, *points;
	int owners;
	struct sandbox_mount *mounts;
	bool keeps; /* what it writes to a bind outlives it */
};

static int make_dirs(const struct prepared *p, struct err *e)
{
	const char *const dirs[] = {p->step.dir, p->upper, p->work};

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		if (mkdirat(store_fd(p->job->b->s->store), dirs[i], 0755) < 0)
			return err_sys(e, ERR_HOST, errno, "%s", dirs[i]);
	return 0;
}

static int make_root(void *arg, struct err *e)
{
	const struct prepared *p = arg;

	/* In the user namespace, so that they are its root's. */
	if (make_dirs(p, e) < 0)
		return -1;
	return p->step.root ? roots_prepare(&p->step, e) : lowers_make(p->job->b, &p->cmd->stack, e);
}

static void take_mounts(struct prepared *p)
{
	const struct runimg_mounts *m = &p->cmd->mounts;

	p->mounts = mem_zalloc((m->n + 1) * sizeof *p->mounts);
	for (size_t i = 0; i < m->n; i++) {
		p->mounts[i] = (struct sandbox_mount){.kind = m->v[i].source ? SANDBOX_HOST : SANDBOX_TMPFS,
						      .source = m->v[i].source,
						      .target = m->v[i].target,
						      .readonly = m->v[i].readonly};
		p->keeps |= m->v[i].source && !m->v[i].readonly;
	}
}

static bool keeps_state(const struct prepared *p)
{
	return p->job->keep && p->cmd == &p->job->main;
}

static int open_owners(const struct prepared *p)
{
	AUTO_FREE char *path = mem_printf("%s/owners", p->step.dir);

	return openat(store_fd(p->job->b->s->store), path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static int prepare(struct prepared *p, const struct runimg_job *job, const struct runimg_cmd *cmd, unsigned number,
		   struct err *e)
{
	struct build *b = job->b;
	const struct session *s = b->s;

	*p = (struct prepared){.job = job, .cmd = cmd, .owners = -1};
	p->step = (struct step_job){.b = b, .def = &p->none, .dir = mem_printf("%s/%u", job->dir, number)};
	digest_list_copy(&p->step.parent, &cmd->stack);
	if (s->tier.trees)
		p->step.root = mem_printf("%s.root", p->step.dir);
	p->upper = mem_printf("%s/upper", p->step.dir);
	p->work = mem_printf("%s/work", p->step.dir);
	p->points = rootdiff_points(&p->step);
	take_mounts(p);
	treeview_open(&p->view, s);
	if (nsjob_run(s->nsfd, make_root, p, e) < 0)
		return -1;
	lowers_paths(b, &cmd->stack, &p->lower);
	if (s->tier.tier != TIER_SOLO)
		return 0;
	p->owners = keeps_state(p) ? open_owners(p) : memfd_create("slct-owners", MFD_CLOEXEC);
	if (p->owners < 0)
		return err_sys(e, ERR_HOST, errno, "memory file");
	if (treeview_preload(&p->view, s, &cmd->stack, e) < 0)
		return -1;
	return p->step.root ? roots_load(&p->step, &p->view.view, e) : 0;
}

/* What a step does to its upper directory at its end (step_run.c), here after a failure. */
static int finish_state(struct prepared *p, const struct sandbox_spec *spec, struct err *e)
{
	bool ignored;

	if (!p->step.root)
		return mountpoint_restore(&spec->root, &ignored, e);
	if (p->owners < 0)
		return rootdiff_finish(&p->step, NULL, e);
	if (owntab_load(p->view.view.rows, p->owners, e) < 0 || rootdiff_finish(&p->step, &p->view.view, e) < 0)
		return -1;
	return owntab_save(p->view.view.rows, p->owners, e);
}

static bool failed(const struct sandbox_result *r)
{
	return r->exit_status || r->signo || r->timed_out;
}

/* joined: this process is in the user namespace (and perhaps a network namespace) already. */
static int run(struct prepared *p, bool joined, bool with_limits, struct runimg_result *r, struct err *e)
{
	const struct runimg_job *job = p->job;
	const struct runimg_cmd *cmd = p->cmd;
	struct build *b = job->b;
	AUTO_STRV struct strv env = {0}, argv = {0};
	AUTO_FREE char *scratch = mem_printf("%s/points", b->tmp);
	struct sandbox_result res = {0};
	struct cgroup_events events = {0};
	struct cgroup group = {-1, -1, -1, ""};
	int rc;

	strv_copy(&env, &cmd->env);
	strv_copy(&argv, &cmd->argv);
	struct sandbox_spec spec = {
		.tier = &b->s->tier,
		.nsfd = b->s->nsfd,
		.joined = joined,
		.root = {.dirfd = store_fd(b->s->store),
			 .tree = p->step.root,
			 .lower = (const char *const *)p->lower.v,
			 .nlower = p->lower.n,
			 .upper = p->upper,
			 .work = p->work},
		.scratch = scratch,
		.points = p->points,
		.argv = strv_argv(&argv),
		.env = strv_argv(&env),
		.workdir = cmd->workdir && cmd->workdir[0] ? cmd->workdir : "/",
		.user = cmd->user ? cmd->user : "",
		.net = job->net_none && !joined ? SANDBOX_NET_NONE : SANDBOX_NET_HOST,
		.add_hosts = job->add_hosts ? (const char *const *)job->add_hosts->v : NULL,
		.nadd_hosts = job->add_hosts ? job->add_hosts->n : 0,
		.mounts = p->mounts,
		.nmounts = cmd->mounts.n,
		.in_fd = cmd->in_fd,
		.out_fd = cmd->out_fd,
		.err_fd = cmd->err_fd,
		.terminal = cmd->terminal,
		.readonly = cmd->readonly,
		.timeout_ns = cmd->timeout_ns,
		.shm_size = job->shm_size,
		.ulimits = job->ulimits ? (const char *const *)job->ulimits->v : NULL,
		.nulimits = job->ulimits ? job->ulimits->n : 0,
		.cgroup = with_limits ? &group : NULL,
		.owners = p->view.view.rows,
		.owners_fd = p->owners,
		.sync_is_noop = !p->keeps,
		.seccomp_prog = p->keeps ? b->seccomp_sync : b->seccomp,
		.seccomp_len = p->keeps ? b->seccomp_sync_len : b->seccomp_len,
	};

	if (p->step.root && rootdiff_prepare(&p->step, &spec, e) < 0)
		return -1;
	if (with_limits && cgroup_make(&b->cgroups, &job->limits, &group, e) < 0)
		return -1;
	rc = sandbox_run(&spec, &res, e);
	if (with_limits) {
		cgroup_events(&group, &events);
		cgroup_remove(&group);
	}
	*r = (struct runimg_result){res.exit_status, res.signo, res.timed_out, events.oom_kills > 0};
	return rc == 0 && keeps_state(p) && failed(&res) ? finish_state(p, &spec, e) : rc;
}

static void prepared_release(struct prepared *p)
{
	free(p->step.dir);
	free(p->step.root);
	digest_list_release(&p->step.parent);
	free(p->upper);
	free(p->work);
	free(p->points);
	free(p->mounts);
	strv_release(&p->lower);
	treeview_release(&p->view);
	if (p->owners >= 0)
		close(p->owners);
}
#define AUTO_PREPARED AUTO(prepared_release)

/* --- services --- */

static void say(int fd, const char *fmt, ...) ATTR_PRINTF(2, 3);

static void say(int fd, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vdprintf(fd, fmt, ap);
	va_end(ap);
}

/* Its sandbox is a child's, whose death ends it. *stopping: that it ends is no news. */
static pid_t start_service(struct prepared *p, bool joined, const volatile bool *stopping, struct err *e)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return err_sys(e, ERR_HOST, errno, "fork");
	if (pid > 0)
		return pid;
	struct runimg_result r = {0};

	proc_die_with_parent(parent);
	p->step.b->s->loop = NULL;
	if (run(p, joined, false, &r, e) < 0)
		say(p->cmd->out_fd, "slct: service %s: %s\n", p->cmd->name, e->msg);
	else if (!*stopping)
		say(p->cmd->out_fd, "slct: service %s ended: %s %d\n", p->cmd->name, r.signo ? "signal" : "status",
		    r.signo ? r.signo : r.status);
	_exit(1);
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == pid;
}

/* An overlay that was mounted as volatile is not mounted again: each try has directories of its own. */
static int renew_dirs(struct prepared *p, unsigned number, struct err *e)
{
	p->upper = mem_printf("%s/upper.%u", p->step.dir, number);
	p->work = mem_printf("%s/work.%u", p->step.dir, number);
	if (mkdirat(store_fd(p->job->b->s->store), p->upper, 0755) < 0 ||
	    mkdirat(store_fd(p->job->b->s->store), p->work, 0755) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", p->upper);
	return 0;
}

/* A try in a child: its namespaces, mounts and descriptors end with it. */
static bool try_ready(struct prepared *p, bool joined, int64_t left, unsigned number, struct err *e)
{
	struct runimg_cmd probe = *p->cmd;
	struct prepared own = *p;
	pid_t parent = getpid(), pid;
	int status = 0;

	probe.argv = p->cmd->ready;
	probe.timeout_ns = left;
	own.cmd = &probe;
	pid = fork();
	if (pid < 0) {
		err_sys(e, ERR_HOST, errno, "fork");
		return false;
	}
	if (pid == 0) {
		struct runimg_result r = {0};

		proc_die_with_parent(parent);
		if (renew_dirs(&own, number, e) < 0 || run(&own, joined, false, &r, e) < 0)
			say(probe.out_fd, "slct: readiness of service %s: %s\n", probe.name, e->msg);
		else
			_exit(r.status || r.signo || r.timed_out);
		_exit(1);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int not_ready(const struct runimg_cmd *c, const char *why, struct err *e)
{
	err_set(e, ERR_STEP, "service %s %s", c->name, why);
	return err_hint(e, "its output is in the test's log");
}

/* probe: a second copy of the service's root, for the readiness command. */
static int await_service(struct prepared *probe, pid_t pid, bool joined, struct err *e)
{
	const struct runimg_cmd *c = probe->cmd;
	int64_t end = clock_mono() + (c->timeout_ns ? c->timeout_ns : READY_TIMEOUT_NS);
	const struct timespec pause = {.tv_nsec = READY_PAUSE_NS};

	for (unsigned number = 0; c->ready.n; number++) {
		int64_t left = end - clock_mono();

		if (has_ended(pid))
			return not_ready(c, "ended before it was ready", e);
		if (left <= 0)
			return not_ready(c, "was not ready in time", e);
		if (try_ready(probe, joined, left, number, e))
			return 0;
		if (err_is_set(e))
			return -1;
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* --- the job --- */

struct running {
	struct prepared main, *services, *probes;
	struct runstop *stops; /* with the services' pids */
	volatile bool *stopping; /* shared with the children that wait for them */
	size_t n;
};

static int prepare_all(struct runimg_job *j, struct running *r, struct err *e)
{
	r->n = j->nservices;
	r->services = mem_zalloc((r->n + 1) * sizeof *r->services);
	r->probes = mem_zalloc((r->n + 1) * sizeof *r->probes);
	r->stops = mem_zalloc((r->n + 1) * sizeof *r->stops);
	r->stopping = mmap(NULL, sizeof *r->stopping, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r->stopping == MAP_FAILED)
		return err_sys(e, ERR_HOST, errno, "mmap");
	for (unsigned i = 0; i < r->n; i++)
		if (prepare(&r->services[i], j, &j->services[i], 2 * i + 1, e) < 0 ||
		    (j->services[i].ready.n && prepare(&r->probes[i], j, &j->services[i], 2 * i + 2, e) < 0))
			return err_wrap(e, "service %s", j->services[i].name);
	return prepare(&r->main, j, &j->main, 0, e);
}

/* A network namespace that all of the job is in. */
static int join_net(const struct runimg_job *j, struct err *e)
{
	if (userns_join(j->b->s->nsfd, e) < 0)
		return -1;
	if (j->b->s->tier.tier == TIER_CHROOT || unshare(CLONE_NEWNET) < 0) {
		err_set(e, ERR_HOST, "no network namespace for the services can be made here");
		return err_hint(e, "with the host's network (network: host) they can run");
	}
	return loopback_up(e);
}

static int serve(struct runimg_job *j, struct running *r, bool joined, struct err *e)
{
	for (size_t i = 0; i < r->n; i++) {
		/* The time-out is that of getting ready. */
		struct runimg_cmd lasting = j->services[i];

		lasting.timeout_ns = 0;
		r->services[i].cmd = &lasting;
		r->stops[i] = (struct runstop){start_service(&r->services[i], joined, r->stopping, e), lasting.stop_signo,
					       lasting.stop_ns};
		r->services[i].cmd = &j->services[i];
		if (r->stops[i].pid < 0 ||
		    (j->services[i].ready.n && await_service(&r->probes[i], r->stops[i].pid, joined, e) < 0))
			return -1;
	}
	return 0;
}

static int work(void *arg, struct worker *w, struct json **result, struct err *e)
{
	struct runimg_job *j = arg;
	struct running r = {0};
	struct runimg_result res = {0};
	bool joined = j->nservices && j->net_none;

	(void)w;
	if (prepare_all(j, &r, e) < 0 || (joined && join_net(j, e) < 0))
		return -1;
	int rc = serve(j, &r, joined, e);

	if (rc == 0)
		rc = run(&r.main, joined, cgroup_wanted(&j->limits), &res, e);
	*r.stopping = true;
	runstop(r.stops, r.n);
	/* The rest ends with the process. */
	prepared_release(&r.main);
	if (rc < 0)
		return -1;
	*result = json_object();
	json_set_int(*result, "status", res.status);
	json_set_int(*result, "signal", res.signo);
	json_set_bool(*result, "timed_out", res.timed_out);
	json_set_bool(*result, "oom", res.oom);
	return 0;
}

struct worker *runimg_start(struct runimg_job *j, worker_done_fn *done, void *ctx, struct err *e)
{
	struct worker_spec spec = {.role = "run", .enter = WORKER_PLAIN, .fn = work, .arg = j, .done = done, .ctx = ctx};
	const int fds[] = {j->main.in_fd, j->main.out_fd, j->main.err_fd};

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		if (fds[i] > 2)
			spec.fds[spec.nfds++] = fds[i];
	for (size_t i = 0; i < j->nservices && spec.nfds < WORKER_FDS_MAX; i++)
		if (j->services[i].out_fd != j->main.out_fd)
			spec.fds[spec.nfds++] = j->services[i].out_fd;
	j->dir = mem_printf("%s/run.%u", j->b->tmp, j->b->tmp_count++);
	if (mkdirat(store_fd(j->b->s->store), j->dir, 0777) < 0) {
		err_sys(e, ERR_HOST, errno, "%s", j->dir);
		return NULL;
	}
	return worker_start(j->b->s, &spec, e);
}

int runimg_result(const struct json *j, struct runimg_result *r, struct err *e)
{
	if (err_is_set(e))
		return -1;
	*r = (struct runimg_result){(int)json_get_int(j, "status", -1), (int)json_get_int(j, "signal", 0),
				    json_get_bool(j, "timed_out", false), json_get_bool(j, "oom", false)};
	return 0;
}

/* --- what was left in binds --- */

/* In the user namespace: the caller is its uid 0. dir is closed. */
static int own_dir(int dir, unsigned depth, struct err *e)
{
	AUTO_CLOSEDIR DIR *d = fdopendir(dir);
	const struct dirent *ent;

	if (!d || depth > OWN_DEPTH_MAX || fchown(dir, 0, 0) < 0)
		return err_sys(e, ERR_HOST, d ? errno : EMFILE, "owner of what was written");
	while ((ent = readdir(d))) {
		int sub;

		if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
			continue;
		if (fchownat(dir, ent->d_name, 0, 0, AT_SYMLINK_NOFOLLOW) < 0)
			return err_sys(e, ERR_HOST, errno, "owner of %s", ent->d_name);
		sub = openat(dir, ent->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0 && own_dir(sub, depth + 1, e) < 0)
			return -1;
	}
	return 0;
}

static int own(void *arg, struct err *e)
{
	int dir = open(arg, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return dir < 0 ? err_sys(e, ERR_HOST, errno, "%s", (char *)arg) : own_dir(dir, 0, e);
}

int runimg_own(struct build *b, const char *path, struct err *e)
{
	AUTO_FREE char *copy = mem_strdup(path);

	return nsjob_run(b->s->nsfd, own, copy, e);
}

/* --- waiting for one --- */

struct call {
	struct session *s;
	struct runimg_result *r;
	struct err *e;
	bool done;
	int rc;
};

static void on_done(void *ctx, const struct json *result, struct err *e)
{
	struct call *c = ctx;

	c->rc = runimg_result(result, c->r, e);
	if (c->rc < 0)
		err_move(c->e, e);
	c->done = true;
	loop_stop(c->s->loop);
}

static void on_signal(void *arg, int signo)
{
	struct call *c = arg;

	c->s->interrupted = true;
	c->s->signo = signo;
	worker_kill_all(c->s);
}

int runimg_call(struct runimg_job *j, struct runimg_result *r, struct err *e)
{
	static const int signos[] = {SIGINT, SIGTERM};
	struct call c = {.s = j->b->s, .r = r, .e = e};
	struct loop_src *sig = loop_add_signals(c.s->loop, signos, ARRAY_LEN(signos), on_signal, &c, e);

	if (!sig || !runimg_start(j, on_done, &c, e))
		c.rc = -1;
	else
		while (!c.done)
			if (loop_run(c.s->loop, e) < 0)
				return -1;
	loop_remove(c.s->loop, sig);
	if (c.s->interrupted) {
		err_release(e);
		err_set(e, ERR_CANCELLED, "%s: cancelled by %s", j->main.name, c.s->signo == SIGTERM ? "SIGTERM" : "SIGINT");
		e->sys = c.s->signo == SIGTERM ? SIGTERM : 0;
		c.rc = -1;
	}
	free(j->dir);
	j->dir = NULL;
	return c.rc;
}
