/* Reader of tars from outside.
 *
 * libarchive parses; we keep the raw blocks from where it stands when a header is asked for, so that the special
 * headers before a member can be checked as they were. */
#include "oci/tar_read.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>

#include "oci/limits.h"
#include "oci/tar_special.h"
#include "src/util/mem.h"
#include "src/util/vec.h"

/* A multiple of the tar block, so that a header never lies across two. */
#define TAR_READ_BYTES STREAM_BLOCK_BYTES

struct tar_chunk {
	uint64_t at; /* offset in the stream */
	size_t n;
	uint8_t *p;
};

struct tar_read {
	struct rstream *src;
	struct archive *a;
	locale_t c_locale;
	VEC_OF(struct tar_chunk) chunks; /* what libarchive may still look at, and the headers before the next member */
	uint64_t keep;			 /* chunks that end before are not needed */
	uint64_t fed;			 /* bytes given to libarchive */
	uint64_t entries, bytes;
	const char *lost;
	struct err err; /* of src, inside a callback */
	bool begun;
};

/* --- feeding libarchive --- */

static void tar_drop_chunks(struct tar_read *t)
{
	size_t from = 0;

	while (from < t->chunks.n && t->chunks.v[from].at + t->chunks.v[from].n <= t->keep)
		free(t->chunks.v[from++].p);
	if (from)
		memmove(t->chunks.v, t->chunks.v + from, (t->chunks.n - from) * sizeof *t->chunks.v);
	t->chunks.n -= from;
}

/* What it got before is no longer looked at by libarchive. */
static la_ssize_t tar_feed(struct archive *a, void *arg, const void **p)
{
	struct tar_read *t = arg;
	struct tar_chunk c = {.at = t->fed, .p = mem_alloc(TAR_READ_BYTES)};
	ssize_t n = stream_read_full(t->src, c.p, TAR_READ_BYTES, &t->err);

	tar_drop_chunks(t);
	if (n <= 0)
		free(c.p);
	if (n < 0)
		archive_set_error(a, EIO, "%s", t->err.msg);
	if (n <= 0)
		return n < 0 ? ARCHIVE_FATAL : 0;
	c.n = (size_t)n;
	t->fed += c.n;
	vec_push(&t->chunks, c);
	*p = c.p;
	return n;
}

static int tar_fail(struct tar_read *t, struct err *e)
{
	const char *text = archive_error_string(t->a);

	if (err_is_set(&t->err)) {
		err_move(e, &t->err);
		return -1;
	}
	return err_set(e, ERR_INPUT, "tar: %s, near byte %lld", text ? text : "damaged",
		       (long long)archive_filter_bytes(t->a, 0));
}

struct tar_read *tar_read_new(struct rstream *src, struct err *e)
{
	struct tar_read *t = mem_new(struct tar_read);

	t->src = src;
	t->a = archive_read_new();
	/* Names are bytes. In another locale libarchive would convert and normalise those of PAX records. */
	t->c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (t->a && t->c_locale && archive_read_support_format_tar(t->a) == ARCHIVE_OK)
		return t;
	err_set(e, ERR_INTERNAL, "libarchive cannot read tars here");
	tar_read_free(t);
	return NULL;
}

void tar_read_free(struct tar_read *t)
{
	if (!t)
		return;
	archive_read_free(t->a);
	if (t->c_locale)
		freelocale(t->c_locale);
	t->keep = UINT64_MAX;
	tar_drop_chunks(t);
	vec_release(&t->chunks);
	err_release(&t->err);
	free(t);
}

/* --- special headers --- */

/* n bytes at an offset of the stream, gathered into out; false if they are not kept. */
static bool tar_kept(const struct tar_read *t, uint64_t at, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < t->chunks.n && n; i++) {
		const struct tar_chunk *c = &t->chunks.v[i];
		size_t skip, k;

		if (at < c->at || at >= c->at + c->n)
			continue;
		skip = (size_t)(at - c->at);
		k = c->n - skip < n ? c->n - skip : n;
		memcpy(out, c->p + skip, k);
		out += k;
		at += k;
		n -= k;
	}
	return n == 0;
}

static int tar_check_special(const struct tar_read *t, uint64_t at, struct err *e)
{
	uint8_t block[TAR_SPECIAL_BLOCK];
	uint64_t size;
	char type;
	int r;

	for (;;) {
		if (!tar_kept(t, at, block, sizeof block))
			return err_set(e, ERR_INTERNAL, "a tar header was not kept for its check");
		r = tar_special_header(block, &type, &size, e);
		if (r <= 0)
			return r;

		/* libarchive refuses more than 1 MiB before we come here. */
		AUTO_FREE uint8_t *body = size <= t->fed ? mem_alloc((size_t)size + 1) : NULL;

		at += sizeof block;
		if (!body || !tar_kept(t, at, body, (size_t)size))
			return err_set(e, ERR_INPUT, "damaged tar: a special header is cut off");
		if (tar_special_body(type, body, (size_t)size, e) < 0)
			return -1;
		at += (size + TAR_SPECIAL_BLOCK - 1) / TAR_SPECIAL_BLOCK * TAR_SPECIAL_BLOCK;
	}
}

/* --- members --- */

static int tar_take_id(int64_t id, const char *which, const char *path, unsigned *out, struct err *e)
{
	if (id < 0 || id >= UINT32_MAX)
		return err_set(e, ERR_INPUT, "%s: %s %lld is not possible (0 to 4294967294)", path, which,
			       (long long)id);
	*out = (unsigned)id;
	return 0;
}

static int tar_take_size(struct tar_read *t, struct archive_entry *ae, struct entry *en, struct err *e)
{
	int64_t size = S_ISREG(en->mode) && !en->hard ? archive_entry_size(ae) : 0;

	if (size < 0 || (uint64_t)size > LAYER_MAX_BYTES)
		return err_set(e, ERR_INPUT, "%s: a size of %lld bytes; at most %llu GiB are accepted", en->path,
			       (long long)size, (unsigned long long)(LAYER_MAX_BYTES >> 30));
	t->bytes += (uint64_t)size;
	if (t->bytes > LAYER_MAX_BYTES)
		return err_set(e, ERR_INPUT, "%s: the files of the tar are together larger than %llu GiB", en->path,
			       (unsigned long long)(LAYER_MAX_BYTES >> 30));
	en->size = (uint64_t)size;
	return 0;
}

static int tar_take_xattrs(struct archive_entry *ae, struct entry *en, struct err *e)
{
	const char *name;
	const void *val;
	size_t n;

	archive_entry_xattr_reset(ae);
	while (archive_entry_xattr_next(ae, &name, &val, &n) == ARCHIVE_OK) {
		if (!name)
			continue;
		if (n > LAYER_XATTR_MAX)
			return err_set(e, ERR_INPUT,
				       "%s: the extended attribute \"%s\" has %zu bytes; at most %d are possible",
				       en->path, name, n, LAYER_XATTR_MAX);
		entry_add_xattr(en, name, val, n);
	}
	entry_sort_xattrs(en);
	return 0;
}

static int tar_take_links(struct archive_entry *ae, struct entry *en, struct err *e)
{
	const char *hard = archive_entry_hardlink(ae), *soft = archive_entry_symlink(ae);

	en->hard = hard != NULL;
	if (!hard && !S_ISLNK(en->mode))
		return 0;
	en->link = mem_strdup_opt(hard ? hard : soft);
	return en->link && *en->link ? 0 : err_set(e, ERR_INPUT, "%s: a link without a target", en->path);
}

static int tar_take(struct tar_read *t, struct archive_entry *ae, struct entry *en, struct err *e)
{
	const char *path = archive_entry_pathname(ae);

	entry_release(en);
	if (!path)
		return err_set(e, ERR_INPUT, "a member of the tar has a name that cannot be read");
	en->path = mem_strdup(path);
	en->mode = archive_entry_filetype(ae) | (archive_entry_perm(ae) & 07777);
	en->mtime = archive_entry_mtime(ae);
	if (S_ISCHR(en->mode) || S_ISBLK(en->mode)) {
		en->major = (unsigned)archive_entry_rdevmajor(ae);
		en->minor = (unsigned)archive_entry_rdevminor(ae);
	}
	if (tar_take_id(archive_entry_uid(ae), "owner", path, &en->uid, e) < 0 ||
	    tar_take_id(archive_entry_gid(ae), "group", path, &en->gid, e) < 0 || tar_take_links(ae, en, e) < 0 ||
	    tar_take_size(t, ae, en, e) < 0)
		return -1;
	t->lost = archive_entry_acl_types(ae) ? "an access control list" : NULL;
	return tar_take_xattrs(ae, en, e);
}

/* A warning about a name that the C locale cannot show is none for us: the bytes are there. */
static bool tar_is_harmless(const struct tar_read *t)
{
	const char *text = archive_error_string(t->a);

	return text && strstr(text, "converted");
}

static int tar_begin(struct tar_read *t)
{
	t->begun = true;
	return archive_read_open(t->a, t, NULL, tar_feed, NULL);
}

static int tar_header(struct tar_read *t, struct archive_entry **ae)
{
	locale_t old = uselocale(t->c_locale);
	int r = t->begun ? ARCHIVE_OK : tar_begin(t);

	t->keep = (uint64_t)archive_filter_bytes(t->a, 0);
	if (r == ARCHIVE_OK)
		r = archive_read_next_header(t->a, ae);
	uselocale(old);
	return r;
}

int tar_read_next(struct tar_read *t, struct entry *en, struct err *e)
{
	struct archive_entry *ae = NULL;
	int r = tar_header(t, &ae);

	if (r == ARCHIVE_EOF || (r != ARCHIVE_OK && !t->fed && !err_is_set(&t->err)))
		return 0;
	if (r != ARCHIVE_OK && !(r == ARCHIVE_WARN && tar_is_harmless(t)))
		return tar_fail(t, e);
	if (++t->entries > LAYER_ENTRIES_MAX)
		return err_set(e, ERR_INPUT, "the tar has more than %u members", LAYER_ENTRIES_MAX);
	if (tar_check_special(t, (uint64_t)archive_read_header_position(t->a), e) < 0)
		return -1;
	t->keep = UINT64_MAX; /* content is not kept */
	return tar_take(t, ae, en, e) < 0 ? -1 : 1;
}

const char *tar_read_lost(const struct tar_read *t)
{
	return t->lost;
}

int tar_read_data(struct tar_read *t, const void **p, size_t *n, uint64_t *offset, struct err *e)
{
	la_int64_t at = 0;
	int r = archive_read_data_block(t->a, p, n, &at);

	if (r == ARCHIVE_EOF)
		return 0;
	if (r != ARCHIVE_OK)
		return tar_fail(t, e);
	*offset = (uint64_t)at;
	return 1;
}

int tar_read_drain(struct tar_read *t, struct err *e)
{
	AUTO_FREE char *block = mem_alloc(STREAM_BLOCK_BYTES);
	ssize_t n;

	while ((n = stream_read(t->src, block, STREAM_BLOCK_BYTES, e)) > 0)
		;
	return n < 0 ? -1 : 0;
}
