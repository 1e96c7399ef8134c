/* Verification of the whole store. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "oci/limits.h"
#include "oci/store_gc.h"
#include "oci/store_priv.h"
#include "src/util/json.h"
#include "src/util/mem.h"

struct store_fsck_run {
	struct store *s;
	store_verify_tree_fn *verify_tree;
	store_problem_fn *fn;
	void *arg;
	int problems;
};

static void store_fsck_say(struct store_fsck_run *f, const char *fmt, ...) ATTR_PRINTF(2, 3);

static void store_fsck_say(struct store_fsck_run *f, const char *fmt, ...)
{
	AUTO_FREE char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = mem_strdup(fmt);
	va_end(ap);
	f->problems++;
	f->fn(f->arg, text);
}

/* The error becomes a problem. */
static void store_fsck_err(struct store_fsck_run *f, struct err *e)
{
	store_fsck_say(f, "%s", e->msg ? e->msg : "unknown error");
	err_release(e);
}

typedef void store_fsck_fn(struct store_fsck_run *f, const char *dir, const char *name);

static void store_fsck_walk(struct store_fsck_run *f, const char *dir, store_fsck_fn *fn)
{
	struct err e = ERR_INIT;
	AUTO_CLOSEDIR DIR *d = store_opendir(f->s, dir, &e);
	const char *name;

	while (d && store_readdir(d, &name, &e) > 0)
		fn(f, dir, name);
	if (err_is_set(&e))
		store_fsck_err(f, &e);
}

static bool store_fsck_is_dir(struct store_fsck_run *f, const char *rel)
{
	struct stat st;

	return fstatat(f->s->fd, rel, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* --- blobs --- */

static void store_fsck_blob(struct store_fsck_run *f, const char *dir, const char *name)
{
	struct digest d, found;
	struct err e = ERR_INIT;
	AUTO_CLOSE int fd = -1;

	if (store_blob_of_name(name, strlen(name), &d) < 0 ||
	    (digest_alg(&d) == HASH_SHA512) != (strcmp(dir, "blobs/sha512") == 0)) {
		store_fsck_say(f, "%s/%s: not the name of a blob", dir, name);
		return;
	}
	fd = store_blob_open(f->s, &d, &e);
	if (fd < 0 || store_blob_sum(fd, digest_alg(&d), &found, NULL, &e) < 0)
		store_fsck_err(f, &e);
	else if (!digest_eq(&d, &found))
		store_fsck_say(f, "blob %s is damaged: its content has %s", d.text, found.text);
}

/* Whether the blob is there with that size; says so if not. */
static bool store_fsck_need_blob(struct store_fsck_run *f, const struct descriptor *d, const char *who)
{
	uint64_t size;

	if (!store_blob_has(f->s, &d->digest, &size)) {
		store_fsck_say(f, "%s: blob %s is missing", who, d->digest.text);
		return false;
	}
	if (size != d->size)
		store_fsck_say(f, "%s: blob %s has %llu bytes, %llu are recorded", who, d->digest.text,
			       (unsigned long long)size, (unsigned long long)d->size);
	return size == d->size;
}

/* --- layout --- */

static void store_fsck_layout_file(struct store_fsck_run *f)
{
	struct err e = ERR_INIT;
	AUTO_JSON struct json *j = store_record_get_json(f->s, "oci-layout", &e);
	const char *version = json_get_str(j, "imageLayoutVersion");

	if (!j)
		store_fsck_err(f, &e);
	else if (!version || strcmp(version, "1.0.0") != 0)
		store_fsck_say(f, "oci-layout: imageLayoutVersion is not 1.0.0");
}

/* What a tag names must be complete: other tools read it. */
static void store_fsck_document(struct store_fsck_run *f, const struct descriptor *d, const char *who, int depth)
{
	AUTO_BUF struct buf b = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_MANIFEST struct manifest m = {0};
	AUTO_INDEX struct index x = {0};
	struct err e = ERR_INIT;

	if (!store_fsck_need_blob(f, d, who))
		return;
	if (store_blob_read(f->s, &d->digest, MANIFEST_MAX_BYTES, &b, &e) < 0) {
		err_release(&e); /* its bytes are named among the blobs */
		return;
	}
	if (mediatype_kind_of(d->media_type) == MEDIATYPE_INDEX && depth < 4) {
		if (index_parse(b.p, b.n, d->media_type, &x, ERR_INTEGRITY, &e) < 0)
			store_fsck_err(f, &e);
		/* an index may name platforms that were never fetched */
		for (size_t i = 0; i < x.n; i++) {
			if (store_blob_has(f->s, &x.manifests[i].digest, NULL))
				store_fsck_document(f, &x.manifests[i], who, depth + 1);
		}
		return;
	}
	if (manifest_parse(b.p, b.n, d->media_type, &m, ERR_INTEGRITY, &e) < 0) {
		store_fsck_err(f, &e);
		return;
	}
	store_fsck_need_blob(f, &m.config, who);
	for (size_t i = 0; i < m.nlayers; i++) {
		if (mediatype_kind_of(m.layers[i].media_type) != MEDIATYPE_FOREIGN_LAYER)
			store_fsck_need_blob(f, &m.layers[i], who);
	}
}

static void store_fsck_tags(struct store_fsck_run *f)
{
	struct err e = ERR_INIT;
	AUTO_JSON struct json *j = store_index_load(f->s, &e);
	const struct json *list = json_get(j, "manifests");

	if (!j)
		store_fsck_err(f, &e);
	for (size_t i = 0; i < json_len(list); i++) {
		AUTO_DESCRIPTOR struct descriptor d = {0};
		AUTO_FREE char *who = NULL;
		const char *name;

		if (descriptor_from_json(json_at(list, i), &d, ERR_INTEGRITY, &e) < 0) {
			store_fsck_err(f, &e);
			continue;
		}
		name = json_get_str(d.annotations, "org.opencontainers.image.ref.name");
		who = mem_printf("index.json: %.300s", name ? name : d.digest.text);
		store_fsck_document(f, &d, who, 0);
	}
}

/* --- layers --- */

static void store_fsck_tree(struct store_fsck_run *f, const char *dir, const char *name)
{
	const char *form = strrchr(dir, '/') + 1;
	struct digest d, found = {0};
	struct err e = ERR_INIT;

	if (store_blob_of_name(name, strcspn(name, "."), &d) < 0) {
		store_fsck_say(f, "%s/%s: not the name of a layer", dir, name);
		return;
	}
	if (name[strcspn(name, ".")] || !f->verify_tree)
		return;
	if (f->verify_tree(f->arg, form, &d, &found, &e) < 0) {
		err_wrap(&e, "layer %s (%s)", d.text, form);
		store_fsck_err(f, &e);
	} else if (!digest_eq(&d, &found)) {
		store_fsck_say(f, "layer %s (%s) is damaged: its tree gives %s", d.text, form, found.text);
	}
}

static void store_fsck_layer_record(struct store_fsck_run *f, const char *rel, const char *name)
{
	AUTO_LAYER_REC struct store_layer_rec r = {0};
	AUTO_FREE char *who = mem_printf("record %s", rel);
	struct err e = ERR_INIT;
	struct digest d;

	if (!sv_ends(sv_from(name), ".json") || store_blob_of_name(name, strcspn(name, "."), &d) < 0) {
		store_fsck_say(f, "%s: not the name of a layer's record", rel);
		return;
	}
	if (store_layer_rec_get(f->s, &d, &r, &e) < 0) {
		store_fsck_err(f, &e);
		return;
	}
	for (size_t i = 0; i < r.nblobs; i++)
		store_fsck_need_blob(f, &r.blobs[i].desc, who);
}

static void store_fsck_layers(struct store_fsck_run *f, const char *dir, const char *name)
{
	AUTO_FREE char *rel = mem_printf("%s/%s", dir, name);

	if (store_fsck_is_dir(f, rel))
		store_fsck_walk(f, rel, store_fsck_tree);
	else
		store_fsck_layer_record(f, rel, name);
}

/* --- images and cache --- */

/* In any form, or as a blob from which it can be unpacked. */
/* An image that a remote cache answered: its layers are fetched when somebody needs them (origins/, src/build). */
static bool store_fsck_is_remote(struct store_fsck_run *f, const struct digest *diff_id)
{
	AUTO_FREE char *rel = mem_printf("origins/%s.json", digest_hex(diff_id));

	return faccessat(f->s->fd, rel, F_OK, 0) == 0;
}

static bool store_fsck_layer_there(struct store_fsck_run *f, const struct digest *diff_id)
{
	AUTO_LAYER_REC struct store_layer_rec r = {0};
	struct err e = ERR_INIT;
	AUTO_CLOSEDIR DIR *d = store_opendir(f->s, "layers", &e);
	const char *form;

	while (d && store_readdir(d, &form, &e) > 0) {
		if (store_layer_has(f->s, form, diff_id))
			return true;
	}
	err_release(&e);
	if (store_layer_rec_get(f->s, diff_id, &r, &e) < 0)
		err_release(&e);
	for (size_t i = 0; i < r.nblobs; i++) {
		if (store_blob_has(f->s, &r.blobs[i].desc.digest, NULL))
			return true;
	}
	return store_fsck_is_remote(f, diff_id);
}

/* Layers of an image that came from a registry may be fetched later; one without a manifest was built here and has
 * them. */
static int store_fsck_image(void *arg, const char *rel, struct store_image *i, struct err *problem)
{
	struct store_fsck_run *f = arg;
	AUTO_IMGCONFIG struct imgconfig c;
	struct err e = ERR_INIT;

	(void)rel;
	imgconfig_init(&c, NULL);
	if (!i) {
		store_fsck_say(f, "%s", problem->msg);
		return 0;
	}
	if (store_image_config(f->s, i, &c, &e) < 0)
		store_fsck_err(f, &e);
	else if (!digest_list_eq(&c.diff_ids, &i->diff_ids))
		store_fsck_say(f, "image %s: the layers of its record and of its config differ", i->name);
	if (digest_is_set(&i->manifest.digest)) {
		store_fsck_need_blob(f, &i->manifest, i->name);
		return 0;
	}
	for (size_t k = 0; k < i->diff_ids.n; k++) {
		if (!store_fsck_layer_there(f, &i->diff_ids.v[k]))
			store_fsck_say(f, "image %s: layer %s is missing", i->name, i->diff_ids.v[k].text);
	}
	return 0;
}

static void store_fsck_cache(struct store_fsck_run *f, const char *dir, const char *name)
{
	AUTO_FREE char *rel = mem_printf("%s/%s", dir, name);
	struct err e = ERR_INIT;
	AUTO_JSON struct json *j = NULL;

	if (store_fsck_is_dir(f, rel)) {
		store_fsck_walk(f, rel, store_fsck_cache);
		return;
	}
	j = store_record_get_json(f->s, rel, &e);
	if (!j) {
		err_wrap(&e, "cache record %s", rel);
		store_fsck_err(f, &e);
	}
}

int store_fsck(struct store *s, store_verify_tree_fn *verify_tree, store_problem_fn *fn, void *arg, struct err *e)
{
	struct store_fsck_run f = {.s = s, .verify_tree = verify_tree, .fn = fn, .arg = arg};

	store_fsck_layout_file(&f);
	store_fsck_walk(&f, "blobs/sha256", store_fsck_blob);
	store_fsck_walk(&f, "blobs/sha512", store_fsck_blob);
	store_fsck_tags(&f);
	store_fsck_walk(&f, "layers", store_fsck_layers);
	store_fsck_walk(&f, "cache", store_fsck_cache);
	if (store_image_each(s, store_fsck_image, &f, e) < 0)
		return -1;
	return f.problems;
}
