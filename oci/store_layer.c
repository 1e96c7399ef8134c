/* layers/<form>/<hex>/ and the layers' records layers/<hex>.json. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "oci/mark.h"
#include "oci/store_priv.h"
#include "src/util/json.h"
#include "src/util/lock.h"
#include "src/util/mem.h"

void store_layer_rec_release(struct store_layer_rec *r)
{
	for (size_t i = 0; i < r->nblobs; i++) {
		descriptor_release(&r->blobs[i].desc);
		free(r->blobs[i].codec);
	}
	free(r->blobs);
	json_free(r->owners);
	json_free(r->lossy_in);
	*r = (struct store_layer_rec){0};
}

static char *store_layer_rec_path(const struct digest *diff_id)
{
	return mem_printf("layers/%s.json", digest_hex(diff_id));
}

static void store_layer_rec_add(struct store_layer_rec *r, const struct descriptor *desc, const char *codec)
{
	struct store_layer_blob b = {.codec = mem_strdup_opt(codec)};

	descriptor_copy(&b.desc, desc);
	r->blobs = vec_grow(r->blobs, r->nblobs, &r->cap, sizeof *r->blobs);
	r->blobs[r->nblobs++] = b;
}

static int store_layer_rec_read_blobs(const struct json *j, struct store_layer_rec *out, struct err *e)
{
	const struct json *list = json_need_array(j, "blobs", ERR_INTEGRITY, e);

	if (!list)
		return -1;
	for (size_t i = 0; i < json_len(list); i++) {
		AUTO_DESCRIPTOR struct descriptor d = {0};
		const struct json *b = json_at(list, i);

		if (descriptor_from_json(b, &d, ERR_INTEGRITY, e) < 0)
			return -1;
		store_layer_rec_add(out, &d, json_get_str(b, "codec"));
	}
	return 0;
}

static int store_layer_rec_read(const struct json *j, const struct digest *diff_id, struct store_layer_rec *out,
				struct err *e)
{
	const char *own = json_need_str(j, "diff_id", ERR_INTEGRITY, e);
	int64_t version, size, entries;

	if (!own || json_need_int(j, "version", 1, 1, &version, ERR_INTEGRITY, e) < 0 ||
	    json_need_int(j, "size", 0, INT64_MAX, &size, ERR_INTEGRITY, e) < 0 ||
	    json_need_int(j, "entries", 0, INT64_MAX, &entries, ERR_INTEGRITY, e) < 0)
		return -1;
	if (strcmp(own, diff_id->text) != 0)
		return err_set(e, ERR_INTEGRITY, "the record is of another layer, %.140s", own);
	out->diff_id = *diff_id;
	out->size = (uint64_t)size;
	out->entries = (uint64_t)entries;
	out->lossy = json_get_bool(j, "lossy", false);
	if (json_is_object(json_get(j, "owners")))
		out->owners = json_deep_copy(json_get(j, "owners"));
	if (json_is_object(json_get(j, "lossy_in")))
		out->lossy_in = json_deep_copy(json_get(j, "lossy_in"));
	return store_layer_rec_read_blobs(j, out, e);
}

/* A damaged record counts as absent: all that it says can be found out again, and after a power cut a build must go on
 * without anybody's help (these records are not written through). fsck names it. */
int store_layer_rec_get(struct store *s, const struct digest *diff_id, struct store_layer_rec *out, struct err *e)
{
	AUTO_FREE char *rel = store_layer_rec_path(diff_id);
	AUTO_JSON struct json *j = store_record_get_json(s, rel, e);

	*out = (struct store_layer_rec){0};
	if (j && store_layer_rec_read(j, diff_id, out, e) == 0)
		return 0;
	store_layer_rec_release(out);
	if (e->code == ERR_INTEGRITY)
		e->code = ERR_NOT_FOUND;
	return err_wrap(e, "record of layer %s", diff_id->text);
}

int store_layer_rec_put(struct store *s, const struct store_layer_rec *r, struct err *e)
{
	AUTO_FREE char *rel = store_layer_rec_path(&r->diff_id);
	AUTO_JSON struct json *j = json_object();
	struct json *blobs = json_array();

	for (size_t i = 0; i < r->nblobs; i++) {
		struct json *b = descriptor_to_json(&r->blobs[i].desc);

		json_set_str(b, "codec", r->blobs[i].codec);
		json_append(blobs, b);
	}
	json_set_int(j, "version", 1);
	json_set_str(j, "diff_id", r->diff_id.text);
	json_set_int(j, "size", (int64_t)r->size);
	json_set_int(j, "entries", (int64_t)r->entries);
	json_set_bool(j, "lossy", r->lossy);
	json_set(j, "blobs", blobs);
	if (r->lossy_in)
		json_set(j, "lossy_in", json_ref(r->lossy_in));
	if (r->owners)
		json_set(j, "owners", json_ref(r->owners));
	return store_record_put_json(s, rel, j, false, e);
}

static bool store_layer_rec_knows(const struct store_layer_rec *r, const struct digest *blob)
{
	for (size_t i = 0; i < r->nblobs; i++) {
		if (digest_eq(&r->blobs[i].desc.digest, blob))
			return true;
	}
	return false;
}

static int store_layer_rec_change_locked(struct store *s, const struct digest *diff_id, store_layer_change_fn *fn,
					 void *arg, struct err *e)
{
	AUTO_LAYER_REC struct store_layer_rec r = {0};

	if (store_layer_rec_get(s, diff_id, &r, e) < 0) {
		if (e->code != ERR_NOT_FOUND)
			return -1;
		err_release(e);
		r.diff_id = *diff_id;
	}
	return fn(arg, &r) ? store_layer_rec_put(s, &r, e) : 0;
}

int store_layer_rec_change(struct store *s, const struct digest *diff_id, store_layer_change_fn *fn, void *arg,
			   struct err *e)
{
	int lock = lock_take(s->fd, "lock/record", LOCK_EXCLUSIVE, STORE_LOCK_WAIT_NS, e);
	int r;

	if (lock < 0)
		return -1;
	r = store_layer_rec_change_locked(s, diff_id, fn, arg, e);
	lock_drop(lock);
	return r;
}

struct store_layer_more {
	uint64_t tar_size;
	const struct descriptor *blob;
	const char *codec;
};

static int store_layer_add_blob(void *arg, struct store_layer_rec *r)
{
	const struct store_layer_more *m = arg;
	bool known = store_layer_rec_knows(r, &m->blob->digest);

	if (known && (r->size || !m->tar_size))
		return 0;
	if (!r->size)
		r->size = m->tar_size;
	if (!known)
		store_layer_rec_add(r, m->blob, m->codec);
	return 1;
}

int store_layer_rec_add_blob(struct store *s, const struct digest *diff_id, uint64_t tar_size,
			     const struct descriptor *blob, const char *codec, struct err *e)
{
	struct store_layer_more m = {tar_size, blob, codec};

	return store_layer_rec_change(s, diff_id, store_layer_add_blob, &m, e);
}

static int store_layer_add_lossy(void *arg, struct store_layer_rec *r)
{
	if (!r->lossy_in)
		r->lossy_in = json_new_object();
	json_set_bool(r->lossy_in, (const char *)arg, true);
	return 1;
}

int store_layer_set_lossy(struct store *s, const char *form, const struct digest *diff_id, struct err *e)
{
	AUTO_FREE char *copy = mem_strdup(form);

	return store_layer_rec_change(s, diff_id, store_layer_add_lossy, copy, e);
}

bool store_layer_is_lossy(struct store *s, const char *form, const struct digest *diff_id)
{
	AUTO_LAYER_REC struct store_layer_rec r = {0};
	struct err e = ERR_INIT;
	bool lossy =
		store_layer_rec_get(s, diff_id, &r, &e) == 0 && r.lossy_in && json_get_bool(r.lossy_in, form, false);

	err_release(&e);
	return lossy;
}

static int store_layer_set_made(void *arg, struct store_layer_rec *r)
{
	const struct store_layer_rec *made = arg;

	if (r->size == made->size && r->entries == made->entries && r->lossy == made->lossy)
		return 0;
	r->size = made->size;
	r->entries = made->entries;
	r->lossy = made->lossy;
	return 1;
}

int store_layer_rec_made(struct store *s, const struct store_layer_rec *r, struct err *e)
{
	struct store_layer_rec copy = *r;

	return store_layer_rec_change(s, &r->diff_id, store_layer_set_made, &copy, e);
}

char *store_layer_path(const char *form, const struct digest *diff_id)
{
	return mem_printf("layers/%s/%s", form, digest_hex(diff_id));
}

bool store_layer_has(struct store *s, const char *form, const struct digest *diff_id)
{
	AUTO_FREE char *rel = store_layer_path(form, diff_id);
	struct stat st;

	return fstatat(s->fd, rel, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static int store_layer_check_form(const char *form, struct err *e)
{
	bool ok = form[0] && form[0] != '.' && strlen(form) < 100;

	for (const char *p = form; *p; p++)
		ok = ok &&
		     ((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '-' || *p == '_' || *p == '.');
	return ok ? 0 : err_set(e, ERR_INTERNAL, "\"%s\" is not a form of layers", form);
}

/* Kernels and file systems without RENAME_NOREPLACE get a plain rename, which replaces only an empty directory: that is
 * the same layer then. */
static int store_layer_rename(struct store *s, const char *from, const char *to)
{
	if (renameat2(s->fd, from, s->fd, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	return renameat(s->fd, from, s->fd, to);
}

/* A form whose name ends in "-w" has whiteouts by attribute, maybe some in this layer. */
static int store_layer_mark(struct store *s, const char *rel, const char *form, struct err *e)
{
	size_t n = strlen(form);
	AUTO_CLOSE int fd = -1;

	if (n < 2 || strcmp(form + n - 2, "-w") != 0)
		return 0;
	fd = openat(s->fd, rel, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, ERR_HOST, errno, "%s", rel) : mark_root(fd, e);
}

int store_layer_publish(struct store *s, const char *rel, const char *form, const struct digest *diff_id, struct err *e)
{
	AUTO_FREE char *to = store_layer_path(form, diff_id);

	if (store_layer_check_form(form, e) < 0 || store_record_make_parents(s, to, e) < 0 ||
	    store_layer_mark(s, rel, form, e) < 0)
		return -1;
	if (store_layer_rename(s, rel, to) == 0)
		return 0;
	if (errno == EEXIST || errno == ENOTEMPTY)
		return store_trash(s, rel, e);
	return err_sys(e, ERR_HOST, errno, "cannot publish layer %s", diff_id->text);
}
