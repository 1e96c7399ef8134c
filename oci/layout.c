/* Saving images as an OCI image layout directory. */
#include "oci/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci/indexfile.h"
#include "oci/layout_dir.h"
#include "oci/layout_priv.h"
#include "oci/limits.h"
#include "src/util/io.h"
#include "src/util/json.h"
#include "src/util/mem.h"
#include "src/util/stream.h"
#include "src/util/tmp.h"

/* --- what belongs to an image --- */

void layout_blobs_release(struct layout_blobs *b)
{
	for (size_t i = 0; i < b->n; i++)
		descriptor_release(&b->v[i]);
	free(b->v);
	smap_release(&b->seen);
	*b = LAYOUT_BLOBS_INIT;
}

static void layout_blobs_add(struct layout_blobs *b, const struct descriptor *d)
{
	static char present[] = "";
	struct descriptor copy;

	if (smap_has(&b->seen, d->digest.text))
		return;
	smap_set(&b->seen, d->digest.text, present);
	descriptor_copy(&copy, d);
	b->v = vec_grow(b->v, b->n, &b->cap, sizeof *b->v);
	b->v[b->n++] = copy;
}

int layout_read_manifest(struct store *s, const struct descriptor *d, struct manifest *out, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(MANIFEST_MAX_BYTES);

	*out = (struct manifest){0};
	if (store_blob_read(s, &d->digest, MANIFEST_MAX_BYTES, &b, e) < 0)
		return -1;
	return manifest_parse(b.p, b.n, d->media_type, out, ERR_INTEGRITY, e);
}

/* Non-distributable layers may be missing: their manifest says where they are. */
static bool layout_may_miss(struct store *s, const struct descriptor *d)
{
	return mediatype_kind_of(d->media_type) == MEDIATYPE_FOREIGN_LAYER && !store_blob_has(s, &d->digest, NULL);
}

static int layout_collect_one(struct store *s, const struct descriptor *d, struct layout_blobs *out, struct err *e);

/* All that an index names, then itself. A digest cannot be below itself, so this ends. */
static int layout_collect_index(struct store *s, const struct descriptor *d, struct layout_blobs *out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_INDEX struct index x = {0};

	if (store_blob_read(s, &d->digest, MANIFEST_MAX_BYTES, &text, e) < 0 ||
	    index_parse(text.p, text.n, d->media_type, &x, ERR_INTEGRITY, e) < 0)
		return -1;
	for (size_t i = 0; i < x.n; i++)
		if (layout_collect_one(s, &x.manifests[i], out, e) < 0)
			return -1;
	layout_blobs_add(out, d);
	return 0;
}

static int layout_collect_one(struct store *s, const struct descriptor *d, struct layout_blobs *out, struct err *e)
{
	AUTO_MANIFEST struct manifest m = {0};

	if (mediatype_kind_of(d->media_type) == MEDIATYPE_INDEX)
		return layout_collect_index(s, d, out, e);
	if (layout_read_manifest(s, d, &m, e) < 0)
		return -1;
	for (size_t i = 0; i < m.nlayers; i++) {
		if (!layout_may_miss(s, &m.layers[i]))
			layout_blobs_add(out, &m.layers[i]);
	}
	layout_blobs_add(out, &m.config);
	layout_blobs_add(out, d);
	return 0;
}

int layout_collect(struct store *s, const struct layout_image *images, size_t n, struct layout_blobs *out,
		   struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		const char *name = images[i].name ? images[i].name : images[i].manifest.digest.text;

		if (layout_collect_one(s, &images[i].manifest, out, e) < 0)
			return err_wrap(e, "image %s", name);
	}
	return 0;
}

mode_t layout_file_mode(void)
{
	mode_t mask = umask(022);

	umask(mask);
	return 0666 & ~mask;
}

/* --- the directory --- */

static bool layout_is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static DIR *layout_opendir(const struct layout_out *o, struct err *e)
{
	int fd = openat(o->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	if (!d) {
		err_sys(e, ERR_HOST, errno, "cannot read %s", o->path);
		if (fd >= 0)
			close(fd);
	}
	return d;
}

/* Only under the lock: temp files here are of saves that were killed. Returns the number of other entries or -1. */
static int layout_sweep(const struct layout_out *o, struct err *e)
{
	AUTO_CLOSEDIR DIR *d = layout_opendir(o, e);
	const struct dirent *ent;
	int others = 0;

	if (!d)
		return -1;
	while ((errno = 0, ent = readdir(d))) {
		if (strncmp(ent->d_name, LAYOUT_TMP ".", strlen(LAYOUT_TMP) + 1) == 0)
			unlinkat(o->fd, ent->d_name, 0);
		else if (!layout_is_dot(ent->d_name) && strcmp(ent->d_name, LAYOUT_LOCK) != 0 &&
			 strcmp(ent->d_name, LAYOUT_USE) != 0)
			others++;
	}
	return errno ? err_sys(e, ERR_HOST, errno, "cannot read %s", o->path) : others;
}

int layout_finish_file(const struct layout_out *o, int fd, const char *tmp, const char *path, struct err *e)
{
	if (fchmod(fd, layout_file_mode()) < 0 || fdatasync(fd) < 0)
		return err_sys(e, ERR_HOST, errno, "cannot write %s to the disk", path);
	return tmp_publish(o->fd, tmp, o->fd, path, false, e);
}

int layout_put_text(const struct layout_out *o, const char *path, const void *p, size_t n, struct err *e)
{
	AUTO_FREE char *tmp = NULL;
	AUTO_CLOSE int fd = tmp_file(o->fd, LAYOUT_TMP, &tmp, e);

	if (fd < 0)
		return -1;
	if (io_write_all(fd, p, n, path, e) == 0 && layout_finish_file(o, fd, tmp, path, e) == 0)
		return 0;
	unlinkat(o->fd, tmp, 0);
	return -1;
}

static int layout_check_version(const struct layout_out *o, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(4096);
	AUTO_JSON struct json *j = NULL;
	const char *version;

	if (io_read_file(o->fd, "oci-layout", &b, e) < 0)
		return -1;
	j = json_parse(b.p, b.n, b.max, ERR_INPUT, "oci-layout", e);
	version = json_get_str(j, "imageLayoutVersion");
	if (!j || !version || strcmp(version, "1.0.0") != 0)
		return err_set(e, ERR_INPUT, "%s is not an image layout of version 1.0.0", o->path);
	return 0;
}

int layout_mkdir(const struct layout_out *o, const char *name, struct err *e)
{
	if (mkdirat(o->fd, name, 0777) == 0 || errno == EEXIST)
		return 0;
	return err_sys(e, ERR_HOST, errno, "cannot make %s/%s", o->path, name);
}

/* Extend a layout, or begin one in a new or empty directory. */
static int layout_begin(const struct layout_out *o, struct err *e)
{
	int others = layout_sweep(o, e);

	if (others < 0)
		return -1;
	if (layout_check_version(o, e) < 0) {
		if (e->code != ERR_NOT_FOUND)
			return -1;
		err_release(e);
		if (others) {
			err_set(e, ERR_INPUT, "%s is neither empty nor an image layout (no oci-layout)", o->path);
			return err_hint(e, "name an empty or new directory");
		}
		if (layout_put_text(o, "oci-layout", LAYOUT_FILE_TEXT, strlen(LAYOUT_FILE_TEXT), e) < 0)
			return -1;
	}
	if (layout_mkdir(o, "blobs", e) < 0 || layout_mkdir(o, "blobs/sha256", e) < 0)
		return -1;
	return 0;
}

/* Others must be able to lock it that may read the layout. */
void layout_make_use(int dirfd)
{
	AUTO_CLOSE int fd =
		openat(dirfd, LAYOUT_USE, O_RDONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		       layout_file_mode());

	(void)fd;
}

/* NFS locks only what is open for writing, which a directory cannot be (flock(2), "NFS details"). */
static int layout_lock(struct layout_out *o)
{
	if (flock(o->fd, LOCK_EX) == 0)
		return 0;
	if (errno != EBADF)
		return -1;
	o->lock = openat(o->fd, LAYOUT_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, layout_file_mode());
	return o->lock < 0 ? -1 : flock(o->lock, LOCK_EX);
}

int layout_open(struct layout_out *o, struct err *e)
{
	if (mkdir(o->path, 0777) < 0 && errno != EEXIST)
		return err_sys(e, ERR_HOST, errno, "cannot make the directory %s", o->path);
	o->fd = open(o->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (o->fd < 0 || layout_lock(o) < 0)
		return err_sys(e, ERR_HOST, errno, "cannot open the directory %s", o->path);
	return layout_begin(o, e);
}

/* --- blobs --- */

bool layout_has(const struct layout_out *o, const char *path, uint64_t size)
{
	struct stat st;

	return fstatat(o->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size == size;
}

int layout_check_hash(const struct digest *want, struct hash *h, struct err *e)
{
	struct digest found;

	digest_from_hash(digest_alg(want), h, &found);
	if (digest_eq(&found, want))
		return 0;
	err_set(e, ERR_INTEGRITY, "blob %s in the store is damaged: its content has %s", want->text, found.text);
	return err_hint(e, "slct fsck lists all that is damaged");
}

/* What was copied is read once more: it comes from the page cache, and what is damaged is not passed on. */
static int layout_check_copy(const struct digest *want, int in, struct err *e)
{
	AUTO_HASH struct hash *h = hash_new(digest_alg(want));
	AUTO_FREE char *chunk = mem_alloc(STREAM_BLOCK_BYTES);
	off_t at = 0;
	ssize_t n;

	while ((n = pread(in, chunk, STREAM_BLOCK_BYTES, at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, ERR_HOST, errno, "reading blob %s", want->text);
		hash_add(h, chunk, (size_t)n);
		at += n;
	}
	return layout_check_hash(want, h, e);
}

static int layout_copy(struct store *s, const struct descriptor *d, int out, struct err *e)
{
	AUTO_CLOSE int in = store_blob_open(s, &d->digest, e);
	uint64_t copied;

	if (in < 0 || io_copy(in, out, UINT64_MAX, &copied, d->digest.text, e) < 0)
		return -1;
	if (copied != d->size)
		return err_set(e, ERR_INTEGRITY, "blob %s in the store has %llu bytes, its descriptor says %llu",
			       d->digest.text, (unsigned long long)copied, (unsigned long long)d->size);
	return layout_check_copy(&d->digest, in, e);
}

static int layout_save_blob(struct store *s, const struct layout_out *o, const struct descriptor *d, struct err *e)
{
	bool wide = digest_alg(&d->digest) == HASH_SHA512;
	AUTO_FREE char *path = mem_printf("blobs/%s/%s", wide ? "sha512" : "sha256", digest_hex(&d->digest));
	AUTO_FREE char *tmp = NULL;
	AUTO_CLOSE int fd = -1;

	if (layout_has(o, path, d->size))
		return 0;
	if (wide && layout_mkdir(o, "blobs/sha512", e) < 0)
		return -1;
	fd = tmp_file(o->fd, LAYOUT_TMP, &tmp, e);
	if (fd < 0)
		return -1;
	if (layout_copy(s, d, fd, e) == 0 && layout_finish_file(o, fd, tmp, path, e) == 0)
		return 0;
	unlinkat(o->fd, tmp, 0);
	return -1;
}

static struct json *layout_load_index(const struct layout_out *o, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(MANIFEST_MAX_BYTES);

	if (io_read_file(o->fd, "index.json", &b, e) == 0)
		return indexfile_parse(b.p, b.n, ERR_INPUT, e);
	if (e->code != ERR_NOT_FOUND)
		return NULL;
	err_release(e);
	return indexfile_new();
}

/* Whether a name is there with all its blobs: one that lost some is replaced. */
static bool layout_is_live(const struct layout_dir *d, const char *name)
{
	const struct descriptor *entry = layout_dir_find(d, name);

	return entry && layout_dir_whole(d, entry);
}

/* The blobs are durable before the index names them. */
int layout_save_index(const struct layout_out *o, const struct layout_image *images, size_t n,
		      const struct layout_save_opts *opts, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
	AUTO_JSON struct json *j = layout_load_index(o, e);
	AUTO_LAYOUT_DIR struct layout_dir d = LAYOUT_DIR_INIT;
	struct err none = ERR_INIT;

	if (!j)
		return -1;
	if (opts->keep && layout_dir_open(&d, o->path, &none) < 0) /* the first one */
		err_release(&none);
	for (size_t i = 0; i < n; i++)
		if (!opts->keep || !images[i].name || !layout_is_live(&d, images[i].name))
			indexfile_set(j, images[i].name, &images[i].manifest);
	if (indexfile_write(j, &b, e) < 0)
		return -1;
	return layout_put_text(o, "index.json", b.p, b.n, e);
}

/* Whether there is nothing to do: all names are there, and are kept. */
static bool layout_all_kept(const struct layout_out *o, const struct layout_image *images, size_t n)
{
	AUTO_LAYOUT_DIR struct layout_dir d = LAYOUT_DIR_INIT;
	struct err e = ERR_INIT;
	bool all = layout_dir_open(&d, o->path, &e) == 0;

	err_release(&e);
	for (size_t i = 0; all && i < n; i++)
		all = images[i].name && layout_is_live(&d, images[i].name);
	return all;
}

static int layout_save_into(struct store *s, struct layout_out *o, const struct layout_image *images, size_t n,
			    const struct layout_save_opts *opts, struct err *e)
{
	AUTO(layout_blobs_release) struct layout_blobs blobs = LAYOUT_BLOBS_INIT;

	if (layout_collect(s, images, n, &blobs, e) < 0 || layout_open(o, e) < 0)
		return -1;
	if (opts->keep)
		layout_make_use(o->fd);
	if (opts->keep && layout_all_kept(o, images, n))
		return 0;
	for (size_t i = 0; i < blobs.n; i++) {
		if (layout_save_blob(s, o, &blobs.v[i], e) < 0)
			return -1;
	}
	return layout_save_index(o, images, n, opts, e);
}

void layout_close(struct layout_out *o)
{
	if (o->lock >= 0)
		close(o->lock);
	if (o->fd >= 0)
		close(o->fd);
}

int layout_save_dir_with(struct store *s, const char *path, const struct layout_image *images, size_t n,
			 const struct layout_save_opts *opts, struct err *e)
{
	struct layout_out o = {.path = path, .fd = -1, .lock = -1};
	int r = layout_save_into(s, &o, images, n, opts, e);

	layout_close(&o);
	return r < 0 ? err_wrap(e, "saving to %s", path) : 0;
}

int layout_save_dir(struct store *s, const char *path, const struct layout_image *images, size_t n, struct err *e)
{
	return layout_save_dir_with(s, path, images, n, &(struct layout_save_opts){0}, e);
}
