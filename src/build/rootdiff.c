#include "src/build/rootdiff.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "oci/treediff.h"
#include "src/sandbox/chrootfill.h"
#include "src/session/nsjob.h"
#include "src/util/mem.h"
#include "src/util/path.h"

#define HELD_NAME   "held"
#define POINTS_NAME "points"
#define INDEX_NAME  "index"

/* Descriptors of a step's root and what belongs to it. */
struct rooted {
	const struct step_job *j;
	int root, upper, held;
	struct points points;
	struct treeindex index;
};

static void rooted_release(struct rooted *r)
{
	const int fds[] = {r->root, r->upper, r->held};

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	points_release(&r->points);
	treeindex_release(&r->index);
}
#define AUTO_ROOTED AUTO(rooted_release)

static char *name_of(const struct step_job *j, const char *name)
{
	return mem_printf("%s/%s", j->dir, name);
}

char *rootdiff_points(const struct step_job *j)
{
	return name_of(j, POINTS_NAME);
}

static int open_dir(const struct step_job *j, const char *name, bool make, struct err *e)
{
	AUTO_FREE char *path = name_of(j, name);
	int store = store_fd(j->b->s->store), fd;

	if (make && mkdirat(store, path, 0700) < 0 && errno != EEXIST)
		return err_sys(e, ERR_HOST, errno, "%s", path);
	fd = openat(store, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, ERR_HOST, errno, "%s", path) : fd;
}

static int open_file(const struct step_job *j, const char *name, int flags, struct err *e)
{
	AUTO_FREE char *path = name_of(j, name);
	int fd = openat(store_fd(j->b->s->store), path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? err_sys(e, ERR_HOST, errno, "%s", path) : fd;
}

static int open_rooted(struct rooted *r, const struct step_job *j, struct err *e)
{
	*r = (struct rooted){.j = j, .root = -1, .upper = -1, .held = -1};
	r->root = roots_open(j, e);
	if (r->root < 0)
		return -1;
	r->upper = open_dir(j, "upper", false, e);
	if (r->upper < 0)
		return -1;
	r->held = open_dir(j, HELD_NAME, true, e);
	r->points.root = r->root;
	r->points.held = r->held;
	r->points.store = store_fd(j->b->s->store);
	return r->held < 0 ? -1 : 0;
}

static int write_diff(struct rooted *r, const struct ownview *view, struct err *e)
{
	const struct treediff_opts o = {.skip = points_skip,
					.view = view,
					.arg = &r->points,
					.clamp = !r->j->b->plan->timestamps_real,
					.limit = r->j->def->logical};

	return treediff_write(r->root, &r->index, r->upper, &o, e) < 0 ? err_wrap(e, "what the step has changed") : 0;
}

/* --- COPY, WORKDIR --- */

int rootdiff_copy(const struct step_job *j, rootdiff_fn *fn, const void *arg, const struct treeview *tv, struct err *e)
{
	AUTO_ROOTED struct rooted r;

	if (roots_make(j, &tv->view, e) < 0 || open_rooted(&r, j, e) < 0)
		return -1;
	if (treeindex_make(r.root, NULL, NULL, &r.index, e) < 0)
		return -1;
	treeindex_settle(&r.index);
	if (fn(arg, tv, e) < 0 || write_diff(&r, &tv->view, e) < 0)
		return -1;
	return roots_keep(j, &tv->view, e);
}

/* --- before RUN --- */

/* What the set-up has kept the times of so far (cacheclock). */
static int load_points(struct rooted *r, struct err *e)
{
	AUTO_CLOSE int fd = open_file(r->j, POINTS_NAME, O_RDONLY | O_CREAT, e);

	return fd < 0 ? -1 : points_load(&r->points, fd, e);
}

int rootdiff_save_points(const struct step_job *j, const struct points *p, struct err *e)
{
	AUTO_CLOSE int fd = open_file(j, POINTS_NAME, O_WRONLY | O_CREAT | O_TRUNC, e);

	return fd < 0 ? -1 : points_save(p, fd, e);
}

struct preparing {
	const struct step_job *j;
	const struct sandbox_spec *s;
};

static int prepare(void *arg, struct err *e)
{
	const struct preparing *p = arg;
	bool chroot = p->j->b->s->tier.tier == TIER_CHROOT;
	AUTO_ROOTED struct rooted r;
	AUTO_CLOSE int fd = -1;
	size_t before;
	int rc;

	if (open_rooted(&r, p->j, e) < 0 || load_points(&r, e) < 0)
		return -1;
	before = r.points.times.n;
	rc = chroot ? chrootfill(&r.points, p->s, e) : chrootfill_points(&r.points, p->s, e);
	/* The step sees times as if nothing had been put there. */
	if (rc == 0)
		rc = points_restore_times(&r.points, before, e);
	if (rc < 0) {
		points_move_back(&r.points);
		return -1;
	}
	if (rootdiff_save_points(p->j, &r.points, e) < 0 ||
	    treeindex_make(r.root, points_skip, &r.points, &r.index, e) < 0)
		return -1;
	treeindex_settle(&r.index);
	fd = open_file(p->j, INDEX_NAME, O_WRONLY | O_CREAT | O_EXCL, e);
	return fd < 0 ? -1 : treeindex_save(&r.index, fd, e);
}

int rootdiff_prepare(const struct step_job *j, const struct sandbox_spec *s, struct err *e)
{
	struct preparing p = {j, s};

	return nsjob_run(j->b->s->nsfd, prepare, &p, e);
}

/* --- after RUN --- */

/* Whether the step itself has changed what our set-up has changed too; before anything is undone. */
static void look_at_times(struct rooted *r)
{
	for (size_t i = 0; i < r->points.times.n; i++) {
		struct point_time *t = &r->points.times.v[i];
		const struct treeindex_entry *then = smap_get(&r->index.entries, t->path);
		AUTO_CLOSE int fd = path_open_nolinks(r->root, t->path, O_PATH | O_NOFOLLOW, 0);
		struct stat st;

		t->touched = !then || fd < 0 || fstat(fd, &st) < 0 || st.st_ino != then->ino ||
			     st.st_ctim.tv_sec != then->ctime.tv_sec || st.st_ctim.tv_nsec != then->ctime.tv_nsec;
		if (t->touched && fd >= 0)
			t->own = st.st_mtim;
	}
}

/* What the step left alone is as it was, though we have changed it; directories that we made do not belong to it. */
static int adjust_index(struct rooted *r, struct err *e)
{
	for (size_t i = 0; i < r->points.times.n; i++) {
		const struct point_time *t = &r->points.times.v[i];

		if (!t->touched && treeindex_refresh(&r->index, r->root, t->path, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < r->points.v.n; i++)
		if (r->points.v.v[i].parent)
			treeindex_forget(&r->index, r->points.v.v[i].path);
	return 0;
}

/* sandbox_run() has taken the worker into the user namespace. */
int rootdiff_finish(const struct step_job *j, const struct ownview *view, struct err *e)
{
	AUTO_ROOTED struct rooted r;
	AUTO_CLOSE int fd = -1;

	if (open_rooted(&r, j, e) < 0 || load_points(&r, e) < 0)
		return -1;
	fd = open_file(j, INDEX_NAME, O_RDONLY, e);
	if (fd < 0 || treeindex_load(&r.index, fd, e) < 0)
		return -1;
	look_at_times(&r);
	if (points_restore(&r.points, e) < 0 || points_restore_times(&r.points, 0, e) < 0 || adjust_index(&r, e) < 0)
		return -1;
	return write_diff(&r, view, e) < 0 ? -1 : roots_keep(j, view, e);
}
