/* Extended attributes: the supervisor's own are not there for the step. A program that copies attributes would give the
 * copy a false owner. */
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "src/sandbox/solo_acl.h"
#include "src/sandbox/solo_calls.h"
#include "src/sandbox/solo_rec.h"
#include "src/util/aclrec.h"
#include "src/util/mem.h"

#define OWN_PREFIX "user.slct."

static bool is_own(const char *name)
{
	return strncmp(name, OWN_PREFIX, strlen(OWN_PREFIX)) == 0;
}

int64_t solo_xattr_named(struct solo_req *r)
{
	char name[XATTR_NAME_MAX + 1];

	if (solo_req_string(r, solo_req_arg(r, 0), name, sizeof name) < 0)
		return SOLO_NATIVE;
	if (aclrec_beside(name))
		return solo_acl_named(r, name);
	if (!is_own(name))
		return SOLO_NATIVE;
	return r->call->what == SOLO_XATTR_SET ? -EPERM : -ENODATA;
}

/* Names one after the other, each with its NUL; the new length. */
static size_t without_own(char *list, size_t n)
{
	size_t to = 0;

	for (size_t at = 0, len; at < n; at += len) {
		len = strnlen(list + at, n - at) + 1;
		if (len > n - at)
			break;
		if (is_own(list + at))
			continue;
		memmove(list + to, list + at, len);
		to += len;
	}
	return to;
}

static int64_t list_of(const struct solo_req *r, const struct solo_name *name, char *list)
{
	ssize_t have = (name->follow ? listxattr : llistxattr)(name->text, list, XATTR_LIST_MAX);
	uint64_t room = solo_req_arg(r, 1);
	size_t n;

	if (have <= 0)
		return SOLO_NATIVE;
	n = without_own(list, (size_t)have);
	if (n == (size_t)have)
		return SOLO_NATIVE;
	if (room == 0)
		return (int64_t)n;
	if (room < n)
		return -ERANGE;
	return solo_req_write(r, solo_req_arg(r, 0), list, n) < 0 ? -EFAULT : (int64_t)n;
}

int64_t solo_xattr_list(struct solo_req *r)
{
	AUTO_SOLO_NAME struct solo_name name = {.fd = -1};
	AUTO_FREE char *list = NULL;
	struct solo_where w;

	/* Not only owners stand in attributes. */
	if (solo_req_where(r, 0, &w) != 0 || solo_path_find(r, &w, &name) != 0)
		return SOLO_NATIVE;
	list = mem_alloc(XATTR_LIST_MAX);
	return list_of(r, &name, list);
}
