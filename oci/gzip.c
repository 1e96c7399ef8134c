/* gzip: one member of independent blocks out, members in with every check. */
#include "oci/gzip.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <zlib.h>

#include "src/util/mem.h"

#define GZIP_ISAL_MAX 3

/* --- encoding --- */

struct gzip_enc {
	int level;
	struct isal_zstream isal;
	uint8_t *isal_buf;
	z_stream zlib;
};

static const uint32_t gzip_isal_buf[GZIP_ISAL_MAX + 1] = {
	ISAL_DEF_LVL0_DEFAULT,
	ISAL_DEF_LVL1_DEFAULT,
	ISAL_DEF_LVL2_DEFAULT,
	ISAL_DEF_LVL3_DEFAULT,
};

static void *gzip_enc_open(int level)
{
	struct gzip_enc *g = mem_new(struct gzip_enc);

	g->level = level;
	if (level <= GZIP_ISAL_MAX) {
		g->isal_buf = mem_alloc(gzip_isal_buf[level]);
		return g;
	}
	/* Negative window bits: no wrapper. Memory level 8 is zlib's default; it changes the bytes, so it is fixed. */
	if (deflateInit2(&g->zlib, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	return g;
}

static void gzip_enc_close(void *enc)
{
	struct gzip_enc *g = enc;

	if (!g)
		return;
	if (g->level > GZIP_ISAL_MAX)
		deflateEnd(&g->zlib);
	free(g->isal_buf);
	free(g);
}

/* Stored blocks need 5 bytes per 64 KiB; ISA-L may write smaller ones. */
static size_t gzip_bound(size_t n)
{
	return n + n / 64 + 4096;
}

static size_t gzip_isal_block(struct gzip_enc *g, uint8_t *in, size_t n, uint8_t *out, size_t cap)
{
	struct isal_zstream *z = &g->isal;

	isal_deflate_init(z);
	z->level = (uint32_t)g->level;
	z->level_buf = g->isal_buf;
	z->level_buf_size = gzip_isal_buf[g->level];
	z->gzip_flag = IGZIP_DEFLATE;
	z->flush = FULL_FLUSH;
	z->end_of_stream = 0;
	z->next_in = in;
	z->avail_in = (uint32_t)n;
	z->next_out = out;
	z->avail_out = (uint32_t)cap;
	if (isal_deflate(z) != COMP_OK || z->avail_in || !z->avail_out)
		return 0;
	return cap - z->avail_out;
}

static size_t gzip_zlib_block(struct gzip_enc *g, uint8_t *in, size_t n, uint8_t *out, size_t cap)
{
	z_stream *z = &g->zlib;

	if (deflateReset(z) != Z_OK)
		return 0;
	z->next_in = in;
	z->avail_in = (uInt)n;
	z->next_out = out;
	z->avail_out = (uInt)cap;
	if (deflate(z, Z_FULL_FLUSH) != Z_OK || z->avail_in || !z->avail_out)
		return 0;
	return cap - z->avail_out;
}

static size_t gzip_block(void *enc, const void *in, size_t n, void *out, size_t cap, uint32_t *crc)
{
	struct gzip_enc *g = enc;
	uint8_t *bytes = (uint8_t *)(uintptr_t)in; /* both libraries only read it */

	*crc = crc32_gzip_refl(0, bytes, n);
	return g->level <= GZIP_ISAL_MAX ? gzip_isal_block(g, bytes, n, out, cap)
					 : gzip_zlib_block(g, bytes, n, out, cap);
}

static void gzip_add(struct codec_sum *sum, uint32_t crc, size_t n)
{
	sum->crc = (uint32_t)crc32_combine(sum->crc, crc, (z_off_t)n);
	sum->bytes += n;
}

/* No name, no time, unknown system; XFL says 4 for the fastest and 2 for the best level. */
static size_t gzip_head(int level, uint8_t out[32])
{
	const uint8_t head[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, level == 9 ? 2 : level == 1 ? 4 : 0, 255};

	memcpy(out, head, sizeof head);
	return sizeof head;
}

static void gzip_le32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

/* A last empty block with fixed codes (3, 0), CRC-32, length modulo 2^32. */
static size_t gzip_tail(const struct codec_sum *sum, uint8_t out[32])
{
	out[0] = 3;
	out[1] = 0;
	gzip_le32(out + 2, sum->crc);
	gzip_le32(out + 6, (uint32_t)sum->bytes);
	return 10;
}

const struct codec_enc gzip_encoder = {
	.level_min = 1,
	.level_max = 9,
	.level_default = 1,
	.open = gzip_enc_open,
	.close = gzip_enc_close,
	.bound = gzip_bound,
	.block = gzip_block,
	.add = gzip_add,
	.head = gzip_head,
	.tail = gzip_tail,
};

/* --- decoding --- */

struct gzip_dec {
	struct inflate_state z;
	bool in_member; /* a member was begun and has not ended */
	bool done;
};

static void *gzip_dec_open(void)
{
	return mem_new(struct gzip_dec);
}

static void gzip_dec_close(void *dec)
{
	free(dec);
}

static int gzip_fail(const struct inbuf *in, int code, struct err *e)
{
	static const struct {
		int code;
		const char *text;
	} table[] = {
		{ISAL_INCORRECT_CHECKSUM, "checksum or length at the end does not match the data"},
		{ISAL_INVALID_WRAPPER, "invalid header"},
		{ISAL_UNSUPPORTED_METHOD, "unknown compression method"},
		{ISAL_INVALID_BLOCK, "invalid block"},
		{ISAL_INVALID_SYMBOL, "invalid symbol"},
		{ISAL_INVALID_LOOKBACK, "reference before the beginning"},
	};
	const char *text = "damaged data";

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].code == code)
			text = table[i].text;
	return err_set(e, ERR_INTEGRITY, "gzip: %s, near byte %llu", text, (unsigned long long)(in->total - in->n));
}

/* Between members: begin the next one, or find the end. 0/-1. */
static int gzip_next_member(struct gzip_dec *g, struct inbuf *in, struct err *e)
{
	if (inbuf_fill(in, 2, e) < 0)
		return -1;
	if (!inbuf_starts(in, GZIP_MAGIC, 2)) {
		g->done = true;
		return inbuf_skip_zeros(in, "gzip", e);
	}
	isal_inflate_init(&g->z);
	g->z.crc_flag = ISAL_GZIP;
	g->in_member = true;
	return 0;
}

static ssize_t gzip_read(void *dec, struct inbuf *in, void *p, size_t n, struct err *e)
{
	struct gzip_dec *g = dec;
	size_t want = n > UINT32_MAX / 2 ? UINT32_MAX / 2 : n;
	int r;

	while (!g->done) {
		if (!g->in_member) {
			if (gzip_next_member(g, in, e) < 0)
				return -1;
			continue;
		}
		if (inbuf_fill(in, 1, e) < 0)
			return -1;
		g->z.next_in = in->p;
		g->z.avail_in = (uint32_t)in->n;
		g->z.next_out = p;
		g->z.avail_out = (uint32_t)want;
		r = isal_inflate(&g->z);
		inbuf_skip(in, in->n - g->z.avail_in);
		if (r < 0 || r == ISAL_NEED_DICT)
			return gzip_fail(in, r, e);
		g->in_member = g->z.block_state != ISAL_BLOCK_FINISH;
		if (g->z.avail_out < want)
			return (ssize_t)(want - g->z.avail_out);
		if (g->in_member && in->end && !in->n)
			return err_set(e, ERR_INTEGRITY, "gzip: the data ends in the middle, after %llu bytes",
				       (unsigned long long)in->total);
	}
	return 0;
}

const struct codec_dec gzip_decoder = {gzip_dec_open, gzip_dec_close, gzip_read};
