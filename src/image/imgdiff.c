#include "src/image/imgdiff.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "oci/entry.h"
#include "oci/linkmap.h"
#include "oci/treewalk.h"
#include "src/build/opsbase.h"
#include "src/image/imgfiles.h"
#include "src/image/imgpkg.h"
#include "src/image/pkglist.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/path.h"

#define IMGDIFF_JSON_VERSION 1
#define COMPARE_BYTES	     ((size_t)256 << 10)

struct side {
	struct imgfiles_root root;
	struct treewalk *walk;
	struct treewalk_item item;
	bool more;
	struct imgpkg packages;
	struct linkmap links;
};

struct comparison {
	struct imgfiles_call call;
	const struct imgdiff_opts *o;
	const struct digest_list *stacks[2];
	struct side sides[2];
	struct json *added, *removed, *changed;
};

/* --- files --- */

static int next(struct side *s, struct err *e)
{
	int rc;

	do
		rc = treewalk_next(s->walk, &s->item, e);
	while (rc > 0 && s->item.leave);
	s->more = rc > 0;
	if (rc > 0 && S_ISDIR(s->item.st.st_mode))
		pkglist_pip(s->item.name, &s->packages.packages[IMGPKG_PIP]);
	return rc < 0 ? -1 : 0;
}

static int stat_item(const struct side *s, struct stat *st, struct err *e)
{
	*st = s->item.st;
	return imgfiles_stat(&s->root, s->item.dirfd >= 0 ? s->item.dirfd : s->root.fd,
			     s->item.dirfd >= 0 ? s->item.name : "", st, e);
}

/* Where the file stood first in the walk; NULL: here. */
static const char *first_name(struct side *s)
{
	const struct stat *st = &s->item.st;

	return S_ISDIR(st->st_mode) || st->st_nlink < 2 ? NULL : linkmap_first(&s->links, st, s->item.path);
}

static int file_json(struct side *s, struct json *list, struct err *e)
{
	struct json *j;
	struct stat st;

	if (stat_item(s, &st, e) < 0)
		return -1;
	first_name(s);
	j = json_object();
	json_set_str(j, "path", s->item.path);
	json_set_str(j, "type", imgfiles_type(st.st_mode));
	json_set_int(j, "mode", st.st_mode & 07777);
	json_set_int(j, "uid", st.st_uid);
	json_set_int(j, "gid", st.st_gid);
	json_set_int(j, "size", S_ISREG(st.st_mode) ? st.st_size : 0);
	json_append(list, j);
	return 0;
}

static int open_item(const struct side *s)
{
	return openat(s->item.dirfd, s->item.name, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
}

/* 1: the same bytes, 0: not, -1. Both have the same size. */
static int same_content(const struct comparison *c, struct err *e)
{
	AUTO_CLOSE int a = open_item(&c->sides[0]), b = open_item(&c->sides[1]);
	AUTO_FREE char *x = mem_alloc(COMPARE_BYTES), *y = mem_alloc(COMPARE_BYTES);

	if (a < 0 || b < 0)
		return err_sys(e, ERR_HOST, errno, "%s", c->sides[0].item.path);
	for (;;) {
		ssize_t n = io_read_full(a, x, COMPARE_BYTES, c->sides[0].item.path, e);
		ssize_t m = n < 0 ? -1 : io_read_full(b, y, COMPARE_BYTES, c->sides[1].item.path, e);

		if (m < 0)
			return -1;
		if (n != m || memcmp(x, y, (size_t)n) != 0)
			return 0;
		if (n == 0)
			return 1;
	}
}

static void pair(struct json *changes, const char *what, struct json *from, struct json *to)
{
	struct json *list = json_array();

	json_append(list, from);
	json_append(list, to);
	json_set(changes, what, list);
}

static struct json *owner(const struct stat *st)
{
	AUTO_FREE char *text = mem_printf("%u:%u", st->st_uid, st->st_gid);

	return json_new_str(text);
}

static struct json *device(const struct stat *st)
{
	AUTO_FREE char *text = mem_printf("%u:%u", major(st->st_rdev), minor(st->st_rdev));

	return json_new_str(text);
}

static struct json *mode(const struct stat *st)
{
	AUTO_FREE char *text = mem_printf("%04o", st->st_mode & 07777);

	return json_new_str(text);
}

static int compare_data(const struct comparison *c, const struct stat *a, const struct stat *b, struct json *changes,
			struct err *e)
{
	if (S_ISREG(a->st_mode) && a->st_size != b->st_size) {
		pair(changes, "size", json_new_int(a->st_size), json_new_int(b->st_size));
	} else if (S_ISREG(a->st_mode)) {
		int same = same_content(c, e);

		if (same < 0)
			return -1;
		if (!same)
			json_set_bool(changes, "content", true);
	} else if (S_ISLNK(a->st_mode)) {
		AUTO_FREE char *x = path_readlink_at(c->sides[0].item.dirfd, c->sides[0].item.name);
		AUTO_FREE char *y = path_readlink_at(c->sides[1].item.dirfd, c->sides[1].item.name);

		if (x && y && strcmp(x, y) != 0)
			pair(changes, "target", json_new_str(x), json_new_str(y));
	} else if ((S_ISCHR(a->st_mode) || S_ISBLK(a->st_mode)) && a->st_rdev != b->st_rdev) {
		pair(changes, "device", device(a), device(b));
	}
	return 0;
}

/* --- what only a strict comparison looks at --- */

static int add_xattr_names(const struct entry *has, const struct entry *other, bool values, struct json *names)
{
	int n = 0;

	for (size_t i = 0; i < has->nxattrs; i++) {
		const struct entry_xattr *x = &has->xattrs[i], *y = NULL;

		for (size_t k = 0; k < other->nxattrs && !y; k++)
			if (strcmp(other->xattrs[k].name, x->name) == 0)
				y = &other->xattrs[k];
		if (y && (!values || (x->n == y->n && memcmp(x->val, y->val, x->n) == 0)))
			continue;
		json_append(names, json_new_str(x->name));
		n++;
	}
	return n;
}

static int read_xattrs(const struct side *s, struct entry *en, struct err *e)
{
	bool top = s->item.dirfd < 0;

	return entry_read_xattrs(en, &s->root.view.view, top ? s->root.fd : s->item.dirfd, top ? "." : s->item.name,
				 s->item.path, e);
}

static int compare_xattrs(const struct comparison *c, struct json *changes, struct err *e)
{
	AUTO_ENTRY struct entry a = {0}, b = {0};
	AUTO_JSON struct json *names = json_array();

	if (read_xattrs(&c->sides[0], &a, e) < 0 || read_xattrs(&c->sides[1], &b, e) < 0)
		return -1;
	if (add_xattr_names(&a, &b, true, names) + add_xattr_names(&b, &a, false, names))
		json_set(changes, "xattrs", json_ref(names));
	return 0;
}

static void compare_links(const char *a, const char *b, struct json *changes)
{
	if (a != b && (!a || !b || strcmp(a, b) != 0))
		pair(changes, "link", json_new_str(a), json_new_str(b));
}

static int compare_strictly(struct comparison *c, const struct stat *a, const struct stat *b, struct json *changes,
			    struct err *e)
{
	/* A layer has whole seconds. */
	if (a->st_mtim.tv_sec != b->st_mtim.tv_sec)
		pair(changes, "mtime", json_new_int(a->st_mtim.tv_sec), json_new_int(b->st_mtim.tv_sec));
	compare_links(first_name(&c->sides[0]), first_name(&c->sides[1]), changes);
	return compare_xattrs(c, changes, e);
}

static int compare_both(struct comparison *c, struct err *e)
{
	AUTO_JSON struct json *changes = json_object();
	struct stat a, b;

	if (stat_item(&c->sides[0], &a, e) < 0 || stat_item(&c->sides[1], &b, e) < 0)
		return -1;
	if ((a.st_mode & S_IFMT) != (b.st_mode & S_IFMT))
		pair(changes, "type", json_new_str(imgfiles_type(a.st_mode)), json_new_str(imgfiles_type(b.st_mode)));
	else if (compare_data(c, &a, &b, changes, e) < 0)
		return -1;
	if (!S_ISLNK(a.st_mode) && (a.st_mode & 07777) != (b.st_mode & 07777))
		pair(changes, "mode", mode(&a), mode(&b));
	if (a.st_uid != b.st_uid || a.st_gid != b.st_gid)
		pair(changes, "owner", owner(&a), owner(&b));
	if (c->o->strict && compare_strictly(c, &a, &b, changes, e) < 0)
		return -1;
	if (json_len(changes)) {
		struct json *j = json_object();

		json_set_str(j, "path", c->sides[0].item.path[0] ? c->sides[0].item.path : ".");
		json_set_str(j, "type", imgfiles_type(b.st_mode));
		json_set(j, "changes", STEAL_PTR(changes));
		json_append(c->changed, j);
	}
	return 0;
}

/* Order of a walk: part by part. */
static int compare_paths(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	int x = *a == '/' ? 1 : *a ? (unsigned char)*a + 1 : 0, y = *b == '/' ? 1 : *b ? (unsigned char)*b + 1 : 0;

	return x - y;
}

static int walk_both(struct comparison *c, struct err *e)
{
	struct side *a = &c->sides[0], *b = &c->sides[1];

	if (next(a, e) < 0 || next(b, e) < 0)
		return -1;
	while (a->more || b->more) {
		int order = !a->more ? 1 : !b->more ? -1 : compare_paths(a->item.path, b->item.path);

		if ((order < 0	 ? file_json(a, c->removed, e)
		     : order > 0 ? file_json(b, c->added, e)
				 : compare_both(c, e)) < 0)
			return -1;
		if ((order <= 0 && next(a, e) < 0) || (order >= 0 && next(b, e) < 0))
			return -1;
	}
	return 0;
}

/* --- all --- */

static int open_side(struct comparison *c, unsigned i, struct err *e)
{
	struct side *s = &c->sides[i];

	s->root = IMGFILES_ROOT_INIT;
	if (imgfiles_open(&c->call.b, c->stacks[i], i, &s->root, e) < 0)
		return -1;
	imgpkg_read(&s->packages, s->root.fd);
	s->walk = treewalk_open(s->root.fd, e);
	return s->walk ? 0 : -1;
}

/* In the worker, which ends with it: nothing is released. */
static int compare_roots(void *arg, int fd, struct err *e)
{
	struct comparison *c = arg;
	AUTO_JSON struct json *j = json_object();
	AUTO_BUF struct buf text = BUF_INIT((size_t)512 << 20);

	c->added = json_array();
	c->removed = json_array();
	c->changed = json_array();
	json_set(j, "added", c->added);
	json_set(j, "removed", c->removed);
	json_set(j, "changed", c->changed);
	if (open_side(c, 0, e) < 0 || open_side(c, 1, e) < 0 || walk_both(c, e) < 0)
		return -1;
	imgpkg_diff(&c->sides[0].packages, &c->sides[1].packages, j);
	json_write(j, &text);
	return io_write_all(fd, text.p, text.n, "an answer", e);
}

int imgdiff(struct session *s, const char *from, const char *to, const struct imgdiff_opts *o, struct json **out,
	    struct err *e)
{
	AUTO_STORE_IMAGE struct store_image a = {0}, b = {0};
	struct comparison c = {.call = {.fn = compare_roots, .arg = &c}, .o = o, .stacks = {&a.diff_ids, &b.diff_ids}};
	int rc;

	if (opsbase_image(s, from, &a, NULL, e) < 0 || opsbase_image(s, to, &b, NULL, e) < 0)
		return -1;
	if (o->layers && o->layers[0] <= a.diff_ids.n && o->layers[1] <= b.diff_ids.n) {
		a.diff_ids.n = o->layers[0];
		b.diff_ids.n = o->layers[1];
	}
	rc = opsbase_init(&c.call.b, s, e);
	if (rc == 0)
		rc = opsbase_trees(&c.call.b, &a.diff_ids, from, e);
	if (rc == 0)
		rc = opsbase_trees(&c.call.b, &b.diff_ids, to, e);
	if (rc == 0)
		rc = imgfiles_run(&c.call, out, e);
	opsbase_release(&c.call.b);
	if (rc < 0)
		return err_wrap(e, "comparing %s and %s", from, to);
	json_set_int(*out, "version", IMGDIFF_JSON_VERSION);
	json_set_str(*out, "from", from);
	json_set_str(*out, "to", to);
	return 0;
}
