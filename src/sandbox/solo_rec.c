/* Records of owners. */
#include "src/sandbox/solo_rec.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "src/sandbox/solo_acl.h"
#include "src/sandbox/solo_names.h"
#include "src/util/cleanup.h"
#include "src/util/path.h"

static bool has_attribute(mode_t mode)
{
	return S_ISREG(mode) || S_ISDIR(mode);
}

bool solo_rec_rows(const struct solo *s)
{
	return owntab_len(s->owners) + owntab_len(s->made) + owntab_len(s->seen) + s->nothers > 0;
}

bool solo_rec_maybe(const struct solo *s, const struct solo_name *name)
{
	struct stat st;

	/* The value's length, so that the record need not be copied. */
	if ((name->follow ? getxattr : lgetxattr)(name->text, OWNREC_XATTR, NULL, 0) >= 0)
		return true;
	if (!solo_rec_rows(s))
		return false;
	return fstatat(AT_FDCWD, name->text, &st, name->follow ? 0 : AT_SYMLINK_NOFOLLOW) == 0 &&
	       (!has_attribute(st.st_mode) || st.st_dev != s->root_dev);
}

/* Where the upper directory is on a tmpfs the topmost bits of an overlay's inode number tell the file system
 * (memupper.h). */
#define INODE_MASK (UINT64_MAX >> 2)

/* An overlay whose layers are on several file systems shows their devices for all but directories. */
bool solo_rec_in_root(const struct solo *s, int fd, uint64_t dev)
{
	struct statx x;

	return dev == s->root_dev || (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &x) == 0 &&
				      x.stx_mask & STATX_MNT_ID && x.stx_mnt_id == s->root_mnt);
}

static bool key_of(int fd, const char *path, struct owntab_key *k, uint64_t *dev)
{
	struct statx x;

	if (statx(fd, path, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME | STATX_TYPE, &x) < 0)
		return false;
	*k = owntab_key_of(&x);
	k->ino &= INODE_MASK;
	*dev = makedev(x.stx_dev_major, x.stx_dev_minor);
	return true;
}

static struct owntab *other_rows(const struct solo *s, uint64_t dev)
{
	for (size_t i = 0; i < s->nothers; i++)
		if (s->others[i].dev == dev)
			return s->others[i].rows;
	return NULL;
}

static int get_row(const struct solo *s, int fd, struct ownrec *rec)
{
	struct owntab_key k;
	uint64_t dev;

	if (!solo_rec_rows(s) || !key_of(fd, "", &k, &dev))
		return 0;
	if (!solo_rec_in_root(s, fd, dev))
		/* a mount of another stage shows layers, too; a time of birth tells them from a tmpfs */
		return owntab_get(other_rows(s, dev), &k, rec) || (k.btime_s && owntab_get(s->owners, &k, rec));
	return owntab_get(s->seen, &k, rec) || owntab_get(s->made, &k, rec) || owntab_get(s->owners, &k, rec);
}

int solo_rec_get(const struct solo *s, int fd, const struct stat *st, struct ownrec *rec)
{
	char name[16], text[OWNREC_TEXT_MAX];
	ssize_t n = -1;

	*rec = (struct ownrec){0};
	if (has_attribute(st->st_mode)) {
		snprintf(name, sizeof name, "%d", fd);
		n = getxattr(name, OWNREC_XATTR, text, sizeof text);
		if (n >= 0)
			return ownrec_parse(text, (size_t)n, rec) == 0;
		if (solo_rec_in_root(s, fd, st->st_dev))
			return 0;
	}
	return get_row(s, fd, rec);
}

static bool is_plain(const struct ownrec *rec)
{
	return rec->uid == 0 && rec->gid == 0 && rec->mode == 0;
}

static int put_attribute(int fd, const struct ownrec *rec)
{
	char name[16], text[OWNREC_TEXT_MAX];
	int n;

	snprintf(name, sizeof name, "%d", fd);
	if (is_plain(rec))
		return removexattr(name, OWNREC_XATTR) < 0 && errno != ENODATA ? -errno : 0;
	n = ownrec_format(rec, text);
	if (n < 0)
		return -EINVAL;
	return setxattr(name, OWNREC_XATTR, text, (size_t)n, 0) < 0 ? -errno : 0;
}

static int put_row(struct owntab *t, const struct owntab_key *k, const struct ownrec *rec, bool explicit)
{
	if (is_plain(rec) && !explicit) {
		owntab_del(t, k);
		return 0;
	}
	return owntab_set(t, k, rec) < 0 ? -errno : 0;
}

static int put_other(struct solo *s, uint64_t dev, const struct owntab_key *k, const struct ownrec *rec)
{
	struct owntab *t = other_rows(s, dev);

	if (!t && is_plain(rec))
		return 0;
	if (!t) {
		if (s->nothers == SOLO_OTHERS_MAX)
			return -ENOSPC;
		t = owntab_new();
		s->others[s->nothers++] = (struct solo_other){dev, t};
	}
	return put_row(t, k, rec, false);
}

/* The inode that the upper directory has for it, where the layer will have it: overlayfs goes on showing the lower's
 * number for what it has copied up. By its path, which the upper directory has in common with the merged tree. */
static bool upper_key(const struct solo *s, int fd, struct owntab_key *k)
{
	AUTO_CLOSE int at = -1;
	char link[16], path[PATH_MAX];
	uint64_t dev;
	ssize_t n;

	snprintf(link, sizeof link, "%d", fd);
	n = readlink(link, path, sizeof path - 1);
	if (n <= 1 || s->upper < 0)
		return false;
	path[n] = '\0';
	at = path_open_nolinks(s->upper, path, O_PATH | O_NOFOLLOW, 0);
	return at >= 0 && key_of(at, "", k, &dev);
}

static bool same_birth(const struct owntab_key *a, const struct owntab_key *b)
{
	return a->btime_s == b->btime_s && a->btime_ns == b->btime_ns;
}

static int put_rows(struct solo *s, int fd, const struct ownrec *rec)
{
	struct owntab_key shown, upper;
	uint64_t dev;
	int r = 0;

	if (!key_of(fd, "", &shown, &dev))
		return -errno;
	if (!solo_rec_in_root(s, fd, dev))
		return put_other(s, dev, &shown, rec);
	if (!upper_key(s, fd, &upper) || !same_birth(&shown, &upper))
		upper = shown;
	if (shown.ino != upper.ino)
		r = put_row(s->seen, &shown, rec, true);
	/* A row of a layer below must not come through. */
	return r < 0 ? r : put_row(s->made, &upper, rec, owntab_get(s->owners, &upper, NULL));
}

int solo_rec_set(struct solo *s, int fd, const struct stat *st, const struct ownrec *rec)
{
	int r;

	if (!is_plain(rec))
		solo_names_record(s, fd);
	if (!has_attribute(st->st_mode))
		return put_rows(s, fd, rec);
	r = put_attribute(fd, rec);
	return (r == -ENOTSUP || r == -EPERM) && !solo_rec_in_root(s, fd, st->st_dev) ? put_rows(s, fd, rec) : r;
}

void solo_rec_keep(struct solo *s, int fd, const struct ownrec *before)
{
	if (!is_plain(before))
		put_rows(s, fd, before);
}

bool solo_rec_may(const struct solo_req *r, int fd, const struct stat *st, int want)
{
	struct ownrec rec;

	if (solo_id_is_root(r->who))
		return true;
	if (!solo_rec_get(r->s, fd, st, &rec) && !solo_rec_in_root(r->s, fd, st->st_dev))
		return true;
	return solo_acl_may(r, false, fd, &rec, solo_rec_mode(&rec, st->st_mode), want);
}
