/* Saving images as one tar: oci-archive and docker-archive. Equal images give equal bytes. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "oci/compress.h"
#include "oci/indexfile.h"
#include "oci/layout_priv.h"
#include "oci/limits.h"
#include "oci/ref.h"
#include "oci/tar_write.h"
#include "src/util/io.h"
#include "src/util/json.h"
#include "src/util/mem.h"
#include "src/util/path.h"
#include "src/util/tmp.h"

/* Members carry no times. */
#define LAYOUT_SAVE_MTIME 0

/* The file: a new one beside it that takes its place at the end, or what is there if it is no regular file (a pipe);
 * "-" is standard output. */
struct layout_save_out {
	const char *path;
	int dir, fd;
	char *tmp; /* in dir; NULL: written directly */
	struct wstream *w;
	struct tar_write *tar;
};

static int layout_save_open_fd(struct layout_save_out *o, struct err *e)
{
	AUTO_FREE char *dir = path_dir(o->path);
	struct stat st;

	if (strcmp(o->path, "-") == 0) {
		o->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
		return o->fd < 0 ? err_sys(e, ERR_HOST, errno, "standard output") : 0;
	}
	if (stat(o->path, &st) == 0 && !S_ISREG(st.st_mode)) {
		o->fd = open(o->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		return o->fd < 0 ? err_sys(e, ERR_HOST, errno, "cannot open %s", o->path) : 0;
	}
	o->dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (o->dir < 0)
		return err_sys(e, ERR_HOST, errno, "cannot open the directory %s", dir);
	o->fd = tmp_file(o->dir, LAYOUT_TMP, &o->tmp, e);
	return o->fd < 0 ? -1 : 0;
}

static int layout_save_open(struct layout_save_out *o, const char *path, struct err *e)
{
	*o = (struct layout_save_out){.path = path, .dir = -1, .fd = -1};
	if (layout_save_open_fd(o, e) < 0)
		return -1;
	o->w = stream_to_fd(o->fd, false, path);
	o->tar = tar_write_new(o->w);
	return 0;
}

static int layout_save_finish(struct layout_save_out *o, struct err *e)
{
	if (tar_write_end(o->tar, e) < 0 || stream_finish(o->w, e) < 0)
		return -1;
	if (!o->tmp)
		return 0;
	if (fchmod(o->fd, layout_file_mode()) < 0 || fdatasync(o->fd) < 0)
		return err_sys(e, ERR_HOST, errno, "cannot write %s to the disk", o->path);
	if (tmp_publish(o->dir, o->tmp, o->dir, path_base(o->path), false, e) < 0)
		return -1;
	free(STEAL_PTR(o->tmp));
	return 0;
}

static void layout_save_close(struct layout_save_out *o)
{
	tar_write_free(o->tar);
	stream_wclose(o->w);
	if (o->tmp)
		unlinkat(o->dir, o->tmp, 0);
	free(o->tmp);
	if (o->fd >= 0)
		close(o->fd);
	if (o->dir >= 0)
		close(o->dir);
}

static int layout_save_text(struct layout_save_out *o, const char *name, const struct json *j, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);

	json_write(j, &b);
	return tar_write_file(o->tar, name, 0644, LAYOUT_SAVE_MTIME, b.p, b.n, e);
}

/* A member of `size` bytes read from r; h gets them too. */
static int layout_save_stream(struct layout_save_out *o, const char *name, struct rstream *r, uint64_t size,
			      struct hash *h, struct err *e)
{
	AUTO_FREE char *path = mem_strdup(name), *chunk = mem_alloc(STREAM_BLOCK_BYTES);
	struct entry en = {.path = path, .mode = S_IFREG | 0644, .mtime = LAYOUT_SAVE_MTIME, .size = size};
	uint64_t done = 0;
	ssize_t n;

	if (tar_write_entry(o->tar, &en, e) < 0)
		return -1;
	while ((n = stream_read(r, chunk, STREAM_BLOCK_BYTES, e)) > 0) {
		done += (uint64_t)n;
		if (done > size)
			break;
		hash_add(h, chunk, (size_t)n);
		if (tar_write_data(o->tar, chunk, (size_t)n, e) < 0)
			return -1;
	}
	if (n < 0)
		return -1;
	return done == size ? 0
			    : err_set(e, ERR_INTEGRITY, "%s does not have the recorded size of %llu bytes", name,
				      (unsigned long long)size);
}

/* --- oci-archive --- */

static int layout_save_blob(struct layout_save_out *o, struct store *s, const struct descriptor *d, struct err *e)
{
	bool wide = digest_alg(&d->digest) == HASH_SHA512;
	AUTO_FREE char *name = mem_printf("blobs/%s/%s", wide ? "sha512" : "sha256", digest_hex(&d->digest));
	AUTO_HASH struct hash *h = hash_new(digest_alg(&d->digest));
	struct rstream *r;
	int fd = store_blob_open(s, &d->digest, e), n;

	if (fd < 0)
		return -1;
	r = stream_from_fd(fd, true, d->digest.text);
	n = layout_save_stream(o, name, r, d->size, h, e);
	stream_rclose(r);
	return n < 0 ? -1 : layout_check_hash(&d->digest, h, e);
}

static int layout_save_cmp(const void *a, const void *b)
{
	const struct descriptor *x = a, *y = b;

	return strcmp(x->digest.text, y->digest.text);
}

static int layout_save_dirs(struct layout_save_out *o, const struct layout_blobs *b, struct err *e)
{
	if (tar_write_dir(o->tar, "blobs", 0755, LAYOUT_SAVE_MTIME, e) < 0 ||
	    tar_write_dir(o->tar, "blobs/sha256", 0755, LAYOUT_SAVE_MTIME, e) < 0)
		return -1;
	/* sorted: what is sha512 is last */
	if (b->n && digest_alg(&b->v[b->n - 1].digest) == HASH_SHA512)
		return tar_write_dir(o->tar, "blobs/sha512", 0755, LAYOUT_SAVE_MTIME, e);
	return 0;
}

static int layout_save_oci(struct layout_save_out *o, struct store *s, const struct layout_image *images, size_t n,
			   struct err *e)
{
	AUTO(layout_blobs_release) struct layout_blobs b = LAYOUT_BLOBS_INIT;
	AUTO_JSON struct json *index = indexfile_new();
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);

	if (layout_collect(s, images, n, &b, e) < 0)
		return -1;
	if (b.n)
		qsort(b.v, b.n, sizeof *b.v, layout_save_cmp);
	for (size_t i = 0; i < n; i++)
		indexfile_set(index, images[i].name, &images[i].manifest);
	if (indexfile_write(index, &text, e) < 0 || layout_save_dirs(o, &b, e) < 0)
		return -1;
	for (size_t i = 0; i < b.n; i++) {
		if (layout_save_blob(o, s, &b.v[i], e) < 0)
			return -1;
	}
	if (tar_write_file(o->tar, "index.json", 0644, LAYOUT_SAVE_MTIME, text.p, text.n, e) < 0)
		return -1;
	return tar_write_file(o->tar, "oci-layout", 0644, LAYOUT_SAVE_MTIME, LAYOUT_FILE_TEXT, strlen(LAYOUT_FILE_TEXT),
			      e);
}

/* --- docker-archive --- */

struct layout_save_docker_run {
	struct layout_save_out *o;
	struct store *s;
	struct smap done;	   /* names of members */
	struct json *list, *repos; /* manifest.json, repositories */
};

static bool layout_save_once(struct layout_save_docker_run *d, const char *name)
{
	static char present[] = "";

	if (smap_has(&d->done, name))
		return false;
	smap_set(&d->done, name, present);
	return true;
}

static struct rstream *layout_save_inflate(struct store *s, const struct digest *blob, struct err *e)
{
	int fd = store_blob_open(s, blob, e);

	return fd < 0 ? NULL : compress_reader(stream_from_fd(fd, true, blob->text), NULL, e);
}

/* Bytes of the inflated layer: recorded, or counted by inflating once more. 0/-1. */
static int layout_save_tar_size(struct store *s, const struct digest *diff_id, const struct digest *blob,
				uint64_t *size, struct err *e)
{
	AUTO_LAYER_REC struct store_layer_rec rec = {0};
	struct wstream *sink;
	struct rstream *r;
	int64_t n;

	if (store_layer_rec_get(s, diff_id, &rec, e) == 0 && rec.size) {
		*size = rec.size;
		return 0;
	}
	err_release(e);
	r = layout_save_inflate(s, blob, e);
	if (!r)
		return -1;
	sink = stream_null();
	n = stream_pump(r, sink, e);
	stream_wclose(sink);
	stream_rclose(r);
	*size = (uint64_t)n;
	return n < 0 ? -1 : 0;
}

static int layout_save_layer(struct layout_save_docker_run *d, const char *name, const struct digest *diff_id,
			     const struct digest *blob, struct err *e)
{
	AUTO_HASH struct hash *h = hash_new(digest_alg(diff_id));
	struct digest found;
	struct rstream *r;
	uint64_t size;
	int n;

	if (layout_save_tar_size(d->s, diff_id, blob, &size, e) < 0)
		return -1;
	r = layout_save_inflate(d->s, blob, e);
	if (!r)
		return -1;
	n = layout_save_stream(d->o, name, r, size, h, e);
	stream_rclose(r);
	if (n < 0)
		return -1;
	digest_from_hash(digest_alg(diff_id), h, &found);
	if (digest_eq(&found, diff_id))
		return 0;
	return err_set(e, ERR_INTEGRITY, "layer %s inflates to %s, its config says %s", blob->text, found.text,
		       diff_id->text);
}

static int layout_save_layers(struct layout_save_docker_run *d, const struct manifest *m, const struct imgconfig *c,
			      struct json *names, struct err *e)
{
	if (m->nlayers != c->diff_ids.n)
		return err_set(e, ERR_INTEGRITY, "%zu layers in the manifest, %zu in the config", m->nlayers,
			       c->diff_ids.n);
	for (size_t i = 0; i < m->nlayers; i++) {
		AUTO_FREE char *name = mem_printf("%s/layer.tar", digest_hex(&c->diff_ids.v[i]));

		json_append(names, json_new_str(name));
		if (layout_save_once(d, name) &&
		    layout_save_layer(d, name, &c->diff_ids.v[i], &m->layers[i].digest, e) < 0)
			return -1;
	}
	return 0;
}

/* The full name, which every reader takes for the same ("demo:1" would be localhost/demo:1 to podman); a name that is
 * no reference with a tag becomes none. */
static void layout_save_tags(struct layout_save_docker_run *d, const char *name, const struct imgconfig *c,
			     struct json *entry)
{
	AUTO_REF struct ref r = {0};
	AUTO_FREE char *text = NULL, *repo = NULL;
	struct json *tags = json_array(), *repos;
	struct err none = ERR_INIT;

	json_set(entry, "RepoTags", tags);
	if (!name || ref_parse(name, &r, &none) < 0 || !r.tag) {
		err_release(&none);
		return;
	}
	r.digest = (struct digest){0};
	text = ref_format(&r);
	json_append(tags, json_new_str(text));
	if (!c->diff_ids.n)
		return;
	repo = mem_strndup(text, strlen(text) - strlen(r.tag) - 1);
	repos = json_get(d->repos, repo);
	if (!repos) {
		json_set(d->repos, repo, json_object());
		repos = json_get(d->repos, repo);
	}
	json_set_str(repos, r.tag, digest_hex(&c->diff_ids.v[c->diff_ids.n - 1]));
}

static int layout_save_docker_one(struct layout_save_docker_run *d, const struct layout_image *image, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(CONFIG_MAX_BYTES);
	AUTO_MANIFEST struct manifest m = {0};
	AUTO_IMGCONFIG struct imgconfig c;
	AUTO_FREE char *config = NULL;
	struct json *entry = json_object(), *layers = json_array();

	imgconfig_init(&c, NULL);
	json_append(d->list, entry);
	json_set(entry, "Layers", layers);
	if (layout_read_manifest(d->s, &image->manifest, &m, e) < 0 ||
	    store_blob_read(d->s, &m.config.digest, CONFIG_MAX_BYTES, &b, e) < 0 ||
	    imgconfig_parse(b.p, b.n, &c, ERR_INTEGRITY, e) < 0 || layout_save_layers(d, &m, &c, layers, e) < 0)
		return -1;
	config = mem_printf("%s.json", digest_hex(&m.config.digest));
	json_set_str(entry, "Config", config);
	layout_save_tags(d, image->name, &c, entry);
	if (!layout_save_once(d, config))
		return 0;
	return tar_write_file(d->o->tar, config, 0644, LAYOUT_SAVE_MTIME, b.p, b.n, e);
}

static int layout_save_docker_all(struct layout_save_docker_run *d, const struct layout_image *images, size_t n,
				  struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (layout_save_docker_one(d, &images[i], e) < 0)
			return err_wrap(e, "image %s",
					images[i].name ? images[i].name : images[i].manifest.digest.text);
	}
	if (layout_save_text(d->o, "manifest.json", d->list, e) < 0)
		return -1;
	return json_len(d->repos) ? layout_save_text(d->o, "repositories", d->repos, e) : 0;
}

static int layout_save_docker_into(struct layout_save_out *o, struct store *s, const struct layout_image *images,
				   size_t n, struct err *e)
{
	AUTO_JSON struct json *list = json_array(), *repos = json_object();
	struct layout_save_docker_run d = {o, s, SMAP_INIT(NULL), list, repos};
	int r = layout_save_docker_all(&d, images, n, e);

	smap_release(&d.done);
	return r;
}

/* --- both --- */

typedef int layout_save_fn(struct layout_save_out *o, struct store *s, const struct layout_image *images, size_t n,
			   struct err *e);

static int layout_save_file(layout_save_fn *fn, struct store *s, const char *file, const struct layout_image *images,
			    size_t n, struct err *e)
{
	struct layout_save_out o;
	int r = layout_save_open(&o, file, e);

	if (r == 0)
		r = fn(&o, s, images, n, e);
	if (r == 0)
		r = layout_save_finish(&o, e);
	layout_save_close(&o);
	return r < 0 ? err_wrap(e, "saving to %s", file) : 0;
}

int layout_save_archive(struct store *s, const char *file, const struct layout_image *images, size_t n, struct err *e)
{
	return layout_save_file(layout_save_oci, s, file, images, n, e);
}

int layout_save_docker(struct store *s, const char *file, const struct layout_image *images, size_t n, struct err *e)
{
	return layout_save_file(layout_save_docker_into, s, file, images, n, e);
}
