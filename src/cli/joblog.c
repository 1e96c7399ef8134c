#include "src/cli/joblog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "src/cli/exjob.h"
#include "src/cli/exrun.h"
#include "src/cli/release.h"
#include "src/cli/ui.h"
#include "src/util/mem.h"
#include "src/util/path.h"

#define JOBLOG_ENV "EXA_BUILD_LOG"

static char *joblog_path(struct joblog *l, const struct exopt *o, const char *command, bool specific, struct err *e)
{
	l->dir = specific ? exjob_make(o, command, e) : NULL;
	AUTO_FREE char *dir = specific ? mem_strdup_opt(l->dir) : exrun_output_dir(o, "jobs", e);
	AUTO_FREE char *logs = dir ? path_join(dir, "logs") : NULL;

	if (!logs || release_mkdirs(logs, e))
		return NULL;
	return path_join(logs, "main.log");
}

static void joblog_emit(struct event_sink *s, const struct event *ev)
{
	struct joblog *l = (struct joblog *)s;

	l->file->emit(l->file, ev);
	if (l->inner)
		l->inner->emit(l->inner, ev);
}

static void joblog_tick(struct event_sink *s)
{
	struct joblog *l = (struct joblog *)s;

	if (l->inner && l->inner->tick)
		l->inner->tick(l->inner);
}

int joblog_open(struct joblog *l, const struct exopt *o, const char *command, bool specific, struct err *e)
{
	const char *env = getenv(JOBLOG_ENV);
	AUTO_FREE char *path = NULL;

	*l = (struct joblog){.sink = {.emit = joblog_emit, .tick = joblog_tick}, .fd = -1};
	path = env && env[0] ? mem_strdup(env) : joblog_path(l, o, command, specific, e);
	if (!path)
		return -1;
	l->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666);
	if (l->fd < 0)
		return err_sys(e, ERR_HOST, errno, "%s", path);
	l->file = ui_plain_new(&(struct ui_opts){.fd = l->fd, .verbose = true});
	return 0;
}

void joblog_release(struct joblog *l)
{
	free(l->dir);
	l->dir = NULL;
	if (!l->file)
		return;
	l->file->free(l->file);
	close(l->fd);
	l->file = NULL;
}
