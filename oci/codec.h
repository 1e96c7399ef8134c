/* What compress needs of a codec: gzip.h and zstd.h give one each. */
#ifndef SLCT_CODEC_H
#define SLCT_CODEC_H

#include "oci/inbuf.h"

/* Sums over the blocks written so far, in order. */
struct codec_sum {
	uint64_t bytes; /* uncompressed */
	uint32_t crc;
};

/* Independent blocks in, one stream out: head, blocks in order, tail. Bytes depend on level and input only. */
struct codec_enc {
	int level_min, level_max, level_default;
	void *(*open)(int level); /* state of one thread */
	void (*close)(void *enc);
	size_t (*bound)(size_t n); /* room that n bytes may need */
	/* Compress one block; the number of bytes or 0 on failure. *crc is the block's own sum where the format has
	 * one. */
	size_t (*block)(void *enc, const void *in, size_t n, void *out, size_t cap, uint32_t *crc);
	void (*add)(struct codec_sum *sum, uint32_t crc, size_t n);
	size_t (*head)(int level, uint8_t out[32]);
	size_t (*tail)(const struct codec_sum *sum, uint8_t out[32]);
};

struct codec_dec {
	void *(*open)(void);
	void (*close)(void *dec);
	/* Up to n decoded bytes; 0 when all of the input is used and right; -1 with *e. */
	ssize_t (*read)(void *dec, struct inbuf *in, void *p, size_t n, struct err *e);
};

#endif
