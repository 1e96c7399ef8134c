/* Layers unpacked. */
#include "src/build/treeunpack.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/build/lossy.h"
#include "src/session/treeview.h"
#include "src/util/mem.h"

/* --- in the worker --- */

static int open_at(const struct tree_state *t, const char *path, struct err *e)
{
	int fd = openat(store_fd(t->b->s->store), path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? err_sys(e, ERR_HOST, errno, "%s", path) : fd;
}

/* Where it was renamed meanwhile, the blob is whole, in the store, and read from there as any other. */
static struct rstream *open_source(const struct tree_state *t, struct layer_apply_opts *o, struct err *e)
{
	struct err ignored = ERR_INIT;
	int fd = t->tail ? open_at(t, t->file, &ignored) : -1;

	err_release(&ignored);
	if (fd >= 0) {
		o->unhashed = true;
		return blobtail_reader(t->tail, fd, t->blob.size);
	}
	if (t->tar) {
		fd = open_at(t, t->tar, e);
	} else {
		fd = store_blob_open(t->b->s->store, &t->blob.digest, e);
		o->want = &t->blob;
	}
	return fd < 0 ? NULL : stream_from_fd(fd, true, "layer");
}

static int apply(const struct tree_state *t, int dest, const struct layer_apply_opts *given, struct layer_info *info,
		 struct err *e)
{
	struct layer_apply_opts o = *given;
	struct rstream *src = open_source(t, &o, e);
	int rc;

	if (!src)
		return -1;
	rc = layer_apply(src, dest, &o, info, e);
	stream_rclose(src);
	return rc < 0 ? err_wrap(e, "unpacking layer %s", t->tar ? t->diff_id.text : t->blob.digest.text) : 0;
}

/* The tree gets its name when the diff id is right, and who fetches has found the digest to be right. */
static int unpack(void *arg, struct worker *w, struct json **result, struct err *e)
{
	struct tree_state *t = arg;
	struct store *s = t->b->s->store;
	AUTO_TREEVIEW struct treeview tv = {0};
	struct layer_apply_opts o = {.want_diff = &t->diff_id,
				     .may_mknod = tier_makes_nodes(&t->b->s->tier),
				     .view = &tv.view,
				     .owners = &tv.made};
	struct layer_info info = {0};
	AUTO_CLOSE int dest = openat(store_fd(s), t->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)w;
	if (dest < 0)
		return err_sys(e, ERR_HOST, errno, "opening %s", t->dir);
	treeview_open(&tv, t->b->s);
	if (apply(t, dest, &o, &info, e) < 0)
		return -1;
	if (t->tail && blobtail_wait(t->tail) != BLOBTAIL_WHOLE)
		return err_set(e, ERR_TEMP, "blob %s did not come as a whole", t->blob.digest.text);
	if (store_layer_publish_with(s, t->dir, t->b->s->tier.form, &t->diff_id, &tv.made, e) < 0)
		return -1;
	*result = json_object();
	json_set_int(*result, "size", (int64_t)info.size);
	json_set_bool(*result, "lossy", info.lossy);
	return 0;
}

/* --- in the scheduler --- */

static void note_lossy(struct tree_state *t)
{
	lossy_mark(t->b, &t->diff_id);
	session_warn(t->b->s, "",
		     "%s: something in layer %s cannot be kept here (see slct doctor): what is built upon it stays "
		     "out of remote caches",
		     t->what, t->diff_id.text);
}

/* Nobody is at it. What was unpacked from bytes that turned out to be wrong is unpacked once more, from the blob. */
static void settle(struct tree_state *t)
{
	struct err e = ERR_INIT;

	err_move(&e, &t->err);
	if (!err_is_set(&e) && !t->made && t->b->s->interrupted)
		err_set(&e, ERR_CANCELLED, "cancelled");
	if (t->made || t->lost || (err_is_set(&e) && !(t->misled && !t->b->s->interrupted))) {
		if (t->made)
			err_release(&e);
		trees_finish(t, &e);
	} else {
		t->tail = NULL;
		t->misled = false;
		treeunpack_start(t);
	}
	err_release(&e);
}

void treeunpack_arrived(struct tree_state *t, const struct err *failed)
{
	t->arriving = false;
	t->lost = err_is_set(failed);
	t->misled = t->tail && blobtail_state(t->tail) != BLOBTAIL_WHOLE;
	if (t->lost) {
		err_release(&t->err);
		trees_copy_error(&t->err, failed);
	}
	if (!t->unpacking)
		settle(t);
}

static void on_unpacked(void *ctx, const struct json *result, struct err *e)
{
	struct tree_state *t = ctx;

	t->unpacking = false;
	if (t->tar)
		unlinkat(store_fd(t->b->s->store), t->tar, 0);
	if (!err_is_set(e) && !t->tar)
		store_layer_rec_add_blob(t->b->s->store, &t->diff_id, (uint64_t)json_get_int(result, "size", 0),
					 &t->blob, "pulled", e);
	if (!err_is_set(e) && json_get_bool(result, "lossy", false))
		note_lossy(t);
	t->made = !err_is_set(e);
	trees_copy_error(&t->err, e);
	if (!t->arriving)
		settle(t);
}

static int make_dir(struct build *b, const char *prefix, char **out, struct err *e)
{
	free(*out);
	*out = mem_printf("%s/%s.%u", b->tmp, prefix, b->tmp_count++);
	if (mkdirat(store_fd(b->s->store), *out, 0755) < 0)
		return err_sys(e, ERR_HOST, errno, "%s/%s", store_root(b->s->store), *out);
	return 0;
}

void treeunpack_start(struct tree_state *t)
{
	struct err e = ERR_INIT;
	struct worker_spec spec = {.role = "unpack",
				   .what = t->what,
				   .enter = WORKER_USERNS,
				   .fn = unpack,
				   .arg = t,
				   .done = on_unpacked,
				   .ctx = t};

	t->unpacking = true;
	if (make_dir(t->b, "unpack", &t->dir, &e) < 0 || !worker_start(t->b->s, &spec, &e))
		on_unpacked(t, NULL, &e);
	err_release(&e);
}
