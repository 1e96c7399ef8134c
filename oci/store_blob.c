/* blobs/<alg>/<hex>: content by digest. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "oci/store_priv.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/tmp.h"

/* Up to this size what is there already is compared, so that a damaged blob is healed by writing it again. */
#define STORE_BLOB_COMPARE_BYTES ((size_t)1 << 20)
#define STORE_BLOB_CHUNK_BYTES	 ((size_t)128 << 10)

const char *store_blob_path(const struct digest *d, char out[STORE_BLOB_PATH_MAX])
{
	snprintf(out, STORE_BLOB_PATH_MAX, "blobs/%s/%s", digest_alg(d) == HASH_SHA512 ? "sha512" : "sha256",
		 digest_hex(d));
	return out;
}

int store_blob_of_name(const char *name, size_t n, struct digest *out)
{
	AUTO_FREE char *text = mem_printf("sha%s:%.*s", n == 128 ? "512" : "256", (int)(n < 200 ? n : 200), name);
	struct err e = ERR_INIT;
	int r = digest_parse(sv_from(text), out, ERR_INPUT, &e);

	err_release(&e);
	return r;
}

bool store_blob_has(struct store *s, const struct digest *d, uint64_t *size)
{
	char path[STORE_BLOB_PATH_MAX];
	struct stat st;

	if (!digest_is_set(d) || fstatat(s->fd, store_blob_path(d, path), &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode))
		return false;
	if (size)
		*size = (uint64_t)st.st_size;
	return true;
}

int store_blob_open(struct store *s, const struct digest *d, struct err *e)
{
	char path[STORE_BLOB_PATH_MAX];
	int fd;

	if (!digest_is_set(d))
		return err_set(e, ERR_NOT_FOUND, "no digest, so no blob");
	fd = openat(s->fd, store_blob_path(d, path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		return err_set(e, ERR_NOT_FOUND, "blob %s is not in the store", d->text);
	return err_sys(e, ERR_HOST, errno, "cannot open blob %s", d->text);
}

static int store_blob_check_bytes(const struct buf *b, const struct digest *d, struct err *e)
{
	AUTO_HASH struct hash *h = hash_new(digest_alg(d));
	struct digest found;

	hash_add(h, b->p, b->n);
	digest_from_hash(digest_alg(d), h, &found);
	if (digest_eq(&found, d))
		return 0;
	err_set(e, ERR_INTEGRITY, "blob %s in the store is damaged: its content has %s", d->text, found.text);
	return err_hint(e, "slct fsck lists what is damaged; pull or build it again after removing it");
}

int store_blob_read(struct store *s, const struct digest *d, size_t max, struct buf *out, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(max);
	AUTO_CLOSE int fd = store_blob_open(s, d, e);

	if (fd < 0 || io_read_all(fd, &b, d->text, e) < 0 || store_blob_check_bytes(&b, d, e) < 0)
		return -1;
	buf_add(out, b.p, b.n);
	return out->over ? err_set(e, ERR_INPUT, "blob %s is larger than allowed here", d->text) : 0;
}

int store_blob_sum(int fd, enum hash_alg alg, struct digest *out, uint64_t *size, struct err *e)
{
	AUTO_FREE char *chunk = mem_alloc(STORE_BLOB_CHUNK_BYTES);
	AUTO_HASH struct hash *h = hash_new(alg);
	uint64_t total = 0;
	ssize_t n;

	while ((n = io_read_full(fd, chunk, STORE_BLOB_CHUNK_BYTES, "a blob", e)) > 0) {
		hash_add(h, chunk, (size_t)n);
		total += (uint64_t)n;
	}
	if (n < 0)
		return -1;
	digest_from_hash(alg, h, out);
	if (size)
		*size = total;
	return 0;
}

int store_blob_begin(struct store *s, struct store_blob_writer *w, struct err *e)
{
	*w = (struct store_blob_writer){.fd = -1};
	w->fd = store_tmp_file(s, "blob", &w->name, e);
	return w->fd < 0 ? -1 : 0;
}

void store_blob_abort(struct store *s, struct store_blob_writer *w)
{
	if (w->name)
		unlinkat(s->fd, w->name, 0);
	free(w->name);
	if (w->fd >= 0)
		close(w->fd);
	*w = (struct store_blob_writer){.fd = -1};
}

static int store_blob_check_want(const struct digest *digest, uint64_t size, const struct descriptor *want,
				 struct err *e)
{
	if (!want)
		return 0;
	if (!digest_eq(digest, &want->digest))
		return err_set(e, ERR_INTEGRITY, "content has digest %s, expected was %s", digest->text,
			       want->digest.text);
	if (size != want->size)
		return err_set(e, ERR_INTEGRITY, "blob %s has %llu bytes, its descriptor says %llu", digest->text,
			       (unsigned long long)size, (unsigned long long)want->size);
	return 0;
}

/* The temp file becomes durable under its digest. An error of fdatasync is final for the file: the kernel may have
 * dropped the pages, a second call would say success. */
static int store_blob_publish(struct store *s, struct store_blob_writer *w, const struct digest *digest, uint64_t size,
			      struct err *e)
{
	char path[STORE_BLOB_PATH_MAX];
	struct stat st;

	if (fstat(w->fd, &st) < 0)
		return err_sys(e, ERR_HOST, errno, "cannot stat the new blob %s", digest->text);
	if ((uint64_t)st.st_size != size)
		return err_set(e, ERR_INTEGRITY, "new blob %s: %llu bytes were summed, %llu are in the file",
			       digest->text, (unsigned long long)size, (unsigned long long)st.st_size);
	if (fchmod(w->fd, 0444) < 0 || fdatasync(w->fd) < 0)
		return err_sys(e, ERR_HOST, errno, "cannot write blob %s to the disk", digest->text);
	return tmp_publish(s->fd, w->name, s->fd, store_blob_path(digest, path), false, e);
}

int store_blob_commit(struct store *s, struct store_blob_writer *w, const struct digest *digest, uint64_t size,
		      const struct descriptor *want, struct err *e)
{
	int r = store_blob_check_want(digest, size, want, e);

	/* also over a blob that is there: the same bytes again, and a damaged one is healed */
	if (r == 0)
		r = store_blob_publish(s, w, digest, size, e);
	if (r == 0)
		free(STEAL_PTR(w->name));
	store_blob_abort(s, w);
	return r;
}

/* Whether the blob is there with exactly these bytes. */
static bool store_blob_same(struct store *s, const struct digest *d, size_t n)
{
	AUTO_BUF struct buf b = BUF_INIT(n);
	struct err e = ERR_INIT;
	uint64_t size;
	bool same;

	if (!store_blob_has(s, d, &size) || size != n)
		return false;
	if (n > STORE_BLOB_COMPARE_BYTES)
		return true;
	same = store_blob_read(s, d, n, &b, &e) == 0;
	err_release(&e);
	return same;
}

static int store_blob_write(struct store *s, const void *p, size_t n, const struct digest *d, struct err *e)
{
	struct store_blob_writer w;

	if (store_blob_begin(s, &w, e) < 0)
		return -1;
	if (io_write_all(w.fd, p, n, "a blob", e) < 0) {
		store_blob_abort(s, &w);
		return -1;
	}
	return store_blob_commit(s, &w, d, n, NULL, e);
}

int store_blob_put(struct store *s, const void *p, size_t n, const char *media_type, struct descriptor *out,
		   struct err *e)
{
	struct digest d;

	digest_of_bytes(p, n, &d);
	if (!store_blob_same(s, &d, n) && store_blob_write(s, p, n, &d, e) < 0)
		return -1;
	if (out) {
		*out = (struct descriptor){0};
		descriptor_set(out, media_type, &d, n);
	}
	return 0;
}

int store_blob_put_as(struct store *s, const void *p, size_t n, const struct digest *d, struct err *e)
{
	AUTO_HASH struct hash *h = hash_new(digest_alg(d));
	struct digest found;

	hash_add(h, p, n);
	digest_from_hash(digest_alg(d), h, &found);
	if (!digest_eq(&found, d))
		return err_set(e, ERR_INTEGRITY, "content has digest %s, expected was %s", found.text, d->text);
	return store_blob_same(s, d, n) ? 0 : store_blob_write(s, p, n, d, e);
}

int store_blob_delete(struct store *s, const struct digest *d, struct err *e)
{
	char path[STORE_BLOB_PATH_MAX];

	if (unlinkat(s->fd, store_blob_path(d, path), 0) == 0 || errno == ENOENT)
		return 0;
	return err_sys(e, ERR_HOST, errno, "cannot remove blob %s", d->text);
}
