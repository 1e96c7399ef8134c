/* Walk of a tree on directory descriptors, with a stack of its own. */
#include "oci/treewalk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "oci/limits.h"
#include "src/util/buf.h"
#include "src/util/mem.h"
#include "src/util/vec.h"

#define TREEWALK_DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
/* From this depth on a directory is closed while one in it is walked, and found again by "..": a process may usually
 * have 1024 descriptors, while paths have up to 2048 parts. */
#define TREEWALK_OPEN_DEPTH 200

struct treewalk_frame {
	int fd; /* -1 while closed */
	struct stat st;
	struct strv names;
	size_t next;	 /* into names */
	size_t path_len; /* of the directory's own path */
};

struct treewalk {
	VEC_OF(struct treewalk_frame) stack;
	struct buf path;
	int enter_fd; /* directory returned last and not yet entered, or left last and not yet closed; -1 */
	struct stat enter_st;
	bool entering;
};

static int treewalk_fail(const struct treewalk *w, int sys, const char *doing, struct err *e)
{
	return err_sys(e, ERR_HOST, sys, "%s: %s", w->path.n ? buf_str(&w->path) : "the tree's root", doing);
}

static void treewalk_frame_release(struct treewalk_frame *f)
{
	if (f->fd >= 0)
		close(f->fd);
	strv_release(&f->names);
}

struct treewalk *treewalk_open(int rootfd, struct err *e)
{
	struct treewalk *w = mem_new(struct treewalk);

	w->path = BUF_INIT(LAYER_PATH_MAX);
	buf_add(&w->path, "", 0);
	w->enter_fd = openat(rootfd, ".", TREEWALK_DIR_FLAGS);
	if (w->enter_fd >= 0 && fstat(w->enter_fd, &w->enter_st) == 0)
		return w;
	treewalk_fail(w, errno, "open", e);
	treewalk_close(w);
	return NULL;
}

void treewalk_close(struct treewalk *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->stack.n; i++)
		treewalk_frame_release(&w->stack.v[i]);
	vec_release(&w->stack);
	if (w->enter_fd >= 0)
		close(w->enter_fd);
	buf_release(&w->path);
	free(w);
}

void treewalk_skip(struct treewalk *w)
{
	w->entering = false;
}

/* All names of a directory, sorted by bytes. */
static int treewalk_names(const struct treewalk *w, int fd, struct strv *out, struct err *e)
{
	int copy = openat(fd, ".", TREEWALK_DIR_FLAGS); /* closedir closes it */
	AUTO_CLOSEDIR DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *de;

	if (!dir) {
		int sys = errno;

		if (copy >= 0)
			close(copy);
		return treewalk_fail(w, sys, "open directory", e);
	}
	while (errno = 0, (de = readdir(dir)))
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			strv_add(out, de->d_name);
	if (errno)
		return treewalk_fail(w, errno, "read directory", e);
	strv_sort(out);
	return 0;
}

/* Put the directory that was returned last on the stack. */
static int treewalk_enter(struct treewalk *w, struct err *e)
{
	struct treewalk_frame f = {.fd = w->enter_fd, .st = w->enter_st, .path_len = w->path.n};

	w->enter_fd = -1;
	w->entering = false;
	if (w->stack.n > TREEWALK_OPEN_DEPTH) {
		struct treewalk_frame *above = &w->stack.v[w->stack.n - 1];

		close(above->fd);
		above->fd = -1;
	}
	vec_push(&w->stack, f);
	if (w->stack.n > LAYER_DEPTH_MAX)
		return err_set(e, ERR_INPUT, "%.200s...: directories are nested more than %d deep", buf_str(&w->path),
			       LAYER_DEPTH_MAX);
	return treewalk_names(w, f.fd, &w->stack.v[w->stack.n - 1].names, e);
}

/* Open the directory above the one just left again, if it was closed. */
static int treewalk_reopen(struct treewalk *w, int below, struct err *e)
{
	struct treewalk_frame *f = w->stack.n ? &w->stack.v[w->stack.n - 1] : NULL;
	struct stat st;

	if (!f || f->fd >= 0)
		return 0;
	f->fd = openat(below, "..", TREEWALK_DIR_FLAGS);
	if (f->fd < 0 || fstat(f->fd, &st) < 0)
		return treewalk_fail(w, errno, "open the directory above", e);
	if (st.st_ino != f->st.st_ino || st.st_dev != f->st.st_dev)
		return err_set(e, ERR_INPUT, "%s: was moved while it was read", buf_str(&w->path));
	return 0;
}

static void treewalk_item_set(const struct treewalk *w, struct treewalk_item *item, int fd, const struct stat *st)
{
	const char *slash = strrchr(buf_str(&w->path), '/');

	item->path = buf_str(&w->path);
	item->name = slash ? slash + 1 : item->path;
	item->dirfd = w->stack.n ? w->stack.v[w->stack.n - 1].fd : -1;
	item->fd = fd;
	item->st = *st;
}

static int treewalk_leave(struct treewalk *w, struct treewalk_item *item, struct err *e)
{
	struct treewalk_frame f = w->stack.v[--w->stack.n];

	w->path.n = f.path_len;
	w->path.p[f.path_len] = '\0';
	w->enter_fd = f.fd; /* closed by the next call */
	strv_release(&f.names);
	if (treewalk_reopen(w, f.fd, e) < 0)
		return -1;
	treewalk_item_set(w, item, f.fd, &f.st);
	item->leave = true;
	return 1;
}

static int treewalk_opened(struct treewalk *w, const struct treewalk_frame *top, const struct stat *seen, struct err *e)
{
	const char *path = buf_str(&w->path), *name = path + (top->path_len ? top->path_len + 1 : 0);

	w->enter_fd = openat(top->fd, name, TREEWALK_DIR_FLAGS);
	if (w->enter_fd < 0 || fstat(w->enter_fd, &w->enter_st) < 0)
		return treewalk_fail(w, errno, "open directory", e);
	if (w->enter_st.st_ino != seen->st_ino)
		return err_set(e, ERR_INPUT, "%s: was replaced while it was read", path);
	if (w->enter_st.st_dev != w->stack.v[0].st.st_dev)
		return err_set(e, ERR_HOST, "%s: another file system is mounted here", path);
	w->entering = true;
	return 0;
}

static int treewalk_entry(struct treewalk *w, struct treewalk_item *item, struct err *e)
{
	struct treewalk_frame *top = &w->stack.v[w->stack.n - 1];
	const char *name = top->names.v[top->next++];
	struct stat st;

	w->path.n = top->path_len;
	if (top->path_len)
		buf_char_add(&w->path, '/');
	buf_str_add(&w->path, name);
	if (w->path.over)
		return err_set(e, ERR_INPUT, "%.200s...: a path is longer than %d bytes", buf_str(&w->path),
			       LAYER_PATH_MAX);
	if (fstatat(top->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return treewalk_fail(w, errno, "stat", e);
	if (S_ISDIR(st.st_mode) && treewalk_opened(w, top, &st, e) < 0)
		return -1;
	treewalk_item_set(w, item, S_ISDIR(st.st_mode) ? w->enter_fd : -1, &st);
	return 1;
}

int treewalk_next(struct treewalk *w, struct treewalk_item *item, struct err *e)
{
	*item = (struct treewalk_item){.dirfd = -1, .fd = -1};
	if (!w->stack.n && !w->stack.v && !w->entering) { /* the very first call: the root */
		w->entering = true;
		w->stack.v = vec_grow(NULL, 0, &w->stack.cap, sizeof *w->stack.v);
		treewalk_item_set(w, item, w->enter_fd, &w->enter_st);
		return 1;
	}
	if (w->entering && treewalk_enter(w, e) < 0)
		return -1;
	if (w->enter_fd >= 0)
		close(w->enter_fd);
	w->enter_fd = -1;
	if (!w->stack.n)
		return 0;
	if (w->stack.v[w->stack.n - 1].next < w->stack.v[w->stack.n - 1].names.n)
		return treewalk_entry(w, item, e);
	return treewalk_leave(w, item, e);
}
