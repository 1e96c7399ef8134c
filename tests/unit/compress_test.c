/* Compression streams. */
#include <zlib.h>

#include "oci/compress.h"
#include "tests/unit/tar_util.h"

#define MIB ((size_t)1 << 20)

/* Text-like bytes that compress to about a third, the same each time. */
static void fill(struct buf *b, size_t n)
{
	uint32_t x = 12345;

	while (b->n < n) {
		x = x * 1664525 + 1013904223;
		if (x >> 30)
			buf_printf(b, "line %u of the file\n", (x >> 20) & 255);
		else
			buf_printf(b, "%08x", x);
	}
	b->n = n;
}

static void encode(const struct buf *in, const struct layer_codec *c, unsigned threads, size_t piece, struct buf *out)
{
	struct err e = ERR_INIT;
	struct wstream *w = compress_writer_threads(tar_util_to_buf(out), c, threads, &e);

	ck_assert_msg(w != NULL, "%s", e.msg);
	for (size_t at = 0; at < in->n; at += piece)
		unit_ok(stream_write(w, in->p + at, in->n - at < piece ? in->n - at : piece, &e), e);
	unit_ok(stream_finish(w, &e), e);
	stream_wclose(w);
}

static int decode(const void *p, size_t n, bool any, struct buf *out, enum mediatype_codec *found, struct err *e)
{
	struct rstream *src = stream_from_bytes(p, n);
	struct rstream *r = any ? compress_reader_any(src, found, e) : compress_reader(src, found, e);
	struct wstream *w = tar_util_to_buf(out);
	int64_t got = r ? stream_pump(r, w, e) : -1;

	stream_rclose(r);
	stream_wclose(w);
	return got < 0 ? -1 : 0;
}

START_TEST(test_round_trip)
{
	static const struct layer_codec codecs[] = {
		{CODEC_NONE, 0}, {CODEC_GZIP, 0}, {CODEC_GZIP, 2}, {CODEC_GZIP, 3},
		{CODEC_GZIP, 6}, {CODEC_ZSTD, 0}, {CODEC_ZSTD, 1},
	};
	static const size_t sizes[] = {0, 1, 1000, MIB - 1, MIB, MIB + 1, 5 * MIB + 3};
	AUTO_BUF struct buf in = BUF_INIT(16 * MIB);
	AUTO_BUF struct buf small = BUF_INIT(16 * MIB);
	AUTO_BUF struct buf back = BUF_INIT(16 * MIB);
	enum mediatype_codec found = CODEC_XZ;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(codecs); i++)
		for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
			buf_clear(&in);
			buf_clear(&small);
			buf_clear(&back);
			fill(&in, sizes[k]);
			encode(&in, &codecs[i], 2, 100000, &small);
			unit_ok(decode(small.p, small.n, false, &back, &found, &e), e);
			ck_assert_int_eq(found, codecs[i].codec);
			ck_assert_uint_eq(back.n, in.n);
			ck_assert(in.n == 0 || memcmp(back.p, in.p, in.n) == 0);
			if (codecs[i].codec != CODEC_NONE && in.n > 999)
				ck_assert_uint_lt(small.n, in.n * 2 / 3);
		}
}
END_TEST

START_TEST(test_threads_change_nothing)
{
	static const struct layer_codec codecs[] = {{CODEC_GZIP, 1}, {CODEC_GZIP, 4}, {CODEC_ZSTD, 3}};
	AUTO_BUF struct buf in = BUF_INIT(64 * MIB);

	fill(&in, 20 * MIB + 77);
	for (size_t i = 0; i < ARRAY_LEN(codecs); i++) {
		AUTO_BUF struct buf one = BUF_INIT(64 * MIB);

		encode(&in, &codecs[i], 1, MIB, &one);
		for (unsigned threads = 2; threads <= COMPRESS_THREADS_MAX; threads++) {
			AUTO_BUF struct buf many = BUF_INIT(64 * MIB);

			encode(&in, &codecs[i], threads, 333333, &many);
			ck_assert_uint_eq(one.n, many.n);
			ck_assert_int_eq(memcmp(one.p, many.p, one.n), 0);
		}
	}
}
END_TEST

/* zlib reads what ISA-L wrote, as one member with a right CRC. */
START_TEST(test_gzip_is_one_member)
{
	AUTO_BUF struct buf in = BUF_INIT(16 * MIB);
	AUTO_BUF struct buf small = BUF_INIT(16 * MIB);
	AUTO_FREE char *back = mem_alloc(4 * MIB);
	z_stream z = {0};

	fill(&in, 3 * MIB + 5);
	encode(&in, &(struct layer_codec){CODEC_GZIP, 1}, 2, MIB, &small);
	ck_assert_mem_eq(small.p, "\x1f\x8b\x08\0\0\0\0\0\x04\xff", 10);
	ck_assert_int_eq(inflateInit2(&z, 15 + 16), Z_OK);
	z.next_in = (Bytef *)small.p;
	z.avail_in = (uInt)small.n;
	z.next_out = (Bytef *)back;
	z.avail_out = 4 * MIB;
	ck_assert_int_eq(inflate(&z, Z_FINISH), Z_STREAM_END);
	ck_assert_uint_eq(z.avail_in, 0);
	ck_assert_uint_eq(z.total_out, in.n);
	ck_assert_int_eq(memcmp(back, in.p, in.n), 0);
	inflateEnd(&z);
}
END_TEST

START_TEST(test_members_in_a_row)
{
	static const enum mediatype_codec codecs[] = {CODEC_GZIP, CODEC_ZSTD};

	for (size_t i = 0; i < ARRAY_LEN(codecs); i++) {
		AUTO_BUF struct buf in = BUF_INIT(MIB);
		AUTO_BUF struct buf small = BUF_INIT(MIB);
		AUTO_BUF struct buf back = BUF_INIT(MIB);
		enum mediatype_codec found;
		struct err e = ERR_INIT;

		buf_str_add(&in, "abc");
		if (codecs[i] == CODEC_ZSTD) /* a skippable frame before */
			buf_add(&small, "\x53\x2a\x4d\x18\x02\0\0\0xy", 10);
		encode(&in, &(struct layer_codec){codecs[i], 0}, 1, MIB, &small);
		encode(&in, &(struct layer_codec){codecs[i], 0}, 1, MIB, &small);
		for (int k = 0; k < 300000; k++)
			buf_char_add(&small, '\0');
		unit_ok(decode(small.p, small.n, false, &back, &found, &e), e);
		ck_assert_str_eq(buf_str(&back), "abcabc");
		buf_char_add(&small, 'x');
		ck_assert_int_eq(decode(small.p, small.n, false, &back, &found, &e), -1);
		unit_failed(e, ERR_INTEGRITY, "after the end");
	}
}
END_TEST

START_TEST(test_damage)
{
	static const struct {
		enum mediatype_codec codec;
		int at; /* byte to flip; negative: from the end */
		const char *text;
	} flips[] = {
		{CODEC_GZIP, -1, "does not match"}, {CODEC_GZIP, -5, "does not match"}, {CODEC_GZIP, 2, "gzip:"},
		{CODEC_ZSTD, -1, "zstd:"},	    {CODEC_ZSTD, 12, "zstd:"},
	};

	for (size_t i = 0; i < ARRAY_LEN(flips); i++) {
		AUTO_BUF struct buf in = BUF_INIT(MIB);
		AUTO_BUF struct buf small = BUF_INIT(MIB);
		AUTO_BUF struct buf back = BUF_INIT(MIB);
		enum mediatype_codec found;
		struct err e = ERR_INIT;

		fill(&in, 5000);
		encode(&in, &(struct layer_codec){flips[i].codec, 0}, 1, MIB, &small);
		small.p[flips[i].at < 0 ? (int)small.n + flips[i].at : flips[i].at] ^= 0x55;
		ck_assert_int_eq(decode(small.p, small.n, false, &back, &found, &e), -1);
		unit_failed(e, ERR_INTEGRITY, flips[i].text);
	}
}
END_TEST

START_TEST(test_truncation)
{
	static const enum mediatype_codec codecs[] = {CODEC_GZIP, CODEC_ZSTD};

	for (size_t i = 0; i < ARRAY_LEN(codecs); i++) {
		AUTO_BUF struct buf in = BUF_INIT(MIB);
		AUTO_BUF struct buf small = BUF_INIT(MIB);

		fill(&in, 5000);
		encode(&in, &(struct layer_codec){codecs[i], 0}, 1, MIB, &small);
		for (size_t n = 4; n < small.n; n += n < 40 || n + 20 > small.n ? 1 : 50) {
			AUTO_BUF struct buf back = BUF_INIT(MIB);
			enum mediatype_codec found;
			struct err e = ERR_INIT;

			ck_assert_msg(decode(small.p, n, false, &back, &found, &e) == -1, "%zu bytes", n);
			unit_failed(e, ERR_INTEGRITY, "in the middle");
		}
	}
}
END_TEST

/* "hello\n" by the tools themselves. */
static const unsigned char hello_bz2[] = {
	0x42, 0x5a, 0x68, 0x39, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, 0xc1, 0xc0, 0x80, 0xe2,
	0x00, 0x00, 0x01, 0x41, 0x00, 0x00, 0x10, 0x02, 0x44, 0xa0, 0x00, 0x30, 0xcd, 0x00,
	0xc3, 0x46, 0x29, 0x97, 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, 0xc1, 0xc0, 0x80, 0xe2,
};
static const unsigned char hello_xz[] = {
	0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x04, 0xe6, 0xd6, 0xb4, 0x46, 0x02, 0x00, 0x21, 0x01,
	0x16, 0x00, 0x00, 0x00, 0x74, 0x2f, 0xe5, 0xa3, 0x01, 0x00, 0x05, 0x68, 0x65, 0x6c, 0x6c, 0x6f,
	0x0a, 0x00, 0x00, 0x00, 0xa5, 0x60, 0x97, 0xf1, 0x94, 0xf6, 0xfd, 0xe0, 0x00, 0x01, 0x1e, 0x06,
	0xc1, 0x2f, 0xa4, 0x1d, 0x1f, 0xb6, 0xf3, 0x7d, 0x01, 0x00, 0x00, 0x00, 0x00, 0x04, 0x59, 0x5a,
};

START_TEST(test_foreign)
{
	static const struct {
		const unsigned char *p;
		size_t n;
		enum mediatype_codec codec;
	} table[] = {{hello_bz2, sizeof hello_bz2, CODEC_BZIP2}, {hello_xz, sizeof hello_xz, CODEC_XZ}};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		AUTO_BUF struct buf back = BUF_INIT(MIB);
		enum mediatype_codec found;
		struct err e = ERR_INIT;

		unit_ok(decode(table[i].p, table[i].n, true, &back, &found, &e), e);
		ck_assert_int_eq(found, table[i].codec);
		ck_assert_str_eq(buf_str(&back), "hello\n");
		ck_assert_int_eq(decode(table[i].p, table[i].n - 20, true, &back, &found, &e), -1);
		unit_failed(e, ERR_INTEGRITY, mediatype_codec_name(table[i].codec));
		/* Layers of images never are one of these: bytes as they are. */
		buf_clear(&back);
		unit_ok(decode(table[i].p, table[i].n, false, &back, &found, &e), e);
		ck_assert_int_eq(found, CODEC_NONE);
		ck_assert_uint_eq(back.n, table[i].n);
	}
}
END_TEST

START_TEST(test_levels)
{
	static const struct layer_codec bad[] = {
		{CODEC_GZIP, 10}, {CODEC_GZIP, -1}, {CODEC_ZSTD, 20}, {CODEC_XZ, 0}, {CODEC_BZIP2, 1}};
	AUTO_BUF struct buf b = BUF_INIT(MIB);
	struct err e = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		ck_assert_ptr_null(compress_writer(tar_util_to_buf(&b), &bad[i], &e));
		unit_failed(e, ERR_USAGE, "compression");
	}
}
END_TEST

/* Takes `left` bytes, then there is no space. */
struct full {
	size_t left;
};

static int full_write(struct wstream *s, const void *p, size_t n, struct err *e)
{
	struct full *f = s->self;

	(void)p;
	if (n > f->left)
		return err_set(e, ERR_HOST, "the disk is full");
	f->left -= n;
	return 0;
}

START_TEST(test_target_fails)
{
	AUTO_BUF struct buf in = BUF_INIT(64 * MIB);

	fill(&in, 30 * MIB);
	for (unsigned threads = 1; threads <= 4; threads++)
		for (size_t left = 0; left < 3 * MIB; left += MIB) {
			struct full f = {left};
			struct wstream *dst = mem_new(struct wstream), *w;
			struct err e = ERR_INIT;
			int r;

			*dst = (struct wstream){.write = full_write, .close = tar_util_free_w, .self = &f};
			w = compress_writer_threads(dst, &(struct layer_codec){CODEC_GZIP, 1}, threads, &e);
			r = stream_write(w, in.p, in.n, &e);
			if (r == 0)
				r = stream_finish(w, &e);
			ck_assert_int_eq(r, -1);
			unit_failed(e, ERR_HOST, "the disk is full");
			stream_wclose(w);
		}
}
END_TEST

UNIT_MAIN("compress", test_round_trip, test_threads_change_nothing, test_gzip_is_one_member, test_members_in_a_row,
	  test_damage, test_truncation, test_foreign, test_levels, test_target_fails)
