/* Reading images from layout directories and archives: hostile input, every blob verified. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "oci/bundle.h"
#include "oci/indexfile.h"
#include "oci/layout_dir.h"
#include "oci/layout_priv.h"
#include "oci/limits.h"
#include "src/util/io.h"
#include "src/util/json.h"
#include "src/util/log.h"
#include "src/util/mem.h"
#include "src/util/path.h"

/* containerd's and docker's full name of an entry, beside the tag in INDEXFILE_REF_NAME. */
#define LAYOUT_LOAD_FULL_NAME	"io.containerd.image.name"
#define LAYOUT_LOAD_DEPTH_MAX	4
#define LAYOUT_LOAD_CHUNK_BYTES ((size_t)128 << 10)

/* --- one blob --- */

static int layout_load_copy(int in, int out, const struct descriptor *d, struct digest *found, uint64_t *size,
			    struct err *e)
{
	AUTO_FREE char *chunk = mem_alloc(LAYOUT_LOAD_CHUNK_BYTES);
	AUTO_HASH struct hash *h = hash_new(digest_alg(&d->digest));
	ssize_t n;

	*size = 0;
	/* one byte too many is enough to know that the size is wrong */
	while (*size <= d->size && (n = io_read_full(in, chunk, LAYOUT_LOAD_CHUNK_BYTES, d->digest.text, e)) != 0) {
		if (n < 0 || io_write_all(out, chunk, (size_t)n, d->digest.text, e) < 0)
			return -1;
		hash_add(h, chunk, (size_t)n);
		*size += (uint64_t)n;
	}
	digest_from_hash(digest_alg(&d->digest), h, found);
	return 0;
}

int layout_load_fd(struct store *s, int fd, const struct descriptor *d, struct err *e)
{
	struct store_blob_writer w;
	struct digest found;
	uint64_t size;

	if (store_blob_begin(s, &w, e) < 0)
		return -1;
	if (layout_load_copy(fd, w.fd, d, &found, &size, e) < 0) {
		store_blob_abort(s, &w);
		return -1;
	}
	return store_blob_commit(s, &w, &found, size, d, e);
}

/* --- choosing --- */

static const char *layout_load_name(const struct descriptor *d)
{
	const char *full = json_get_str(d->annotations, LAYOUT_LOAD_FULL_NAME);

	return full ? full : json_get_str(d->annotations, INDEXFILE_REF_NAME);
}

static bool layout_load_has_tag(const struct descriptor *d, const char *tag)
{
	const char *own = json_get_str(d->annotations, INDEXFILE_REF_NAME);
	const char *full = json_get_str(d->annotations, LAYOUT_LOAD_FULL_NAME);

	return (own && strcmp(own, tag) == 0) || (full && strcmp(full, tag) == 0);
}

static char *layout_load_tags(const struct index *x)
{
	AUTO_STRV struct strv names = {0};

	for (size_t i = 0; i < x->n && names.n < 20; i++) {
		const char *name = layout_load_name(&x->manifests[i]);

		strv_add(&names, name ? name : "(without name)");
	}
	return strv_join(&names, ", ");
}

/* Among several of one name (or all, if none is asked for) the platform decides, if each states one. */
static const struct descriptor *layout_load_by_platform(const struct index *x, const struct platform *p,
							const char *tag, struct err *e)
{
	AUTO_FREE char *names = NULL;
	bool stated = x->n > 0;
	const struct descriptor *d;

	for (size_t i = 0; i < x->n; i++) {
		const char *a = layout_load_name(&x->manifests[0]), *b = layout_load_name(&x->manifests[i]);

		stated = stated && x->manifests[i].platform && (a && b ? strcmp(a, b) == 0 : a == b);
	}
	if (stated) {
		d = index_select(x, p, e);
		if (!d)
			e->code = ERR_INPUT;
		return d;
	}
	names = layout_load_tags(x);
	err_set(e, ERR_INPUT, "%zu images%s%s: which one is meant? There are: %s", x->n, tag ? " of the name " : "",
		tag ? tag : "", names);
	err_hint(e, "name the tag");
	return NULL;
}

/* "v1" of "host/name:v1": what this program saves has whole names where others write the tag alone. */
static bool layout_load_ends_with_tag(const struct descriptor *d, const char *tag)
{
	const char *own = json_get_str(d->annotations, INDEXFILE_REF_NAME), *colon = own ? strrchr(own, ':') : NULL;

	return colon && strcmp(colon + 1, tag) == 0;
}

/* The entries that have the tag, or all. */
static void layout_load_candidates(const struct index *x, const char *tag, struct index *out)
{
	for (size_t i = 0; i < x->n; i++) {
		if (!tag || layout_load_has_tag(&x->manifests[i], tag))
			index_add(out, &x->manifests[i]);
	}
	for (size_t i = 0; tag && !out->n && i < x->n; i++) {
		if (layout_load_ends_with_tag(&x->manifests[i], tag))
			index_add(out, &x->manifests[i]);
	}
}

static int layout_load_choose(const struct index *x, const char *tag, const struct platform *p, struct descriptor *out,
			      struct err *e)
{
	AUTO_INDEX struct index c = {0};
	const struct descriptor *d;

	layout_load_candidates(x, tag, &c);
	if (c.n == 0) {
		AUTO_FREE char *names = layout_load_tags(x);

		return tag ? err_set(e, ERR_NOT_FOUND, "no image of the name %s; there are: %s", tag, names)
			   : err_set(e, ERR_NOT_FOUND, "no image in the index");
	}
	d = c.n == 1 ? &c.manifests[0] : layout_load_by_platform(&c, p, tag, e);
	if (!d)
		return -1;
	descriptor_copy(out, d);
	return 0;
}

/* --- importing --- */

static int layout_load_blob(struct layout_source *src, const struct descriptor *d, struct err *e)
{
	uint64_t size;

	if (store_blob_has(src->store, &d->digest, &size) && size == d->size)
		return 0;
	if (src->blob(src, d, e) < 0)
		return err_wrap(e, "blob %s", d->digest.text);
	return 0;
}

static int layout_load_layer(struct layout_source *src, const struct descriptor *d, struct err *e)
{
	if (layout_load_blob(src, d, e) == 0)
		return 0;
	if (e->code != ERR_NOT_FOUND || mediatype_kind_of(d->media_type) != MEDIATYPE_FOREIGN_LAYER)
		return -1;
	log_msg(LOG_WARN, "%s: the non-distributable layer %s is not in it", src->what, d->digest.text);
	err_release(e);
	return 0;
}

static int layout_load_manifest(struct layout_source *src, const struct descriptor *d, struct err *e)
{
	AUTO_MANIFEST struct manifest m = {0};

	if (layout_read_manifest(src->store, d, &m, e) < 0 || layout_load_blob(src, &m.config, e) < 0)
		return -1;
	for (size_t i = 0; i < m.nlayers; i++) {
		if (layout_load_layer(src, &m.layers[i], e) < 0)
			return -1;
	}
	return 0;
}

/* One step from an index towards the platform's manifest: *d is replaced. */
static int layout_load_descend(struct layout_source *src, struct descriptor *d, const struct platform *p, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_INDEX struct index x = {0};
	const struct descriptor *chosen;

	if (store_blob_read(src->store, &d->digest, MANIFEST_MAX_BYTES, &b, e) < 0 ||
	    index_parse(b.p, b.n, d->media_type, &x, ERR_INPUT, e) < 0)
		return -1;
	chosen = index_select(&x, p, e);
	if (!chosen) {
		e->code = ERR_INPUT;
		return -1;
	}
	descriptor_release(d);
	descriptor_copy(d, chosen);
	return 0;
}

static int layout_load_import(struct layout_source *src, struct descriptor *d, const struct platform *p, struct err *e)
{
	for (int depth = 0; depth < LAYOUT_LOAD_DEPTH_MAX; depth++) {
		enum mediatype_kind kind = mediatype_kind_of(d->media_type);

		if (kind != MEDIATYPE_INDEX && kind != MEDIATYPE_MANIFEST)
			return err_set(e, ERR_INPUT, "\"%.120s\" is no image", d->media_type);
		if (d->size > MANIFEST_MAX_BYTES)
			return err_set(e, ERR_INPUT, "a manifest of %llu bytes, at most %zu are allowed",
				       (unsigned long long)d->size, MANIFEST_MAX_BYTES);
		if (layout_load_blob(src, d, e) < 0)
			return -1;
		if (kind == MEDIATYPE_MANIFEST)
			return layout_load_manifest(src, d, e);
		if (layout_load_descend(src, d, p, e) < 0)
			return -1;
	}
	return err_set(e, ERR_INPUT, "indexes nested deeper than %d", LAYOUT_LOAD_DEPTH_MAX);
}

int layout_check_text(const char *text, size_t n, struct err *e)
{
	AUTO_JSON struct json *j = json_parse(text, n, 4096, ERR_INPUT, "oci-layout", e);
	const char *version = json_get_str(j, "imageLayoutVersion");

	if (!j)
		return -1;
	if (!version || strcmp(version, "1.0.0") != 0)
		return err_set(e, ERR_INPUT, "oci-layout: imageLayoutVersion is not 1.0.0");
	return 0;
}

static int layout_load_check(struct layout_source *src, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(MANIFEST_MAX_BYTES);

	if (src->file(src, "oci-layout", &b, e) < 0)
		return e->code == ERR_NOT_FOUND ? err_set(e, ERR_INPUT, "not an image layout: oci-layout is missing")
						: -1;
	return layout_check_text(b.p, b.n, e);
}

static int layout_load_index(struct layout_source *src, struct index *out, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(MANIFEST_MAX_BYTES);

	if (src->file(src, "index.json", &b, e) < 0)
		return e->code == ERR_NOT_FOUND ? err_set(e, ERR_INPUT, "not an image layout: index.json is missing")
						: -1;
	return index_parse(b.p, b.n, NULL, out, ERR_INPUT, e);
}

/* The image's descriptor as a registry would give it: annotations of the layout's index are not its own. */
static void layout_load_give(struct descriptor *d, struct descriptor *manifest)
{
	*manifest = (struct descriptor){0};
	descriptor_set(manifest, d->media_type, &d->digest, d->size);
	if (d->platform)
		manifest->platform = json_deep_copy(d->platform);
}

int layout_load_source(struct layout_source *src, const char *tag, const struct platform *p,
		       struct descriptor *manifest, char **name, struct err *e)
{
	AUTO_INDEX struct index x = {0};
	AUTO_DESCRIPTOR struct descriptor d = {0};
	AUTO_FREE char *own = NULL;

	if (layout_load_check(src, e) < 0 || layout_load_index(src, &x, e) < 0 ||
	    layout_load_choose(&x, tag, p, &d, e) < 0)
		return -1;
	own = mem_strdup_opt(layout_load_name(&d));
	if (layout_load_import(src, &d, p, e) < 0)
		return -1;
	layout_load_give(&d, manifest);
	if (name)
		*name = STEAL_PTR(own);
	return 0;
}

/* --- directories --- */

struct layout_load_dir {
	struct layout_source src; /* first: the functions get its address */
	int fd;
};

static int layout_load_dir_file(struct layout_source *src, const char *name, struct buf *out, struct err *e)
{
	AUTO_CLOSE int fd = layout_dir_file(((struct layout_load_dir *)src)->fd, name, e);

	return fd < 0 ? -1 : io_read_all(fd, out, name, e);
}

static int layout_load_dir_blob(struct layout_source *src, const struct descriptor *d, struct err *e)
{
	AUTO_FREE char *name = layout_dir_blob_name(&d->digest);
	AUTO_CLOSE int fd = layout_dir_file(((struct layout_load_dir *)src)->fd, name, e);

	return fd < 0 ? -1 : layout_load_fd(src->store, fd, d, e);
}

int layout_load_dir(struct store *s, const char *path, const char *tag, const struct platform *p,
		    struct descriptor *manifest, char **name, struct err *e)
{
	struct layout_load_dir dir = {
		.src = {.what = path, .store = s, .file = layout_load_dir_file, .blob = layout_load_dir_blob},
	};
	int r = -1;

	dir.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir.fd < 0)
		return err_sys(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_INPUT, errno, "cannot open the layout %s",
			       path);
	r = layout_load_source(&dir.src, tag, p, manifest, name, e);
	close(dir.fd);
	return r < 0 ? err_wrap(e, "loading %s", path) : 0;
}

/* --- archives --- */

struct layout_load_tar {
	struct layout_source src; /* first */
	struct bundle *b;
};

static int layout_load_tar_file(struct layout_source *src, const char *name, struct buf *out, struct err *e)
{
	return bundle_read(((struct layout_load_tar *)src)->b, name, out, e);
}

static int layout_load_tar_blob(struct layout_source *src, const struct descriptor *d, struct err *e)
{
	AUTO_FREE char *name = layout_dir_blob_name(&d->digest);

	return bundle_import(((struct layout_load_tar *)src)->b, name, d, NULL, e);
}

int layout_load_archive(struct store *s, const char *file, const char *tag, const struct platform *p,
			struct descriptor *manifest, char **name, struct err *e)
{
	AUTO(bundle_closep) struct bundle *b = bundle_open(s, file, e);
	struct layout_load_tar tar = {
		.src = {.what = file, .store = s, .file = layout_load_tar_file, .blob = layout_load_tar_blob},
		.b = b,
	};
	int r;

	if (!b)
		return err_wrap(e, "loading %s", file);
	/* docker save has written both since version 25: the layout says more */
	if (bundle_has(b, "oci-layout") && bundle_has(b, "index.json"))
		r = layout_load_source(&tar.src, tag, p, manifest, name, e);
	else if (bundle_has(b, "manifest.json"))
		r = bundle_docker_load(b, tag, manifest, name, e);
	else
		r = err_set(e, ERR_INPUT, "neither an oci-archive (index.json) nor a docker-archive (manifest.json)");
	return r < 0 ? err_wrap(e, "loading %s", file) : 0;
}
