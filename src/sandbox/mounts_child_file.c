/* Files of our own over those of the root: texts in /etc, and what process 1 shows of itself. */
#include "src/sandbox/mounts_child_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/sandbox/childmsg.h"
#include "src/util/buf.h"
#include "src/util/cleanup.h"
#include "src/util/io.h"
#include "src/util/path.h"

#define SNAPSHOT_MAX 16384

/* Detached read-only mount of a new file with the text. */
static int text_mount(int dir, const char *name, const char *text, struct err *e)
{
	struct mount_attr a = {.attr_set = MOUNTS_CHILD_ATTRS | MOUNT_ATTR_RDONLY};
	AUTO_CLOSE int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	AUTO_CLOSE int tree = -1;

	if (fd < 0)
		return err_sys(e, ERR_HOST, errno, "temporary file");
	if (io_write_all(fd, text, strlen(text), "temporary file", e) < 0)
		return -1;
	tree = open_tree(dir, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0 || mount_setattr(tree, "", AT_EMPTY_PATH, &a, sizeof a) < 0)
		return err_sys(e, ERR_HOST, errno, "temporary file");
	return STEAL_FD(tree);
}

/* Our mount point, or, where the image's /etc is a link, what it leads to inside the root if that is a plain file. */
static int text_target(const struct mounts_child *m, const char *path)
{
	int fd = mounts_child_target(m, path);
	struct stat st;

	if (fd < 0)
		fd = path_open_in(m->root, path, O_PATH, 0);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

int mounts_child_text(struct mounts_child *m, const struct plan_op *op, struct err *e)
{
	AUTO_CLOSE int dir = mounts_child_target(m, PLAN_TEXT_DIR), mnt = -1, target = text_target(m, op->path);

	if (target < 0) {
		childmsg_warn(m->chan, "/etc of the image is no directory and leads to no %s: the step has none",
			      op->path);
		return 0;
	}
	mnt = dir < 0 ? err_sys(e, ERR_HOST, errno, "/" PLAN_TEXT_DIR)
		      : text_mount(dir, path_base(op->path), op->arg, e);
	if (mnt < 0)
		return err_wrap(e, "/%s", op->path);
	if (mounts_child_attach(mnt, target) < 0)
		return err_sys(e, ERR_HOST, errno, "mounting /%s", op->path);
	return 0;
}

static int write_file(int dir, const char *name, const void *p, size_t n, struct err *e)
{
	AUTO_CLOSE int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);

	return fd < 0 ? err_sys(e, ERR_HOST, errno, "%s", name) : io_write_all(fd, p, n, name, e);
}

/* What programs read of the process that started them. stat and statm are fixed texts: in the real ones this process
 * would see its own addresses. */
static int init_files(int from, int to, struct err *e)
{
	static const char stat[] =
		"1 (slct-init) S 0 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 "
		"0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
	static const char statm[] = "0 0 0 0 0 0 0\n";
	AUTO_BUF struct buf status = BUF_INIT(SNAPSHOT_MAX);

	if (io_read_file(from, "status", &status, e) < 0)
		return -1;
	if (write_file(to, "comm", "slct-init\n", 10, e) < 0 || write_file(to, "cmdline", "slct-init", 10, e) < 0 ||
	    write_file(to, "stat", stat, sizeof stat - 1, e) < 0 ||
	    write_file(to, "statm", statm, sizeof statm - 1, e) < 0)
		return -1;
	return write_file(to, "status", status.p, status.n, e);
}

/* Process 1 carries slct's command line and descriptors: its entry is replaced as a whole. */
int mounts_child_init(struct mounts_child *m, const struct plan_op *op, struct err *e)
{
	struct mount_attr a = {.attr_set = MOUNT_ATTR_RDONLY};
	AUTO_CLOSE int target = mounts_child_target(m, op->path), mnt = -1;
	char self[16] = "";

	/* The host's /proc is in its place: /proc/1 is not our init. */
	if (readlinkat(m->root, "proc/self", self, sizeof self - 1) < 0 || strcmp(self, "1") != 0)
		return 0;
	mnt = mounts_child_fs("tmpfs", "mode=0555,size=64k", MOUNTS_CHILD_ATTRS);
	if (target < 0 || mnt < 0)
		return err_sys(e, ERR_HOST, errno, "hiding /%s", op->path);
	if (init_files(target, mnt, e) < 0)
		return err_wrap(e, "hiding /%s", op->path);
	if (mount_setattr(mnt, "", AT_EMPTY_PATH, &a, sizeof a) < 0 || mounts_child_attach(mnt, target) < 0)
		return err_sys(e, ERR_HOST, errno, "hiding /%s", op->path);
	return 0;
}
