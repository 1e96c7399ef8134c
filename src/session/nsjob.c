#include "src/session/nsjob.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/sandbox/overlay.h"
#include "src/session/worker.h"
#include "src/util/io.h"
#include "src/util/proc.h"

static void ATTR_NORETURN child(int nsfd, nsjob_fn *fn, void *arg, int report, pid_t parent)
{
	AUTO_BUF struct buf text = BUF_INIT(WORKER_MESSAGE_MAX);
	struct err e = ERR_INIT, lost = ERR_INIT;

	proc_die_with_parent(parent);
	umask(0);
	if (overlay_enter(nsfd, &e) == 0 && fn(arg, &e) == 0)
		_exit(0);
	AUTO_JSON struct json *j = worker_err_to_json(&e);

	json_write(j, &text);
	io_write_all(report, text.p, text.n, "report", &lost);
	_exit(1);
}

static int take_error(const struct buf *text, int status, struct err *e)
{
	struct err bad = ERR_INIT;
	AUTO_JSON struct json *j =
		text->n ? json_parse(text->p, text->n, WORKER_MESSAGE_MAX, ERR_INTERNAL, "message of a worker", &bad)
			: NULL;

	err_release(&bad);
	if (!j)
		return err_set(e, ERR_INTERNAL, "the preparation of a step ended without an answer (status %d)",
			       status);
	worker_err_from_json(j, e);
	return -1;
}

int nsjob_run(int nsfd, nsjob_fn *fn, void *arg, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(WORKER_MESSAGE_MAX);
	pid_t parent = getpid(), pid;
	int p[2], status = 0, rc;

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, ERR_HOST, errno, "pipe");
	pid = fork();
	if (pid == 0) {
		close(p[0]);
		child(nsfd, fn, arg, p[1], parent);
	}
	close(p[1]);
	rc = pid < 0 ? err_sys(e, ERR_HOST, errno, "fork") : io_read_all(p[0], &text, "report", e);
	close(p[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
		return rc;
	return take_error(&text, status, e);
}
