/* Images as operands. */
#include "src/cli/image_src.h"

#include <errno.h>
#include <fcntl.h>

#include "oci/limits.h"
#include "oci/ref.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/nearest.h"

#define IMAGE_SRC_TAG "org.opencontainers.image.ref.name"

static bool image_src_prefix(const char *text, const char *prefix, const char **rest)
{
	size_t n = strlen(prefix);

	if (strncmp(text, prefix, n) != 0)
		return false;
	*rest = text + n;
	return true;
}

const char *image_src_reference(const char *text)
{
	const char *rest = text;

	return image_src_prefix(text, "docker://", &rest) ? rest : text;
}

char *image_src_name(const struct store_image *i)
{
	AUTO_REF struct ref ref = {0};
	struct err e = ERR_INIT;

	if (!i->name || !i->name[0])
		return mem_strdup("");
	if (ref_parse(i->name, &ref, &e) == 0)
		return ref_familiar(&ref);
	err_release(&e);
	return mem_strdup(i->name);
}

int image_src_in_store(const char *text, const char **name, struct err *e)
{
	static const char *const others[] = {"oci:", "oci-archive:", "docker-archive:"};
	const char *rest;

	*name = text;
	if (image_src_prefix(text, "docker://", &rest)) {
		err_set(e, ERR_USAGE, "%s: an image of the store is wanted", text);
		return err_hint(e, "first: slct pull %s", rest);
	}
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		if (!image_src_prefix(text, others[i], &rest))
			continue;
		err_set(e, ERR_USAGE, "%s: an image of the store is wanted", text);
		return err_hint(e, "first: slct copy %s store:NAME", text);
	}
	image_src_prefix(text, "store:", name);
	return 0;
}

static int image_src_not_found(struct store *s, const char *text, struct err *e)
{
	struct store_image_list all = {0};
	struct nearest near = NEAREST_INIT(text);
	struct err ignored = ERR_INIT;
	AUTO_STRV struct strv names = {0};

	err_set(e, ERR_NOT_FOUND, "no image \"%s\" in the store %s", text, store_root(s));
	if (store_image_list(s, &all, &ignored)) {
		err_release(&ignored);
		return -1;
	}
	for (size_t i = 0; i < all.n; i++) {
		strv_take(&names, image_src_name(&all.v[i]));
		nearest_offer(&near, names.v[i]);
	}
	store_image_list_release(&all);
	if (near.best)
		return err_hint(e, "did you mean %s?", near.best);
	return err_hint(e, "slct images lists what there is");
}

int image_src_find(struct store *s, const char *text, struct store_image *out, struct err *e)
{
	AUTO_REF struct ref ref = {0};
	struct err as_ref = ERR_INIT;
	int rc = -1;

	if (image_src_in_store(text, &text, e))
		return -1;
	if (ref_parse(text, &ref, &as_ref) == 0) {
		AUTO_FREE char *full = ref_format(&ref);

		rc = store_image_get(s, full, out, e);
		if (rc == 0 || e->code != ERR_NOT_FOUND)
			return rc;
	}
	/* Not a name: perhaps an id or the beginning of one. */
	err_release(e);
	rc = store_image_get(s, text, out, e);
	if (rc && e->code == ERR_NOT_FOUND) {
		if (err_is_set(&as_ref) && strncmp(text, "sha256:", 7) != 0)
			err_move(e, &as_ref);
		else
			image_src_not_found(s, text, e);
	}
	err_release(&as_ref);
	return rc;
}

/* --- the store --- */

static int image_src_from_store(struct store *s, const char *text, struct image_src *out, struct err *e)
{
	AUTO_STORE_IMAGE struct store_image i = {0};

	if (image_src_find(s, text, &i, e))
		return -1;
	out->name = image_src_name(&i);
	out->id = i.config;
	if (store_blob_read(s, &i.config, CONFIG_MAX_BYTES, &out->config_text, e))
		return err_wrap(e, "image %s: config", text);
	if (!digest_is_set(&i.manifest.digest))
		return 0;
	out->manifest = i.manifest.digest;
	if (store_blob_read(s, &i.manifest.digest, MANIFEST_MAX_BYTES, &out->manifest_text, e))
		return err_wrap(e, "image %s: manifest", text);
	return 0;
}

static int image_src_store(const struct cli *c, const char *text, struct image_src *out, struct err *e)
{
	AUTO_FREE char *root = cli_store_root(c);
	struct store *s = store_open(root, e);
	int rc;

	if (!s)
		return -1;
	rc = image_src_from_store(s, text, out, e);
	store_close(s);
	return rc;
}

/* --- a registry --- */

static int image_src_registry(const struct cli *c, const struct cli_net *net, const char *text,
			      const struct platform *p, struct image_src *out, struct err *e)
{
	AUTO_REF struct ref ref = {0};
	struct registry_opts opts = {0};
	struct registry *r = NULL;
	struct registry_image got = {.manifest_text = BUF_INIT(MANIFEST_MAX_BYTES),
				     .config_text = BUF_INIT(CONFIG_MAX_BYTES)};
	AUTO_MANIFEST struct manifest m = {0};
	int rc = -1;

	if (ref_parse(text, &ref, e))
		return -1;
	if (cli_net_opts(c, net, ref.host, &opts, e) == 0 && (r = registry_new(&opts, e)) != NULL)
		rc = cli_registry_error(registry_resolve(r, &ref, p, &got, e), e);
	if (rc == 0)
		rc = manifest_parse(buf_str(&got.manifest_text), got.manifest_text.n, NULL, &m, ERR_REGISTRY, e);
	if (rc == 0) {
		out->name = ref_familiar(&ref);
		out->id = m.config.digest;
		out->manifest = got.manifest.digest;
		buf_sv_add(&out->manifest_text, buf_sv(&got.manifest_text));
		buf_sv_add(&out->config_text, buf_sv(&got.config_text));
	}
	registry_image_release(&got);
	if (r)
		registry_free(r);
	cli_net_release(&opts);
	return rc;
}

static int image_src_registry_raw(const struct cli *c, const struct cli_net *net, const char *text,
				  struct image_src *out, struct err *e)
{
	AUTO_REF struct ref ref = {0};
	struct registry_opts opts = {0};
	struct registry *r = NULL;
	struct registry_probe probe = {.index_too = true};
	int rc = -1;

	if (ref_parse(text, &ref, e))
		return -1;
	probe.tag = digest_is_set(&ref.digest) ? ref.digest.text : ref.tag;
	if (cli_net_opts(c, net, ref.host, &opts, e) == 0 && (r = registry_new(&opts, e)) != NULL)
		rc = registry_probe_tags(r, &ref, &probe, 1, e);
	if (rc == 0 && !probe.found)
		rc = err_set(e, ERR_REGISTRY, "%s: there is no such manifest", text);
	if (rc == 0) {
		out->name = ref_familiar(&ref);
		out->manifest = probe.manifest.digest;
		out->manifest_text = probe.text;
	}
	descriptor_release(&probe.manifest);
	if (r)
		registry_free(r);
	cli_net_release(&opts);
	return rc;
}

int image_src_raw(const struct cli *c, const struct cli_net *net, const char *text, struct image_src *out,
		  struct err *e)
{
	struct platform p;
	const char *rest;

	*out = (struct image_src){0};
	if (image_src_prefix(text, "docker://", &rest))
		return image_src_registry_raw(c, net, rest, out, e);
	platform_host(&p);
	return image_src_read(c, net, text, &p, out, e);
}

/* --- an OCI layout directory --- */

/* A blob of the layout, its digest verified. */
static int image_src_layout_blob(int dir, const struct digest *d, size_t max, struct buf *out, struct err *e)
{
	AUTO_FREE char *path =
		mem_printf("blobs/%s/%s", digest_alg(d) == HASH_SHA512 ? "sha512" : "sha256", digest_hex(d));
	uint8_t sum[HASH_MAX_BYTES];
	char hex[HASH_HEX_MAX];

	*out = BUF_INIT(max);
	if (io_read_file(dir, path, out, e))
		return -1;
	hash_bytes(digest_alg(d), buf_str(out), out->n, sum);
	hash_hex(sum, hash_size(digest_alg(d)), hex);
	if (strcmp(hex, digest_hex(d)) != 0)
		return err_set(e, ERR_INTEGRITY, "%s has the digest %s", path, hex);
	return 0;
}

static bool image_src_tagged(const struct descriptor *d, const char *tag)
{
	const char *name = json_get_str(d->annotations, IMAGE_SRC_TAG);
	const char *colon = name ? strrchr(name, ':') : NULL;

	return name && (strcmp(name, tag) == 0 || (colon && strcmp(colon + 1, tag) == 0));
}

static const struct descriptor *image_src_layout_pick(const struct index *x, const char *tag, const struct platform *p,
						      struct err *e)
{
	const struct descriptor *found = NULL;

	if (!tag && x->n == 1)
		return &x->manifests[0];
	if (!tag)
		return index_select(x, p, e);
	for (size_t i = 0; i < x->n; i++) {
		if (image_src_tagged(&x->manifests[i], tag))
			found = &x->manifests[i];
	}
	if (!found)
		err_set(e, ERR_NOT_FOUND, "no image is tagged \"%s\"", tag);
	return found;
}

static int image_src_layout_read(int dir, const char *tag, const struct platform *p, struct image_src *out,
				 struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_INDEX struct index x = {0};
	AUTO_MANIFEST struct manifest m = {0};
	const struct descriptor *d;

	if (io_read_file(dir, "index.json", &text, e) ||
	    index_parse(buf_str(&text), text.n, MEDIATYPE_OCI_INDEX, &x, ERR_INPUT, e))
		return -1;
	d = image_src_layout_pick(&x, tag, p, e);
	if (!d || image_src_layout_blob(dir, &d->digest, MANIFEST_MAX_BYTES, &out->manifest_text, e))
		return -1;
	if (manifest_parse(buf_str(&out->manifest_text), out->manifest_text.n, d->media_type, &m, ERR_INPUT, e))
		return -1;
	out->manifest = d->digest;
	out->id = m.config.digest;
	return image_src_layout_blob(dir, &m.config.digest, CONFIG_MAX_BYTES, &out->config_text, e);
}

/* DIR[:TAG]; a directory of the whole name goes before a tag. */
static int image_src_layout(const char *text, const struct platform *p, struct image_src *out, struct err *e)
{
	AUTO_FREE char *path = mem_strdup(text);
	AUTO_CLOSE int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char *colon = strrchr(path, ':');
	const char *tag = NULL;

	if (dir < 0 && colon) {
		*colon = '\0';
		tag = colon + 1;
		dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (dir < 0)
		return err_sys(e, ERR_INPUT, errno, "%s", path);
	out->name = mem_strdup(text);
	if (image_src_layout_read(dir, tag, p, out, e))
		return err_wrap(e, "oci:%s", text);
	return 0;
}

int image_src_read(const struct cli *c, const struct cli_net *net, const char *text, const struct platform *p,
		   struct image_src *out, struct err *e)
{
	const char *rest;

	*out = (struct image_src){.manifest_text = BUF_INIT(MANIFEST_MAX_BYTES),
				  .config_text = BUF_INIT(CONFIG_MAX_BYTES)};
	if (image_src_prefix(text, "docker://", &rest))
		return image_src_registry(c, net, rest, p, out, e);
	if (image_src_prefix(text, "oci:", &rest))
		return image_src_layout(rest, p, out, e);
	if (image_src_prefix(text, "oci-archive:", &rest) || image_src_prefix(text, "docker-archive:", &rest)) {
		err_set(e, ERR_USAGE, "%s: reading an archive in place is not built yet", text);
		return err_hint(e, "slct load -i %s, then name the image", rest);
	}
	if (!image_src_prefix(text, "store:", &rest))
		rest = text;
	return image_src_store(c, rest, out, e);
}

void image_src_release(struct image_src *i)
{
	free(i->name);
	buf_release(&i->manifest_text);
	buf_release(&i->config_text);
	*i = (struct image_src){0};
}
