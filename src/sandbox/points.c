/* Places of a step's set-up in its root. */
#include "src/sandbox/points.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/util/buf.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/path.h"

/* Some dozens of short records. */
#define POINTS_FILE_MAX ((size_t)64 << 20)

void points_release(struct points *p)
{
	for (size_t i = 0; i < p->v.n; i++) {
		free(p->v.v[i].path);
		free(p->v.v[i].held);
		free(p->v.v[i].back);
	}
	for (size_t i = 0; i < p->times.n; i++)
		free(p->times.v[i].path);
	vec_release(&p->v);
	vec_release(&p->times);
}

static int points_fail(const char *path, const char *doing, struct err *e)
{
	return err_sys(e, ERR_HOST, errno, "/%s: %s", path, doing);
}

static struct point *points_add(struct points *p, const char *path, bool parent)
{
	vec_push(&p->v, (struct point){mem_strdup(path), mem_strdup(""), mem_strdup(""), parent});
	return &p->v.v[p->v.n - 1];
}

/* The directory that holds path, no link on the way. */
static int points_dir(const struct points *p, const char *path)
{
	AUTO_FREE char *dir = path_dir(path);

	return path_open_nolinks(p->root, dir, O_PATH | O_DIRECTORY, 0);
}

bool points_skip(void *points, const char *path)
{
	const struct points *p = points;

	for (size_t i = 0; i < p->v.n; i++)
		if (!p->v.v[i].parent && strcmp(p->v.v[i].path, path) == 0)
			return true;
	return false;
}

/* --- setting up --- */

int points_keep_time(struct points *p, const char *path, struct err *e)
{
	AUTO_CLOSE int fd = points_dir(p, path);
	struct stat st;

	for (size_t i = 0; i < p->times.n; i++)
		if (strcmp(p->times.v[i].path, path) == 0)
			return 0;
	if (fd < 0 || fstatat(fd, path_base(path), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return points_fail(path, "stat", e);
	vec_push(&p->times, (struct point_time){.path = mem_strdup(path), .mtime = st.st_mtim});
	return 0;
}

/* What will change in time when something is made or moved there. The root has no time in a layer. */
static int points_keep_parent(struct points *p, const char *path, struct err *e)
{
	AUTO_FREE char *dir = path_dir(path);

	return strcmp(dir, ".") == 0 ? 0 : points_keep_time(p, dir, e);
}

/* Directories above path, made where they are missing. */
static int points_make_above(struct points *p, const char *path, struct err *e)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		AUTO_FREE char *dir = mem_strndup(path, (size_t)(slash - path));
		AUTO_CLOSE int at = points_dir(p, dir);
		struct stat st;

		if (at < 0)
			return points_fail(dir, "open", e);
		if (fstatat(at, path_base(dir), &st, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		if (points_keep_parent(p, dir, e) < 0)
			return -1;
		if (mkdirat(at, path_base(dir), 0755) < 0)
			return points_fail(dir, "making it", e);
		points_add(p, dir, true);
	}
	return 0;
}

static int points_hold(struct points *p, struct point *pt, int at, struct err *e)
{
	AUTO_FREE char *name = mem_printf("%u", p->count++);

	if (renameat(at, path_base(pt->path), p->held, name) == 0) {
		free(pt->held);
		pt->held = STEAL_PTR(name);
		return 0;
	}
	return errno == ENOENT ? 0 : points_fail(pt->path, "putting aside what is there", e);
}

int points_place(struct points *p, const char *path, const char *back, struct err *e)
{
	AUTO_CLOSE int at = -1;
	struct point *pt;

	if (points_make_above(p, path, e) < 0 || points_keep_parent(p, path, e) < 0)
		return -1;
	at = points_dir(p, path);
	if (at < 0)
		return points_fail(path, "open", e);
	pt = points_add(p, path, false);
	if (points_hold(p, pt, at, e) < 0)
		return -1;
	if (back) {
		free(pt->back);
		pt->back = mem_strdup(back);
	}
	return STEAL_FD(at);
}

int points_ensure(struct points *p, const char *path, bool dir, struct err *e)
{
	AUTO_CLOSE int at = points_dir(p, path), fd = -1;
	struct stat st;

	if (at >= 0 && fstatat(at, path_base(path), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (dir ? S_ISDIR(st.st_mode) : S_ISREG(st.st_mode)))
		return 0;
	fd = points_place(p, path, NULL, e);
	if (fd < 0)
		return -1;
	if (dir)
		return mkdirat(fd, path_base(path), 0755) < 0 ? points_fail(path, "making it", e) : 0;
	AUTO_CLOSE int file = openat(fd, path_base(path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	return file < 0 ? points_fail(path, "making it", e) : 0;
}

/* --- undoing --- */

void points_move_back(struct points *p)
{
	for (size_t i = p->v.n; i-- > 0;) {
		const struct point *pt = &p->v.v[i];
		AUTO_CLOSE int at = pt->back[0] ? points_dir(p, pt->path) : -1;

		if (at >= 0)
			renameat(at, path_base(pt->path), p->store, pt->back);
	}
}

/* Where the step has removed or replaced the directory, what was held is not wanted any more. */
static int points_undo(struct points *p, const struct point *pt, struct err *e)
{
	AUTO_CLOSE int at = points_dir(p, pt->path);
	AUTO_FREE char *gone = mem_printf("gone.%u", p->count++);
	const char *name = path_base(pt->path);

	if (at < 0)
		return 0;
	if (pt->parent) {
		if (unlinkat(at, name, AT_REMOVEDIR) < 0 && errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT &&
		    errno != ENOTDIR)
			return points_fail(pt->path, "removing it", e);
		return 0;
	}
	if (renameat(at, name, p->held, gone) < 0 && errno != ENOENT)
		return points_fail(pt->path, "taking it away", e);
	if (pt->held[0] && renameat(p->held, pt->held, at, name) < 0)
		return points_fail(pt->path, "putting back what was there", e);
	return 0;
}

int points_restore(struct points *p, struct err *e)
{
	points_move_back(p);
	for (size_t i = p->v.n; i-- > 0;)
		if (points_undo(p, &p->v.v[i], e) < 0)
			return -1;
	return 0;
}

int points_restore_times(struct points *p, size_t from, struct err *e)
{
	for (size_t i = p->times.n; i-- > from;) {
		const struct point_time *t = &p->times.v[i];
		const struct timespec ts[2] = {{.tv_nsec = UTIME_OMIT}, t->touched ? t->own : t->mtime};
		AUTO_CLOSE int at = points_dir(p, t->path);

		if (at >= 0 && utimensat(at, path_base(t->path), ts, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
			return points_fail(t->path, "setting its time", e);
	}
	return 0;
}

/* --- the file: NUL-terminated fields --- */

static void points_put(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text) + 1);
}

int points_save(const struct points *p, int fd, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(POINTS_FILE_MAX);

	for (size_t i = 0; i < p->v.n; i++) {
		const struct point *pt = &p->v.v[i];

		points_put(&b, pt->parent ? "parent" : "point");
		points_put(&b, pt->path);
		points_put(&b, pt->held);
		points_put(&b, pt->back);
	}
	for (size_t i = 0; i < p->times.n; i++) {
		const struct point_time *t = &p->times.v[i];
		AUTO_FREE char *time = mem_printf("%lld %ld", (long long)t->mtime.tv_sec, t->mtime.tv_nsec);

		points_put(&b, "time");
		points_put(&b, t->path);
		points_put(&b, time);
	}
	return io_write_all(fd, b.p, b.n, "list of mount points", e);
}

static const char *points_field(const struct buf *b, size_t *at)
{
	const char *text = *at < b->n ? b->p + *at : "";

	*at += *at < b->n ? strlen(text) + 1 : 0;
	return text;
}

int points_load(struct points *p, int fd, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(POINTS_FILE_MAX);

	if (io_read_all(fd, &b, "list of mount points", e) < 0)
		return -1;
	buf_char_add(&b, '\0');
	b.n--;
	for (size_t at = 0; at < b.n;) {
		const char *kind = points_field(&b, &at), *path = points_field(&b, &at);

		if (strcmp(kind, "time") == 0) {
			struct point_time t = {.path = mem_strdup(path)};
			long long sec = 0;

			sscanf(points_field(&b, &at), "%lld %ld", &sec, &t.mtime.tv_nsec);
			t.mtime.tv_sec = sec;
			vec_push(&p->times, t);
			continue;
		}
		struct point *pt = points_add(p, path, strcmp(kind, "parent") == 0);

		free(pt->held);
		pt->held = mem_strdup(points_field(&b, &at));
		free(pt->back);
		pt->back = mem_strdup(points_field(&b, &at));
		p->count++;
	}
	return 0;
}
