/* A mount namespace of our own. */
#include "src/sandbox/mntns.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/util/cleanup.h"

/* Deeper than any chroot. */
#define CLIMB_MAX 4096

static int make_private(void)
{
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static bool same_directory(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Up until ".." is where we are. */
static int climb(void)
{
	struct stat here, up;

	for (int i = 0; i < CLIMB_MAX; i++) {
		if (stat(".", &here) < 0 || chdir("..") < 0 || stat(".", &up) < 0)
			return -1;
		if (same_directory(&here, &up))
			return 0;
	}
	errno = ELOOP;
	return -1;
}

/* A root below the working directory does not bound it (chroot(2)). /proc is there, or nothing of ours would work. */
static int leave_chroot(int root)
{
	if (chroot("/proc") < 0 || fchdir(root) < 0)
		return -1;
	return climb() < 0 ? -1 : chroot(".");
}

int mntns_private(struct err *e)
{
	if (make_private() == 0)
		return 0;
	AUTO_CLOSE int root = errno == EINVAL ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	if (root >= 0 && leave_chroot(root) == 0 && make_private() == 0)
		return 0;
	return err_sys(e, ERR_HOST, errno, "making the mounts private");
}

int mntns_private_here(struct err *e)
{
	AUTO_CLOSE int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (make_private() == 0)
		return 0;
	if (root < 0 || mntns_private(e) < 0)
		return err_is_set(e) ? -1 : err_sys(e, ERR_HOST, errno, "/");
	if (fchdir(root) < 0 || chroot(".") < 0 || (here >= 0 && fchdir(here) < 0))
		return err_sys(e, ERR_HOST, errno, "going back into the chroot");
	return 0;
}
