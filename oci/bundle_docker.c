/* docker-archive as `docker save`, podman and skopeo write it: manifest.json names config and layers. */
#include "oci/bundle.h"
#include "oci/compress.h"
#include "oci/limits.h"
#include "oci/ref.h"
#include "src/util/json.h"
#include "src/util/mem.h"

static bool bundle_docker_same_name(const char *a, const char *b)
{
	AUTO_REF struct ref x = {0}, y = {0};
	AUTO_FREE char *fx = NULL, *fy = NULL;
	struct err none = ERR_INIT;

	if (strcmp(a, b) == 0)
		return true;
	if (ref_parse(a, &x, &none) < 0 || ref_parse(b, &y, &none) < 0) {
		err_release(&none);
		return false;
	}
	fx = ref_format(&x);
	fy = ref_format(&y);
	return strcmp(fx, fy) == 0;
}

/* The entry's name that fits; its first one if tag is NULL. */
static const char *bundle_docker_tag(const struct json *entry, const char *tag)
{
	const struct json *tags = json_get(entry, "RepoTags");

	for (size_t i = 0; i < json_len(tags); i++) {
		const char *own = json_str(json_at(tags, i));

		if (own && (!tag || bundle_docker_same_name(own, tag)))
			return own;
	}
	return NULL;
}

static char *bundle_docker_names(const struct json *list)
{
	AUTO_STRV struct strv names = {0};

	for (size_t i = 0; i < json_len(list) && names.n < 20; i++) {
		const char *own = bundle_docker_tag(json_at(list, i), NULL);

		strv_add(&names, own ? own : "(without name)");
	}
	return strv_join(&names, ", ");
}

static const struct json *bundle_docker_choose(const struct json *list, const char *tag, struct err *e)
{
	AUTO_FREE char *names = NULL;

	if (!tag && json_len(list) == 1)
		return json_at(list, 0);
	for (size_t i = 0; tag && i < json_len(list); i++) {
		if (bundle_docker_tag(json_at(list, i), tag))
			return json_at(list, i);
	}
	names = bundle_docker_names(list);
	if (tag)
		err_set(e, ERR_NOT_FOUND, "no image of the name %s; there are: %s", tag, names);
	else
		err_set(e, ERR_INPUT, "%zu images: which one is meant? There are: %s", json_len(list), names);
	return NULL;
}

/* --- layers --- */

/* Digest of the inflated member. */
static int bundle_docker_diff_id(struct bundle *b, const char *name, enum hash_alg alg, enum mediatype_codec *codec,
				 struct digest *out, uint64_t *size, struct err *e)
{
	AUTO_HASH struct hash *h = hash_new(alg);
	int fd = bundle_member_fd(b, name, e);
	struct wstream *sink;
	struct rstream *r;
	int64_t n;

	r = fd < 0 ? NULL : compress_reader(stream_from_fd(fd, true, name), codec, e);
	if (!r)
		return -1;
	sink = stream_hash_w(stream_null(), h, size);
	n = stream_pump(r, sink, e);
	stream_wclose(sink);
	stream_rclose(r);
	if (n < 0)
		return -1;
	digest_from_hash(alg, h, out);
	return 0;
}

static int bundle_docker_layer(struct bundle *b, const char *name, const struct digest *diff_id, struct manifest *m,
			       struct err *e)
{
	AUTO_DESCRIPTOR struct descriptor d = {0};
	enum mediatype_codec codec;
	struct digest found;
	uint64_t size = 0;

	if (bundle_docker_diff_id(b, name, digest_alg(diff_id), &codec, &found, &size, e) < 0)
		return -1;
	if (!digest_eq(&found, diff_id))
		return err_set(e, ERR_INTEGRITY, "it has diff id %s, the config says %s", found.text, diff_id->text);
	if (bundle_import(b, name, NULL, &d, e) < 0)
		return -1;
	d.media_type = mem_strdup(mediatype_for_layer(codec));
	manifest_add_layer(m, &d);
	return store_layer_rec_add_blob(bundle_store(b), diff_id, size, &d, codec == CODEC_NONE ? "none" : "pulled", e);
}

static int bundle_docker_layers(struct bundle *b, const struct json *entry, const struct imgconfig *c,
				struct manifest *m, struct err *e)
{
	AUTO_STRV struct strv names = {0};

	if (json_to_strv(json_get(entry, "Layers"), &names, ERR_INPUT, e) < 0)
		return err_wrap(e, "manifest.json: \"Layers\"");
	if (names.n != c->diff_ids.n)
		return err_set(e, ERR_INPUT, "manifest.json names %zu layers, the config has %zu", names.n,
			       c->diff_ids.n);
	for (size_t i = 0; i < names.n; i++) {
		if (bundle_docker_layer(b, names.v[i], &c->diff_ids.v[i], m, e) < 0)
			return err_wrap(e, "layer %zu", i + 1);
	}
	return 0;
}

/* --- the image --- */

static int bundle_docker_config(struct bundle *b, const struct json *entry, struct imgconfig *c, struct manifest *m,
				struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(CONFIG_MAX_BYTES);
	const char *name = json_need_str(entry, "Config", ERR_INPUT, e);

	if (!name)
		return err_wrap(e, "manifest.json");
	if (bundle_read(b, name, &text, e) < 0 || imgconfig_parse(text.p, text.n, c, ERR_INPUT, e) < 0)
		return err_wrap(e, "config");
	return store_blob_put(bundle_store(b), text.p, text.n, MEDIATYPE_OCI_CONFIG, &m->config, e);
}

static int bundle_docker_image(struct bundle *b, const struct json *entry, struct descriptor *manifest, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_IMGCONFIG struct imgconfig c;
	AUTO_MANIFEST struct manifest m = {0};

	imgconfig_init(&c, NULL);
	if (bundle_docker_config(b, entry, &c, &m, e) < 0 || bundle_docker_layers(b, entry, &c, &m, e) < 0)
		return -1;
	manifest_write(&m, &text);
	return store_blob_put(bundle_store(b), text.p, text.n, MEDIATYPE_OCI_MANIFEST, manifest, e);
}

int bundle_docker_load(struct bundle *b, const char *tag, struct descriptor *manifest, char **name, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_JSON struct json *list = NULL;
	const struct json *entry;

	if (bundle_read(b, "manifest.json", &text, e) < 0)
		return -1;
	list = json_parse(text.p, text.n, MANIFEST_MAX_BYTES, ERR_INPUT, "manifest.json", e);
	if (!list)
		return -1;
	if (!json_is_array(list))
		return err_set(e, ERR_INPUT, "manifest.json is not an array");
	entry = bundle_docker_choose(list, tag, e);
	if (!entry || bundle_docker_image(b, entry, manifest, e) < 0)
		return -1;
	if (name)
		*name = mem_strdup_opt(bundle_docker_tag(entry, tag));
	return 0;
}
