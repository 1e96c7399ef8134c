/* What a tree looked like. */
#include "oci/treeindex.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <time.h>

#include "oci/limits.h"
#include "oci/treewalk.h"
#include "src/util/buf.h"
#include "src/util/clock.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/path.h"

/* Ten million entries of some hundred bytes. */
#define TREEINDEX_FILE_MAX ((size_t)4 << 30)
#define TREEINDEX_POLL_NS  500000
/* FNV-1a, 64 bits: only to notice a change, not against an attacker, who could as well not make it. */
#define TREEINDEX_SUM_START UINT64_C(0xcbf29ce484222325)
#define TREEINDEX_SUM_PRIME UINT64_C(0x100000001b3)

void treeindex_release(struct treeindex *t)
{
	smap_release(&t->entries);
}

/* --- one entry --- */

static uint64_t treeindex_sum(uint64_t sum, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum = (sum ^ (unsigned char)p[i]) * TREEINDEX_SUM_PRIME;
	return sum;
}

/* A removed name of a file changes its inode's time just as a new attribute does: they are told apart by this. */
static uint64_t treeindex_xattrs(int dirfd, const char *name)
{
	AUTO_FREE char *path = mem_printf("/proc/self/fd/%d/%s", dirfd, name), *val = mem_alloc(LAYER_XATTR_MAX);
	char names[4096];
	ssize_t n = llistxattr(path, names, sizeof names);
	uint64_t sum = TREEINDEX_SUM_START;

	for (const char *p = names; n > 0 && p < names + n; p += strlen(p) + 1) {
		ssize_t len = lgetxattr(path, p, val, LAYER_XATTR_MAX);

		sum = treeindex_sum(sum, p, strlen(p) + 1);
		sum = treeindex_sum(sum, val, len < 0 ? 0 : (size_t)len);
	}
	return sum;
}

/* Inode numbers of removed directories come again at once; times of birth do not. */
static struct timespec treeindex_birth(int dirfd, const char *name)
{
	struct statx x;

	if (statx(dirfd, name, AT_SYMLINK_NOFOLLOW, STATX_BTIME, &x) < 0 || !(x.stx_mask & STATX_BTIME))
		return (struct timespec){0};
	return (struct timespec){.tv_sec = x.stx_btime.tv_sec, .tv_nsec = x.stx_btime.tv_nsec};
}

void treeindex_entry_of(int dirfd, const char *name, const struct stat *st, const struct treeindex_entry *then,
			struct treeindex_entry *out)
{
	*out = (struct treeindex_entry){.ino = st->st_ino,
					.size = S_ISDIR(st->st_mode) ? 0 : (uint64_t)st->st_size,
					.nlink = S_ISDIR(st->st_mode) ? 0 : st->st_nlink,
					.mode = st->st_mode,
					.uid = st->st_uid,
					.gid = st->st_gid,
					.mtime = st->st_mtim,
					.ctime = st->st_ctim};
	if (S_ISDIR(st->st_mode))
		out->btime = treeindex_birth(dirfd, name);
	else if (st->st_nlink > 1 || (then && then->nlink > 1))
		out->xattrs = treeindex_xattrs(dirfd, name);
}

static bool treeindex_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool treeindex_same_inode(const struct treeindex_entry *a, const struct treeindex_entry *b)
{
	return a->ino == b->ino && (a->mode & S_IFMT) == (b->mode & S_IFMT) &&
	       treeindex_same_time(&a->btime, &b->btime);
}

/* Only another name of the file has gone: an overlay would have left this one alone. All that a change time can stand
 * for is compared. */
static bool treeindex_lost_a_name(const struct treeindex_entry *then, const struct treeindex_entry *now)
{
	return now->nlink < then->nlink && then->nlink > 1 && now->xattrs == then->xattrs && now->uid == then->uid &&
	       now->gid == then->gid;
}

bool treeindex_unchanged(const struct treeindex_entry *then, const struct treeindex_entry *now)
{
	if (!treeindex_same_inode(then, now) || then->mode != now->mode || then->size != now->size ||
	    !treeindex_same_time(&then->mtime, &now->mtime))
		return false;
	return treeindex_same_time(&then->ctime, &now->ctime) || treeindex_lost_a_name(then, now);
}

/* --- all of them --- */

static void treeindex_add(struct treeindex *t, const char *path, const struct treeindex_entry *en)
{
	struct treeindex_entry *own = mem_new(struct treeindex_entry);

	*own = *en;
	t->entries.free_val = free;
	smap_set(&t->entries, path, own);
}

int treeindex_make(int rootfd, treeindex_skip_fn *skip, void *arg, struct treeindex *out, struct err *e)
{
	AUTO_TREEWALK struct treewalk *w = treewalk_open(rootfd, e);
	struct treewalk_item it;
	int more = -1;

	*out = (struct treeindex){.entries = SMAP_INIT(free)};
	while (w && (more = treewalk_next(w, &it, e)) > 0) {
		struct treeindex_entry en;

		if (it.leave || !it.path[0])
			continue;
		if (skip && skip(arg, it.path)) {
			treewalk_skip(w);
			continue;
		}
		treeindex_entry_of(it.dirfd, it.name, &it.st, NULL, &en);
		treeindex_add(out, it.path, &en);
	}
	return more;
}

/* The newest change time, and whether all times are whole seconds. */
static struct timespec treeindex_newest(const struct treeindex *t, bool *seconds)
{
	struct timespec newest = {0};

	*seconds = true;
	for (size_t i = 0; i < t->entries.n; i++) {
		const struct timespec *c = &((const struct treeindex_entry *)t->entries.v[i].val)->ctime;

		*seconds &= c->tv_nsec == 0;
		if (c->tv_sec > newest.tv_sec || (c->tv_sec == newest.tv_sec && c->tv_nsec > newest.tv_nsec))
			newest = *c;
	}
	return newest;
}

/* Clocks may also be set back: then times differ, and there is nothing to wait for but a second. */
void treeindex_settle(const struct treeindex *t)
{
	const struct timespec nap = {.tv_nsec = TREEINDEX_POLL_NS};
	int64_t until = clock_mono() + CLOCK_NS_PER_S;
	struct timespec now, newest;
	bool seconds;

	newest = treeindex_newest(t, &seconds);
	while (clock_mono() < until) {
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
		if (now.tv_sec > newest.tv_sec ||
		    (!seconds && now.tv_sec == newest.tv_sec && now.tv_nsec > newest.tv_nsec))
			return;
		nanosleep(&nap, NULL);
	}
}

int treeindex_refresh(struct treeindex *t, int rootfd, const char *path, struct err *e)
{
	AUTO_FREE char *dir = path_dir(path);
	AUTO_CLOSE int fd = path_open_nolinks(rootfd, dir, O_PATH | O_DIRECTORY, 0);
	struct treeindex_entry en;
	struct stat st;

	if (fd < 0 || fstatat(fd, path_base(path), &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
			return err_sys(e, ERR_HOST, errno, "/%s", path);
		treeindex_forget(t, path);
		return 0;
	}
	treeindex_entry_of(fd, path_base(path), &st, NULL, &en);
	treeindex_add(t, path, &en);
	return 0;
}

void treeindex_forget(struct treeindex *t, const char *path)
{
	smap_del(&t->entries, path);
}

/* --- between two processes --- */

int treeindex_save(const struct treeindex *t, int fd, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(TREEINDEX_FILE_MAX);

	for (size_t i = 0; i < t->entries.n; i++) {
		buf_add(&b, t->entries.v[i].val, sizeof(struct treeindex_entry));
		buf_add(&b, t->entries.v[i].key, strlen(t->entries.v[i].key) + 1);
	}
	if (b.over)
		return err_set(e, ERR_HOST, "the index of a step's root is too large");
	return io_write_all(fd, b.p, b.n, "index of a step's root", e);
}

int treeindex_load(struct treeindex *t, int fd, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(TREEINDEX_FILE_MAX);

	*t = (struct treeindex){.entries = SMAP_INIT(free)};
	if (io_read_all(fd, &b, "index of a step's root", e) < 0)
		return -1;
	for (size_t at = 0; at < b.n;) {
		struct treeindex_entry en;
		const char *path = b.p + at + sizeof en;

		if (b.n - at <= sizeof en || !memchr(path, '\0', b.n - at - sizeof en))
			return err_set(e, ERR_INTERNAL, "the index of a step's root is damaged");
		memcpy(&en, b.p + at, sizeof en);
		treeindex_add(t, path, &en);
		at += sizeof en + strlen(path) + 1;
	}
	return 0;
}
