/* images/<escaped name>.json: names of images. */
#include <errno.h>
#include <fcntl.h>

#include "oci/limits.h"
#include "oci/ref.h"
#include "oci/store_priv.h"
#include "src/util/json.h"
#include "src/util/log.h"
#include "src/util/mem.h"

/* NAME_MAX is 255; ".json" and a margin. Longer escapes become a hash; the name itself is in the record. */
#define STORE_IMAGE_FILE_MAX 240
/* Fewer digits of an id are too likely to be a name's typing error. */
#define STORE_IMAGE_PREFIX_MIN 6

void store_image_release(struct store_image *i)
{
	free(i->name);
	digest_list_release(&i->diff_ids);
	descriptor_release(&i->manifest);
	json_free(i->annotations);
	*i = (struct store_image){0};
}

void store_image_list_release(struct store_image_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		store_image_release(&l->v[i]);
	vec_release(l);
}

/* Letters, digits and ._- stay, everything else is %XX, so no name leaves the directory and no two names meet. A '%' is
 * always followed by two hex digits there, so "%h" begins only the hashed form. */
static char *store_image_path(const char *name)
{
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct digest d;

	for (const char *p = name; *p; p++) {
		char c = *p;
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
			     c == '-' || (c == '.' && p != name);

		if (plain)
			buf_char_add(&b, c);
		else
			buf_printf(&b, "%%%02X", (unsigned)(unsigned char)c);
	}
	if (b.n <= STORE_IMAGE_FILE_MAX)
		return mem_printf("images/%s.json", buf_str(&b));
	digest_of_bytes(name, strlen(name), &d);
	return mem_printf("images/%%h%s.json", digest_hex(&d));
}

int store_image_put(struct store *s, const struct store_image *i, struct err *e)
{
	AUTO_FREE char *rel = store_image_path(i->name);
	AUTO_JSON struct json *j = json_object();

	if (!i->name[0] || !digest_is_set(&i->config))
		return err_set(e, ERR_INTERNAL, "an image record needs a name and a config");
	json_set_int(j, "version", 1);
	json_set_str(j, "name", i->name);
	json_set_str(j, "config", i->config.text);
	json_set(j, "diff_ids", store_record_from_digests(&i->diff_ids));
	if (digest_is_set(&i->manifest.digest))
		json_set(j, "manifest", descriptor_to_json(&i->manifest));
	if (i->annotations)
		json_set(j, "annotations", json_deep_copy(i->annotations));
	json_set_int(j, "updated", i->updated);
	if (i->published)
		json_set_bool(j, "published", true);
	return store_record_put_json(s, rel, j, true, e);
}

static int store_image_from_json(const struct json *j, struct store_image *out, struct err *e)
{
	const char *name = json_need_str(j, "name", ERR_INTEGRITY, e);
	const char *config = name ? json_need_str(j, "config", ERR_INTEGRITY, e) : NULL;
	const struct json *manifest = json_get(j, "manifest");
	int64_t version;

	if (!config || json_need_int(j, "version", 1, 1, &version, ERR_INTEGRITY, e) < 0 ||
	    digest_parse(sv_from(config), &out->config, ERR_INTEGRITY, e) < 0 ||
	    store_record_digests(j, "diff_ids", &out->diff_ids, e) < 0)
		return -1;
	if (manifest && descriptor_from_json(manifest, &out->manifest, ERR_INTEGRITY, e) < 0)
		return -1;
	if (descriptor_read_annotations(j, &out->annotations, ERR_INTEGRITY, e) < 0)
		return -1;
	out->name = mem_strdup(name);
	out->updated = json_get_int(j, "updated", 0);
	out->published = json_get_bool(j, "published", false);
	return 0;
}

int store_image_read(struct store *s, const char *rel, struct store_image *out, struct err *e)
{
	AUTO_JSON struct json *j = store_record_get_json(s, rel, e);
	AUTO_FREE char *own = NULL;

	*out = (struct store_image){0};
	if (!j)
		return -1;
	if (store_image_from_json(j, out, e) == 0) {
		own = store_image_path(out->name);
		if (strcmp(own, rel) == 0)
			return 0;
		err_set(e, ERR_INTEGRITY, "the record is of another image");
	}
	store_image_release(out);
	return err_wrap(e, "image record %s", rel);
}

int store_image_each(struct store *s, store_image_fn *fn, void *arg, struct err *e)
{
	AUTO_CLOSEDIR DIR *d = store_opendir(s, "images", e);
	const char *name;
	int r = 0, more = 1;

	if (!d)
		return -1;
	while (r == 0 && (more = store_readdir(d, &name, e)) > 0) {
		AUTO_FREE char *rel = mem_printf("images/%s", name);
		AUTO_STORE_IMAGE struct store_image i = {0};
		struct err problem = ERR_INIT;

		if (!sv_ends(sv_from(name), ".json"))
			continue;
		if (store_image_read(s, rel, &i, &problem) == 0)
			r = fn(arg, rel, &i, &problem);
		else if (problem.code != ERR_NOT_FOUND) /* removed meanwhile */
			r = fn(arg, rel, NULL, &problem);
		err_release(&problem);
	}
	return more < 0 ? -1 : r;
}

/* One damaged record must not hide the other images. */
static int store_image_collect(void *arg, const char *rel, struct store_image *i, struct err *problem)
{
	struct store_image_list *l = arg;

	(void)rel;
	if (!i) {
		log_msg(LOG_WARN, "%s", problem->msg);
		return 0;
	}
	vec_push(l, *i);
	*i = (struct store_image){0};
	return 0;
}

static int store_image_cmp(const void *a, const void *b)
{
	const struct store_image *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int store_image_list(struct store *s, struct store_image_list *out, struct err *e)
{
	*out = (struct store_image_list){0};
	if (store_image_each(s, store_image_collect, out, e) < 0) {
		store_image_list_release(out);
		return -1;
	}
	if (out->n)
		qsort(out->v, out->n, sizeof *out->v, store_image_cmp);
	return 0;
}

/* 0, or -1 with ERR_NOT_FOUND. */
static int store_image_by_text(struct store *s, const char *name, struct store_image *out, struct err *e)
{
	AUTO_FREE char *rel = store_image_path(name);

	return store_image_read(s, rel, out, e);
}

static int store_image_by_ref(struct store *s, const char *name, struct store_image *out, struct err *e)
{
	AUTO_REF struct ref r = {0};
	AUTO_FREE char *full = NULL;

	if (ref_parse(name, &r, e) < 0) {
		e->code = ERR_NOT_FOUND;
		return -1;
	}
	full = ref_format(&r);
	return store_image_by_text(s, full, out, e);
}

static bool store_image_is_id(const char *name)
{
	struct sv hex = sv_from(name);

	if (sv_starts(hex, "sha256:"))
		hex = sv_sub(hex, strlen("sha256:"), hex.n);
	if (hex.n < STORE_IMAGE_PREFIX_MIN || hex.n > 64)
		return false;
	for (size_t i = 0; i < hex.n; i++) {
		if (!strchr("0123456789abcdef", hex.p[i]))
			return false;
	}
	return true;
}

/* Several names of one config are one image: the first name is given. */
static int store_image_by_id(struct store *s, const char *name, struct store_image *out, size_t *names, struct err *e)
{
	const char *hex = strncmp(name, "sha256:", 7) == 0 ? name + 7 : name;
	AUTO(store_image_list_release) struct store_image_list l = {0};
	struct store_image *found = NULL;

	*names = 0;
	if (!store_image_is_id(name))
		return err_set(e, ERR_NOT_FOUND, "not an id");
	if (store_image_list(s, &l, e) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		if (strncmp(digest_hex(&l.v[i].config), hex, strlen(hex)) != 0)
			continue;
		if (found && !digest_eq(&found->config, &l.v[i].config))
			return err_set(e, ERR_USAGE, "\"%s\" begins the ids of several images", name);
		if (!found)
			found = &l.v[i];
		++*names;
	}
	if (!found)
		return err_set(e, ERR_NOT_FOUND, "no such id");
	*out = *found;
	*found = (struct store_image){0};
	return 0;
}

/* *names: 1 if found by name, else the number of names that the image found by its id has. */
static int store_image_find(struct store *s, const char *name, struct store_image *out, size_t *names, struct err *e)
{
	*out = (struct store_image){0};
	*names = 1;
	if (store_image_by_text(s, name, out, e) == 0)
		return 0;
	if (e->code == ERR_NOT_FOUND && store_image_by_ref(s, name, out, e) == 0)
		goto found;
	if (e->code == ERR_NOT_FOUND && store_image_by_id(s, name, out, names, e) == 0)
		goto found;
	if (e->code == ERR_NOT_FOUND)
		err_set(e, ERR_NOT_FOUND, "no image \"%.300s\" in the store %s", name, s->root);
	return -1;
found:
	err_release(e);
	return 0;
}

int store_image_get(struct store *s, const char *name, struct store_image *out, struct err *e)
{
	size_t names;

	return store_image_find(s, name, out, &names, e);
}

int store_image_delete(struct store *s, const char *name, struct err *e)
{
	AUTO_STORE_IMAGE struct store_image i = {0};
	AUTO_FREE char *rel = NULL;
	size_t names;

	if (store_image_find(s, name, &i, &names, e) < 0)
		return -1;
	if (names > 1)
		return err_set(e, ERR_USAGE, "the image %s has %zu names: remove it by name", name, names);
	rel = store_image_path(i.name);
	if (store_record_delete(s, rel, e) < 0)
		return -1;
	return store_index_del(s, i.name, e);
}

int store_image_config(struct store *s, const struct store_image *i, struct imgconfig *out, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(CONFIG_MAX_BYTES);

	imgconfig_init(out, NULL);
	if (store_blob_read(s, &i->config, CONFIG_MAX_BYTES, &b, e) < 0 ||
	    imgconfig_parse(b.p, b.n, out, ERR_INTEGRITY, e) < 0)
		return err_wrap(e, "config of image %s", i->name);
	return 0;
}
