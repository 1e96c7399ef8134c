/* Archives of images as input. */
#include "oci/bundle.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "oci/limits.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/num.h"
#include "src/util/path.h"
#include "src/util/smap.h"

#define BUNDLE_BLOCK_BYTES ((size_t)256 << 10)

struct bundle_member {
	char *tmp;  /* temp file, relative to the store; NULL once it is a blob */
	char *link; /* name of the member that this one leads to, or NULL */
	struct digest digest;
	uint64_t size;
};

struct bundle {
	struct store *s;
	struct smap members; /* clean name → struct bundle_member */
	uint64_t bytes;	     /* of all members */
};

static void bundle_free_member(void *p)
{
	struct bundle_member *m = p;

	free(m->tmp);
	free(m->link);
	free(m);
}

void bundle_close(struct bundle *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->members.n; i++) {
		const struct bundle_member *m = b->members.v[i].val;

		if (m->tmp)
			unlinkat(store_fd(b->s), m->tmp, 0);
	}
	smap_release(&b->members);
	free(b);
}

/* --- reading the tar --- */

/* libarchive's texts quote names of the archive, so only their printable characters are taken. */
static int bundle_err(struct archive *a, struct err *e)
{
	AUTO_FREE char *text = mem_strdup(archive_error_string(a) ? archive_error_string(a) : "unknown error");

	for (char *p = text; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
	return err_set(e, ERR_INPUT, "not a readable tar archive: %s", text);
}

/* Layers by content are named by their digest: the algorithm is the one of the name. */
static enum hash_alg bundle_alg(const char *name)
{
	return strncmp(name, "blobs/sha512/", 13) == 0 ? HASH_SHA512 : HASH_SHA256;
}

static int bundle_spool(struct bundle *b, struct archive *a, struct store_blob_writer *w, struct hash *h,
			uint64_t *size, struct err *e)
{
	AUTO_FREE char *block = mem_alloc(BUNDLE_BLOCK_BYTES);
	la_ssize_t n;

	*size = 0;
	while ((n = archive_read_data(a, block, BUNDLE_BLOCK_BYTES)) > 0) {
		hash_add(h, block, (size_t)n);
		*size += (uint64_t)n;
		b->bytes += (uint64_t)n;
		if (b->bytes > LAYER_MAX_BYTES)
			return err_set(e, ERR_INPUT, "the archive holds more than %llu GiB",
				       (unsigned long long)(LAYER_MAX_BYTES >> 30));
		if (io_write_all(w->fd, block, (size_t)n, "a member of the archive", e) < 0)
			return -1;
	}
	return n < 0 ? bundle_err(a, e) : 0;
}

static int bundle_add_file(struct bundle *b, struct archive *a, const char *name, struct bundle_member *m,
			   struct err *e)
{
	enum hash_alg alg = bundle_alg(name);
	AUTO_HASH struct hash *h = hash_new(alg);
	struct store_blob_writer w;

	if (store_blob_begin(b->s, &w, e) < 0)
		return -1;
	if (bundle_spool(b, a, &w, h, &m->size, e) < 0) {
		store_blob_abort(b->s, &w);
		return -1;
	}
	digest_from_hash(alg, h, &m->digest);
	m->tmp = STEAL_PTR(w.name);
	close(w.fd);
	return 0;
}

/* A link's target as a member's name: of a symbolic link relative to its own directory. */
static char *bundle_target(const char *name, const char *link, bool hard)
{
	AUTO_FREE char *dir = path_dir(name), *joined = NULL;

	if (hard || link[0] == '/')
		return path_clean(link + strspn(link, "/"));
	joined = mem_printf("%s/%s", dir, link);
	return path_clean(joined);
}

static int bundle_fill(struct bundle *b, struct archive *a, struct archive_entry *en, const char *name,
		       struct bundle_member *m, struct err *e)
{
	const char *hard = archive_entry_hardlink(en), *soft = archive_entry_symlink(en);

	if (hard || archive_entry_filetype(en) == AE_IFLNK) {
		if (!hard && !soft)
			return err_set(e, ERR_INPUT, "a link without a target");
		m->link = bundle_target(name, hard ? hard : soft, hard != NULL);
		return 0;
	}
	return bundle_add_file(b, a, name, m, e);
}

/* The same name twice is two readings of one archive, unless both say the same. */
static int bundle_put(struct bundle *b, const char *name, struct bundle_member *m, struct err *e)
{
	const struct bundle_member *old = smap_get(&b->members, name);
	bool same;

	if (!old) {
		smap_set(&b->members, name, m);
		return 0;
	}
	same = !old->link && !m->link && digest_eq(&old->digest, &m->digest);
	if (m->tmp)
		unlinkat(store_fd(b->s), m->tmp, 0);
	bundle_free_member(m);
	return same ? 0 : err_set(e, ERR_INPUT, "two different members of one name");
}

static int bundle_add(struct bundle *b, struct archive *a, struct archive_entry *en, struct err *e)
{
	const char *raw = archive_entry_pathname(en);
	AUTO_FREE char *name = NULL;
	struct bundle_member *m;
	mode_t type = archive_entry_filetype(en);

	if (!raw || (type != AE_IFREG && type != AE_IFLNK && !archive_entry_hardlink(en)))
		return 0;
	if (b->members.n >= BUNDLE_MEMBERS_MAX)
		return err_set(e, ERR_INPUT, "the archive has more than %d members", BUNDLE_MEMBERS_MAX);
	name = path_clean(raw);
	m = mem_new(struct bundle_member);
	if (bundle_fill(b, a, en, name, m, e) < 0) {
		bundle_free_member(m);
		return -1;
	}
	return bundle_put(b, name, m, e);
}

static int bundle_scan(struct bundle *b, struct archive *a, struct err *e)
{
	struct archive_entry *en;
	int r;

	while ((r = archive_read_next_header(a, &en)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
		if (bundle_add(b, a, en, e) < 0)
			return -1;
	}
	return r == ARCHIVE_EOF ? 0 : bundle_err(a, e);
}

static int bundle_read_tar(struct bundle *b, int fd, struct err *e)
{
	struct archive *a = archive_read_new();
	int r;

	if (!a)
		abort(); /* out of memory */
	archive_read_support_format_tar(a);
	archive_read_support_filter_gzip(a);
	r = archive_read_open_fd(a, fd, BUNDLE_BLOCK_BYTES) == ARCHIVE_OK ? bundle_scan(b, a, e) : bundle_err(a, e);
	archive_read_free(a);
	return r;
}

struct bundle *bundle_open(struct store *s, const char *file, struct err *e)
{
	AUTO(bundle_closep) struct bundle *b = mem_new(struct bundle);
	AUTO_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	b->s = s;
	b->members = SMAP_INIT(bundle_free_member);
	if (fd < 0) {
		err_sys(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_INPUT, errno, "cannot open the archive");
		return NULL;
	}
	return bundle_read_tar(b, fd, e) < 0 ? NULL : STEAL_PTR(b);
}

/* --- members --- */

static struct bundle_member *bundle_find(const struct bundle *b, const char *name)
{
	AUTO_FREE char *clean = path_clean(name);
	struct bundle_member *m = smap_get(&b->members, clean);

	for (int i = 0; m && m->link; i++)
		m = i < BUNDLE_LINKS_MAX ? smap_get(&b->members, m->link) : NULL;
	return m;
}

bool bundle_has(const struct bundle *b, const char *name)
{
	return bundle_find(b, name) != NULL;
}

static struct bundle_member *bundle_need(const struct bundle *b, const char *name, struct err *e)
{
	struct bundle_member *m = bundle_find(b, name);

	if (!m)
		err_set(e, ERR_NOT_FOUND, "\"%.300s\" is not in the archive", name);
	return m;
}

int bundle_member_fd(struct bundle *b, const char *name, struct err *e)
{
	const struct bundle_member *m = bundle_need(b, name, e);
	int fd;

	if (!m)
		return -1;
	if (!m->tmp)
		return store_blob_open(b->s, &m->digest, e);
	fd = openat(store_fd(b->s), m->tmp, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? err_sys(e, ERR_HOST, errno, "cannot open a temporary file") : fd;
}

int bundle_read(struct bundle *b, const char *name, struct buf *out, struct err *e)
{
	AUTO_CLOSE int fd = bundle_member_fd(b, name, e);

	return fd < 0 ? -1 : io_read_all(fd, out, name, e);
}

static int bundle_commit(struct bundle *b, struct bundle_member *m, const struct descriptor *want, struct err *e)
{
	struct store_blob_writer w = {.fd = openat(store_fd(b->s), m->tmp, O_RDWR | O_CLOEXEC | O_NOFOLLOW)};

	if (w.fd < 0)
		return err_sys(e, ERR_HOST, errno, "cannot open a temporary file");
	w.name = STEAL_PTR(m->tmp);
	return store_blob_commit(b->s, &w, &m->digest, m->size, want, e);
}

int bundle_import(struct bundle *b, const char *name, const struct descriptor *want, struct descriptor *found,
		  struct err *e)
{
	struct bundle_member *m = bundle_need(b, name, e);

	if (!m)
		return -1;
	if (want && (!digest_eq(&want->digest, &m->digest) || want->size != m->size))
		return err_set(e, ERR_INTEGRITY, "it has %llu bytes with digest %s, expected were %llu with %s",
			       (unsigned long long)m->size, m->digest.text, (unsigned long long)want->size,
			       want->digest.text);
	if (m->tmp && bundle_commit(b, m, want, e) < 0)
		return -1;
	if (found) {
		found->digest = m->digest;
		found->size = m->size;
	}
	return 0;
}

struct store *bundle_store(const struct bundle *b)
{
	return b->s;
}
