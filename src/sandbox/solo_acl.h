/* POSIX access control lists (tier solo): the kernel takes none that names an id which the namespace lacks, so lists
 * are kept in two parts (src/util/aclrec.h) and put together for the step. */
#ifndef SLCT_SOLO_ACL_H
#define SLCT_SOLO_ACL_H

#include "src/sandbox/solo_req.h"
#include "src/util/ownrec.h"

/* getxattr, setxattr or removexattr (the call's `what`) of an attribute that is a list. */
int64_t solo_acl_named(struct solo_req *r, const char *name);
/* What was made in parent (both are descriptors of ours) inherits the recorded part of its default list: 0 or a
 * negative errno. */
bool solo_acl_inherits(int parent);
int solo_acl_inherit(int parent, int made, mode_t mode);
/* solo_id_may() of an object by its descriptor and record, by its list if it has one. */
bool solo_acl_may(const struct solo_req *r, bool real, int fd, const struct ownrec *rec, mode_t mode, int want);

#endif
