#include "src/plan/srcwalk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "src/util/mem.h"
#include "src/util/path.h"

/* Ancestors of the place where the walk is: links that are followed may lead back to one of them. */
struct ancestor {
	dev_t dev;
	ino_t ino;
	const struct ancestor *up;
	unsigned depth;
};

struct walk {
	const struct source_set *set;
	struct source_match *m;
	size_t part;
	const char *at; /* path of the match in the context */
	bool ignored;
	struct err *e;
};

int srcwalk_compare(const char *a, const char *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	unsigned char x = *a == '/' ? 1 : (unsigned char)*a, y = *b == '/' ? 1 : (unsigned char)*b;

	return (x > y) - (x < y);
}

static char *below(const char *dir, const char *name)
{
	if (!dir[0])
		return mem_strdup(name);
	return name[0] ? mem_printf("%s/%s", dir, name) : mem_strdup(dir);
}

static int cannot_read(const char *path, int sys, struct err *e)
{
	err_sys(e, ERR_INPUT, sys, "reading directory %s", path[0] ? path : ".");
	if (sys == EACCES)
		err_hint(e, "give yourself the right to read it, or leave it out by a line in .dockerignore");
	return -1;
}

static int read_names(int dirfd, const char *path, struct strv *out, struct err *e)
{
	AUTO_CLOSE int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return cannot_read(path, errno, e);
	AUTO_CLOSEDIR DIR *d = fdopendir(fd);

	if (!d)
		return err_sys(e, ERR_HOST, errno, "reading directory %s", path);
	fd = -1;
	for (struct dirent *de; (errno = 0, de = readdir(d));)
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			strv_add(out, de->d_name);
	if (errno)
		return err_sys(e, ERR_HOST, errno, "reading directory %s", path);
	strv_sort(out);
	return 0;
}

static int walk_dir(struct walk *w, int fd, const char *rel, const char *open_path, const struct ancestor *up);

static int check_loop(struct walk *w, const struct stat *st, const char *open_path, const struct ancestor *up)
{
	if (up && up->depth >= SOURCE_DEPTH_MAX)
		return err_set(w->e, ERR_INPUT, "%s is nested deeper than %d directories", open_path, SOURCE_DEPTH_MAX);
	for (const struct ancestor *a = w->set->follow ? up : NULL; a; a = a->up)
		if (a->dev == st->st_dev && a->ino == st->st_ino) {
			err_set(w->e, ERR_INPUT, "%s: symbolic link loop: it leads back to a directory above it",
				open_path);
			return err_hint(w->e, "remove the link, or map the directory that it should lead to");
		}
	return 0;
}

static int add_entry(struct walk *w, int dirfd, const char *name, const char *rel, const char *open_path,
		     const struct stat *st)
{
	struct source_entry en = {.st = *st, .part = w->part};

	if (w->set->rootfd >= 0 && ownview_read(w->set->view, dirfd, name, &en.st) < 0)
		return err_sys(w->e, ERR_HOST, errno, "%s: reading its recorded owner", open_path);
	if (w->m->entries.n >= SOURCE_ENTRIES_MAX)
		return err_set(w->e, ERR_INPUT, "more than %u files below %s", SOURCE_ENTRIES_MAX, w->at);
	if (S_ISLNK(st->st_mode)) {
		en.target = path_readlink_at(dirfd, name);
		if (!en.target)
			return err_sys(w->e, ERR_INPUT, errno, "reading link %s", open_path);
	}
	en.rel = mem_strdup(rel);
	en.open_path = mem_strdup(open_path);
	vec_push(&w->m->entries, en);
	return 0;
}

static void release_entry(struct source_entry *en)
{
	free(en->rel);
	free(en->target);
	free(en->open_path);
}

static void drop_last(struct source_match *m)
{
	release_entry(&m->entries.v[--m->entries.n]);
}

static int dangling(struct walk *w, const char *open_path)
{
	err_set(w->e, ERR_INPUT, "%s%s%s: symbolic link leads nowhere", w->set->parts.v[w->part].path,
		open_path[0] ? "/" : "", open_path);
	return err_hint(w->e, "is a submodule missing? try: git submodule update --init");
}

/* One entry: a directory that the ignore file leaves out is kept only if something below it comes back in. */
static int walk_one(struct walk *w, int dirfd, const char *name, const char *rel, const char *open_path,
		    const struct ancestor *up)
{
	AUTO_FREE char *path = below(w->at, rel);
	bool out = path[0] && ignore_match(w->set->ignore, path);
	struct stat st;

	if (fstatat(dirfd, name, &st, w->set->follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT && w->set->follow)
			return dangling(w, open_path);
		return err_sys(w->e, ERR_INPUT, errno, "reading %s", open_path);
	}
	if (out && (!S_ISDIR(st.st_mode) || ignore_prune(w->set->ignore, path))) {
		w->ignored = true;
		return 0;
	}
	if (add_entry(w, dirfd, name, rel, open_path, &st) < 0)
		return -1;
	if (!S_ISDIR(st.st_mode))
		return 0;
	if (check_loop(w, &st, open_path, up) < 0)
		return -1;

	struct ancestor here = {st.st_dev, st.st_ino, up, up ? up->depth + 1 : 1};
	size_t before = w->m->entries.n;
	AUTO_CLOSE int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (w->set->follow ? 0 : O_NOFOLLOW));

	if (fd < 0)
		return cannot_read(open_path, errno, w->e);
	if (walk_dir(w, fd, rel, open_path, &here) < 0)
		return -1;
	if (out && w->m->entries.n == before) {
		drop_last(w->m);
		w->ignored = true;
	}
	return 0;
}

static int walk_dir(struct walk *w, int fd, const char *rel, const char *open_path, const struct ancestor *up)
{
	AUTO_STRV struct strv names = {0};

	if (read_names(fd, open_path, &names, w->e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		AUTO_FREE char *r = below(rel, names.v[i]);
		AUTO_FREE char *o = below(open_path, names.v[i]);

		if (walk_one(w, fd, names.v[i], r, o, up) < 0)
			return -1;
	}
	return 0;
}

/* Start at an object that was resolved inside the root; `fd` is an O_PATH descriptor of it. */
static int walk_from(struct walk *w, int fd, const char *rel, const char *open_path)
{
	AUTO_FREE char *path = below(w->at, rel);
	bool out = path[0] && ignore_match(w->set->ignore, path);
	size_t before = w->m->entries.n;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(w->e, ERR_INPUT, errno, "reading %s", open_path);
	if (out && (!S_ISDIR(st.st_mode) || ignore_prune(w->set->ignore, path))) {
		w->ignored = true;
		return 0;
	}
	if (add_entry(w, fd, "", rel, open_path, &st) < 0)
		return -1;
	if (!S_ISDIR(st.st_mode))
		return 0;

	struct ancestor here = {st.st_dev, st.st_ino, NULL, 1};

	if (walk_dir(w, fd, rel, open_path, &here) < 0)
		return -1;
	if (out && w->m->entries.n == before + 1) {
		drop_last(w->m);
		w->ignored = true;
	}
	return 0;
}

static bool is_absent(int errnum)
{
	return errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP;
}

static int collect_root(struct walk *w)
{
	AUTO_CLOSE int fd = path_open_in(w->set->rootfd, w->at[0] ? w->at : ".", O_PATH, 0);

	if (fd < 0)
		return is_absent(errno) ? 0 : err_sys(w->e, ERR_INPUT, errno, "reading %s", w->at);
	return walk_from(w, fd, "", w->at);
}

/* What of path lies below prefix: "" for itself, NULL if it is not below. */
static const char *rest_below(const char *prefix, const char *path)
{
	size_t n = strlen(prefix);

	if (!n)
		return path;
	if (strncmp(prefix, path, n) != 0 || (path[n] && path[n] != '/'))
		return NULL;
	return path[n] ? path + n + 1 : path + n;
}

static void add_text(struct walk *w, const char *rel)
{
	const struct source_part *p = &w->set->parts.v[w->part];
	struct source_entry en = {.rel = mem_strdup(rel), .open_path = mem_strdup(""), .part = w->part};

	en.st.st_mode = S_IFREG | 0644;
	en.st.st_size = (off_t)p->text_len;
	en.st.st_nlink = 1;
	vec_push(&w->m->entries, en);
}

static int open_in_part(const struct walk *w, const char *rest)
{
	const struct source_part *p = &w->set->parts.v[w->part];

	if (!rest[0])
		return open(p->path, O_PATH | O_CLOEXEC);
	if (w->set->follow)
		return openat(p->fd, rest, O_PATH | O_CLOEXEC);
	return path_open_in(p->fd, rest, O_PATH, 0);
}

static bool is_followed_link(const struct walk *w, const char *rest)
{
	struct stat st;

	if (!w->set->follow || errno != ENOENT)
		return false;
	return fstatat(w->set->parts.v[w->part].fd, rest, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* The part's tree at `rest` below it, as seen at `rel` below the match. */
static int collect_part(struct walk *w, const char *rest, const char *rel)
{
	const struct source_part *p = &w->set->parts.v[w->part];

	if (p->text) {
		if (!rest[0])
			add_text(w, rel);
		return 0;
	}
	AUTO_CLOSE int fd = open_in_part(w, rest);

	if (fd < 0 && is_absent(errno) && rest[0])
		return is_followed_link(w, rest) ? dangling(w, rest) : 0;
	if (fd < 0)
		return err_sys(w->e, ERR_INPUT, errno, "reading %s", p->path);
	return walk_from(w, fd, rel, rest);
}

static void add_virtual_parents(struct walk *w, const char *rel)
{
	for (const char *slash = rel; *rel;) {
		AUTO_FREE char *dir = mem_strndup(rel, (size_t)(slash - rel));
		struct source_entry en = {.part = SOURCE_VIRTUAL};

		en.st.st_mode = S_IFDIR | 0755;
		en.rel = STEAL_PTR(dir);
		en.open_path = mem_strdup("");
		vec_push(&w->m->entries, en);
		slash = strchr(slash + (slash > rel), '/');
		if (!slash)
			return;
	}
}

/* Later parts hide earlier ones, and real directories the virtual ones; VIRTUAL is the largest index, so it is ordered
 * as the earliest. */
static int compare_entries(const void *a, const void *b)
{
	const struct source_entry *x = a, *y = b;
	int c = srcwalk_compare(x->rel, y->rel);

	if (c)
		return c;
	return (x->part + 1 > y->part + 1) - (x->part + 1 < y->part + 1);
}

/* A file in the place of a directory would leave what is below the directory without a parent. */
static int check_types(const struct walk *w, const struct source_entry *a, const struct source_entry *b)
{
	AUTO_FREE char *path = below(w->at, a->rel);

	if (S_ISDIR(a->st.st_mode) == S_ISDIR(b->st.st_mode))
		return 0;
	err_set(w->e, ERR_INPUT, "%s is a directory in one mapping of the build context and a file in another", path);
	return err_hint(w->e, "give one of them another place in the context");
}

static int merge_parts(const struct walk *w)
{
	struct source_match *m = w->m;
	size_t n = 0, i;
	int rc = 0;

	qsort(m->entries.v, m->entries.n, sizeof *m->entries.v, compare_entries);
	for (i = 0; i < m->entries.n; i++) {
		struct source_entry *en = &m->entries.v[i];

		if (i + 1 == m->entries.n || strcmp(en->rel, en[1].rel) != 0) {
			m->entries.v[n++] = *en;
			continue;
		}
		if (rc == 0)
			rc = check_types(w, en, en + 1);
		release_entry(en);
	}
	m->entries.n = n;
	return rc;
}

static int collect_parts(struct walk *w)
{
	size_t contributions = 0;

	for (w->part = 0; w->part < w->set->parts.n; w->part++) {
		const char *dest = w->set->parts.v[w->part].dest, *rest = rest_below(dest, w->at);
		const char *rel = rest ? "" : rest_below(w->at, dest);
		size_t before = w->m->entries.n;

		if (!rel)
			continue;
		if (!rest)
			add_virtual_parents(w, rel);
		if (collect_part(w, rest ? rest : "", rel) < 0)
			return -1;
		contributions += w->m->entries.n > before;
	}
	if (contributions > 1 || (w->m->entries.n && w->m->entries.v[0].part == SOURCE_VIRTUAL))
		return merge_parts(w);
	return 0;
}

int srcwalk_collect(const struct source_set *s, const char *at, struct source_match *m, bool *ignored, struct err *e)
{
	struct walk w = {.set = s, .m = m, .at = at, .e = e};
	int rc = s->rootfd >= 0 ? collect_root(&w) : collect_parts(&w);

	*ignored = w.ignored;
	return rc;
}
