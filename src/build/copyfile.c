#include "src/build/copyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "src/util/aclrec.h"
#include "src/util/hash.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/path.h"

#define BLOCK_BYTES ((size_t)256 << 10)

void copyfile_meta(const struct copyto *c, const struct source_entry *en, struct copyfile_meta *out)
{
	bool late = !c->from_root || en->st.st_mtim.tv_sec > c->origin;

	out->uid = c->uid != COPYTO_KEEP ? c->uid : c->from_root ? en->st.st_uid : 0;
	out->gid = c->gid != COPYTO_KEEP ? c->gid : c->from_root ? en->st.st_gid : 0;
	out->mode = c->mode ? dmode_apply(c->mode, en->st.st_mode) : en->st.st_mode & 07777;
	out->type = en->st.st_mode & S_IFMT;
	out->rdev = en->st.st_rdev;
	out->mtime = late && !c->real_times ? (struct timespec){.tv_sec = c->logical}
					    : (struct timespec){.tv_sec = en->st.st_mtim.tv_sec};
	out->clamped = !c->real_times && out->mtime.tv_sec > c->logical;
}

/* Attributes go by an open descriptor: there is no call that takes a directory and a name without following. */
static int set_xattr(const struct copyto *c, int fd, const struct source_xattr *x)
{
	if (c->view && c->view->solo && aclrec_beside(x->name))
		return aclrec_set(&(struct aclrec_on){fd, NULL}, x->name, x->value, x->n);
	return fsetxattr(fd, x->name, x->value, x->n, 0);
}

static int set_xattrs(const struct copyto *c, int dirfd, const char *name, const struct source_xattrs *x, struct err *e)
{
	if (!x->v.n)
		return 0;
	AUTO_CLOSE int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, ERR_HOST, errno, "opening %s for its attributes", name);
	for (size_t i = 0; i < x->v.n; i++)
		if (set_xattr(c, fd, &x->v.v[i]) < 0)
			return err_sys(e, ERR_HOST, errno, "%s: attribute %s", name, x->v.v[i].name);
	return 0;
}

static int set_owner(const struct copyto *c, int dirfd, const char *name, const struct copyfile_meta *m, struct err *e)
{
	const struct ownrec want = {m->uid, m->gid, m->type | m->mode, major(m->rdev), minor(m->rdev)};
	int kept = ownview_write(c->view, dirfd, name, &want);

	if (kept < 0)
		return err_sys(e, ERR_HOST, errno, "%s: changing owner and mode", name);
	if (kept == OWNVIEW_LOST)
		return err_set(e, ERR_HOST, "%s: owner %u:%u cannot be kept here", name, m->uid, m->gid);
	return 0;
}

int copyfile_inherit(const struct copyto *c, int dirfd, const char *name, mode_t type, struct err *e)
{
	if (!c->view || !c->view->solo)
		return 0;
	AUTO_FREE char *dir = mem_printf("/proc/self/fd/%d", dirfd), *made = mem_printf("%s/%s", dir, name);
	const struct aclrec_on from = {-1, dir}, to = {-1, made};

	return aclrec_inherit(&from, &to, type) < 0 ? err_sys(e, ERR_HOST, errno, "%s: its access control list", name)
						    : 0;
}

int copyfile_set_meta(const struct copyto *c, int dirfd, const char *name, const struct copyfile_meta *m, bool link,
		      struct err *e)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, m->mtime};
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", name);
	if (set_owner(c, dirfd, name, m, e) < 0)
		return -1;
	if (!link && set_xattrs(c, dirfd, name, &m->xattrs, e) < 0)
		return -1;
	if ((st.st_mtim.tv_sec != m->mtime.tv_sec || st.st_mtim.tv_nsec) &&
	    utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, ERR_HOST, errno, "%s: setting the time", name);
	return 0;
}

/* A sparse file is left to the copying that knows nothing of holes: layers do not keep them. */
static int share_content(int in, int out, const char *name, struct err *e)
{
	struct stat st;

	if (fstat(in, &st) < 0)
		return err_sys(e, ERR_HOST, errno, "reading %s", name);
	if (!st.st_size || ioctl(out, FICLONE, in) == 0)
		return 0;
	return io_copy(in, out, (uint64_t)st.st_size, NULL, name, e);
}

static int hash_content(int in, int out, const char *name, uint8_t sum[STATIDX_SUM_BYTES], struct err *e)
{
	AUTO_HASH struct hash *h = hash_new(HASH_SHA256);
	AUTO_FREE char *block = mem_alloc(BLOCK_BYTES);
	uint8_t full[HASH_MAX_BYTES];

	for (;;) {
		ssize_t n = io_read_full(in, block, BLOCK_BYTES, name, e);

		if (n < 0)
			return -1;
		if (n == 0)
			break;
		hash_add(h, block, (size_t)n);
		if (io_write_all(out, block, (size_t)n, name, e) < 0)
			return -1;
	}
	hash_end(h, full);
	memcpy(sum, full, STATIDX_SUM_BYTES);
	return 0;
}

int copyfile_content(int in, int dirfd, const char *name, uint8_t sum[STATIDX_SUM_BYTES], struct err *e)
{
	AUTO_CLOSE int out = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (out < 0)
		return err_sys(e, ERR_HOST, errno, "creating %s", name);
	return sum ? hash_content(in, out, name, sum, e) : share_content(in, out, name, e);
}

static ssize_t get_xattr(const struct copyto *c, int fd, const char *name, char value[ACLREC_MAX])
{
	if (c->view && c->view->solo && aclrec_beside(name))
		return aclrec_get(&(struct aclrec_on){fd, NULL}, name, value);
	return fgetxattr(fd, name, value, ACLREC_MAX);
}

static bool same_xattrs(const struct copyto *c, int fd, const struct source_xattrs *x)
{
	char have[65536];
	ssize_t n = flistxattr(fd, have, sizeof have);
	size_t count = 0;

	for (const char *p = have; n > 0 && p < have + n; p += strlen(p) + 1)
		count += strncmp(p, "user.overlay.", 13) != 0 && strncmp(p, OWNREC_PREFIX, strlen(OWNREC_PREFIX)) != 0;
	if (n < 0 || count != x->v.n)
		return false;
	for (size_t i = 0; i < x->v.n; i++) {
		char value[ACLREC_MAX];
		ssize_t len = get_xattr(c, fd, x->v.v[i].name, value);

		if (len < 0 || (size_t)len != x->v.v[i].n || memcmp(value, x->v.v[i].value, (size_t)len) != 0)
			return false;
	}
	return true;
}

static bool same_content(const struct copyto *c, const struct source_entry *en, int dirfd, const char *name,
			 const struct copyfile_meta *m, uint8_t sum[STATIDX_SUM_BYTES])
{
	struct err e = ERR_INIT;
	uint8_t there[STATIDX_SUM_BYTES];
	AUTO_CLOSE int have = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	AUTO_CLOSE int want = source_open(c->src, en, &e);
	bool same = have >= 0 && want >= 0 && same_xattrs(c, have, &m->xattrs) &&
		    treesum_file(have, name, there, &e) == 0 && treesum_file(want, name, sum, &e) == 0 &&
		    memcmp(there, sum, STATIDX_SUM_BYTES) == 0;

	err_release(&e);
	return same;
}

bool copyfile_is_same(const struct copyto *c, const struct source_entry *en, int dirfd, const char *name,
		      const struct copyfile_meta *m, uint8_t sum[STATIDX_SUM_BYTES])
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || ownview_read(c->view, dirfd, name, &st) < 0 ||
	    (st.st_mode & S_IFMT) != (en->st.st_mode & S_IFMT) || st.st_uid != m->uid || st.st_gid != m->gid ||
	    st.st_mtim.tv_sec != m->mtime.tv_sec)
		return false;
	if (S_ISLNK(st.st_mode)) {
		AUTO_FREE char *target = path_readlink_at(dirfd, name);

		return target && strcmp(target, en->target) == 0;
	}
	if ((st.st_mode & 07777) != m->mode)
		return false;
	/* How many names they have says nothing: layers share files (oci/shares.h). */
	if (S_ISREG(st.st_mode))
		return st.st_size == en->st.st_size && same_content(c, en, dirfd, name, m, sum);
	return S_ISFIFO(st.st_mode) || st.st_rdev == en->st.st_rdev;
}
