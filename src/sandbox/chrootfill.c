/* Tier chroot: the content of a step's root. */
#include "src/sandbox/chrootfill.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "src/sandbox/chrootout.h"
#include "src/sandbox/plan_ops.h"
#include "src/sandbox/usermount.h"
#include "src/util/buf.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/path.h"

/* "Local/experimental use" in the kernel's list of devices: no driver has it. */
#define UNUSED_MAJOR 240
#define TMP_MODE     01777

static int fail(const char *path, const char *doing, struct err *e)
{
	return err_sys(e, ERR_HOST, errno, "/%s: %s", path, doing);
}

/* --- device nodes --- */

static const struct {
	const char *name;
	unsigned major, minor;
} nodes[] = {
	{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
};

static int make_node(int dir, const char *name, unsigned maj, unsigned min)
{
	return mknodat(dir, name, S_IFCHR | 0666, makedev(maj, min)) < 0 ? -1 : fchmodat(dir, name, 0666, 0);
}

int chrootfill_try_nodes(int dirfd, struct err *e)
{
	AUTO_CLOSE int fd = -1;

	if (make_node(dirfd, "null", 1, 3) < 0) {
		err_sys(e, ERR_HOST, errno, "making a device node (/dev/null)");
		return err_hint(e, "give the container the capability MKNOD (it is among docker's default ones)");
	}
	fd = openat(dirfd, "null", O_WRONLY | O_CLOEXEC);
	unlinkat(dirfd, "null", 0);
	if (fd >= 0)
		return 0;
	err_sys(e, ERR_HOST, errno, "opening a device node of the store's file system");
	return err_hint(e, "it is mounted nodev: put the store on another one with --root or SLCT_ROOT");
}

bool chrootfill_devices_open(int dirfd)
{
	static const char name[] = "unused-device";
	bool open_ = false;

	if (mknodat(dirfd, name, S_IFBLK | 0600, makedev(UNUSED_MAJOR, 0)) == 0) {
		AUTO_CLOSE int fd = openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

		/* A control group of devices says EPERM, a file system mounted nodev EACCES. */
		open_ = fd >= 0 || (errno != EPERM && errno != EACCES);
		unlinkat(dirfd, name, 0);
	}
	return open_;
}

/* --- /dev, /proc, /sys --- */

static const struct dev_link {
	const char *name, *target;
} links[] = {
	{"fd", "/proc/self/fd"},
	{"stdin", "/proc/self/fd/0"},
};

/* Without chrootout.h. */
static const struct dev_link output_links[] = {
	{"stdout", "/proc/self/fd/1"},
	{"stderr", "/proc/self/fd/2"},
};

/* A new directory at path, O_PATH. */
static int new_dir(struct points *p, const char *path, mode_t mode, struct err *e)
{
	AUTO_CLOSE int at = points_place(p, path, NULL, e);

	if (at < 0)
		return -1;
	if (mkdirat(at, path_base(path), 0755) < 0 || fchmodat(at, path_base(path), mode, 0) < 0)
		return fail(path, "making it", e);
	int fd = openat(at, path_base(path), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? fail(path, "open", e) : fd;
}

static int make_links(int dev, const struct dev_link *v, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (symlinkat(v[i].target, dev, v[i].name) < 0)
			return fail("dev", v[i].name, e);
	return 0;
}

/* Who may write decides chrootrun, when the step's user is known. */
static int make_output(int dev, const struct sandbox_spec *s, struct err *e)
{
	const char *out = path_base(CHROOTOUT_STDOUT), *err = path_base(CHROOTOUT_STDERR);

	if (!chrootout_wanted(s))
		return make_links(dev, output_links, ARRAY_LEN(output_links), e);
	if (mkfifoat(dev, out, 0600) < 0 || (s->err_fd ? mkfifoat(dev, err, 0600) : linkat(dev, out, dev, err, 0)) < 0)
		return fail("dev", "stdout and stderr", e);
	return 0;
}

static int fill_dev(struct points *p, const struct sandbox_spec *s, struct err *e)
{
	AUTO_CLOSE int dev = new_dir(p, "dev", 0755, e);

	if (dev < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(nodes); i++)
		if (make_node(dev, nodes[i].name, nodes[i].major, nodes[i].minor) < 0)
			return fail("dev", nodes[i].name, e);
	if (make_links(dev, links, ARRAY_LEN(links), e) < 0 || make_output(dev, s, e) < 0)
		return -1;
	if (mkdirat(dev, "shm", 0755) < 0 || fchmodat(dev, "shm", TMP_MODE, 0) < 0 || mkdirat(dev, "pts", 0755) < 0)
		return fail("dev", "making directories", e);
	return 0;
}

static int fill_kernels(struct points *p, struct err *e)
{
	static const char *const dirs[] = {"proc", "sys"};

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		AUTO_CLOSE int fd = new_dir(p, dirs[i], 0555, e);

		if (fd < 0)
			return -1;
	}
	return 0;
}

/* --- files --- */

static int new_file(struct points *p, const char *path, const void *data, size_t n, mode_t mode, uid_t uid, gid_t gid,
		    struct err *e)
{
	AUTO_CLOSE int at = points_place(p, path, NULL, e), fd = -1;

	if (at < 0)
		return -1;
	fd = openat(at, path_base(path), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(path, "making it", e);
	if (io_write_all(fd, data, n, path, e) < 0)
		return -1;
	return fchown(fd, uid, gid) < 0 || fchmod(fd, mode & 07777) < 0 ? fail(path, "owner and mode", e) : 0;
}

/* Where /etc is a link, the texts take the place of what lies where it leads to. */
static char *place_of(struct points *p, const char *dir, const char *name)
{
	AUTO_FREE char *real = usermount_resolve(p->root, dir);

	return real && real[0] ? mem_printf("%s/%s", real, name) : mem_strdup(name);
}

static int fill_texts(struct points *p, const struct sandbox_spec *s, struct err *e)
{
	AUTO_FREE char *hosts = plan_ops_hosts(s, e), *hosts_at = place_of(p, "/etc", "hosts"),
		       *resolv_at = place_of(p, "/etc", "resolv.conf");
	AUTO_BUF struct buf resolv = BUF_INIT(SANDBOX_RESOLV_MAX);

	if (!hosts || sandbox_resolv_conf(&resolv, e) < 0)
		return -1;
	if (new_file(p, hosts_at, hosts, strlen(hosts), 0644, 0, 0, e) < 0)
		return -1;
	return new_file(p, resolv_at, resolv.p, resolv.n, 0644, 0, 0, e);
}

/* --- the step's own mounts --- */

/* Move `from` (relative to fromdir, links on the way followed inside it) to path. */
static int move_in(struct points *p, const struct sandbox_mount *m, const char *path, int fromdir, const char *from,
		   const char *back, struct err *e)
{
	AUTO_FREE char *leaf = NULL;
	AUTO_CLOSE int dir = path_open_parent(fromdir, from, &leaf);
	AUTO_CLOSE int at = dir < 0 ? -1 : points_place(p, path, back, e);

	if (err_is_set(e))
		return -1;
	if (at < 0 || renameat(dir, leaf, at, path_base(path)) < 0)
		return errno == ENOENT || errno == ENOTDIR ? err_set(e, ERR_INPUT, "--mount %s: source \"%s\": %s",
								     m->target, m->source, strerror(errno))
							   : fail(path, "moving the mount's content there", e);
	return 0;
}

/* The whole tree, or a part of it. */
static int fill_stack(struct points *p, const struct sandbox_mount *m, const char *path, struct err *e)
{
	AUTO_FREE char *part = NULL;
	AUTO_CLOSE int tree = openat(p->store, m->stack.tree, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (tree < 0)
		return fail(path, m->stack.tree, e);
	part = usermount_resolve(tree, m->source ? m->source : "/");
	if (!part)
		return err_set(e, ERR_INPUT, "--mount %s: source \"%s\": %s", m->target, m->source, strerror(errno));
	return part[0] ? move_in(p, m, path, tree, part, NULL, e)
		       : move_in(p, m, path, p->store, m->stack.tree, NULL, e);
}

static int fill_tmpfs(struct points *p, const char *path, struct err *e)
{
	AUTO_CLOSE int fd = new_dir(p, path, TMP_MODE, e);

	return fd < 0 ? -1 : 0;
}

static int fill_mount(struct points *p, const struct sandbox_mount *m, struct err *e)
{
	AUTO_FREE char *path = usermount_target(p->root, m->target, e);

	if (!path)
		return -1;
	switch (m->kind) {
	case SANDBOX_BIND:
		return move_in(p, m, path, p->store, m->source, m->source, e);
	case SANDBOX_HOST:
		err_set(e, ERR_HOST, "isolation \"chroot\" cannot bind %s of the host: nothing can be mounted here",
			m->source);
		return err_hint(e, "run it where another tier works (slct doctor), or without binds");
	case SANDBOX_STACK:
		return fill_stack(p, m, path, e);
	case SANDBOX_TMPFS:
		return fill_tmpfs(p, path, e);
	case SANDBOX_FILE:
		return new_file(p, path, m->data, m->len, m->mode, m->uid, m->gid, e);
	}
	return err_set(e, ERR_INTERNAL, "kind of mount %d", (int)m->kind);
}

/* Parents before what is mounted in them. */
static int by_target(const void *a, const void *b)
{
	return strcmp((*(const struct sandbox_mount *const *)a)->target,
		      (*(const struct sandbox_mount *const *)b)->target);
}

static const struct sandbox_mount **sorted(const struct sandbox_spec *s)
{
	const struct sandbox_mount **v = mem_array(s->nmounts + 1, sizeof *v);

	for (size_t i = 0; i < s->nmounts; i++)
		v[i] = &s->mounts[i];
	qsort(v, s->nmounts, sizeof *v, by_target);
	return v;
}

int chrootfill(struct points *p, const struct sandbox_spec *s, struct err *e)
{
	AUTO_FREE const struct sandbox_mount **mounts = sorted(s);

	if (fill_dev(p, s, e) < 0 || fill_kernels(p, e) < 0 || fill_texts(p, s, e) < 0)
		return -1;
	for (size_t i = 0; i < s->nmounts; i++)
		if (fill_mount(p, mounts[i], e) < 0)
			return -1;
	return 0;
}

/* --- only the points --- */

/* Content is mounted there later: an existing point is good for both kinds but must be of the right one. */
static int ensure_target(struct points *p, const struct sandbox_spec *s, const struct sandbox_mount *m, struct err *e)
{
	AUTO_FREE char *path = usermount_target(p->root, m->target, e);
	AUTO_CLOSE int at = -1;
	struct stat st;
	bool dir = m->kind == SANDBOX_TMPFS;

	if (!path)
		return -1;
	if (strncmp(path, "dev/", 4) == 0)
		return 0;
	at = path_open_nolinks(p->root, path, O_PATH | O_NOFOLLOW, 0);
	if (at >= 0)
		return 0;
	if (m->kind == SANDBOX_BIND)
		dir = fstatat(s->root.dirfd, m->source, &st, 0) < 0 || S_ISDIR(st.st_mode);
	if (m->kind == SANDBOX_HOST)
		dir = stat(m->source, &st) < 0 || S_ISDIR(st.st_mode);
	if (m->kind == SANDBOX_STACK) {
		AUTO_CLOSE int tree = openat(s->root.dirfd, m->stack.tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
		AUTO_CLOSE int part = tree < 0 ? -1 : path_open_in(tree, m->source ? m->source : "/", O_PATH, 0);

		dir = part < 0 || fstat(part, &st) < 0 || S_ISDIR(st.st_mode);
	}
	return points_ensure(p, path, dir, e);
}

int chrootfill_points(struct points *p, const struct sandbox_spec *s, struct err *e)
{
	static const char *const dirs[] = {"dev", "proc", "sys"}, *const files[] = {"hosts", "resolv.conf"};
	AUTO_FREE const struct sandbox_mount **mounts = sorted(s);

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		if (points_ensure(p, dirs[i], true, e) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO_FREE char *path = mem_printf("etc/%s", files[i]);
		AUTO_CLOSE int etc = path_open_nolinks(p->root, "etc", O_PATH | O_NOFOLLOW, 0);
		struct stat st;

		/* A link: the texts are bound over the files that it leads to, if there are any. */
		if (etc >= 0 && fstat(etc, &st) == 0 && !S_ISDIR(st.st_mode))
			continue;
		if (points_ensure(p, path, false, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < s->nmounts; i++)
		if (ensure_target(p, s, mounts[i], e) < 0)
			return -1;
	return 0;
}
