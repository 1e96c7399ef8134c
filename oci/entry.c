/* One member of a tree or tar: metadata as a value, and what of it passes between disk and archive. */
#include "oci/entry.h"

#include <errno.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "src/util/aclrec.h"
#include "src/util/cleanup.h"
#include "src/util/mem.h"
#include "src/util/vec.h"

/* The kernel's bounds: XATTR_LIST_MAX and XATTR_SIZE_MAX. */
#define ENTRY_XATTR_BYTES 65536
/* struct vfs_ns_cap_data and vfs_cap_data of linux/capability.h, little endian on disk. */
#define ENTRY_CAP3_BYTES 24
#define ENTRY_CAP2_BYTES 20

void entry_release(struct entry *en)
{
	for (size_t i = 0; i < en->nxattrs; i++) {
		free(en->xattrs[i].name);
		free(en->xattrs[i].val);
	}
	free(en->xattrs);
	free(en->path);
	free(en->link);
	*en = (struct entry){0};
}

void entry_add_xattr(struct entry *en, const char *name, const void *val, size_t n)
{
	for (size_t i = 0; i < en->nxattrs; i++) {
		struct entry_xattr *x = &en->xattrs[i];

		if (strcmp(x->name, name) == 0) {
			free(x->val);
			x->val = mem_dup(val, n);
			x->n = n;
			return;
		}
	}
	en->xattrs = vec_grow(en->xattrs, en->nxattrs, &en->cap, sizeof *en->xattrs);
	en->xattrs[en->nxattrs++] = (struct entry_xattr){mem_strdup(name), mem_dup(val, n), n};
}

static int entry_xattr_cmp(const void *a, const void *b)
{
	return strcmp(((const struct entry_xattr *)a)->name, ((const struct entry_xattr *)b)->name);
}

void entry_sort_xattrs(struct entry *en)
{
	if (en->nxattrs > 1)
		qsort(en->xattrs, en->nxattrs, sizeof *en->xattrs, entry_xattr_cmp);
}

bool entry_xattr_is_private(const char *name)
{
	static const char *const prefix[] = {"user.overlay.", "trusted.overlay.", "user.slct."};

	for (size_t i = 0; i < ARRAY_LEN(prefix); i++)
		if (strncmp(name, prefix[i], strlen(prefix[i])) == 0)
			return true;
	return false;
}

void entry_from_stat(struct entry *en, const struct stat *st)
{
	en->mode = st->st_mode;
	en->uid = st->st_uid;
	en->gid = st->st_gid;
	en->mtime = st->st_mtim.tv_sec;
	en->size = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
	en->major = en->minor = 0;
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
		en->major = major(st->st_rdev);
		en->minor = minor(st->st_rdev);
	}
}

/* Where attributes are read: an open descriptor, or a path that ends in the name itself (for links, devices and the
 * like, which are not opened). */
struct entry_at {
	int fd;
	const char *path;
	bool acls; /* lists have entries beside them (aclrec.h) */
};

static ssize_t entry_list(const struct entry_at *at, char *buf, size_t n)
{
	return at->path ? llistxattr(at->path, buf, n) : flistxattr(at->fd, buf, n);
}

static ssize_t entry_get(const struct entry_at *at, const char *name, char *buf, size_t n)
{
	if (at->acls && !at->path && aclrec_beside(name))
		return aclrec_get(&(struct aclrec_on){at->fd, NULL}, name, buf);
	return at->path ? lgetxattr(at->path, name, buf, n) : fgetxattr(at->fd, name, buf, n);
}

/* Revision 3 names the user namespace's root on the host; inside it means the same as revision 2. */
static size_t entry_cap_to_v2(unsigned char *v, size_t n)
{
	if (n != ENTRY_CAP3_BYTES || v[3] != 3)
		return n;
	v[3] = 2;
	return ENTRY_CAP2_BYTES;
}

static int entry_add_read(struct entry *en, const struct entry_at *at, const char *name, char *val, const char *what,
			  struct err *e)
{
	ssize_t n = entry_get(at, name, val, ENTRY_XATTR_BYTES);

	if (n < 0 && errno == ENODATA)
		return 0; /* listed, but for others: POSIX ACLs of links, attributes of another namespace */
	if (n < 0)
		return err_sys(e, ERR_HOST, errno, "%s: reading the extended attribute %s", what, name);
	if (strcmp(name, "security.capability") == 0)
		n = (ssize_t)entry_cap_to_v2((unsigned char *)val, (size_t)n);
	entry_add_xattr(en, name, val, (size_t)n);
	return 0;
}

/* Names that say nothing about the file itself but about the host that it lies on. */
static bool entry_xattr_is_host(const char *name)
{
	return strcmp(name, "security.selinux") == 0 || strcmp(name, "system.nfs4_acl") == 0;
}

int entry_read_xattrs(struct entry *en, const struct ownview *view, int dirfd, const char *name, const char *what,
		      struct err *e)
{
	AUTO_FREE char *path = name ? mem_printf("/proc/self/fd/%d/%s", dirfd, name) : NULL;
	struct entry_at at = {dirfd, path, view && view->solo};
	char some[1024];
	AUTO_FREE char *more = NULL;
	char *list = some;
	ssize_t n = entry_list(&at, some, sizeof some);

	if (n == 0 || (n < 0 && (errno == ENOTSUP || errno == ENOSYS)))
		return 0;
	if (n < 0 && errno == ERANGE) {
		list = more = mem_alloc(ENTRY_XATTR_BYTES);
		n = entry_list(&at, more, ENTRY_XATTR_BYTES);
	}
	if (n < 0)
		return err_sys(e, ERR_HOST, errno, "%s: listing extended attributes", what);

	AUTO_FREE char *val = mem_alloc(ENTRY_XATTR_BYTES);

	for (char *p = list; p < list + n; p += strlen(p) + 1)
		if (!entry_xattr_is_private(p) && !entry_xattr_is_host(p) &&
		    entry_add_read(en, &at, p, val, what, e) < 0)
			return -1;
	entry_sort_xattrs(en);
	return 0;
}
