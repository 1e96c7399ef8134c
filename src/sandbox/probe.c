/* Try out what a RUN step needs. */
#include "src/sandbox/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/sandbox/childmsg.h"
#include "src/sandbox/memupper.h"
#include "src/sandbox/nsdiag.h"
#include "src/sandbox/overlay.h"
#include "src/sandbox/userns.h"
#include "src/util/cleanup.h"
#include "src/util/mem.h"
#include "src/util/ownrec.h"
#include "src/util/path.h"
#include "src/util/proc.h"
#include "src/util/tmp.h"

/* Magic numbers of statfs(2) that an overlay's upper directory cannot lie on. */
#define MAGIC_OVERLAY	   0x794c7630
#define PROBE_MEMORY_BYTES ((uint64_t)1 << 20)
/* Beside that of mounts. */
#define STEP_NAMESPACES (CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS)

static int make_dirs(int dir, struct err *e)
{
	static const char *const names[] = {"lower", "lower/d", "lower/d/below", "upper", "work"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (mkdirat(dir, names[i], 0755) < 0)
			return err_sys(e, ERR_HOST, errno, "probe: %s", names[i]);
	return 0;
}

/* The file system was not even asked. */
static void bad_rights(struct err *e)
{
	AUTO_FREE char *msg = mem_strdup(e->msg);

	nsdiag_mount_refused(e->sys, "mount of an overlay", e);
	err_wrap(e, "%s", msg);
}

static int bad_upper(int dir, struct err *e)
{
	struct statfs fs;

	if (fstatfs(dir, &fs) == 0 && fs.f_type == MAGIC_OVERLAY)
		err_hint(e, "the store lies on an overlay (a container's own root): put it on a volume with --root or "
			    "SLCT_ROOT, or let steps write to memory with --upper tmpfs");
	else if (e->sys == EPERM || e->sys == EACCES)
		bad_rights(e);
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
	const struct overlay_spec s = {.dirfd = dir, .lower = lower, .nlower = 1, .upper = "upper", .work = "work"};
	AUTO_CLOSE int mnt = -1;

	if (make_dirs(dir, e) < 0)
		return -1;
	mnt = overlay_mount(&s, e);
	if (mnt < 0 || use_overlay(mnt, e) < 0)
		return bad_upper(dir, e);
	return 0;
}

/* Lower layers on the store, upper directory on a tmpfs; the whiteout of a layer hides a file (attributes: Linux 6.7).
 */
static int use_memory(int dir, struct err *e)
{
	static const char *const lower[] = {"lower"};
	const struct overlay_spec s = {
		.dirfd = dir, .lower = lower, .nlower = 1, .upper = "memory/upper", .work = "memory/work"};
	AUTO_CLOSE int mnt = -1;

	mnt = overlay_mount(&s, e);
	if (mnt < 0 || use_overlay(mnt, e) < 0) {
		if (!e->hint)
			err_hint(e, "a tmpfs takes user extended attributes since Linux 6.6; an overlay on an overlay "
				    "on an "
				    "overlay is refused: put the store on a volume with --root or SLCT_ROOT");
		return -1;
	}
	return probe_whiteouts_try(dir, e);
}

static int try_memory(int at, struct err *e)
{
	/* in this mount namespace, where something can be mounted on it */
	AUTO_CLOSE int dir = overlay_reopen(at);
	int r;

	if (dir < 0)
		return err_sys(e, ERR_HOST, errno, "probe: the store's directory");
	if (make_dirs(dir, e) < 0 || memupper_mount(dir, "memory", PROBE_MEMORY_BYTES, e) < 0)
		return -1;
	r = use_memory(dir, e);
	if (fchdir(dir) < 0 || umount2("memory", MNT_DETACH) < 0)
		return r < 0 ? r : err_sys(e, ERR_HOST, errno, "probe: unmounting a tmpfs");
	return r;
}

static int try_in(int at, int (*try)(int dir, struct err *e), struct err *e)
{
	AUTO_CLOSE int dir = -1;
	AUTO_FREE char *name = NULL;
	struct err ignored = ERR_INIT;
	int r;

	if (tmp_dir(at, "probe", &name, e) < 0)
		return -1;
	dir = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = dir < 0 ? err_sys(e, ERR_HOST, errno, "%s", name) : try(dir, e);
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

/* One thing to try in a child. */
struct probe {
	int (*fn)(const struct probe *p, struct err *e);
	int nsfd;
	const char *scratch;
	const char *what;
};

static int in_step(const struct probe *p, int (*try)(int dir, struct err *e), struct err *e)
{
	AUTO_CLOSE int at = open(p->scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (at < 0)
		return err_sys(e, ERR_HOST, errno, "%s", p->scratch);
	if (overlay_enter(p->nsfd, e) < 0)
		return -1;
	/* Those of a step; what is in them is not needed. */
	if (unshare(STEP_NAMESPACES) < 0)
		return nsdiag_refused(errno, "unshare", STEP_NAMESPACES, e);
	return try_calls(e) < 0 ? -1 : try_in(at, try, e);
}

static int do_overlay(const struct probe *p, struct err *e)
{
	return in_step(p, try_overlay, e);
}

static int do_memory(const struct probe *p, struct err *e)
{
	return in_step(p, try_memory, e);
}

static int do_trees(const struct probe *p, struct err *e)
{
	AUTO_CLOSE int at = open(p->scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (at < 0)
		return err_sys(e, ERR_HOST, errno, "%s", p->scratch);
	if (overlay_enter(p->nsfd, e) < 0)
		return -1;
	if (unshare(STEP_NAMESPACES) < 0)
		return nsdiag_refused(errno, "unshare", STEP_NAMESPACES, e);
	return try_calls(e) < 0 ? -1 : probe_tree_try(at, false, e);
}

static int do_chroot(const struct probe *p, struct err *e)
{
	AUTO_CLOSE int at = open(p->scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (at < 0)
		return err_sys(e, ERR_HOST, errno, "%s", p->scratch);
	return probe_tree_try(at, true, e) < 0 ? -1 : probe_chroot_try(at, e);
}

/* Only a process that is in the new pid namespace may mount its proc; the status says how that went. */
static void ATTR_NORETURN mount_proc(void)
{
	_exit(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 ? errno : 0);
}

static int do_proc(const struct probe *p, struct err *e)
{
	int status = 0;
	pid_t child;

	if (overlay_enter(p->nsfd, e) < 0)
		return -1;
	if (unshare(CLONE_NEWPID) < 0)
		return nsdiag_refused(errno, "unshare CLONE_NEWPID", CLONE_NEWPID, e);
	child = fork();
	if (child == 0)
		mount_proc();
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return err_sys(e, ERR_HOST, errno, "fork in a new pid namespace");
	if (status == 0)
		return 0;
	err_sys(e, ERR_HOST, WIFEXITED(status) ? WEXITSTATUS(status) : EINTR, "mount of a new proc");
	return err_hint(e, "parts of /proc are masked here, as in a container: run it with --security-opt "
			   "systempaths=unconfined (podman: unmask=ALL)");
}

static int try_attribute(int at, struct err *e)
{
	AUTO_CLOSE int fd = openat(at, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct ownrec r = {1, 1, 0, 0, 0};

	if (fd >= 0 && ownrec_set(fd, &r) == 0 && ownrec_get(fd, &r) == 1)
		return 0;
	err_sys(e, ERR_HOST, errno, "recording an owner in an extended attribute");
	return err_hint(e, "the store's file system must take user extended attributes: put it on ext4, xfs, btrfs or, "
			   "since Linux 6.6, tmpfs, with --root or SLCT_ROOT");
}

static int do_record(const struct probe *p, struct err *e)
{
	AUTO_CLOSE int at = open(p->scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (at < 0)
		return err_sys(e, ERR_HOST, errno, "%s", p->scratch);
	if (userns_join(p->nsfd, e) < 0 || try_attribute(at, e) < 0)
		return -1;
	return probe_notify_try(e);
}

static void ATTR_NORETURN probe_child(int chan, const struct probe *p, pid_t parent)
{
	struct err e = ERR_INIT;

	proc_die_with_parent(parent);
	if (p->fn(p, &e) < 0)
		childmsg_error(chan, &e);
	else
		childmsg_ready(chan);
	_exit(0);
}

static int probe_run(const struct probe *p, struct err *e)
{
	int pair[2], r;
	pid_t parent = getpid(), child;

	if (childmsg_pair(pair, e) < 0)
		return -1;
	child = fork();
	if (child == 0) {
		close(pair[0]);
		probe_child(pair[1], p, parent);
	}
	close(pair[1]);
	if (child < 0)
		r = err_sys(e, ERR_HOST, errno, "fork");
	else
		r = childmsg_wait_ready(pair[0], p->what, e);
	close(pair[0]);
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}

int probe_overlay(int nsfd, const char *scratch, struct err *e)
{
	return probe_run(&(struct probe){do_overlay, nsfd, scratch, "trying an overlay"}, e);
}

int probe_memory(int nsfd, const char *scratch, struct err *e)
{
	return probe_run(&(struct probe){do_memory, nsfd, scratch, "trying an overlay with a tmpfs"}, e);
}

int probe_proc(int nsfd, struct err *e)
{
	return probe_run(&(struct probe){do_proc, nsfd, NULL, "trying a fresh proc"}, e);
}

int probe_record(int nsfd, const char *scratch, struct err *e)
{
	return probe_run(&(struct probe){do_record, nsfd, scratch, "trying recorded owners"}, e);
}

int probe_trees(int nsfd, const char *scratch, struct err *e)
{
	return probe_run(&(struct probe){do_trees, nsfd, scratch, "trying namespaces without an overlay"}, e);
}

int probe_chroot(const char *scratch, struct err *e)
{
	return probe_run(&(struct probe){do_chroot, -1, scratch, "trying chroot"}, e);
}
