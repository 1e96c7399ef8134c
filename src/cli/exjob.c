#include "src/cli/exjob.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>

#include "src/cli/exrun.h"
#include "src/util/clock.h"
#include "src/util/mem.h"

char *exjob_make(const struct exopt *o, const char *name, struct err *e)
{
	time_t now = (time_t)(clock_wall() / CLOCK_NS_PER_S);
	AUTO_FREE char *jobs = exrun_output_dir(o, "jobs", e);
	struct tm tm;
	char text[32];

	localtime_r(&now, &tm);
	strftime(text, sizeof text, "%Y_%m_%d_%H_%M_%S", &tm);
	for (int i = 1; jobs && i < EXJOB_MAX; i++) {
		AUTO_FREE char *path = mem_printf("%s/%s_%d_%s", jobs, text, i, name);

		if (mkdir(path, 0777) == 0)
			return STEAL_PTR(path);
		if (errno != EEXIST) {
			err_sys(e, ERR_HOST, errno, "%s", path);
			return NULL;
		}
	}
	if (jobs)
		err_set(e, ERR_HOST, "%s: too many runs began in this second", jobs);
	return NULL;
}
