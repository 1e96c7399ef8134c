/* Several layer trees as one. */
#include "oci/merge.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "oci/clone.h"
#include "oci/limits.h"
#include "oci/linkmap.h"
#include "oci/mark.h"
#include "src/util/cleanup.h"
#include "src/util/mem.h"
#include "src/util/path.h"
#include "src/util/smap.h"
#include "src/util/vec.h"

#define MERGE_DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* Layers that have a directory, topmost first. */
struct merge_layers {
	size_t *v;
	size_t n, cap;
};

/* A directory still to be merged; it exists in the result already. */
struct merge_dir {
	char *path; /* "" is the root */
	struct merge_layers in;
	bool closed; /* nothing below the last of them is seen */
};

/* A name of the directory at work that a layer has. */
struct merge_name {
	bool dir, closed;
	struct merge_layers in;
};

struct merge {
	int dirfd, out;
	const char *const *layer;
	const struct merge_opts *o;
	VEC_OF(struct merge_dir) todo;
	bool attributes;      /* there are whiteouts by attribute */
	struct linkmap links; /* copies: inode of a layer → path in the result */
};

static int merge_fail(const char *path, const char *name, const char *doing, struct err *e)
{
	return err_sys(e, ERR_HOST, errno, "%s/%s: %s", path, name, doing);
}

static void merge_free_name(void *p)
{
	struct merge_name *n = p;

	vec_release(&n->in);
	free(n);
}

static char *merge_path(const char *dir, const char *name)
{
	return mem_printf("%s%s%s", dir, dir[0] ? "/" : "", name);
}

/* --- one name --- */

static bool merge_opaque(int at, const char *name)
{
	AUTO_CLOSE int fd = openat(at, name, MERGE_DIR_FLAGS);

	return fd >= 0 && mark_is_opaque(fd);
}

/* A file of its own, or one more name of what was copied already. */
static int merge_copy(struct merge *m, const char *dir, size_t layer, int at, const char *name, const struct stat *st,
		      int out, struct err *e)
{
	AUTO_FREE char *path = merge_path(dir, name);
	struct stat in_layer = *st;

	/* Two layers may have the same inode (shares.h), which is no hard link. */
	in_layer.st_dev = layer;
	const char *first = st->st_nlink > 1 ? linkmap_first(&m->links, &in_layer, path) : NULL;

	if (first && linkat(m->out, first, out, name, 0) == 0)
		return 0;
	return clone_node(at, name, st, out, name, m->o->view, e) < 0 ? err_wrap(e, "/%s", path) : 0;
}

static int merge_file(struct merge *m, const char *dir, size_t layer, int at, const char *name, const struct stat *st,
		      int out, struct err *e)
{
	bool share = m->o->share && !(m->o->own_files && S_ISREG(st->st_mode));

	if (share && linkat(at, name, out, name, 0) == 0)
		return 0;
	/* EMLINK: too many names already; others: a file system that has no hard links. */
	return merge_copy(m, dir, layer, at, name, st, out, e);
}

/* The topmost layer that has the name decides what it is. */
static int merge_first(struct merge *m, const struct merge_dir *d, size_t layer, int at, const char *name,
		       const struct stat *st, int out, struct merge_name *n, struct err *e)
{
	if (mark_is_whiteout(at, name, st)) {
		int r = m->o->marks ? mark_whiteout(out, name, e) : 0;

		m->attributes |= r > 0;
		return r < 0 ? -1 : 0;
	}
	if (!S_ISDIR(st->st_mode))
		return merge_file(m, d->path, layer, at, name, st, out, e);
	n->dir = true;
	n->closed = merge_opaque(at, name);
	vec_push(&n->in, layer);
	return mkdirat(out, name, 0700) < 0 ? merge_fail(d->path, name, "making the directory", e) : 0;
}

/* Lower layers add to a directory until something hides them. */
static void merge_lower(size_t layer, int at, const char *name, const struct stat *st, struct merge_name *n)
{
	if (!n->dir || n->closed)
		return;
	if (!S_ISDIR(st->st_mode)) {
		n->closed = true;
		return;
	}
	vec_push(&n->in, layer);
	n->closed = merge_opaque(at, name);
}

static int merge_entry(struct merge *m, const struct merge_dir *d, size_t layer, int at, const char *name, int out,
		       struct smap *names, struct err *e)
{
	struct merge_name *n = smap_get(names, name);
	struct stat st;

	if (n && (!n->dir || n->closed))
		return 0;
	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return merge_fail(d->path, name, "stat", e);
	if (n) {
		merge_lower(layer, at, name, &st, n);
		return 0;
	}
	n = mem_zalloc(sizeof *n);
	smap_set(names, name, n);
	return merge_first(m, d, layer, at, name, &st, out, n, e);
}

/* --- one directory --- */

static int merge_open(const struct merge *m, size_t layer, const char *path, struct err *e)
{
	AUTO_CLOSE int root = openat(m->dirfd, m->layer[layer], O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = root < 0 ? -1 : path_open_nolinks(root, path[0] ? path : ".", MERGE_DIR_FLAGS, 0);

	return fd < 0 ? merge_fail(m->layer[layer], path, "open", e) : fd;
}

static int merge_one(struct merge *m, const struct merge_dir *d, size_t layer, int out, struct smap *names,
		     struct err *e)
{
	int fd = merge_open(m, layer, d->path, e);
	AUTO_CLOSEDIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *de;

	if (fd < 0)
		return -1;
	if (!dir) {
		close(fd);
		return merge_fail(d->path, "", "open", e);
	}
	while (errno = 0, (de = readdir(dir))) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		if (merge_entry(m, d, layer, fd, de->d_name, out, names, e) < 0)
			return -1;
	}
	return errno ? merge_fail(d->path, "", "reading the directory", e) : 0;
}

/* When all names are there: what is made in a directory changes its time. */
static int merge_meta(const struct merge *m, const struct merge_dir *d, int out, struct err *e)
{
	AUTO_CLOSE int top = merge_open(m, d->in.v[0], d->path, e);
	struct stat st;

	if (top < 0)
		return -1;
	if (fstat(top, &st) < 0)
		return merge_fail(d->path, "", "stat", e);
	if (m->o->marks && d->closed && mark_opaque(out, d->path, e) < 0)
		return -1;
	return clone_meta(top, &st, out, d->path[0] ? d->path : "/", e);
}

static int merge_queue(struct merge *m, const char *dir, struct smap *names, struct err *e)
{
	for (size_t i = 0; i < names->n; i++) {
		struct merge_name *n = names->v[i].val;

		if (!n->dir)
			continue;
		vec_push(&m->todo, (struct merge_dir){merge_path(dir, names->v[i].key), n->in, n->closed});
		memset(&n->in, 0, sizeof n->in);
		if (strlen(m->todo.v[m->todo.n - 1].path) >= LAYER_PATH_MAX)
			return err_set(e, ERR_INPUT, "%.200s...: a path is longer than %d bytes",
				       m->todo.v[m->todo.n - 1].path, LAYER_PATH_MAX);
	}
	return 0;
}

static int merge_dir(struct merge *m, const struct merge_dir *d, struct err *e)
{
	AUTO_SMAP struct smap names = SMAP_INIT(merge_free_name);
	AUTO_CLOSE int out = path_open_nolinks(m->out, d->path[0] ? d->path : ".", MERGE_DIR_FLAGS, 0);

	if (out < 0)
		return merge_fail(d->path, "", "open", e);
	for (size_t i = 0; i < d->in.n; i++)
		if (merge_one(m, d, d->in.v[i], out, &names, e) < 0)
			return -1;
	return merge_meta(m, d, out, e) < 0 ? -1 : merge_queue(m, d->path, &names, e);
}

static void merge_release_dir(struct merge_dir *d)
{
	free(d->path);
	vec_release(&d->in);
}

int merge_trees(int dirfd, const char *const *layer, size_t n, int outfd, const struct merge_opts *o, struct err *e)
{
	struct merge m = {.dirfd = dirfd, .out = outfd, .layer = layer, .o = o};
	struct merge_dir root = {.path = mem_strdup("")};
	int r = 0;

	for (size_t i = n; i-- > 0;)
		vec_push(&root.in, i);
	if (n)
		vec_push(&m.todo, root);
	else
		merge_release_dir(&root);
	while (m.todo.n) {
		struct merge_dir d = m.todo.v[--m.todo.n];

		if (r == 0)
			r = merge_dir(&m, &d, e);
		merge_release_dir(&d);
	}
	if (r == 0 && m.attributes)
		r = mark_root(outfd, e);
	vec_release(&m.todo);
	linkmap_release(&m.links);
	return r;
}
