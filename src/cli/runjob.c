#include "src/cli/runjob.h"

#include <errno.h>

#include "src/cli/runargs.h"
#include "src/cli/runio.h"

/* Exit status as a shell and docker have it where the command could not be started. */
#define RUNJOB_NOT_EXECUTABLE 126
#define RUNJOB_NOT_FOUND      127

void runjob_shell(struct strv *argv)
{
	static const char *const sh[] = {"/bin/sh", "-c", "[ -x /bin/bash ] && exec /bin/bash; exec /bin/sh"};

	for (size_t i = 0; i < ARRAY_LEN(sh); i++)
		strv_add(argv, sh[i]);
}

static int runjob_verdict(struct cli *c, const struct runimg_result *r, const struct runimg_cmd *cmd, struct err *e)
{
	c->status = runargs_status(r);
	if (r->timed_out) {
		c->status = 1;
		return err_set(e, ERR_STEP, "%s took longer than --timeout", cmd->argv.v[0]);
	}
	if (r->oom)
		return err_set(e, ERR_STEP, "%s: out of memory: it needs more than --memory", cmd->argv.v[0]);
	return 0;
}

/* The program is not there, or is none: not the store's or the host's fault. */
static int runjob_not_started(struct cli *c, struct err *e)
{
	if (e->code == ERR_INPUT && (e->sys == ENOENT || e->sys == ENOTDIR))
		c->status = RUNJOB_NOT_FOUND;
	else if (e->code == ERR_INPUT && (e->sys == EACCES || e->sys == ENOEXEC))
		c->status = RUNJOB_NOT_EXECUTABLE;
	return -1;
}

static int runjob_wait(struct cli *c, struct runimg_job *job, bool interactive, bool tty, struct err *e)
{
	AUTO_RUNIO struct runio io = RUNIO_INIT;
	struct runimg_result r = {0};
	int rc = runio_open(&io, interactive, tty, e);

	job->main.in_fd = io.in > 0 ? io.in : 0;
	job->main.out_fd = io.out;
	job->main.err_fd = io.err;
	job->main.terminal = tty;
	if (!rc)
		rc = runimg_call(job, &r, e);
	runio_close(&io);
	return rc ? runjob_not_started(c, e) : runjob_verdict(c, &r, &job->main, e);
}

int runjob_run(struct cli *c, struct work *w, struct runimg_cmd *cmd, const struct build_opts *b, bool net_none,
	       bool interactive, bool tty, struct err *e)
{
	struct build state = {0};
	struct runimg_job job = {.b = &state,
				 .net_none = net_none,
				 .add_hosts = &b->add_hosts,
				 .ulimits = &b->ulimits,
				 .shm_size = b->shm_size,
				 .limits = b->limits};
	int rc = runimg_open(&state, &w->session, &b->limits, e);

	if (!rc)
		rc = runimg_trees(&state, &cmd->stack, cmd->name, e);
	runargs_quiet(w);
	job.main = *cmd;
	if (!rc)
		rc = runjob_wait(c, &job, interactive, tty, e);
	runimg_close(&state);
	return rc;
}

int runjob_failed(struct cli *c, struct work *w, const struct build_failed *f, const struct build_opts *b,
		  struct err *e)
{
	struct runimg_cmd cmd = {
		.name = f->step, .stack = f->stack, .env = f->env, .workdir = f->workdir, .user = f->user};
	AUTO_STRV struct strv argv = {0};
	int rc;

	runjob_shell(&argv);
	cmd.argv = argv;
	rc = runjob_run(c, w, &cmd, b, f->net_none, true, true, e);
	c->status = 0;
	return rc;
}
