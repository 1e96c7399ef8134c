/* What a task's path or descriptor names, seen from the supervisor (tier solo).
 *
 * The supervisor has the step's root and mounts; its working directory is its own /proc/PID/fd of a procfs that nothing
 * masks. So most objects have a name that one system call can take: an absolute path as it is, a relative one through
 * ../../TID/cwd or ../../TID/fd/N. Two things would mean something else to the supervisor than to the task: /proc/self
 * and a root directory that chroot(2) has changed. Paths where one may play a part are walked component by component
 * instead, and the name is that of a descriptor of ours. */
#ifndef SLCT_SOLO_PATH_H
#define SLCT_SOLO_PATH_H

#include <sys/stat.h>
#include <unistd.h>

#include "src/sandbox/solo_req.h"
#include "src/util/cleanup.h"

struct solo_name {
	char text[PATH_MAX + 64];
	bool follow; /* a link at the end */
	int fd;	     /* what text refers to, or -1 */
};

static inline void solo_path_release(struct solo_name *n)
{
	if (n->fd >= 0)
		close(n->fd);
}
#define AUTO_SOLO_NAME AUTO(solo_path_release)

/* Give w a name. 0, or SOLO_NATIVE where it cannot be found. out->fd must be closed by the caller (AUTO_SOLO_NAME; set
 * fd to -1 before). */
int64_t solo_path_find(const struct solo_req *r, const struct solo_where *w, struct solo_name *out);
/* Find and open with O_PATH (and more flags): a descriptor, or SOLO_NATIVE. */
int64_t solo_path_open(const struct solo_req *r, const struct solo_where *w, int flags);
/* Of a path that is to be made: its parent directory as such a descriptor, and in w->path nothing but the last
 * component. SOLO_NATIVE too where that is "", "." or "..". */
int64_t solo_path_parent(const struct solo_req *r, struct solo_where *w);
/* The same where the last component is a link that leads nowhere: follow it to where a file would be made. `parent` is
 * replaced. 0, or SOLO_NATIVE. */
int64_t solo_path_dangling(const struct solo_req *r, int *parent, struct solo_where *w);
/* The name of one of our own descriptors, which follows to the very object, be it a link. */
void solo_path_of_fd(int fd, struct solo_name *out);

#endif
