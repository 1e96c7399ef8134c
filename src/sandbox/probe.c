/* Try out what a RUN step needs. */
#include "src/sandbox/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/sandbox/childmsg.h"
#include "src/sandbox/overlay.h"
#include "src/util/cleanup.h"
#include "src/util/path.h"
#include "src/util/proc.h"
#include "src/util/tmp.h"

/* Magic numbers of statfs(2) that an overlay's upper directory cannot lie on. */
#define MAGIC_OVERLAY 0x794c7630

static int make_dirs(int dir, struct err *e)
{
	static const char *const names[] = {"lower", "lower/d", "lower/d/below", "upper", "work"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (mkdirat(dir, names[i], 0755) < 0)
			return err_sys(e, ERR_HOST, errno, "probe: %s", names[i]);
	return 0;
}

static int bad_upper(int dir, struct err *e)
{
	struct statfs fs;

	if (fstatfs(dir, &fs) == 0 && fs.f_type == MAGIC_OVERLAY)
		err_hint(e, "the store lies on an overlay (a container's own root): put it on a volume with --root or "
			    "SLCT_ROOT");
	else if (!e->hint)
		err_hint(e, "the store's file system must take user extended attributes: put it on ext4, xfs, btrfs "
			    "or, since "
			    "Linux 6.6, tmpfs");
	return -1;
}

/* A lower directory is removed and made again, which needs a whiteout and an opaque mark. */
static int use_overlay(int mnt, struct err *e)
{
	if (path_remove_tree(mnt, "d", e) < 0)
		return -1;
	if (mkdirat(mnt, "d", 0755) < 0)
		return err_sys(e, ERR_HOST, errno, "probe: directory over a removed one");
	if (faccessat(mnt, "d/below", F_OK, 0) == 0)
		return err_set(e, ERR_HOST, "probe: the overlay shows what was removed");
	return 0;
}

static int try_overlay(int dir, struct err *e)
{
	static const char *const lower[] = {"lower"};
	const struct overlay_spec s = {dir, lower, 1, "upper", "work", NULL};
	AUTO_CLOSE int mnt = -1;

	if (make_dirs(dir, e) < 0)
		return -1;
	mnt = overlay_mount(&s, e);
	if (mnt < 0 || use_overlay(mnt, e) < 0)
		return bad_upper(dir, e);
	return 0;
}

static int try_in(int at, struct err *e)
{
	AUTO_CLOSE int dir = -1;
	AUTO_FREE char *name = NULL;
	struct err ignored = ERR_INIT;
	int r;

	if (tmp_dir(at, "probe", &name, e) < 0)
		return -1;
	dir = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = dir < 0 ? err_sys(e, ERR_HOST, errno, "%s", name) : try_overlay(dir, e);
	path_remove_tree(at, name, &ignored);
	err_release(&ignored);
	return r;
}

/* Each with arguments that it cannot do anything with: what counts is whether the kernel knows it at all. */
static int try_calls(struct err *e)
{
	static const struct {
		long nr;
		const char *name;
	} calls[] = {
		{SYS_open_tree, "open_tree"},
		{SYS_move_mount, "move_mount"},
		{SYS_fsopen, "fsopen"},
		{SYS_mount_setattr, "mount_setattr"},
	};

	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		if (syscall(calls[i].nr, -1, NULL, -1, NULL, 0) < 0 && errno == ENOSYS) {
			err_set(e, ERR_HOST, "the system call %s is missing", calls[i].name);
			return err_hint(
				e, "Linux 5.12 or newer is needed; in a container, its seccomp profile may hide the "
				   "call: --security-opt seccomp=unconfined");
		}
	return 0;
}

static void ATTR_NORETURN probe_child(int chan, int nsfd, const char *scratch, pid_t parent)
{
	AUTO_CLOSE int at = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e = ERR_INIT;

	proc_die_with_parent(parent);
	if (at < 0)
		err_sys(&e, ERR_HOST, errno, "%s", scratch);
	if (at < 0 || overlay_enter(nsfd, &e) < 0 || try_calls(&e) < 0 || try_in(at, &e) < 0)
		childmsg_error(chan, &e);
	else
		childmsg_ready(chan);
	_exit(0);
}

int probe_overlay(int nsfd, const char *scratch, struct err *e)
{
	int pair[2], r;
	pid_t parent = getpid(), child;

	if (childmsg_pair(pair, e) < 0)
		return -1;
	child = fork();
	if (child == 0) {
		close(pair[0]);
		probe_child(pair[1], nsfd, scratch, parent);
	}
	close(pair[1]);
	if (child < 0)
		r = err_sys(e, ERR_HOST, errno, "fork");
	else
		r = childmsg_wait_ready(pair[0], "trying an overlay", e);
	close(pair[0]);
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}
