/* A changed tree as a layer. */
#include "oci/treediff.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "oci/clone.h"
#include "oci/linkmap.h"
#include "oci/mark.h"
#include "oci/treewalk.h"
#include "src/util/mem.h"
#include "src/util/path.h"
#include "src/util/vec.h"

#define TREEDIFF_DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* An entry of the layer, in the order of a walk. */
struct treediff_change {
	char *path;
	bool opaque, gone;
};

struct treediff {
	int root, upper;
	struct treeindex *then;
	const struct treediff_opts *o;
	VEC_OF(struct treediff_change) changes;
	char *inside;	  /* directory all of whose content is new; NULL: none */
	struct smap made; /* directories of the layer that are there */
	struct linkmap links;
	char *at;	       /* directory that is open in both trees */
	int at_root, at_upper; /* -1: none */
};

static int treediff_fail(const char *path, const char *doing, struct err *e)
{
	return err_sys(e, ERR_HOST, errno, "/%s: %s", path, doing);
}

/* --- what has changed --- */

static void treediff_note(struct treediff *d, const char *path, bool opaque, bool gone)
{
	vec_push(&d->changes, (struct treediff_change){mem_strdup(path), opaque, gone});
}

static bool treediff_is_inside(struct treediff *d, const char *path)
{
	size_t n = d->inside ? strlen(d->inside) : 0;

	if (n && strncmp(path, d->inside, n) == 0 && path[n] == '/')
		return true;
	free(d->inside);
	d->inside = NULL;
	return false;
}

/* A directory that was made anew: nothing of what was there before is seen. */
static void treediff_new_dir(struct treediff *d, const char *path, struct treeindex_entry *then, bool inside)
{
	if (then)
		then->seen = TREEINDEX_REPLACED;
	treediff_note(d, path, then && !inside, false);
	if (!inside)
		d->inside = mem_strdup(path);
}

static void treediff_item(struct treediff *d, const struct treewalk_item *it)
{
	struct treeindex_entry *then = smap_get(&d->then->entries, it->path), now;
	bool inside = treediff_is_inside(d, it->path), dir = S_ISDIR(it->st.st_mode);

	if (S_ISSOCK(it->st.st_mode))
		return;
	treeindex_entry_of(it->dirfd, it->name, &it->st, then, &now);
	if (dir && (inside || !then || !treeindex_same_inode(then, &now))) {
		treediff_new_dir(d, it->path, then, inside);
		return;
	}
	if (inside || !then || !treeindex_unchanged(then, &now))
		treediff_note(d, it->path, false, false);
	if (then)
		then->seen = dir ? TREEINDEX_DIR : TREEINDEX_REPLACED;
}

static int treediff_walk(struct treediff *d, struct err *e)
{
	AUTO_TREEWALK struct treewalk *w = treewalk_open(d->root, e);
	struct treewalk_item it;
	int more = -1;

	while (w && (more = treewalk_next(w, &it, e)) > 0) {
		if (it.leave || !it.path[0])
			continue;
		if (d->o->skip && d->o->skip(d->o->arg, it.path))
			treewalk_skip(w);
		else
			treediff_item(d, &it);
	}
	return more;
}

/* What is gone from a directory that is still the same. */
static void treediff_gone(struct treediff *d)
{
	for (size_t i = 0; i < d->then->entries.n; i++) {
		const struct smap_item *item = &d->then->entries.v[i];
		const struct treeindex_entry *en = item->val, *above;
		AUTO_FREE char *dir = path_dir(item->key);

		if (en->seen != TREEINDEX_GONE)
			continue;
		above = strcmp(dir, ".") == 0 ? NULL : smap_get(&d->then->entries, dir);
		if (strcmp(dir, ".") == 0 || (above && above->seen == TREEINDEX_DIR))
			treediff_note(d, item->key, false, true);
	}
}

/* --- the layer --- */

static int treediff_limit(const struct treediff *d, int dirfd, const char *name, struct stat *st, const char *path,
			  struct err *e)
{
	struct timespec ts[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = st->st_mtim.tv_sec}};

	if (!d->o->clamp)
		return 0;
	if (ts[1].tv_sec > d->o->limit)
		ts[1].tv_sec = d->o->limit;
	if (ts[1].tv_sec == st->st_mtim.tv_sec && st->st_mtim.tv_nsec == 0)
		return 0;
	st->st_mtim = ts[1];
	return utimensat(dirfd, name, ts, AT_SYMLINK_NOFOLLOW) < 0 ? treediff_fail(path, "setting its time", e) : 0;
}

static void treediff_leave_dir(struct treediff *d)
{
	if (d->at_root >= 0)
		close(d->at_root);
	if (d->at_upper >= 0)
		close(d->at_upper);
	free(d->at);
	d->at = NULL;
	d->at_root = d->at_upper = -1;
}

/* Directories above `dir` and itself in the layer, empty; they get their metadata at the end. */
static int treediff_make_dirs(struct treediff *d, const char *dir, struct err *e)
{
	for (const char *end = dir; *end;) {
		end += 1 + strcspn(end + 1, "/");
		AUTO_FREE char *upto = mem_strndup(dir, (size_t)(end - dir));

		if (smap_has(&d->made, upto))
			continue;
		AUTO_FREE char *up = path_dir(upto);
		AUTO_CLOSE int at = path_open_nolinks(d->upper, up, O_PATH | O_DIRECTORY, 0);

		if (at < 0 || mkdirat(at, path_base(upto), 0700) < 0)
			return treediff_fail(upto, "making it in the layer", e);
		smap_set(&d->made, upto, d);
	}
	return 0;
}

static int treediff_enter(struct treediff *d, const char *dir, struct err *e)
{
	if (d->at && strcmp(d->at, dir) == 0)
		return 0;
	treediff_leave_dir(d);
	if (strcmp(dir, ".") != 0 && treediff_make_dirs(d, dir, e) < 0)
		return -1;
	d->at = mem_strdup(dir);
	d->at_root = path_open_nolinks(d->root, dir, TREEDIFF_DIR_FLAGS, 0);
	d->at_upper = path_open_nolinks(d->upper, dir, TREEDIFF_DIR_FLAGS, 0);
	return d->at_root < 0 || d->at_upper < 0 ? treediff_fail(dir, "open", e) : 0;
}

static int treediff_dir(struct treediff *d, const struct treediff_change *c, struct err *e)
{
	if (treediff_make_dirs(d, c->path, e) < 0)
		return -1;
	if (!c->opaque)
		return 0;
	AUTO_CLOSE int fd = path_open_nolinks(d->upper, c->path, TREEDIFF_DIR_FLAGS, 0);

	return fd < 0 ? treediff_fail(c->path, "open", e) : mark_opaque(fd, c->path, e);
}

static int treediff_file(struct treediff *d, const char *path, struct stat *st, struct err *e)
{
	const char *name = path_base(path);
	const char *first = st->st_nlink > 1 ? linkmap_first(&d->links, st, path) : NULL;

	if (first && linkat(d->upper, first, d->at_upper, name, 0) == 0)
		return 0;
	if (treediff_limit(d, d->at_root, name, st, path, e) < 0)
		return -1;
	return clone_node(d->at_root, name, st, d->at_upper, name, d->o->view, e) < 0 ? err_wrap(e, "/%s", path) : 0;
}

static int treediff_put(struct treediff *d, const struct treediff_change *c, struct err *e)
{
	AUTO_FREE char *dir = path_dir(c->path);
	struct stat st;

	if (treediff_enter(d, dir, e) < 0)
		return -1;
	if (c->gone)
		return mark_whiteout(d->at_upper, path_base(c->path), e);
	if (fstatat(d->at_root, path_base(c->path), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return treediff_fail(c->path, "stat", e);
	return S_ISDIR(st.st_mode) ? treediff_dir(d, c, e) : treediff_file(d, c->path, &st, e);
}

static int treediff_dir_meta(const struct treediff *d, const char *path, struct err *e)
{
	AUTO_CLOSE int from = path_open_nolinks(d->root, path, TREEDIFF_DIR_FLAGS, 0);
	AUTO_CLOSE int to = path_open_nolinks(d->upper, path, TREEDIFF_DIR_FLAGS, 0);
	struct stat st;

	if (from < 0 || to < 0 || fstat(from, &st) < 0)
		return treediff_fail(path, "open", e);
	if (treediff_limit(d, from, ".", &st, path, e) < 0)
		return -1;
	return clone_meta(from, &st, to, path, e);
}

/* From the inside out: what is made in a directory changes its time. */
static int treediff_meta(const struct treediff *d, struct err *e)
{
	for (size_t i = d->made.n; i-- > 0;)
		if (treediff_dir_meta(d, d->made.v[i].key, e) < 0)
			return -1;
	return treediff_dir_meta(d, ".", e);
}

static int treediff_run(struct treediff *d, struct err *e)
{
	if (treediff_walk(d, e) < 0)
		return -1;
	treediff_gone(d);
	for (size_t i = 0; i < d->changes.n; i++)
		if (treediff_put(d, &d->changes.v[i], e) < 0)
			return -1;
	return treediff_meta(d, e);
}

int treediff_write(int root, struct treeindex *then, int upper, const struct treediff_opts *o, struct err *e)
{
	struct treediff d = {.root = root,
			     .upper = upper,
			     .then = then,
			     .o = o,
			     .made = SMAP_INIT(NULL),
			     .at_root = -1,
			     .at_upper = -1};
	int rc = treediff_run(&d, e);

	for (size_t i = 0; i < d.changes.n; i++)
		free(d.changes.v[i].path);
	vec_release(&d.changes);
	treediff_leave_dir(&d);
	smap_release(&d.made);
	linkmap_release(&d.links);
	free(d.inside);
	return rc;
}
