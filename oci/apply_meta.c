/* Owner, mode, attributes of extracted members. */
#include "oci/apply_meta.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>

#include "src/util/cleanup.h"
#include "src/util/log.h"
#include "src/util/mem.h"
#include "src/util/ownrec.h"

#define LOSS_WARNINGS 5

void apply_meta_lose(struct apply_loss *l, const char *path, const char *what)
{
	if (l->n++ < LOSS_WARNINGS)
		log_msg(LOG_WARN, "%s: %s is not kept here", path, what);
}

void apply_meta_summary(const struct apply_loss *l)
{
	if (l->n > LOSS_WARNINGS)
		log_msg(LOG_WARN, "%u more such losses", l->n - LOSS_WARNINGS);
}

bool apply_meta_is_late(const char *xattr)
{
	return strcmp(xattr, "system.posix_acl_default") == 0;
}

static int apply_fail(const struct entry *en, int sys, const char *doing, struct err *e)
{
	return err_sys(e, ERR_HOST, sys, "%s: %s", en->path, doing);
}

/* --- attributes --- */

/* Private ones would be taken for marks of ours, labels are the host's: both are dropped by rule. */
static bool apply_xattr_is_foreign(const char *name)
{
	return entry_xattr_is_private(name) || strcmp(name, "security.selinux") == 0;
}

static int apply_xattr_result(const struct entry *en, const char *name, int r, struct apply_loss *l, struct err *e)
{
	AUTO_FREE char *what = NULL;

	if (r == 0)
		return 0;
	what = mem_printf("the extended attribute %s", name);
	/* EINVAL: an ACL that names ids outside the namespace, or is damaged. */
	if (errno != ENOTSUP && errno != EPERM && errno != EINVAL)
		return apply_fail(en, errno, what, e);
	apply_meta_lose(l, en->path, what);
	return 0;
}

static int apply_xattrs(int fd, const char *at, const struct entry *en, struct apply_loss *l, struct err *e)
{
	for (size_t i = 0; i < en->nxattrs; i++) {
		const struct entry_xattr *x = &en->xattrs[i];
		int r;

		if (apply_xattr_is_foreign(x->name)) {
			log_msg(LOG_INFO, "%s: the extended attribute %s of the tar is left out", en->path, x->name);
			continue;
		}
		if (apply_meta_is_late(x->name))
			continue;
		r = at ? lsetxattr(at, x->name, x->val, x->n, 0) : fsetxattr(fd, x->name, x->val, x->n, 0);
		if (apply_xattr_result(en, x->name, r, l, e) < 0)
			return -1;
	}
	return 0;
}

/* --- owner and mode --- */

/* chown says EINVAL for an id that the namespace has no place for. */
static int apply_owner(int fd, const struct entry *en, bool *record, struct err *e)
{
	*record = fchown(fd, en->uid, en->gid) != 0;
	if (!*record)
		return 0;
	if (errno != EINVAL)
		return apply_fail(en, errno, "setting its owner", e);
	return fchown(fd, 0, 0) == 0 ? 0 : apply_fail(en, errno, "setting its owner", e);
}

int apply_meta_fd(int fd, const struct entry *en, struct apply_loss *l, struct err *e)
{
	bool placeholder = !S_ISREG(en->mode) && !S_ISDIR(en->mode), record;
	mode_t perm = en->mode & 07777, disk;
	struct ownrec rec = {.uid = en->uid, .gid = en->gid};

	if (apply_owner(fd, en, &record, e) < 0)
		return -1;
	/* A setuid bit must not act for the owner that stands in for the true one. */
	disk = record || placeholder ? perm & 01777 : perm;
	if (fchmod(fd, disk) < 0)
		return apply_fail(en, errno, "setting its mode", e);
	if (placeholder || disk != perm)
		rec = (struct ownrec){en->uid, en->gid, en->mode, en->major, en->minor};
	if ((record || placeholder) && ownrec_set(fd, &rec) < 0)
		return apply_fail(en, errno, "recording its owner", e);
	if (!record && S_ISDIR(en->mode))
		fremovexattr(fd, OWNREC_XATTR); /* of an earlier member for the same directory */
	return apply_xattrs(fd, NULL, en, l, e);
}

int apply_meta_at(int dirfd, const char *name, const struct entry *en, struct apply_loss *l, struct err *e)
{
	const struct timespec ts[2] = {{.tv_sec = en->mtime}, {.tv_sec = en->mtime}};

	if (fchownat(dirfd, name, en->uid, en->gid, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != EINVAL)
			return apply_fail(en, errno, "setting its owner", e);
		apply_meta_lose(l, en->path, "its owner (the id is outside the namespace)");
	}
	if (!S_ISLNK(en->mode) && fchmodat(dirfd, name, en->mode & 07777, 0) < 0)
		return apply_fail(en, errno, "setting its mode", e);
	if (en->nxattrs) {
		AUTO_FREE char *at = mem_printf("/proc/self/fd/%d/%s", dirfd, name);

		if (apply_xattrs(-1, at, en, l, e) < 0)
			return -1;
	}
	if (utimensat(dirfd, name, ts, AT_SYMLINK_NOFOLLOW) < 0)
		return apply_fail(en, errno, "setting its time", e);
	return 0;
}
