#include "src/build/cachemount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "src/build/copyto.h"
#include "src/build/ctxmount.h"
#include "src/build/rootview.h"
#include "src/build/runmount.h"
#include "src/plan/plan_mount.h"
#include "src/session/treeview.h"
#include "src/util/lock.h"
#include "src/util/mem.h"
#include "src/util/path.h"
#include "src/util/tmp.h"

#define MOUNTS_DIR   "mounts"
#define CONTENT	     CTXMOUNT_NAME /* where ctxmount_copy() puts it */
#define DEFAULT_MODE 0755

void cachemount_release(struct cachemounts *c)
{
	for (size_t i = 0; i < c->n; i++) {
		lock_drop(c->v[i].lock);
		free(c->v[i].dir);
		free(c->v[i].data);
	}
	vec_release(c);
}

const struct cachemount *cachemount_of(const struct cachemounts *c, const struct plan_mount *pm)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].pm == pm)
			return &c->v[i];
	return NULL;
}

/* Whatever an id holds, it is only ever a part of a hash. Trees of other id maps are other directories. */
static char *dir_name(const struct step_job *j, const struct plan_mount *pm)
{
	const struct digest_list *from = plan_mount_of_context(pm) ? NULL : runmount_stack(j, pm);
	struct ckey_builder b;
	struct ckey k;

	ckey_begin(&b, "slct-cache-mount", false);
	ckey_str(&b, "form", j->b->s->tier.form);
	ckey_str(&b, "id", pm->m.id);
	if (!from)
		ckey_str(&b, "files", pm->tree.text);
	for (size_t i = 0; pm->m.from && from && i < from->n; i++)
		ckey_str(&b, "layer", from->v[i].text);
	ckey_str(&b, "source", pm->m.from ? pm->m.source : NULL);
	ckey_end(&b, &k, NULL);
	return mem_printf("%s/%s", MOUNTS_DIR, k.hex);
}

static int lock_slot(const struct step_job *j, struct cachemount *c, enum lock_mode mode, int64_t timeout,
		     struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/lock.%u", c->dir, c->slot);

	c->lock = lock_take(store_fd(j->b->s->store), path, mode, timeout, e);
	return c->lock < 0 ? -1 : 0;
}

/* The first directory that nobody uses. */
static int lock_private(const struct step_job *j, struct cachemount *c, struct err *e)
{
	for (c->slot = 0; c->slot < CACHEMOUNT_SLOTS_MAX; c->slot++) {
		if (lock_slot(j, c, LOCK_EXCLUSIVE, 0, e) == 0)
			return 0;
		if (e->code != ERR_TEMP)
			return -1;
		err_release(e);
	}
	return err_set(e, ERR_HOST, "cache mount %s: %d steps use it already", c->pm->m.id, CACHEMOUNT_SLOTS_MAX);
}

static int lock(const struct step_job *j, struct cachemount *c, struct err *e)
{
	enum dmount_sharing sharing = c->pm->m.sharing;

	/* The directory itself is moved into the step's root: it can be in one at a time. */
	if (j->b->s->tier.tier == TIER_CHROOT && sharing == DMOUNT_SHARED)
		sharing = DMOUNT_LOCKED;
	switch (sharing) {
	case DMOUNT_PRIVATE:
		return lock_private(j, c, e);
	case DMOUNT_LOCKED:
		return lock_slot(j, c, LOCK_EXCLUSIVE, -1, e);
	case DMOUNT_SHARED:
	default:
		return lock_slot(j, c, LOCK_SHARED, -1, e);
	}
}

static int take(const struct step_job *j, struct cachemounts *all, size_t i, struct err *e)
{
	struct cachemount *c = &all->v[i];
	const struct cachemount *same = i > 0 && strcmp(all->v[i - 1].dir, c->dir) == 0 ? &all->v[i - 1] : NULL;
	int store = store_fd(j->b->s->store);

	if (mkdirat(store, c->dir, 0700) < 0 && errno != EEXIST)
		return err_sys(e, ERR_HOST, errno, "cache mount %s", c->pm->m.id);
	if (same)
		c->slot = same->slot;
	else if (lock(j, c, e) < 0)
		return err_wrap(e, "cache mount %s", c->pm->m.id);
	c->data = mem_printf("%s/%s.%u", c->dir, CONTENT, c->slot);
	c->fresh = faccessat(store, c->data, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct cachemount *)a)->dir, ((const struct cachemount *)b)->dir);
}

int cachemount_take(const struct step_job *j, struct cachemounts *out, struct err *e)
{
	for (size_t i = 0; i < j->def->mounts.n; i++) {
		const struct plan_mount *pm = &j->def->mounts.v[i];

		if (pm->m.type == DMOUNT_CACHE)
			vec_push(out, (struct cachemount){.pm = pm, .dir = dir_name(j, pm), .lock = -1});
	}
	if (out->n)
		qsort(out->v, out->n, sizeof *out->v, compare);
	for (size_t i = 0; i < out->n; i++)
		if (take(j, out, i, e) < 0)
			return -1;
	return 0;
}

/* --- content --- */

static int copy_initial(const struct step_job *j, const struct plan_mount *pm, int dir, struct treeview *tv,
			struct err *e)
{
	AUTO_STRV struct strv patterns = {0};
	AUTO_FREE char *empty = mem_printf("%s/empty", j->dir);
	AUTO_SOURCE_LIST struct source_list list = {0};
	struct source_query q = {.patterns = &patterns};
	struct source_set set;

	AUTO_CLOSE int root = rootview_open(j->b, runmount_stack(j, pm), empty, e);

	if (root < 0 || treeview_stack(tv, j->b->s, runmount_stack(j, pm), e) < 0)
		return -1;
	source_init(&set);
	source_of_root(&set, root, &tv->view);
	plan_mount_pattern(pm, &patterns);
	if (source_select(&set, &q, &list, e) < 0)
		return -1;
	if (!S_ISDIR(list.matches.v[0].entries.v[0].st.st_mode))
		return err_set(e, ERR_INPUT, "source \"%s\" is no directory", pm->m.source);
	return copyto_run(&(struct copyto){.rootfd = dir,
					   .view = &tv->view,
					   .src = &set,
					   .list = &list,
					   .dest = "/" CONTENT,
					   .uid = COPYTO_KEEP,
					   .gid = COPYTO_KEEP,
					   .from_root = true,
					   .real_times = true},
			  e);
}

/* What is given replaces what the directory has. */
static int set_owner(const struct dmount *m, int dir, const struct ownview *view, struct err *e)
{
	struct stat st;

	if (fstatat(dir, CONTENT, &st, AT_SYMLINK_NOFOLLOW) < 0 || ownview_read(view, dir, CONTENT, &st) < 0)
		return err_sys(e, ERR_HOST, errno, "owner and mode");
	const struct ownrec want = {.uid = m->uid == DMOUNT_UNSET ? (m->gid == DMOUNT_UNSET ? st.st_uid : 0) : m->uid,
				    .gid = m->gid == DMOUNT_UNSET ? (m->uid == DMOUNT_UNSET ? st.st_gid : 0) : m->gid,
				    .mode = S_IFDIR | (m->mode != DMOUNT_UNSET ? m->mode & 07777
						       : m->from	       ? st.st_mode & 07777
									       : DEFAULT_MODE)};

	if (ownview_write(view, dir, CONTENT, &want) < 0)
		return err_sys(e, ERR_HOST, errno, "owner %u:%u", want.uid, want.gid);
	return 0;
}

static int copy_context(const struct step_job *j, const struct plan_mount *pm, int dir, struct err *e)
{
	struct stat st;

	if (ctxmount_copy(j, pm, dir, e) < 0)
		return -1;
	if (fstatat(dir, CONTENT, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, ERR_HOST, errno, "new directory");
	return S_ISDIR(st.st_mode) ? 0 : err_set(e, ERR_INPUT, "source \"%s\" is no directory", pm->m.source);
}

static int make_content(const struct step_job *j, const struct plan_mount *pm, int dir, struct treeview *tv,
			struct err *e)
{
	if (plan_mount_of_context(pm))
		return copy_context(j, pm, dir, e);
	if (pm->index != PLAN_NONE)
		return copy_initial(j, pm, dir, tv, e);
	return mkdirat(dir, CONTENT, DEFAULT_MODE) < 0 ? err_sys(e, ERR_HOST, errno, "new directory") : 0;
}

static int fill(const struct step_job *j, const struct plan_mount *pm, int dir, struct err *e)
{
	AUTO_TREEVIEW struct treeview tv = {0};

	treeview_open(&tv, j->b->s);
	return make_content(j, pm, dir, &tv, e) < 0 ? -1 : set_owner(&pm->m, dir, &tv.view, e);
}

/* Complete by rename: who finds it there uses it, also a step that shares it and was faster. */
int cachemount_make(const struct step_job *j, const struct cachemount *c, struct err *e)
{
	int store = store_fd(j->b->s->store);
	AUTO_CLOSE int at = openat(store, c->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), dir = -1;
	AUTO_FREE char *temp = NULL, *from = NULL;
	int rc;

	if (at < 0)
		return err_sys(e, ERR_HOST, errno, "cache mount %s", c->pm->m.id);
	if (faccessat(store, c->data, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (tmp_dir(at, "new", &temp, e) < 0)
		return -1;
	dir = openat(at, temp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	rc = dir < 0 ? err_sys(e, ERR_HOST, errno, "%s", temp) : fill(j, c->pm, dir, e);
	from = mem_printf("%s/%s", temp, CONTENT);
	if (rc == 0 && renameat2(at, from, at, path_base(c->data), RENAME_NOREPLACE) < 0 && errno != EEXIST)
		rc = err_sys(e, ERR_HOST, errno, "%s", c->data);
	struct err ignored = ERR_INIT;

	path_remove_tree(at, temp, &ignored);
	err_release(&ignored);
	return rc < 0 ? err_wrap(e, "cache mount %s", c->pm->m.id) : 0;
}
