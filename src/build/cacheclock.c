#include "src/build/cacheclock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "oci/treewalk.h"
#include "src/build/clockfile.h"
#include "src/build/clockrec.h"
#include "src/build/clockundo.h"
#include "src/build/lowers.h"
#include "src/build/rootdiff.h"
#include "src/build/rootview.h"
#include "src/build/runmount.h"
#include "src/build/updir.h"
#include "src/plan/plan_mount.h"
#include "src/sandbox/overlay.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/path.h"

/* Failed steps in a row that are told apart; beyond them nothing is known. */
#define STACKS_MAX    8
#define COMPARE_BYTES ((size_t)64 << 10)

/* A stack that the step sees: its own root, or that of a stage or image which it mounts. */
struct clock {
	const struct step_job *j;
	const struct plan_mount *bind; /* NULL: the root */
	const struct digest_list *stack;
	bool *copied;	      /* layers that a COPY made: what a user edits */
	char *upper, *work;   /* relative to the store */
	int root;	      /* merged; -1: not mounted yet */
	struct strv touched;  /* paths in it */
	struct points points; /* without an overlay: the times that they had */
};

/* --- touching --- */

/* The step's own root, or the copy that it mounts. */
static int open_tree_root(struct clock *k, struct err *e)
{
	AUTO_FREE char *tree = k->bind ? runmount_dir(k->j, k->bind, ".tree") : mem_strdup(k->j->root);

	k->root = openat(store_fd(k->j->b->s->store), tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	k->points.root = k->root;
	return k->root < 0 ? err_sys(e, ERR_HOST, errno, "%s", tree) : 0;
}

/* A working directory of its own: the kernel refuses one that a volatile mount has used. */
static int open_root(struct clock *k, struct err *e)
{
	struct build *b = k->j->b;
	AUTO_STRV struct strv lower = {0};

	if (k->root >= 0)
		return 0;
	if (b->s->tier.trees)
		return open_tree_root(k, e);
	if (mkdirat(store_fd(b->s->store), k->work, 0755) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", k->work);
	lowers_paths(b, k->stack, &lower);
	k->root = overlay_mount(&(struct overlay_spec){.dirfd = store_fd(b->s->store),
						       .lower = (const char *const *)lower.v,
						       .nlower = lower.n,
						       .upper = k->upper,
						       .work = k->work},
				e);
	return k->root < 0 ? -1 : 0;
}

static int open_file(int root, const char *path)
{
	struct stat st;
	int fd = path_open_nolinks(root, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);

	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool same_bytes(int a, int b)
{
	char x[COMPARE_BYTES], y[COMPARE_BYTES];
	struct err e = ERR_INIT;
	bool same = true;
	ssize_t n = 1;

	while (same && n > 0) {
		n = io_read_full(a, x, sizeof x, "file", &e);
		same = n >= 0 && io_read_full(b, y, sizeof y, "file", &e) == n && memcmp(x, y, (size_t)n) == 0;
	}
	err_release(&e);
	return same;
}

/* old: another view of the root, -1: whatever is there. */
static int touch_if_changed(struct clock *k, int old, const char *path, struct err *e)
{
	AUTO_CLOSE int now = open_file(k->root, path);
	AUTO_CLOSE int then = old < 0 ? -1 : open_file(old, path);

	if (now < 0 || (then >= 0 && same_bytes(now, then)))
		return 0;
	if (k->j->b->s->tier.trees) {
		if (!k->bind && points_keep_time(&k->points, path, e) < 0)
			return -1;
	} else if (!strv_has(&k->touched, path)) {
		strv_add(&k->touched, path);
	}
	return clockrec_touch(now, path, e);
}

static int touch_layer(struct clock *k, const struct digest *layer, int old, struct err *e)
{
	struct build *b = k->j->b;
	AUTO_FREE char *path = store_layer_path(b->s->tier.form, layer);
	AUTO_CLOSE int fd = openat(store_fd(b->s->store), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_TREEWALK struct treewalk *w = fd < 0 ? NULL : treewalk_open(fd, e);
	struct treewalk_item it;
	int rc = 0;

	if (fd < 0)
		return err_sys(e, ERR_HOST, errno, "%s", path);
	if (!w || open_root(k, e) < 0)
		return -1;
	while ((rc = treewalk_next(w, &it, e)) > 0)
		if (S_ISREG(it.st.st_mode) && touch_if_changed(k, old, it.path, e) < 0)
			return -1;
	return rc;
}

/* --- layers --- */

/* Of each of the `layers` that the first `upto` steps of a stage stand on or made whether a COPY made it. From the top
 * down: the stage itself, the one it stands on, and so on. PLAN_NONE: an image, nothing is known. */
static bool *copied_layers(const struct build *b, size_t stage, size_t upto, size_t layers)
{
	const struct plan *p = b->plan;
	const char *made = stage == PLAN_NONE ? "" : buf_str(&b->run[stage].made);
	bool *copied = mem_zalloc(layers + 1);
	size_t at = layers, n = strlen(made);

	for (size_t s = stage; s != PLAN_NONE; s = p->stages.v[s].base_stage) {
		const struct plan_stage *st = &p->stages.v[s];

		for (size_t k = s == stage ? upto : st->steps.n; k-- > 0;) {
			const struct plan_step *step = &st->steps.v[k];

			if (!plan_step_is_layer(step) || n == 0 || !state_made(made, --n))
				continue;
			if (at > 0)
				copied[--at] = step->kind == PLAN_COPY;
		}
	}
	return copied;
}

static int touch_copied(struct clock *k, struct err *e)
{
	for (size_t i = 0; i < k->stack->n; i++)
		if (k->copied[i] && touch_layer(k, &k->stack->v[i], -1, e) < 0)
			return -1;
	return 0;
}

static bool has_layer(const struct digest_list *l, const struct digest *d)
{
	for (size_t i = 0; i < l->n; i++)
		if (digest_eq(&l->v[i], d))
			return true;
	return false;
}

/* Files of layers that only one of the stacks has; one of those may show or hide what lies below. */
static int touch_difference(struct clock *k, const struct digest_list *then, int old, struct err *e)
{
	const struct digest_list *now = k->stack;

	for (size_t i = 0; i < now->n; i++)
		if (!has_layer(then, &now->v[i]) && touch_layer(k, &now->v[i], old, e) < 0)
			return -1;
	for (size_t i = 0; i < then->n; i++)
		if (!has_layer(now, &then->v[i]) && touch_layer(k, &then->v[i], old, e) < 0)
			return -1;
	return 0;
}

static bool same_stack(const struct digest_list *a, const struct digest_list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!digest_eq(&a->v[i], &b->v[i]))
			return false;
	return true;
}

/* A layer that is gone cannot be compared with: everything counts as changed. */
static int touch_against(struct clock *k, const struct digest_list *then, struct err *e)
{
	struct build *b = k->j->b;
	AUTO_FREE char *empty = mem_printf("%s/empty", k->j->dir);

	if (same_stack(then, k->stack))
		return 0;
	for (size_t i = 0; i < then->n; i++)
		if (!store_layer_has(b->s->store, b->s->tier.form, &then->v[i]))
			return touch_copied(k, e);
	AUTO_CLOSE int old = rootview_open(b, then, empty, e);

	return old < 0 ? -1 : touch_difference(k, then, old, e);
}

/* One line of a record. */
static bool parse_stack(struct sv line, struct digest_list *out)
{
	struct err e = ERR_INIT;
	bool ok = true;

	while (ok && line.p) {
		struct sv word = sv_cut(&line, ' ');
		struct digest d;

		if (!word.n)
			continue;
		ok = digest_parse(word, &d, ERR_INTEGRITY, &e) == 0;
		if (ok)
			vec_push(out, d);
	}
	err_release(&e);
	return ok;
}

static void print_stack(const struct digest_list *l, struct buf *out)
{
	for (size_t i = 0; i < l->n; i++)
		buf_printf(out, "%s ", l->v[i].text);
	buf_char_add(out, '\n');
}

static int touch_stacks(struct clock *k, struct sv rest, size_t *n, bool *current, struct err *e)
{
	*n = 0;
	*current = false;
	while (rest.n) {
		AUTO_DIGEST_LIST struct digest_list then = {0};

		++*n;
		if (!parse_stack(sv_cut(&rest, '\n'), &then)) {
			if (touch_copied(k, e) < 0)
				return -1;
			continue;
		}
		*current |= same_stack(&then, k->stack);
		if (touch_against(k, &then, e) < 0)
			return -1;
	}
	return 0;
}

static int clock_layers(struct clock *k, const struct cachemount *c, struct err *e)
{
	AUTO_FREE char *name = clockrec_name(k->j, c, k->bind);
	AUTO_BUF struct buf seen = BUF_INIT(CLOCKREC_MAX), next = BUF_INIT(CLOCKREC_MAX);
	bool known = !c->fresh && clockrec_read(k->j, name, &seen), current = false;
	size_t n = 0;

	print_stack(k->stack, &next);
	if (c->fresh)
		return clockrec_write(k->j, name, &next, &next, e);
	if (known ? touch_stacks(k, buf_sv(&seen), &n, &current, e) < 0 : touch_copied(k, e) < 0)
		return -1;
	if (!known || n >= STACKS_MAX) {
		buf_clear(&seen);
		buf_str_add(&seen, CLOCKREC_UNKNOWN);
	} else if (!current) {
		print_stack(k->stack, &seen);
	}
	return clockrec_write(k->j, name, &seen, &next, e);
}

/* --- all --- */

static int clock_stack(struct clock *k, const struct cachemounts *c, struct err *e)
{
	int rc = 0;

	k->root = -1;
	for (size_t i = 0; rc == 0 && i < c->n; i++)
		if (c->v[i].lock >= 0)
			rc = clock_layers(k, &c->v[i], e);
	if (k->root >= 0)
		close(k->root);
	if (rc == 0 && !k->bind && k->points.times.n)
		rc = rootdiff_save_points(k->j, &k->points, e);
	points_release(&k->points);
	if (rc == 0 && !k->bind && k->touched.n)
		rc = clockundo_note(k->j, &k->touched, e);
	strv_release(&k->touched);
	free(k->copied);
	free(k->upper);
	free(k->work);
	return rc;
}

static int clock_root(const struct step_job *j, const struct cachemounts *c, struct err *e)
{
	struct clock k = {.j = j,
			  .stack = &j->parent,
			  .copied = copied_layers(j->b, j->stage, j->step, j->parent.n),
			  .upper = updir_path(j, "upper"),
			  .work = updir_path(j, "touch")};

	return clock_stack(&k, c, e);
}

/* Its upper directory is thrown away with what is touched in it. */
static int clock_bind(const struct step_job *j, const struct cachemounts *c, const struct plan_mount *pm, struct err *e)
{
	const struct digest_list *stack = runmount_stack(j, pm);
	size_t stage = pm->origin == PLAN_FROM_STAGE ? pm->index : PLAN_NONE;
	size_t steps = stage == PLAN_NONE ? 0 : j->b->plan->stages.v[stage].steps.n;
	struct clock k = {.j = j,
			  .bind = pm,
			  .stack = stack,
			  .copied = copied_layers(j->b, stage, steps, stack->n),
			  .upper = runmount_updir(j, pm, ".upper"),
			  .work = runmount_updir(j, pm, ".touch")};

	return clock_stack(&k, c, e);
}

static int clock_mount(const struct step_job *j, const struct cachemounts *c, const struct plan_mount *pm,
		       struct err *e)
{
	if (pm->m.type != DMOUNT_BIND)
		return 0;
	if (!plan_mount_of_context(pm))
		return clock_bind(j, c, pm, e);
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].lock >= 0 && clockfile_context(j, &c->v[i], pm, e) < 0)
			return -1;
	return 0;
}

int cacheclock_prepare(const struct step_job *j, const struct cachemounts *c, struct err *e)
{
	int rc;

	if (j->b->plan->timestamps_real || !c->n)
		return 0;
	rc = clock_root(j, c, e);
	for (size_t i = 0; rc == 0 && i < j->def->mounts.n; i++)
		rc = clock_mount(j, c, &j->def->mounts.v[i], e);
	return rc < 0 ? err_wrap(e, "times of files for the cache mounts") : 0;
}

static int commit_cache(const struct step_job *j, const struct cachemount *c, struct err *e)
{
	AUTO_FREE char *layers = clockrec_name(j, c, NULL);
	int rc = clockrec_commit(j, layers, e);

	for (size_t i = 0; rc == 0 && i < j->def->mounts.n; i++) {
		AUTO_FREE char *files = clockrec_name(j, c, &j->def->mounts.v[i]);

		rc = clockrec_commit(j, files, e);
	}
	return rc;
}

int cacheclock_finish(const struct step_job *j, const struct cachemounts *c, struct err *e)
{
	if (j->b->plan->timestamps_real || !c->n)
		return 0;
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].lock >= 0 && commit_cache(j, &c->v[i], e) < 0)
			return -1;
	return clockundo_run(j, e);
}
