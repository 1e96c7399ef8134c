/* Owner, mode, attributes of extracted members. */
#include "oci/apply_meta.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>

#include "src/util/aclrec.h"
#include "src/util/cleanup.h"
#include "src/util/log.h"
#include "src/util/mem.h"

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

int apply_meta_xattr(int fd, const char *at, const struct ownview *view, const struct entry_xattr *x)
{
	if (at)
		return lsetxattr(at, x->name, x->val, x->n, 0);
	if (view && view->solo && aclrec_beside(x->name))
		return aclrec_set(&(struct aclrec_on){fd, NULL}, x->name, x->val, x->n);
	return fsetxattr(fd, x->name, x->val, x->n, 0);
}

static int apply_xattrs(int fd, const char *at, const struct ownview *view, const struct entry *en,
			struct apply_loss *l, struct err *e)
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
		r = apply_meta_xattr(fd, at, view, x);
		if (apply_xattr_result(en, x->name, r, l, e) < 0)
			return -1;
	}
	return 0;
}

/* --- owner and mode --- */

static int apply_owner(int dirfd, const char *name, const struct ownview *view, const struct entry *en,
		       struct apply_loss *l, struct err *e)
{
	const struct ownrec want = {en->uid, en->gid, en->mode, en->major, en->minor};
	int kept = ownview_write(view, dirfd, name, &want);

	if (kept < 0)
		return apply_fail(en, errno, "setting its owner and mode", e);
	if (kept == OWNVIEW_LOST)
		apply_meta_lose(l, en->path, "its owner (the id is outside the namespace)");
	return kept;
}

int apply_meta_fd(int fd, const struct ownview *view, const struct entry *en, struct apply_loss *l, struct err *e)
{
	int kept = apply_owner(fd, "", view, en, l, e);

	return kept < 0 || apply_xattrs(fd, NULL, view, en, l, e) < 0 ? -1 : kept;
}

int apply_meta_at(int dirfd, const char *name, const struct ownview *view, const struct entry *en, struct apply_loss *l,
		  struct err *e)
{
	const struct timespec ts[2] = {{.tv_sec = en->mtime}, {.tv_sec = en->mtime}};
	int kept = apply_owner(dirfd, name, view, en, l, e);

	if (kept < 0)
		return -1;
	if (en->nxattrs) {
		AUTO_FREE char *at = mem_printf("/proc/self/fd/%d/%s", dirfd, name);

		if (apply_xattrs(-1, at, view, en, l, e) < 0)
			return -1;
	}
	if (utimensat(dirfd, name, ts, AT_SYMLINK_NOFOLLOW) < 0)
		return apply_fail(en, errno, "setting its time", e);
	return kept;
}
