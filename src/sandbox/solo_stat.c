/* stat, statx and access. */
#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "src/sandbox/solo_acl.h"
#include "src/sandbox/solo_calls.h"
#include "src/sandbox/solo_names.h"
#include "src/sandbox/solo_rec.h"
#include "src/util/cleanup.h"

#define STAT_FLAGS (AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT)

static bool is_placeholder(const struct ownrec *rec)
{
	return S_ISCHR(rec->mode) || S_ISBLK(rec->mode);
}

/* A descriptor of what the call names if it may have a record, else SOLO_NATIVE: the kernel's answer is right then. */
static int64_t open_recorded(const struct solo_req *r, int flags)
{
	AUTO_SOLO_NAME struct solo_name name = {.fd = -1};
	struct solo_where w;

	if (solo_names_none(r->s) || solo_req_where(r, flags, &w) != 0 || solo_names_without(r->s, &w) ||
	    solo_path_find(r, &w, &name) != 0 || !solo_rec_maybe(r->s, &name))
		return SOLO_NATIVE;
	return solo_path_open(r, &w, 0);
}

static void show_stat(struct stat *st, const struct ownrec *rec)
{
	st->st_uid = rec->uid;
	st->st_gid = rec->gid;
	st->st_mode = solo_rec_mode(rec, st->st_mode);
	if (!is_placeholder(rec))
		return;
	st->st_rdev = makedev(rec->major, rec->minor);
	st->st_size = 0;
	st->st_blocks = 0;
}

static void show_statx(struct statx *x, const struct ownrec *rec)
{
	x->stx_uid = rec->uid;
	x->stx_gid = rec->gid;
	x->stx_mode = (uint16_t)solo_rec_mode(rec, x->stx_mode);
	if (!is_placeholder(rec))
		return;
	x->stx_rdev_major = rec->major;
	x->stx_rdev_minor = rec->minor;
	x->stx_size = 0;
	x->stx_blocks = 0;
}

/* The C library's struct stat is the kernel's on the processors that we have. */
int64_t solo_stat_stat(struct solo_req *r)
{
	AUTO_CLOSE int fd = -1;
	int64_t n = open_recorded(r, STAT_FLAGS);
	struct ownrec rec;
	struct stat st;

	if (n < 0)
		return n;
	fd = (int)n;
	if (fstat(fd, &st) < 0 || !solo_rec_get(r->s, fd, &st, &rec))
		return SOLO_NATIVE;
	show_stat(&st, &rec);
	return solo_req_alive(r) ? solo_req_write(r, solo_req_arg(r, 0), &st, sizeof st) : -ESRCH;
}

int64_t solo_stat_statx(struct solo_req *r)
{
	AUTO_CLOSE int fd = -1;
	int64_t n = open_recorded(r, STAT_FLAGS | AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC);
	struct ownrec rec;
	struct statx x;
	struct stat st;

	if (n < 0)
		return n;
	fd = (int)n;
	if (fstat(fd, &st) < 0 || !solo_rec_get(r->s, fd, &st, &rec))
		return SOLO_NATIVE;
	if (statx(fd, "", AT_EMPTY_PATH | ((int)r->args[2] & (AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC)),
		  (unsigned)r->args[3], &x) < 0)
		return SOLO_NATIVE;
	show_statx(&x, &rec);
	return solo_req_alive(r) ? solo_req_write(r, solo_req_arg(r, 0), &x, sizeof x) : -ESRCH;
}

/* A positive answer is the kernel's to give: it also knows of read-only mounts. */
int64_t solo_stat_access(struct solo_req *r)
{
	int flags = r->call->shape.flags < 0 ? 0 : (int)r->args[r->call->shape.flags];
	int want = (int)solo_req_arg(r, 0);
	AUTO_CLOSE int fd = -1;
	struct solo_where w;
	struct ownrec rec;
	struct stat st;
	int64_t n;

	if (solo_id_is_root(r->who) || want == F_OK || (want & ~(R_OK | W_OK | X_OK)))
		return SOLO_NATIVE;
	n = solo_req_where(r, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_EACCESS, &w);
	if (n == 0)
		n = solo_path_open(r, &w, 0);
	if (n < 0)
		return n;
	fd = (int)n;
	/* Of other file systems (/proc, /sys, devices) nothing is known but what the kernel says. */
	if (fstat(fd, &st) < 0 || (!solo_rec_get(r->s, fd, &st, &rec) && !solo_rec_in_root(r->s, fd, st.st_dev)))
		return SOLO_NATIVE;
	if (S_ISLNK(st.st_mode))
		return SOLO_NATIVE;
	return solo_acl_may(r, !(flags & AT_EACCESS), fd, &rec, solo_rec_mode(&rec, st.st_mode), want) ? SOLO_NATIVE
												       : -EACCES;
}
