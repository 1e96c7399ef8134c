/* Owner, mode, attributes of extracted members. Part of apply. */
#ifndef SLCT_APPLY_META_H
#define SLCT_APPLY_META_H

#include "oci/entry.h"
#include "src/util/ownview.h"

/* What could not be kept is warned about, the first few times by name. */
struct apply_loss {
	unsigned n;
};
void apply_meta_lose(struct apply_loss *l, const char *path, const char *what);
/* The last warning, if there were more losses than warnings. */
void apply_meta_summary(const struct apply_loss *l);

/* One attribute of an open file, or with `at` of a link or device by path; ACLs as the view (may be NULL) keeps them.
 * 0, or -1 with errno. */
int apply_meta_xattr(int fd, const char *at, const struct ownview *view, const struct entry_xattr *x);
/* Whether a default ACL must wait until the directory has all its entries, which would inherit it. */
bool apply_meta_is_late(const char *xattr);
/* An open regular file or directory: owner, then mode (chown clears setuid bits), then attributes (chown and writing
 * clear capabilities). Where the owner cannot be in this namespace, or the member is no file of this type (a device
 * as placeholder), it is recorded (ownview.h). Late attributes are left out. Both give enum ownview_kept, or -1. */
int apply_meta_fd(int fd, const struct ownview *view, const struct entry *en, struct apply_loss *l, struct err *e);
/* A link, fifo or device, by name; also its times. */
int apply_meta_at(int dirfd, const char *name, const struct ownview *view, const struct entry *en, struct apply_loss *l,
		  struct err *e);

#endif
