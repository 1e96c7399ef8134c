/* COPY, ADD and WORKDIR: one worker mounts the destination (and the source's root), copies, and commits. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "oci/untouched.h"
#include "src/build/copylink.h"
#include "src/build/copyto.h"
#include "src/build/lowers.h"
#include "src/build/remote.h"
#include "src/build/rootdiff.h"
#include "src/build/rootview.h"
#include "src/build/state.h"
#include "src/build/unarchive.h"
#include "src/build/updir.h"
#include "src/sandbox/overlay.h"
#include "src/sandbox/passwd.h"
#include "src/session/treeview.h"
#include "src/util/mem.h"
#include "src/util/path.h"

struct copying {
	const struct step_job *j;
	const struct worker *w;
	int lower; /* the root as it was, -1: not wanted */
};

/* Mode of a file made from a here-document. */
#define DOC_MODE 0644

/* The mounted root shows the upper directory's mode and owner: it gets those of the layer below. */
static int match_root(const struct step_job *j, const struct ownview *view, const struct strv *lower, const char *upper,
		      struct err *e)
{
	int store = store_fd(j->b->s->store);
	struct stat st;

	if (!lower->n)
		return 0;
	if (fstatat(store, lower->v[lower->n - 1], &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    ownview_read(view, store, lower->v[lower->n - 1], &st) < 0 ||
	    ownview_write(view, store, upper, &(struct ownrec){st.st_uid, st.st_gid, st.st_mode, 0, 0}) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", upper);
	return 0;
}

static int mount_dest(const struct step_job *j, const struct ownview *view, struct err *e)
{
	AUTO_STRV struct strv lower = {0};
	AUTO_FREE char *upper = updir_path(j, "upper"), *work = updir_path(j, "work");

	if (j->b->s->tier.trees)
		return roots_open(j, e);
	if (lowers_make(j->b, &j->parent, e) < 0)
		return -1;
	lowers_paths(j->b, &j->parent, &lower);
	if (match_root(j, view, &lower, upper, e) < 0)
		return -1;
	return overlay_mount(&(struct overlay_spec){.dirfd = store_fd(j->b->s->store),
						    .lower = (const char *const *)lower.v,
						    .nlower = lower.n,
						    .upper = upper,
						    .work = work},
			     e);
}

static int mount_source(const struct step_job *j, struct err *e)
{
	AUTO_FREE char *empty = mem_printf("%s/empty", j->dir);

	return rootview_open(j->b, &j->from.v[0], empty, e);
}

static int set_owner(struct copyto *c, const char *chown, struct err *e)
{
	uid_t uid;
	gid_t gid;

	c->uid = c->gid = COPYTO_KEEP;
	if (!chown)
		return 0;
	if (passwd_lookup_owner(c->rootfd, chown, &uid, &gid, e) < 0)
		return err_wrap(e, "--chown=%s", chown);
	c->uid = uid;
	c->gid = gid;
	return 0;
}

/* --- context --- */

static int check_unchanged(const struct plan_copy *pc, struct treesum *sum, struct err *e)
{
	struct digest now;

	treesum_end(sum, &now);
	if (digest_eq(&now, &pc->tree))
		return 0;
	err_set(e, ERR_INPUT, "the build context changed while it was being copied");
	e->retryable = true;
	return err_hint(e, "build again when nothing writes into the context");
}

static int copy_context(const struct step_job *j, struct copyto *c, struct err *e)
{
	struct plan_source *ps = j->b->plan->sources.v[j->def->copy.index];
	AUTO_SOURCE_LIST struct source_list list = {0};
	struct source_query q = plan_copy_query(&j->def->copy);
	struct unarchive un = {.b = j->b, .job = j, .to = c, .prefix = "add"};

	if (source_prepare(&ps->context, e) < 0 || source_select(&ps->context, &q, &list, e) < 0)
		return -1;
	c->src = &ps->context;
	c->list = &list;
	c->sum = treesum_new(false, 0);
	if (j->def->copy.unpack) {
		c->unpack = unarchive_entry;
		c->unpack_arg = &un;
	}
	if (copyto_run(c, e) < 0) {
		treesum_free(c->sum);
		return -1;
	}
	return check_unchanged(&j->def->copy, c->sum, e);
}

/* --- another stage or image --- */

/* Here-documents are written to the mounted root afterwards. */
static struct copylink *open_links(const struct step_job *j, int srcfd, const struct source_list *list)
{
	AUTO_FREE char *upper = mem_printf("%s/upper", j->dir);

	return j->def->copy.docs.n ? NULL : copylink_new(j->b, &j->parent, &j->from.v[0], srcfd, upper, list);
}

static int copy_root(const struct step_job *j, struct copyto *c, int root, struct err *e)
{
	AUTO_SOURCE_LIST struct source_list list = {0};
	struct source_query q = plan_copy_query(&j->def->copy);
	struct source_set set;

	source_init(&set);
	source_of_root(&set, root, c->view);
	if (source_select(&set, &q, &list, e) < 0)
		return -1;
	c->src = &set;
	c->list = &list;
	c->from_root = true;
	c->origin = plan_copy_origin(j->b->plan, &j->def->copy);
	c->links = open_links(j, root, &list);
	int rc = copyto_run(c, e);

	if (rc == 0)
		rc = copylink_finish(c->links, e);
	copylink_free(c->links);
	c->links = NULL;
	return rc;
}

/* --- here-documents --- */

static int copy_doc(struct copyto *c, const struct plan_doc *doc, struct err *e)
{
	AUTO_SOURCE_LIST struct source_list list = {0};
	struct source_match m = {.path = mem_strdup(doc->name)};
	struct source_entry en = {.rel = mem_strdup(""), .open_path = mem_strdup("")};
	struct source_set set;

	source_init(&set);
	source_add_text(&set, doc->name, doc->text, doc->n);
	en.st.st_mode = S_IFREG | DOC_MODE;
	en.st.st_nlink = 1;
	en.st.st_size = (off_t)doc->n;
	vec_push(&m.entries, en);
	vec_push(&list.matches, m);
	c->src = &set;
	c->list = &list;
	int rc = copyto_run(c, e);

	source_release(&set);
	return rc;
}

static int copy_docs(const struct copyto *to, const struct plan_copy *pc, struct err *e)
{
	struct copyto c = *to;

	c.from_root = false;
	c.sum = NULL;
	c.unpack = NULL;
	for (size_t i = 0; i < pc->docs.n; i++)
		if (copy_doc(&c, &pc->docs.v[i], e) < 0)
			return err_wrap(e, "<<%s", pc->docs.v[i].name);
	return 0;
}

/* Whose files are copied: the root of another stage or image, else the context's. */
static bool is_from_root(const struct step_job *j)
{
	return j->def->copy.sources.n && j->def->copy.origin != PLAN_FROM_CONTEXT;
}

static int copy_sources(const struct step_job *j, struct copyto *c, int from, struct err *e)
{
	if (!j->def->copy.sources.n)
		return 0;
	return is_from_root(j) ? copy_root(j, c, from, e) : copy_context(j, c, e);
}

static int confine(const struct copying *cp, int root, int from, bool reads_host, struct err *e)
{
	return worker_confine(cp->w, &(struct worker_view){root, from, cp->lower, reads_host}, e);
}

static int copy(const struct copying *cp, const struct ownview *view, struct err *e)
{
	const struct step_job *j = cp->j;
	const struct plan_copy *pc = &j->def->copy;
	AUTO_CLOSE int root = mount_dest(j, view, e), from = root >= 0 && is_from_root(j) ? mount_source(j, e) : -1;
	struct dmode mode;
	struct copyto c = {.rootfd = root,
			   .view = view,
			   .dest = pc->dest,
			   .mode = pc->chmod ? &mode : NULL,
			   .link = pc->link,
			   .replace = pc->link,
			   .logical = j->def->logical,
			   .real_times = j->b->plan->timestamps_real};

	if (err_is_set(e) || confine(cp, root, from, !is_from_root(j), e) < 0 || set_owner(&c, pc->chown, e) < 0 ||
	    (pc->chmod && dmode_parse(pc->chmod, &mode, e) < 0))
		return -1;
	return copy_sources(j, &c, from, e) < 0 || remote_copy(j, &c, e) < 0 ? -1 : copy_docs(&c, pc, e);
}

/* --- WORKDIR --- */

static int make_workdir(const struct copying *cp, const struct ownview *view, struct err *e)
{
	const struct step_job *j = cp->j;
	AUTO_CLOSE int root = mount_dest(j, view, e);
	struct passwd_ids ids = {0};

	if (root < 0 || confine(cp, root, -1, false, e) < 0)
		return -1;
	AUTO_CLOSE int there = path_open_in(root, j->def->workdir, O_PATH | O_DIRECTORY, 0);

	if (there >= 0)
		return 0;
	if (j->def->user && j->def->user[0] && passwd_lookup(root, j->def->user, &ids, e) < 0)
		return -1;
	AUTO_CLOSE int fd = path_mkdirs_as(root, j->def->workdir, 0755, ids.uid, ids.gid, view, e);

	passwd_release(&ids);
	return fd < 0 ? -1 : 0;
}

/* --- the worker --- */

static int load_owners(const struct step_job *j, struct treeview *tv, struct err *e)
{
	if (treeview_stack(tv, j->b->s, &j->parent, e) < 0)
		return -1;
	for (size_t i = 0; i < j->from.n; i++)
		if (treeview_stack(tv, j->b->s, &j->from.v[i], e) < 0)
			return -1;
	return 0;
}

static int change(const void *arg, const struct treeview *tv, struct err *e)
{
	const struct copying *cp = arg;

	return cp->j->def->kind == PLAN_WORKDIR ? make_workdir(cp, &tv->view, e) : copy(cp, &tv->view, e);
}

/* xino=on (memupper.h) has the kernel mark all new directories. */
static int drop_marks(const struct step_job *j, int lower, struct err *e)
{
	AUTO_CLOSE int upper = updir_open(j);

	return upper < 0 ? err_sys(e, ERR_HOST, errno, "%s/upper", j->dir) : untouched_marks(upper, lower, e);
}

/* The store takes no upper directory. */
static int in_memory(struct step_job *j, struct copying *cp, struct treeview *tv, struct err *e)
{
	AUTO_FREE char *empty = mem_printf("%s/empty", j->dir);
	AUTO_CLOSE int lower = -1;

	j->memory = true;
	if (updir_mount(j, 0, e) < 0)
		return -1;
	/* While something can be mounted still. */
	lower = cp->lower = rootview_open(j->b, &j->parent, empty, e);
	if (lower < 0)
		return -1;
	if (change(cp, tv, e) < 0) {
		if (e->sys == ENOSPC)
			updir_explain(j, updir_full(j), e);
		return -1;
	}
	return drop_marks(j, lower, e) < 0 ? -1 : updir_save(j, &tv->view, e);
}

static int work(void *arg, struct worker *w, struct json **result, struct err *e)
{
	struct step_job *j = arg;
	struct copying cp = {j, w, -1};
	AUTO_TREEVIEW struct treeview tv = {0};
	int rc;

	umask(0);
	treeview_open(&tv, j->b->s);
	rc = load_owners(j, &tv, e);
	if (rc == 0)
		rc = j->b->s->tier.trees     ? rootdiff_copy(j, change, &cp, &tv, e)
		     : j->b->s->tier.refused ? in_memory(j, &cp, &tv, e)
					     : change(&cp, &tv, e);
	if (rc < 0) {
		err_wrap(e, "stage %s: %s", j->st->name, j->def->text);
		return e->place.file ? -1 : err_at(e, j->st->file, j->def->line, 0);
	}
	return step_commit(j->b, j, &tv, result, e);
}

static void on_done(void *ctx, const struct json *result, struct err *e)
{
	struct step_job *j = ctx;
	struct layer_info info;

	j->worker = NULL;
	if (err_is_set(e) || step_commit_result(result, &info, e) < 0)
		sched_step_done(j, NULL, e);
	else
		sched_step_done(j, &info, e);
}

int step_copy_start(struct step_job *j, struct err *e)
{
	struct worker_spec spec = {.role = "copy",
				   .what = j->st->name,
				   .enter = WORKER_MOUNT,
				   .fn = work,
				   .arg = j,
				   .done = on_done,
				   .ctx = j};

	j->worker = worker_start(j->b->s, &spec, e);
	return j->worker ? 0 : -1;
}
