/* Symbolic links in a flavor. */
#include "src/flavor/flink.h"

#include <errno.h>
#include <fcntl.h>

#include "src/util/buf.h"
#include "src/util/mem.h"
#include "src/util/path.h"
#include "src/util/vec.h"

#define FLINK_SUBMODULE_HINT "if it belongs to a git submodule: git submodule update --init"
#define FLINK_CHAIN_MAX	     40 /* links that the kernel follows in one path, path_resolution(7) */

/* The directories that the walk is in, innermost first. */
struct flink_parent {
	const struct flink_parent *up;
	dev_t dev;
	ino_t ino;
	const char *path;
};

struct flink_walk {
	unsigned entries;
	struct err *e;
};

/* The shortest prefix of an absolute path that is a link which leads nowhere (*link), or does not exist. NULL: all of
 * it is there. Caller frees. */
static char *flink_first_bad(const char *path, bool *link)
{
	for (const char *end = path; *end;) {
		AUTO_FREE char *prefix = NULL;
		struct stat st;

		end = strchrnul(end + 1, '/');
		prefix = mem_strndup(path, (size_t)(end - path));
		*link = !lstat(prefix, &st) && S_ISLNK(st.st_mode);
		if (stat(prefix, &st))
			return STEAL_PTR(prefix);
	}
	return NULL;
}

/* Where a link points to, as a clean absolute path. Lexical: a target with ".." behind another link may be named
 * otherwise than the kernel finds it. */
static char *flink_target(const char *link)
{
	AUTO_FREE char *dir = path_dir(link);
	AUTO_FREE char *target = path_readlink_at(AT_FDCWD, link);
	AUTO_FREE char *joined = NULL;

	if (!target)
		return NULL;
	joined = path_join(dir, target);
	return path_clean(joined);
}

static int flink_bad_link(const struct strv *chain, bool loop, struct err *e)
{
	AUTO_FREE char *text = strv_join(chain, " -> ");

	if (loop) {
		err_set(e, ERR_INPUT, "symbolic links that lead back to themselves: %s", text);
		return err_hint(e, "make %s point to a file or directory", chain->v[0]);
	}
	err_set(e, ERR_INPUT, "dangling symbolic link: %s, which does not exist", text);
	return err_hint(e, FLINK_SUBMODULE_HINT);
}

/* Follow the links from a bad one to where it ends or begins again. */
static int flink_follow(const char *link, struct err *e)
{
	AUTO_STRV struct strv chain = {0};

	strv_add(&chain, link);
	while (chain.n < FLINK_CHAIN_MAX) {
		AUTO_FREE char *target = flink_target(chain.v[chain.n - 1]);
		AUTO_FREE char *bad = NULL;
		bool is_link = false, again;

		if (!target)
			break;
		bad = flink_first_bad(target, &is_link);
		again = bad && strv_has(&chain, bad);
		strv_add(&chain, bad && is_link ? bad : target);
		if (again || !is_link)
			return flink_bad_link(&chain, again, e);
	}
	return flink_bad_link(&chain, true, e);
}

static int flink_explain(const char *path, int sys, struct err *e)
{
	bool is_link = false;
	AUTO_FREE char *bad = NULL;

	if (sys != ENOENT && sys != ELOOP && sys != ENOTDIR)
		return err_sys(e, ERR_INPUT, sys, "%s", path);
	bad = flink_first_bad(path, &is_link);
	if (bad && is_link)
		return flink_follow(bad, e);
	return err_set(e, ERR_INPUT, "%s does not exist", bad ? bad : path);
}

int flink_stat(const char *path, struct stat *st, struct err *e)
{
	struct stat ignored;

	return stat(path, st ? st : &ignored) ? flink_explain(path, errno, e) : 0;
}

int flink_is_there(const char *path, bool *there, struct err *e)
{
	struct stat st;

	*there = !lstat(path, &st);
	return *there ? flink_stat(path, NULL, e) : 0;
}

static int flink_dir(struct flink_walk *w, const char *path, const struct flink_parent *up, unsigned depth);

static int flink_no_loop(const char *path, const struct stat *st, const struct flink_parent *up, struct err *e)
{
	for (; up; up = up->up) {
		if (up->dev != st->st_dev || up->ino != st->st_ino)
			continue;
		err_set(e, ERR_INPUT, "symbolic links that lead back to themselves: %s -> %s", path, up->path);
		return err_hint(e, "remove the link %s: a context cannot hold a directory inside itself", path);
	}
	return 0;
}

/* Only links and directories need a look. */
static int flink_entry(struct flink_walk *w, const char *path, unsigned char type, const struct flink_parent *up,
		       unsigned depth)
{
	struct stat st;

	if (++w->entries > FLINK_ENTRIES_MAX)
		return err_set(w->e, ERR_INPUT, "%s: more than %u files below one directory of a flavor", path,
			       FLINK_ENTRIES_MAX);
	if (type != DT_LNK && type != DT_DIR && type != DT_UNKNOWN)
		return 0;
	if (flink_stat(path, &st, w->e))
		return -1;
	if (!S_ISDIR(st.st_mode))
		return 0;
	if (flink_no_loop(path, &st, up, w->e))
		return -1;
	if (depth >= FLINK_DEPTH_MAX)
		return err_set(w->e, ERR_INPUT, "%s: more than %d directories below each other", path, FLINK_DEPTH_MAX);
	return flink_dir(w, path, &(struct flink_parent){up, st.st_dev, st.st_ino, path}, depth + 1);
}

static int flink_dir(struct flink_walk *w, const char *path, const struct flink_parent *up, unsigned depth)
{
	AUTO_CLOSEDIR DIR *dir = opendir(path);
	struct dirent *d;

	if (!dir)
		return err_sys(w->e, ERR_INPUT, errno, "%s", path);
	while ((d = readdir(dir))) {
		AUTO_FREE char *child = NULL;

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		child = mem_printf("%s/%s", path, d->d_name);
		if (flink_entry(w, child, d->d_type, up, depth))
			return -1;
	}
	return 0;
}

int flink_check_tree(const char *path, struct err *e)
{
	struct flink_walk w = {.e = e};

	return flink_entry(&w, path, DT_UNKNOWN, NULL, 0);
}
