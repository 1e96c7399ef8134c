/* Access control lists (acl(5)) that name ids which the user namespace has no place for: the kernel refuses them. Where
 * all is recorded (tier solo) the file gets such a list without its named entries: owner, group, mask and others are
 * what chmod(2), stat(2) and the inheritance of a default list work on. The named ones stand beside it, in an attribute
 * of our own, in the kernel's form: eight bytes each, in the list's order, without its header.
 *
 * Lists are in the kernel's form (linux/posix_acl_xattr.h): version 2, then tag, permissions and id of each entry,
 * little-endian; owner, users, group, groups, mask, others, in this order. What is said beside a list counts only as
 * long as the list has a mask. */
#ifndef SLCT_ACLREC_H
#define SLCT_ACLREC_H

#include <sys/stat.h>
#include <sys/types.h>

#include "src/util/base.h"

#define ACLREC_ACCESS	      "system.posix_acl_access"
#define ACLREC_DEFAULT	      "system.posix_acl_default"
#define ACLREC_ACCESS_BESIDE  "user.slct.a"
#define ACLREC_DEFAULT_BESIDE "user.slct.d"
/* Bytes of a list: the kernel's limit for any attribute. */
#define ACLREC_MAX 65536

enum aclrec_tag {
	ACLREC_OWNER = 1,
	ACLREC_USER = 2,
	ACLREC_GROUP_OWNER = 4,
	ACLREC_GROUP = 8,
	ACLREC_MASK = 16,
	ACLREC_OTHERS = 32,
};

struct aclrec_entry {
	uint16_t tag, perm;
	uint32_t id; /* of ACLREC_USER and ACLREC_GROUP */
};

/* The attribute that stands beside one of the two lists; NULL for any other name. */
const char *aclrec_beside(const char *name);
/* Entries of a list, or SIZE_MAX: no list that the kernel would take if it knew the ids. Then the i-th, i < that. */
size_t aclrec_count(const void *acl, size_t n);
struct aclrec_entry aclrec_at(const void *acl, size_t i);
/* Whether a well-formed list names another id than 0. */
bool aclrec_is_foreign(const void *acl, size_t n);

/* An object: an open descriptor, or with path a name whose links are followed. */
struct aclrec_on {
	int fd;
	const char *path;
};

/* As getxattr(2) of one of the two lists with at least ACLREC_MAX bytes of room: with what stands beside it. */
ssize_t aclrec_get(const struct aclrec_on *on, const char *name, void *out);
/* As setxattr(2) and removexattr(2) of them. Only regular files and directories can have entries beside a list: EPERM.
 */
int aclrec_set(const struct aclrec_on *on, const char *name, const void *acl, size_t n);
int aclrec_remove(const struct aclrec_on *on, const char *name);
/* What was just made in a directory has inherited its default list natively: and now what stands beside that, too.
 * mode: of what was made; nothing if it is no regular file or directory. 0, or -1 with errno. */
int aclrec_inherit(const struct aclrec_on *dir, const struct aclrec_on *made, mode_t mode);
/* Whether a directory has a default list with entries beside it. */
bool aclrec_inherits(const struct aclrec_on *dir);

#endif
