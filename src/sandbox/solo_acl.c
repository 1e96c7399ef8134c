/* Access control lists. */
#include "src/sandbox/solo_acl.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "src/sandbox/solo_calls.h"
#include "src/sandbox/solo_rec.h"
#include "src/util/aclrec.h"
#include "src/util/cleanup.h"
#include "src/util/mem.h"

/* One of our own descriptors by its name, since O_PATH ones take no attribute calls. */
struct named {
	char text[16];
	struct aclrec_on on;
};

static const struct aclrec_on *name_fd(int fd, struct named *n)
{
	snprintf(n->text, sizeof n->text, "%d", fd);
	n->on = (struct aclrec_on){-1, n->text};
	return &n->on;
}

/* --- the calls --- */

static bool may_change(const struct solo_req *r, const struct ownrec *rec)
{
	return solo_id_owns_all(r->who) || r->who->fsuid == rec->uid;
}

/* The kernel has set the permissions by the list; a file with set-id bits has them in its record. */
static int64_t keep_mode(const struct solo_req *r, int fd, struct ownrec *rec)
{
	struct stat st;

	if (!S_ISREG(rec->mode))
		return 0;
	if (fstat(fd, &st) < 0)
		return -errno;
	rec->mode = (rec->mode & ~(mode_t)0777) | (st.st_mode & 0777);
	return solo_rec_set(r->s, fd, &st, rec);
}

static int64_t set_list(const struct solo_req *r, int fd, const char *name)
{
	AUTO_FREE char *list = NULL;
	uint64_t n = solo_req_arg(r, 2);
	struct named at;

	if (n > ACLREC_MAX)
		return -E2BIG;
	list = mem_alloc(ACLREC_MAX);
	if (solo_req_read(r, solo_req_arg(r, 1), list, n) < 0)
		return -EFAULT;
	return aclrec_set(name_fd(fd, &at), name, list, n) < 0 ? -errno : 0;
}

static int64_t change(const struct solo_req *r, const struct solo_where *w, const char *name)
{
	int64_t n = solo_path_open(r, w, 0);
	AUTO_CLOSE int fd = n < 0 ? -1 : (int)n;
	struct ownrec rec;
	struct named at;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		return SOLO_NATIVE;
	solo_rec_get(r->s, fd, &st, &rec);
	if (!may_change(r, &rec))
		return -EPERM;
	if (!solo_req_alive(r))
		return -ESRCH;
	if (r->call->what == SOLO_XATTR_SET)
		n = set_list(r, fd, name);
	else
		n = aclrec_remove(name_fd(fd, &at), name) < 0 ? -errno : 0;
	return n < 0 ? n : keep_mode(r, fd, &rec);
}

static int64_t tell(const struct solo_req *r, const struct solo_name *name, const char *list)
{
	const struct aclrec_on on = {-1, name->text};
	uint64_t room = solo_req_arg(r, 2);
	AUTO_FREE char *value = NULL;
	ssize_t n;

	/* By far the most have none. */
	if ((name->follow ? getxattr : lgetxattr)(name->text, aclrec_beside(list), NULL, 0) <= 0)
		return SOLO_NATIVE;
	value = mem_alloc(ACLREC_MAX);
	n = aclrec_get(&on, list, value);
	if (n < 0)
		return -errno;
	if (room == 0)
		return n;
	if (room < (uint64_t)n)
		return -ERANGE;
	return solo_req_write(r, solo_req_arg(r, 1), value, (size_t)n) < 0 ? -EFAULT : n;
}

int64_t solo_acl_named(struct solo_req *r, const char *name)
{
	AUTO_SOLO_NAME struct solo_name at = {.fd = -1};
	struct solo_where w;

	if (solo_req_where(r, 0, &w) != 0)
		return SOLO_NATIVE;
	if (r->call->what != SOLO_XATTR_GET) {
		r->who = solo_req_identity(r->s, r->tid, &r->who_n);
		return change(r, &w, name);
	}
	return solo_path_find(r, &w, &at) == 0 ? tell(r, &at, name) : SOLO_NATIVE;
}

/* --- inheritance --- */

bool solo_acl_inherits(int parent)
{
	struct named at;

	return aclrec_inherits(name_fd(parent, &at));
}

int solo_acl_inherit(int parent, int made, mode_t mode)
{
	struct named from, to;

	return aclrec_inherit(name_fd(parent, &from), name_fd(made, &to), mode) < 0 ? -errno : 0;
}

/* --- permission (acl(5), "ACCESS CHECK ALGORITHM") --- */

struct asking {
	const struct solo_id *who;
	bool real;
	const struct ownrec *rec;
	unsigned want;
};

static bool in_group(const struct asking *a, uint32_t gid)
{
	struct solo_id id = *a->who;

	if (a->real)
		id.fsgid = id.rgid;
	return solo_id_in_group(&id, gid);
}

static bool is_users(const struct asking *a, const struct aclrec_entry *en)
{
	uint32_t uid = a->real ? a->who->ruid : a->who->fsuid;

	return (en->tag == ACLREC_OWNER && uid == a->rec->uid) || (en->tag == ACLREC_USER && uid == en->id);
}

static bool is_groups(const struct asking *a, const struct aclrec_entry *en)
{
	return (en->tag == ACLREC_GROUP_OWNER && in_group(a, a->rec->gid)) ||
	       (en->tag == ACLREC_GROUP && in_group(a, en->id));
}

static unsigned mask_of(const char *acl, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct aclrec_entry en = aclrec_at(acl, i);

		if (en.tag == ACLREC_MASK)
			return en.perm;
	}
	return R_OK | W_OK | X_OK;
}

static bool gives(const struct asking *a, unsigned perm)
{
	return (perm & a->want) == a->want;
}

static bool ask(const struct asking *a, const char *acl, size_t n)
{
	unsigned mask = mask_of(acl, n);
	bool found = false;

	for (size_t i = 0; i < n; i++) {
		struct aclrec_entry en = aclrec_at(acl, i);

		if (is_users(a, &en))
			return gives(a, en.tag == ACLREC_OWNER ? en.perm : en.perm & mask);
		if (is_groups(a, &en)) {
			found = true;
			if (gives(a, en.perm))
				return gives(a, mask);
		}
		if (en.tag == ACLREC_OTHERS)
			return !found && gives(a, en.perm);
	}
	return false;
}

bool solo_acl_may(const struct solo_req *r, bool real, int fd, const struct ownrec *rec, mode_t mode, int want)
{
	const struct asking a = {r->who, real, rec, (unsigned)want};
	AUTO_FREE char *list = NULL;
	struct named at;
	size_t count;
	ssize_t n;

	/* Who may read what nobody may has the capability. */
	if (solo_id_may(r->who, real, 0, 0, 0, R_OK) || getxattr(name_fd(fd, &at)->path, ACLREC_ACCESS, NULL, 0) <= 0)
		return solo_id_may(r->who, real, rec->uid, rec->gid, mode, want);
	list = mem_alloc(ACLREC_MAX);
	n = aclrec_get(&at.on, ACLREC_ACCESS, list);
	count = n < 0 ? SIZE_MAX : aclrec_count(list, (size_t)n);
	return count == SIZE_MAX ? solo_id_may(r->who, real, rec->uid, rec->gid, mode, want) : ask(&a, list, count);
}
