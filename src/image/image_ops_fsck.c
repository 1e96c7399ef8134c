/* slct fsck: layer trees are packed again and compared. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "src/image/image_ops.h"
#include "src/session/sweep.h"
#include "src/session/treeview.h"
#include "src/session/worker.h"
#include "src/util/mem.h"

struct fsck {
	struct session *s;
	store_problem_fn *fn;
	void *arg;
};

struct verify {
	struct session *s;
	const char *form;
	const struct digest *diff_id;
	const char *dir; /* empty, below tmp/: for unpacking once more */
};

/* Canonical digest of a tree at a path of the store. */
static int sum_tree(const struct verify *v, const char *path, const struct ownview *view, struct digest *out,
		    struct err *e)
{
	AUTO_CLOSE int fd = openat(store_fd(v->s->store), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct layer_info info;

	if (fd < 0)
		return err_sys(e, ERR_HOST, errno, "%s", path);
	if (layer_pack_as(fd, view, NULL, NULL, NULL, &info, e) < 0)
		return -1;
	*out = info.diff_id;
	return 0;
}

/* A compressed form of the layer in the store; its fd, -1 without an error if there is none. */
static int open_blob(const struct verify *v)
{
	AUTO_LAYER_REC struct store_layer_rec rec = {0};
	struct err ignored = ERR_INIT;
	int fd = -1;

	if (store_layer_rec_get(v->s->store, v->diff_id, &rec, &ignored) == 0)
		for (size_t i = 0; fd < 0 && i < rec.nblobs; i++) {
			err_release(&ignored);
			fd = store_blob_open(v->s->store, &rec.blobs[i].desc.digest, &ignored);
		}
	err_release(&ignored);
	return fd;
}

/* What the blob gives, unpacked once more and packed in our form. */
static int sum_blob(const struct verify *v, int blob, struct digest *out, struct err *e)
{
	AUTO_TREEVIEW struct treeview tv = {0};
	struct layer_apply_opts o = {.want_diff = v->diff_id,
				     .may_mknod = tier_makes_nodes(&v->s->tier),
				     .view = &tv.view,
				     .owners = &tv.made};
	struct rstream *src = stream_from_fd(blob, true, "layer");
	AUTO_CLOSE int dest = openat(store_fd(v->s->store), v->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct layer_info info;

	treeview_open(&tv, v->s);
	if (dest < 0)
		return err_sys(e, ERR_HOST, errno, "%s", v->dir);
	if (layer_apply(src, dest, &o, &info, e) < 0)
		return -1;
	return sum_tree(v, v->dir, &tv.view, out, e);
}

/* Other programs write other tars of one tree: such a layer's tree does not give its diff id, but what its blob gives.
 * Where that blob has gone, the tree counts as damaged. */
static int verify_foreign(const struct verify *v, struct digest *found, struct err *e)
{
	struct digest again;
	int blob = open_blob(v);

	if (blob < 0)
		return 0;
	if (sum_blob(v, blob, &again, e) < 0)
		return -1;
	if (digest_eq(&again, found))
		*found = *v->diff_id;
	return 0;
}

static int verify_tree(void *arg, struct worker *w, struct json **result, struct err *e)
{
	const struct verify *v = arg;
	AUTO_FREE char *path = store_layer_path(v->form, v->diff_id);
	AUTO_TREEVIEW struct treeview tv = {0};
	struct digest found;

	(void)w;
	treeview_open(&tv, v->s);
	if (treeview_layer(&tv, v->s, v->diff_id, e) < 0 || sum_tree(v, path, &tv.view, &found, e) < 0)
		return -1;
	if (!digest_eq(&found, v->diff_id) && verify_foreign(v, &found, e) < 0)
		return -1;
	*result = json_new_str(found.text);
	return 0;
}

/* Trees of another form belong to another id map; they cannot be entered from here and are taken as they are. */
static int verify_in_worker(void *arg, const char *form, const struct digest *diff_id, struct digest *found,
			    struct err *e)
{
	struct session *s = ((const struct fsck *)arg)->s;
	AUTO_FREE char *dir = NULL;
	struct verify v = {.s = s, .form = form, .diff_id = diff_id};
	struct worker_spec spec = {.role = "pack", .enter = WORKER_USERNS, .fn = verify_tree, .arg = &v};
	AUTO_JSON struct json *answer = NULL;

	*found = *diff_id;
	if (strcmp(form, s->tier.form) != 0 || store_layer_is_lossy(s->store, form, diff_id))
		return 0;
	if (store_tmp_dir(s->store, "fsck", &dir, e) < 0)
		return -1;
	v.dir = dir;
	int rc = worker_call(s, &spec, &answer, e);

	sweep_run(s, dir);
	return rc < 0 ? -1 : digest_parse(sv_from(json_str(answer)), found, ERR_INTERNAL, e);
}

static void report_problem(void *arg, const char *text)
{
	const struct fsck *f = arg;

	f->fn(f->arg, text);
}

int image_ops_fsck(struct session *s, store_problem_fn *fn, void *arg, struct err *e)
{
	struct err no_tier = ERR_INIT;
	bool trees = session_need_tier(s, &no_tier) == 0;
	struct fsck f = {.s = s, .fn = fn, .arg = arg};
	int n = store_fsck(s->store, trees ? verify_in_worker : NULL, report_problem, &f, e);

	err_release(&no_tier);
	return n;
}
