/* Owners as they are in the image. */
#include "src/util/ownview.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "src/util/cleanup.h"
#include "src/util/mem.h"

/* Permissions of a stand-in: no setuid, no setgid. */
#define DISK_BITS 01777

static const struct ownview any_view = {0};

static bool carries_xattr(mode_t mode)
{
	return S_ISREG(mode) || S_ISDIR(mode);
}

/* There are no calls for attributes of a name in a directory (before Linux 6.13). */
static char *node_path(int dirfd, const char *name)
{
	return name[0] ? mem_printf("/proc/self/fd/%d/%s", dirfd, name) : mem_printf("/proc/self/fd/%d", dirfd);
}

static int key_of(int dirfd, const char *name, struct owntab_key *k)
{
	struct statx stx;

	if (statx(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &stx) < 0)
		return -1;
	*k = owntab_key_of(&stx);
	return 0;
}

/* --- reading --- */

/* By the descriptor where it is an ordinary one: the way by /proc costs a path look-up. */
static ssize_t get_text(int dirfd, const char *name, char text[OWNREC_TEXT_MAX])
{
	ssize_t n = name[0] ? -1 : fgetxattr(dirfd, OWNREC_XATTR, text, OWNREC_TEXT_MAX);

	if (!name[0] && (n >= 0 || errno != EBADF))
		return n;
	AUTO_FREE char *path = node_path(dirfd, name);

	return name[0] ? lgetxattr(path, OWNREC_XATTR, text, OWNREC_TEXT_MAX)
		       : getxattr(path, OWNREC_XATTR, text, OWNREC_TEXT_MAX);
}

/* 1, 0 or -1 with errno. Where the file system has no such attributes there are no records. */
static int read_xattr(int dirfd, const char *name, struct ownrec *out)
{
	char text[OWNREC_TEXT_MAX];
	ssize_t n = get_text(dirfd, name, text);

	if (n < 0 && (errno == ENODATA || errno == ENOTSUP))
		return 0;
	if (n < 0 && errno != ERANGE)
		return -1;
	if (n < 0 || ownrec_parse(text, (size_t)n, out) < 0) {
		errno = EBADMSG;
		return -1;
	}
	return 1;
}

int ownview_record(const struct ownview *v, int dirfd, const char *name, mode_t mode, struct ownrec *out)
{
	struct owntab_key k;

	v = v ? v : &any_view;
	if (carries_xattr(mode))
		return read_xattr(dirfd, name, out);
	if (!owntab_len(v->rows))
		return 0;
	if (key_of(dirfd, name, &k) < 0)
		return -1;
	return owntab_get(v->rows, &k, out);
}

mode_t ownview_plain_mode(mode_t mode)
{
	return (mode & DISK_BITS) | (S_ISDIR(mode) ? 0700 : 0600);
}

/* Permissions on disk of a node whose full mode is recorded. */
static mode_t disk_mode(const struct ownview *v, mode_t mode)
{
	return v->plain ? ownview_plain_mode(mode) : mode & DISK_BITS;
}

/* Where steps run without a supervisor, whoever may write to a file may set the attribute, too. But what is recorded
 * belongs to 0:0 on disk, so that a step's user gets no further than to his own files; and a step's chown counts. */
static bool is_stand_in(const struct ownview *v, const struct stat *st)
{
	return v->plain || v->solo || !carries_xattr(st->st_mode) || (st->st_uid == 0 && st->st_gid == 0);
}

/* A step's chmod changes the disk and not the record: then the disk is right. */
static bool is_stale(const struct ownview *v, const struct stat *st, const struct ownrec *r)
{
	return (st->st_mode & S_IFMT) == (r->mode & S_IFMT) && (st->st_mode & 07777) != disk_mode(v, r->mode);
}

static void take_mode(const struct ownview *v, struct stat *st, const struct ownrec *r)
{
	if (!r->mode || is_stale(v, st, r))
		return;
	if (!S_ISREG(r->mode) && !S_ISDIR(r->mode))
		st->st_size = 0;
	st->st_mode = r->mode;
	st->st_rdev = makedev(r->major, r->minor);
}

int ownview_read(const struct ownview *v, int dirfd, const char *name, struct stat *st)
{
	struct ownrec r;
	int n;

	v = v ? v : &any_view;
	n = ownview_record(v, dirfd, name, st->st_mode, &r);
	if (n < 0)
		return -1;
	if (n && !is_stand_in(v, st))
		return 0;
	if (n == 0 && v->plain)
		st->st_uid = st->st_gid = 0;
	if (n == 0)
		return 0;
	st->st_uid = r.uid;
	st->st_gid = r.gid;
	take_mode(v, st, &r);
	return 1;
}

/* --- writing --- */

/* Whether the true owner is not on disk now: 1, 0 or -1 with errno. chown says EINVAL for an id that the namespace has
 * no place for. */
static int write_owner(const struct ownview *v, int dirfd, const char *name, const struct ownrec *want)
{
	const int flags = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;

	if (v->plain)
		return want->uid || want->gid;
	if (fchownat(dirfd, name, want->uid, want->gid, flags) == 0)
		return 0;
	return errno != EINVAL || fchownat(dirfd, name, 0, 0, flags) < 0 ? -1 : 1;
}

/* fchmodat on an O_PATH descriptor needs the way by /proc. */
static int write_mode(int dirfd, const char *name, mode_t mode)
{
	if (name[0])
		return fchmodat(dirfd, name, mode & 07777, 0);
	if (fchmod(dirfd, mode & 07777) == 0)
		return 0;
	if (errno != EBADF)
		return -1;
	AUTO_FREE char *path = node_path(dirfd, name);

	return chmod(path, mode & 07777);
}

static int put_xattr(int dirfd, const char *name, const struct ownrec *r)
{
	AUTO_FREE char *path = node_path(dirfd, name);
	char text[OWNREC_TEXT_MAX];
	int n = ownrec_format(r, text);

	if (n < 0) {
		errno = EINVAL;
		return -1;
	}
	n = name[0] ? lsetxattr(path, OWNREC_XATTR, text, (size_t)n, 0)
		    : setxattr(path, OWNREC_XATTR, text, (size_t)n, 0);
	return n < 0 ? -1 : OWNVIEW_RECORDED;
}

static int drop_xattr(int dirfd, const char *name)
{
	AUTO_FREE char *path = node_path(dirfd, name);
	int n = name[0] ? lremovexattr(path, OWNREC_XATTR) : removexattr(path, OWNREC_XATTR);

	return n < 0 && errno != ENODATA && errno != ENOTSUP ? -1 : OWNVIEW_REAL;
}

static int write_file(const struct ownview *v, int dirfd, const char *name, const struct ownrec *want)
{
	static const struct ownrec stand_in = {0};
	bool placeholder = !carries_xattr(want->mode);
	int foreign = write_owner(v, dirfd, name, placeholder ? &stand_in : want);
	struct ownrec r = *want;
	mode_t disk;

	if (foreign < 0)
		return -1;
	disk = v->plain || placeholder || (foreign && !v->solo) ? disk_mode(v, want->mode) : want->mode & 07777;
	/* chown takes setuid bits away, so the mode comes after it. */
	if (write_mode(dirfd, name, disk) < 0)
		return -1;
	if (!placeholder && disk == (want->mode & 07777)) {
		if (!foreign) /* only directories are changed after they were made */
			return S_ISDIR(want->mode) ? drop_xattr(dirfd, name) : OWNVIEW_REAL;
		r.mode = 0;
	}
	return put_xattr(dirfd, name, &r);
}

static int write_other(const struct ownview *v, int dirfd, const char *name, const struct ownrec *want)
{
	struct ownrec r = {.uid = want->uid, .gid = want->gid};
	int foreign = write_owner(v, dirfd, name, want);
	struct owntab_key k;

	if (foreign < 0 || (!S_ISLNK(want->mode) && write_mode(dirfd, name, want->mode) < 0))
		return -1;
	if (!foreign && !owntab_len(v->rows))
		return OWNVIEW_REAL;
	if (foreign && !v->rows)
		return OWNVIEW_LOST;
	if (key_of(dirfd, name, &k) < 0)
		return -1;
	if (foreign)
		return owntab_set(v->rows, &k, &r) < 0 ? -1 : OWNVIEW_RECORDED;
	owntab_del(v->rows, &k);
	return OWNVIEW_REAL;
}

int ownview_write(const struct ownview *v, int dirfd, const char *name, const struct ownrec *want)
{
	struct stat st;

	v = v ? v : &any_view;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0)
		return -1;
	return (carries_xattr(st.st_mode) ? write_file : write_other)(v, dirfd, name, want);
}
