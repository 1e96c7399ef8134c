/* zstd: one frame per block out, frames in. */
#include "oci/zstd.h"

#include <zstd.h>
#include <zstd_errors.h>

#include "src/util/mem.h"

/* --- encoding --- */

static void *zstd_enc_open(int level)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();

	if (!c || ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, level)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1)))
		abort();
	return c;
}

static void zstd_enc_close(void *enc)
{
	ZSTD_freeCCtx(enc);
}

static size_t zstd_bound(size_t n)
{
	return ZSTD_compressBound(n);
}

static size_t zstd_block(void *enc, const void *in, size_t n, void *out, size_t cap, uint32_t *crc)
{
	size_t r = ZSTD_compress2(enc, out, cap, in, n);

	*crc = 0;
	return ZSTD_isError(r) ? 0 : r;
}

static void zstd_add(struct codec_sum *sum, uint32_t crc, size_t n)
{
	(void)crc;
	sum->bytes += n;
}

static size_t zstd_head(int level, uint8_t out[32])
{
	(void)level;
	(void)out;
	return 0;
}

/* No bytes at all is no zstd stream: then one empty frame (single segment, size 0, one raw last block of 0 bytes). */
static size_t zstd_tail(const struct codec_sum *sum, uint8_t out[32])
{
	static const uint8_t empty[9] = {0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0};

	if (sum->bytes)
		return 0;
	memcpy(out, empty, sizeof empty);
	return sizeof empty;
}

const struct codec_enc zstd_encoder = {
	.level_min = 1,
	.level_max = 19,
	.level_default = 3,
	.open = zstd_enc_open,
	.close = zstd_enc_close,
	.bound = zstd_bound,
	.block = zstd_block,
	.add = zstd_add,
	.head = zstd_head,
	.tail = zstd_tail,
};

/* --- decoding --- */

struct zstd_dec {
	ZSTD_DCtx *d;
	bool in_frame, done;
};

static void *zstd_dec_open(void)
{
	struct zstd_dec *z = mem_new(struct zstd_dec);

	z->d = ZSTD_createDCtx();
	if (!z->d)
		abort();
	return z;
}

static void zstd_dec_close(void *dec)
{
	struct zstd_dec *z = dec;

	if (!z)
		return;
	ZSTD_freeDCtx(z->d);
	free(z);
}

bool zstd_is_magic(const uint8_t *p, size_t n)
{
	static const uint8_t frame[4] = {0x28, 0xb5, 0x2f, 0xfd}, skip[3] = {0x2a, 0x4d, 0x18};

	if (n < 4)
		return false;
	return memcmp(p, frame, 4) == 0 || ((p[0] & 0xf0) == 0x50 && memcmp(p + 1, skip, 3) == 0);
}

static int zstd_fail(const struct inbuf *in, size_t code, struct err *e)
{
	return err_set(e, ERR_INTEGRITY, "zstd: %s, near byte %llu", ZSTD_getErrorName(code),
		       (unsigned long long)(in->total - in->n));
}

/* Between frames: begin the next one, or find the end. 0/-1. */
static int zstd_next_frame(struct zstd_dec *z, struct inbuf *in, struct err *e)
{
	if (inbuf_fill(in, 4, e) < 0)
		return -1;
	z->in_frame = zstd_is_magic(in->p, in->n);
	z->done = !z->in_frame;
	return z->done ? inbuf_skip_zeros(in, "zstd", e) : 0;
}

static ssize_t zstd_read(void *dec, struct inbuf *in, void *p, size_t n, struct err *e)
{
	struct zstd_dec *z = dec;
	ZSTD_outBuffer out = {p, n, 0};

	while (!z->done) {
		ZSTD_inBuffer src;
		size_t r;

		if (!z->in_frame) {
			if (zstd_next_frame(z, in, e) < 0)
				return -1;
			continue;
		}
		if (inbuf_fill(in, 1, e) < 0)
			return -1;
		src = (ZSTD_inBuffer){in->p, in->n, 0};
		r = ZSTD_decompressStream(z->d, &out, &src);
		inbuf_skip(in, src.pos);
		if (ZSTD_isError(r))
			return zstd_fail(in, r, e);
		z->in_frame = r != 0;
		if (out.pos)
			return (ssize_t)out.pos;
		if (z->in_frame && in->end && !in->n)
			return err_set(e, ERR_INTEGRITY, "zstd: the data ends in the middle, after %llu bytes",
				       (unsigned long long)in->total);
	}
	return 0;
}

const struct codec_dec zstd_decoder = {zstd_dec_open, zstd_dec_close, zstd_read};
