/* What the tests of tars and layers share: raw tar headers made by hand, streams to memory, trees. */
#ifndef SLCT_TAR_UTIL_H
#define SLCT_TAR_UTIL_H

#include <sys/stat.h>
#include <sys/xattr.h>

#include "oci/layer.h"
#include "src/util/buf.h"
#include "src/util/cleanup.h"
#include "src/util/hash.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

/* --- streams --- */

static inline int tar_util_buf_write(struct wstream *s, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_add(s->self, p, n);
	return 0;
}

static inline void tar_util_free_w(struct wstream *s)
{
	free(s);
}

/* A stream that appends to b. */
static inline struct wstream *tar_util_to_buf(struct buf *b)
{
	struct wstream *s = mem_new(struct wstream);

	*s = (struct wstream){.write = tar_util_buf_write, .close = tar_util_free_w, .self = b};
	return s;
}

static inline void tar_util_sha(const struct buf *b, char hex[HASH_HEX_MAX])
{
	uint8_t sum[HASH_MAX_BYTES];

	hash_bytes(HASH_SHA256, b->p, b->n, sum);
	hash_hex(sum, 32, hex);
}

/* --- hostile tars --- */

struct tar_member {
	const char *name;
	char type; /* 0: '0' */
	const char *data, *link;
	unsigned mode, uid, gid, major, minor; /* mode 0: 0644 */
	uint64_t size;			       /* 0: strlen(data) */
	int64_t mtime;
	const char *raw_size; /* 12 bytes as they are */
	const char *prefix;
	bool bad_sum, gnu;
};

static inline void tar_util_pad(struct buf *b)
{
	while (b->n % 512)
		buf_char_add(b, '\0');
}

static inline void tar_util_field(char *h, size_t at, size_t n, uint64_t v)
{
	char text[32];

	snprintf(text, sizeof text, "%0*llo", (int)n - 1, (unsigned long long)v);
	memcpy(h + at, text, n);
}

static inline void tar_util_header(struct buf *b, const struct tar_member *m)
{
	size_t len = m->data ? strlen(m->data) : 0;
	char h[512] = {0};
	unsigned sum = 0;

	strncpy(h, m->name, 100);
	tar_util_field(h, 100, 8, m->mode ? m->mode : 0644);
	tar_util_field(h, 108, 8, m->uid);
	tar_util_field(h, 116, 8, m->gid);
	tar_util_field(h, 124, 12, m->size ? m->size : len);
	tar_util_field(h, 136, 12, (uint64_t)m->mtime);
	if (m->raw_size)
		memcpy(h + 124, m->raw_size, 12);
	h[156] = m->type ? m->type : '0';
	if (m->link)
		strncpy(h + 157, m->link, 100);
	memcpy(h + 257, m->gnu ? "ustar  " : "ustar\00000", 8);
	tar_util_field(h, 329, 8, m->major);
	tar_util_field(h, 337, 8, m->minor);
	if (m->prefix)
		strncpy(h + 345, m->prefix, 155);
	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < sizeof h; i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 8, "%06o", sum + (m->bad_sum ? 1 : 0));
	buf_add(b, h, sizeof h);
}

static inline void tar_util_add(struct buf *b, const struct tar_member *m)
{
	tar_util_header(b, m);
	buf_str_add(b, m->data ? m->data : "");
	tar_util_pad(b);
}

/* A special header ('x', 'g', 'L', 'K') with content as it is. */
static inline void tar_util_special(struct buf *b, char type, const void *p, size_t n)
{
	const struct tar_member m = {.name = "special", .type = type, .size = n, .gnu = type == 'L' || type == 'K'};

	tar_util_header(b, &m);
	buf_add(b, p, n);
	tar_util_pad(b);
}

/* One PAX record as a header of its own. */
static inline void tar_util_pax(struct buf *b, const char *key, const void *val, size_t n)
{
	AUTO_BUF struct buf rec = BUF_INIT(BUF_TEXT_MAX);
	size_t len = strlen(key) + n + 3, digits = 0;

	for (size_t all = len; digits != (size_t)snprintf(NULL, 0, "%zu", all); all = len + digits)
		digits = (size_t)snprintf(NULL, 0, "%zu", all);
	buf_printf(&rec, "%zu %s=", len + digits, key);
	buf_add(&rec, val, n);
	buf_char_add(&rec, '\n');
	tar_util_special(b, 'x', rec.p, rec.n);
}

static inline void tar_util_end(struct buf *b)
{
	for (int i = 0; i < 1024; i++)
		buf_char_add(b, '\0');
}

/* --- trees and layers --- */

static inline void tar_util_file(int dir, const char *path, const char *text, mode_t mode, int64_t mtime)
{
	const struct timespec ts[2] = {{.tv_sec = mtime}, {.tv_sec = mtime}};
	int fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	ck_assert_int_eq(fchmod(fd, mode), 0);
	ck_assert_int_eq(futimens(fd, ts), 0);
	close(fd);
}

static inline void tar_util_set_time(int dir, const char *path, int64_t mtime)
{
	const struct timespec ts[2] = {{.tv_sec = mtime}, {.tv_sec = mtime}};

	ck_assert_int_eq(utimensat(dir, path, ts, AT_SYMLINK_NOFOLLOW), 0);
}

static inline void tar_util_set_xattr(int dir, const char *path, const char *name, const void *val, size_t n)
{
	int fd = openat(dir, path, O_RDONLY);

	ck_assert_int_ge(fd, 0);
	ck_assert_msg(fsetxattr(fd, name, val, n, 0) == 0, "%s: %m", name);
	close(fd);
}

/* Value as a string, or "" if there is none. */
static inline const char *tar_util_xattr(int dir, const char *path, const char *name, char out[256])
{
	int fd = openat(dir, path, O_RDONLY);
	ssize_t n = fgetxattr(fd, name, out, 255);

	ck_assert_int_ge(fd, 0);
	close(fd);
	out[n > 0 ? n : 0] = '\0';
	return out;
}

static inline struct stat tar_util_stat(int dir, const char *path)
{
	struct stat st;

	ck_assert_msg(fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0, "%s: %m", path);
	return st;
}

static inline bool tar_util_has(int dir, const char *path)
{
	struct stat st;

	return fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static inline void tar_util_text(int dir, const char *path, char *out, size_t n)
{
	int fd = openat(dir, path, O_RDONLY | O_NOFOLLOW);
	ssize_t got;

	ck_assert_msg(fd >= 0, "%s: %m", path);
	got = read(fd, out, n - 1);
	ck_assert_int_ge(got, 0);
	out[got] = '\0';
	close(fd);
}

static inline int tar_util_subdir(int dir, const char *path)
{
	int fd;

	ck_assert_int_eq(mkdirat(dir, path, 0755), 0);
	fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

/* Pack without compression; the tar in out. */
static inline void tar_util_pack(int fd, struct buf *out, struct layer_info *info)
{
	struct wstream *w = tar_util_to_buf(out);
	struct err e = ERR_INIT;

	unit_ok(layer_pack(fd, NULL, w, info, &e), e);
	stream_wclose(w);
}

static inline int tar_util_apply(const struct buf *b, int fd, const struct layer_apply_opts *o, struct layer_info *info,
				 struct err *e)
{
	static const struct layer_apply_opts plain;
	struct rstream *r = stream_from_bytes(b->p, b->n);
	int ret = layer_apply(r, fd, o ? o : &plain, info, e);

	stream_rclose(r);
	return ret;
}

#endif
