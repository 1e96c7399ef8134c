/* A merged root file system as one canonical tar. */
#include "oci/flatten.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>

#include "oci/diff.h"
#include "oci/tarsink.h"
#include "src/util/cleanup.h"
#include "src/util/mem.h"
#include "src/util/path.h"

/* Directories that a link needs and the tree does not have. */
#define FLATTEN_DIR_MODE 0755

struct flatten {
	int root;
	const struct flatten_opts *o;
	struct tar_write *t;
	struct strv made;   /* directories written for links and files */
	struct strv placed; /* clean paths of o->links, then of o->files */
};

/* path is prefix itself or lies below it. */
static bool flatten_is_below(const char *path, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(path, prefix, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* The walk skips what lies below a match by itself. */
static bool flatten_matches(void *arg, const char *path)
{
	const struct flatten *f = arg;

	for (size_t i = 0; i < f->o->nexclude; i++)
		if (fnmatch(f->o->exclude[i] + strspn(f->o->exclude[i], "/"), path, FNM_PATHNAME) == 0)
			return true;
	return strv_has(&f->placed, path);
}

static bool flatten_skip(void *arg, const char *path)
{
	const struct flatten *f = arg;

	if (flatten_matches(arg, path))
		return true;
	if (f->o->seen)
		f->o->seen(f->o->arg, path);
	return false;
}

/* Whether the walk left out path or a directory above it. */
static bool flatten_is_left_out(const struct flatten *f, const char *path)
{
	for (size_t n = 0;; n++) {
		if (path[n] == '/' || path[n] == '\0') {
			AUTO_FREE char *upto = mem_strndup(path, n);

			if (flatten_matches((void *)(uintptr_t)f, upto))
				return true;
		}
		if (!path[n])
			return false;
	}
}

/* The directory `dir` above a link or file: 0 if it is in the tar, or now is. */
static int flatten_parent(struct flatten *f, const char *dir, int64_t mtime, const char *what, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;

	if (strv_has(&f->made, dir))
		return 0;
	if (!flatten_is_left_out(f, dir)) {
		fd = path_open_nolinks(f->root, dir, O_PATH | O_NOFOLLOW, 0);
		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
			return 0;
		if (fd >= 0)
			return err_set(e, ERR_INPUT, "%s: %s is no directory in the tree", what, dir);
		if (errno != ENOENT)
			return err_sys(e, ERR_INPUT, errno, "%s: %s", what, dir);
	}
	strv_add(&f->made, dir);
	return tar_write_dir(f->t, dir, FLATTEN_DIR_MODE, mtime, e);
}

static int flatten_parents(struct flatten *f, const char *path, int64_t mtime, struct err *e)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		AUTO_FREE char *dir = mem_strndup(path, (size_t)(slash - path));

		if (flatten_parent(f, dir, mtime, path, e) < 0)
			return -1;
	}
	return 0;
}

static int flatten_link(struct flatten *f, size_t i, int64_t mtime, struct err *e)
{
	AUTO_FREE char *target = mem_strdup(f->o->links[i].target);
	struct entry en = {.path = f->placed.v[i], .link = target, .mode = S_IFLNK | 0777, .mtime = mtime};

	return flatten_parents(f, en.path, mtime, e) < 0 ? -1 : tar_write_entry(f->t, &en, e);
}

static int flatten_file(struct flatten *f, size_t i, int64_t mtime, struct err *e)
{
	const struct flatten_extra *x = &f->o->files[i];
	const char *path = f->placed.v[f->o->nlinks + i];

	return flatten_parents(f, path, mtime, e) < 0 ? -1
						      : tar_write_file(f->t, path, x->mode, mtime, x->data, x->n, e);
}

static int flatten_members(struct flatten *f, struct err *e)
{
	const struct diff_opts opts = {.skip = flatten_skip, .arg = f, .view = f->o->view};
	int64_t mtime;

	if (!f->o->flat_names)
		tar_write_prefix(f->t, "./");
	if (diff_write(f->root, &opts, f->t, e) < 0)
		return -1;
	/* What is added has the time of the newest member: the same tree gives the same bytes. */
	mtime = tar_write_newest(f->t);
	for (size_t i = 0; i < f->o->nlinks; i++)
		if (flatten_link(f, i, mtime, e) < 0)
			return -1;
	for (size_t i = 0; i < f->o->nfiles; i++)
		if (flatten_file(f, i, mtime, e) < 0)
			return -1;
	for (size_t i = 0; i < f->o->nlast; i++) {
		const struct flatten_extra *x = &f->o->last[i];

		if (tar_write_file(f->t, x->path, x->mode, mtime, x->data, x->n, e) < 0)
			return -1;
	}
	return tar_write_end(f->t, e);
}

static int flatten_place(struct flatten *f, const char *raw, struct err *e)
{
	AUTO_FREE char *clean = path_clean(raw);
	const char *path = clean[0] == '/' ? clean + 1 : clean;

	if (!path[0] || strcmp(path, ".") == 0)
		return err_set(e, ERR_INPUT, "%s: the root cannot become a link or a file", raw);
	for (size_t k = 0; k < f->placed.n; k++)
		if (flatten_is_below(path, f->placed.v[k]) || flatten_is_below(f->placed.v[k], path))
			return err_set(e, ERR_INPUT, "%s and %s: one lies below the other", path, f->placed.v[k]);
	strv_add(&f->placed, path);
	return 0;
}

static int flatten_places(struct flatten *f, struct err *e)
{
	for (size_t i = 0; i < f->o->nlinks; i++)
		if (flatten_place(f, f->o->links[i].path, e))
			return -1;
	for (size_t i = 0; i < f->o->nfiles; i++)
		if (flatten_place(f, f->o->files[i].path, e))
			return -1;
	return 0;
}

int flatten_write(int rootfd, const struct flatten_opts *o, const struct layer_codec *codec, struct wstream *out,
		  struct layer_info *info, struct err *e)
{
	struct flatten f = {.root = rootfd, .o = o};
	struct tarsink sink = {0};
	int r = -1;

	*info = (struct layer_info){0};
	if (flatten_places(&f, e) == 0 && tarsink_open(&sink, codec, out, e) == 0) {
		f.t = tar_write_new(sink.top);
		r = flatten_members(&f, e) < 0 ? -1 : stream_finish(sink.top, e);
		info->entries = tar_write_count(f.t);
		tar_write_free(f.t);
		tarsink_close(&sink, r == 0 ? info : NULL);
	}
	strv_release(&f.placed);
	strv_release(&f.made);
	return r;
}
