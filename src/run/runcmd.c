#include "src/run/runcmd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "src/build/lowers.h"
#include "src/build/rootdiff.h"
#include "src/build/updir.h"
#include "src/sandbox/mountpoint.h"
#include "src/session/nsjob.h"
#include "src/util/mem.h"

static int make_dirs(const struct runcmd *p, struct err *e)
{
	static const char *const names[] = {"", "/upper", "/work"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_FREE char *path = mem_printf("%s%s", p->step.dir, names[i]);

		if (mkdirat(store_fd(p->job->b->s->store), path, 0755) < 0)
			return err_sys(e, ERR_HOST, errno, "%s", path);
	}
	return 0;
}

static int make_root(void *arg, struct err *e)
{
	const struct runcmd *p = arg;

	/* In the user namespace, so that they are its root's. */
	if (make_dirs(p, e) < 0)
		return -1;
	return p->step.root ? roots_prepare(&p->step, e) : lowers_make(p->job->b, &p->cmd->stack, e);
}

static void take_mounts(struct runcmd *p)
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

static bool keeps_state(const struct runcmd *p)
{
	return p->job->keep && p->cmd == &p->job->main;
}

static int open_owners(const struct runcmd *p)
{
	AUTO_FREE char *path = mem_printf("%s/owners", p->step.dir);

	return openat(store_fd(p->job->b->s->store), path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

int runcmd_prepare(struct runcmd *p, const struct runimg_job *job, const struct runimg_cmd *cmd, unsigned number,
		   struct err *e)
{
	struct build *b = job->b;
	const struct session *s = b->s;

	*p = (struct runcmd){.job = job, .cmd = cmd, .owners = -1};
	p->step = (struct step_job){.b = b, .def = &p->none, .dir = mem_printf("%s/%u", job->dir, number)};
	digest_list_copy(&p->step.parent, &cmd->stack);
	if (s->tier.trees)
		p->step.root = mem_printf("%s.root", p->step.dir);
	p->step.memory = s->tier.memory;
	p->upper = updir_path(&p->step, "upper");
	p->work = updir_path(&p->step, "work");
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

static int save_memory(struct runcmd *p, struct err *e)
{
	const struct ownview *view = &p->view.view;

	if (p->owners < 0)
		return updir_save(&p->step, view, e);
	if (owntab_load(view->rows, p->owners, e) < 0 || updir_save(&p->step, view, e) < 0)
		return -1;
	return owntab_save(view->rows, p->owners, e);
}

/* What a step does to its upper directory at its end (step_run.c), here after a failure. */
static int finish_state(struct runcmd *p, const struct sandbox_spec *spec, struct err *e)
{
	bool ignored;

	if (!p->step.root && mountpoint_restore(&spec->root, &ignored, e) < 0)
		return -1;
	if (p->step.memory)
		return save_memory(p, e);
	if (!p->step.root)
		return 0;
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

/* It borrows from all three; scratch and cgroup are the caller's. */
static struct sandbox_spec describe(const struct runcmd *p, bool joined, struct strv *argv, struct strv *env)
{
	const struct runimg_job *job = p->job;
	const struct runimg_cmd *cmd = p->cmd;
	const struct build *b = job->b;

	return (struct sandbox_spec){
		.tier = &b->s->tier,
		.nsfd = b->s->nsfd,
		.joined = joined || p->step.memory,
		.root = {.dirfd = store_fd(b->s->store),
			 .tree = p->step.root,
			 .lower = (const char *const *)p->lower.v,
			 .nlower = p->lower.n,
			 .upper = p->upper,
			 .work = p->work},
		.points = p->points,
		.argv = strv_argv(argv),
		.env = strv_argv(env),
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
		.owners = p->view.view.rows,
		.owners_fd = p->owners,
		.sync_is_noop = !p->keeps,
		.seccomp_prog = p->keeps ? b->seccomp_sync : b->seccomp,
		.seccomp_len = p->keeps ? b->seccomp_sync_len : b->seccomp_len,
	};
}

int runcmd_run(struct runcmd *p, bool joined, bool with_limits, struct runimg_result *r, struct err *e)
{
	const struct runimg_job *job = p->job;
	struct build *b = job->b;
	AUTO_STRV struct strv env = {0}, argv = {0};
	AUTO_FREE char *scratch = mem_printf("%s/points", b->tmp);
	struct sandbox_result res = {0};
	struct cgroup_events events = {0};
	struct cgroup group = {-1, -1, -1, ""};
	struct sandbox_spec spec;
	int rc;

	strv_copy(&env, &p->cmd->env);
	strv_copy(&argv, &p->cmd->argv);
	spec = describe(p, joined, &argv, &env);
	spec.scratch = scratch;
	spec.cgroup = with_limits ? &group : NULL;
	if (p->step.root && rootdiff_prepare(&p->step, &spec, e) < 0)
		return -1;
	if (with_limits && cgroup_make(&b->cgroups, &job->limits, &group, e) < 0)
		return -1;
	rc = p->step.memory ? updir_enter(&p->step, joined, job->limits.memory, e) : 0;
	if (rc == 0)
		rc = sandbox_run(&spec, &res, e);
	if (with_limits) {
		cgroup_events(&group, &events);
		cgroup_remove(&group);
	}
	*r = (struct runimg_result){res.exit_status, res.signo, res.timed_out, events.oom_kills > 0};
	return rc == 0 && keeps_state(p) && failed(&res) ? finish_state(p, &spec, e) : rc;
}

void runcmd_release(struct runcmd *p)
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
