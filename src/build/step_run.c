/* RUN: one worker enters the sandbox and runs the command, a second one commits what it left. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "src/build/noproc.h"
#include "src/build/output.h"
#include "src/build/roots.h"
#include "src/build/state.h"
#include "src/build/stepbox.h"
#include "src/build/updir.h"
#include "src/sandbox/chrootout.h"
#include "src/session/treeview.h"
#include "src/util/mem.h"
#include "src/util/num.h"

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
		fd = stepbox_open_owners(j, O_RDONLY, e);
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

	if (stepbox_upper_is_empty(j)) {
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
	err_hint(e,
		 "programs of %s need an emulator that the kernel knows (binfmt_misc, flag F): install the packages "
		 "qemu-user-static and binfmt-support, or build on such a machine; COPY and what changes the config "
		 "alone need none",
		 there);
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
		session_warn(
			j->b->s, j->st->name,
			"line %u: refused to the step: %s; root would not be refused it, so the "
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
	struct stepbox *r = ctx;
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
		session_warn(j->b->s, j->st->name,
			     "line %u: the step changed mode or owner of / itself; image layers do "
			     "not hold them, and they are as before",
			     j->def->line);
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
	struct stepbox *r = mem_new(struct stepbox);

	r->j = j;
	r->out_fd = output_open(j, e);
	if (r->out_fd < 0) {
		free(r);
		return -1;
	}
	struct worker_spec spec = {.role = "run",
				   .what = j->st->name,
				   .enter = WORKER_PLAIN,
				   .fn = stepbox_run,
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
