#include "src/run/runimg.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "src/build/opsbase.h"
#include "src/run/runserv.h"
#include "src/run/runstop.h"
#include "src/sandbox/loopback.h"
#include "src/sandbox/userns.h"
#include "src/session/nsjob.h"
#include "src/util/mem.h"

/* Of directories that a command has left. */
#define OWN_DEPTH_MAX 200

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

/* --- the job --- */

struct running {
	struct runcmd main, *services, *probes;
	struct runstop *stops;	 /* with the services' pids */
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
		if (runcmd_prepare(&r->services[i], j, &j->services[i], 2 * i + 1, e) < 0 ||
		    (j->services[i].ready.n && runcmd_prepare(&r->probes[i], j, &j->services[i], 2 * i + 2, e) < 0))
			return err_wrap(e, "service %s", j->services[i].name);
	return runcmd_prepare(&r->main, j, &j->main, 0, e);
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
		r->stops[i] = (struct runstop){runserv_start(&r->services[i], joined, r->stopping, e),
					       lasting.stop_signo, lasting.stop_ns};
		r->services[i].cmd = &j->services[i];
		if (r->stops[i].pid < 0 ||
		    (j->services[i].ready.n && runserv_await(&r->probes[i], r->stops[i].pid, joined, e) < 0))
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
		rc = runcmd_run(&r.main, joined, cgroup_wanted(&j->limits), &res, e);
	*r.stopping = true;
	runstop(r.stops, r.n);
	/* The rest ends with the process. */
	runcmd_release(&r.main);
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
	struct worker_spec spec = {
		.role = "run", .enter = WORKER_PLAIN, .fn = work, .arg = j, .done = done, .ctx = ctx};
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
		err_set(e, ERR_CANCELLED, "%s: cancelled by %s", j->main.name,
			c.s->signo == SIGTERM ? "SIGTERM" : "SIGINT");
		e->sys = c.s->signo == SIGTERM ? SIGTERM : 0;
		c.rc = -1;
	}
	free(j->dir);
	j->dir = NULL;
	return c.rc;
}
