#include "src/build/roots.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "oci/merge.h"
#include "src/build/lowers.h"
#include "src/session/treeview.h"
#include "src/util/mem.h"
#include "src/util/path.h"

/* --- in the scheduler --- */

static void free_root(struct root_dir *r)
{
	free(r->path);
	digest_list_release(&r->stack);
}

static void drop(struct build *b, size_t i)
{
	memmove(&b->roots.v[i], &b->roots.v[i + 1], (b->roots.n - i - 1) * sizeof b->roots.v[0]);
	b->roots.n--;
}

/* The one that was given back first. A few more than can be worked in are kept, for stages that wait. */
static void evict(struct step_job *j)
{
	struct build *b = j->b;

	if (b->roots.n <= b->jobs)
		return;
	j->evict = mem_strdup(b->roots.v[0].path);
	free_root(&b->roots.v[0]);
	drop(b, 0);
}

void roots_take(struct step_job *j)
{
	struct build *b = j->b;

	for (size_t i = b->roots.n; i-- > 0 && !j->root;) {
		struct root_dir *r = &b->roots.v[i];

		if (!digest_list_eq(&r->stack, &j->parent))
			continue;
		j->root = STEAL_PTR(r->path);
		j->root_made = true;
		free_root(r);
		drop(b, i);
	}
	if (!j->root)
		j->root = mem_printf("%s/root.%u", b->tmp, b->tmp_count++);
	evict(j);
}

void roots_give(struct step_job *j, const struct digest_list *stack)
{
	struct root_dir r = {.path = STEAL_PTR(j->root)};

	if (!r.path)
		return;
	digest_list_copy(&r.stack, stack);
	vec_push(&j->b->roots, r);
}

void roots_drop(struct step_job *j)
{
	free(j->root);
	j->root = NULL;
}

void roots_release(struct build *b)
{
	for (size_t i = 0; i < b->roots.n; i++)
		free_root(&b->roots.v[i]);
	vec_release(&b->roots);
}

/* --- in a worker --- */

int roots_copy(const struct build *b, const struct digest_list *stack, const char *rel, bool share,
	       const struct ownview *view, struct err *e)
{
	const struct merge_opts opts = {.share = share, .view = view};
	int store = store_fd(b->s->store);
	AUTO_STRV struct strv lower = {0};
	AUTO_CLOSE int out = -1;

	if (mkdirat(store, rel, 0755) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", rel);
	out = openat(store, rel, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out < 0)
		return err_sys(e, ERR_HOST, errno, "%s", rel);
	/* Files that are copied get inodes of their own in any case. */
	if (share && lowers_make(b, stack, e) < 0)
		return -1;
	lowers_paths(b, stack, &lower);
	return merge_trees(store, (const char *const *)lower.v, lower.n, out, &opts, e) < 0
		       ? err_wrap(e, "making a root file system")
		       : 0;
}

static int open_rows(const struct step_job *j, int flags)
{
	AUTO_FREE char *path = mem_printf("%s.rows", j->root);

	return openat(store_fd(j->b->s->store), path, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
}

int roots_load(const struct step_job *j, const struct ownview *view, struct err *e)
{
	AUTO_CLOSE int fd = view ? open_rows(j, O_RDONLY) : -1;

	return fd < 0 ? 0 : owntab_load(view->rows, fd, e);
}

int roots_keep(const struct step_job *j, const struct ownview *view, struct err *e)
{
	AUTO_CLOSE int fd = -1;

	if (!view || !owntab_len(view->rows))
		return 0;
	fd = open_rows(j, O_WRONLY | O_CREAT);
	return fd < 0 ? err_sys(e, ERR_HOST, errno, "%s.rows", j->root) : owntab_save(view->rows, fd, e);
}

int roots_make(const struct step_job *j, const struct ownview *view, struct err *e)
{
	if (j->evict && path_remove_tree(store_fd(j->b->s->store), j->evict, e) < 0)
		return -1;
	return j->root_made ? roots_load(j, view, e) : roots_copy(j->b, &j->parent, j->root, false, view, e);
}

int roots_prepare(const struct step_job *j, struct err *e)
{
	AUTO_TREEVIEW struct treeview tv = {0};

	if (j->b->s->tier.tier != TIER_SOLO)
		return roots_make(j, NULL, e);
	treeview_open(&tv, j->b->s);
	if (treeview_stack(&tv, j->b->s, &j->parent, e) < 0 || roots_make(j, &tv.view, e) < 0)
		return -1;
	return roots_keep(j, &tv.view, e);
}

int roots_open(const struct step_job *j, struct err *e)
{
	int fd = openat(store_fd(j->b->s->store), j->root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? err_sys(e, ERR_HOST, errno, "%s", j->root) : fd;
}
