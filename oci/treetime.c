/* Times of a whole tree. */
#include "oci/treetime.h"

#include <errno.h>
#include <fcntl.h>

#include "oci/treewalk.h"
#include "src/util/cleanup.h"

static int treetime_set(const struct treewalk_item *item, int64_t mtime, struct err *e)
{
	const struct timespec ts[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = mtime}};
	int r = item->fd >= 0 ? futimens(item->fd, ts) : utimensat(item->dirfd, item->name, ts, AT_SYMLINK_NOFOLLOW);

	return r == 0 ? 0 : err_sys(e, ERR_HOST, errno, "%s: setting its time", item->path);
}

int treetime_clamp(int rootfd, int64_t limit, bool all, struct err *e)
{
	AUTO_TREEWALK struct treewalk *w = treewalk_open(rootfd, e);
	struct treewalk_item item;
	int r;

	if (!w)
		return -1;
	while ((r = treewalk_next(w, &item, e)) > 0) {
		const struct timespec *was = &item.st.st_mtim;
		int64_t want = all || was->tv_sec > limit ? limit : was->tv_sec;

		/* A directory's turn is when it is left: nothing below it changes any more. */
		if (item.fd >= 0 && !item.leave)
			continue;
		if ((was->tv_sec != want || was->tv_nsec != 0) && treetime_set(&item, want, e) < 0)
			return -1;
	}
	return r;
}
