/* Compression streams: which codec, its limits, and the streams around it. */
#include "oci/compress.h"

#include <sched.h>

#include "oci/blockring.h"
#include "oci/gzip.h"
#include "oci/limits.h"
#include "oci/rawfilter.h"
#include "oci/zstd.h"
#include "src/util/mem.h"

#define COMPRESS_MAGIC_BYTES 6

/* --- decoding --- */

struct compress_in {
	struct rstream *src;
	const struct codec_dec *dec; /* NULL: as it is */
	void *state;
	uint64_t out;
	struct inbuf in;
};

static ssize_t compress_plain(struct compress_in *c, void *p, size_t n, struct err *e)
{
	size_t k;

	if (inbuf_fill(&c->in, 1, e) < 0)
		return -1;
	k = n < c->in.n ? n : c->in.n;
	memcpy(p, c->in.p, k);
	inbuf_skip(&c->in, k);
	return (ssize_t)k;
}

static int compress_check(const struct compress_in *c, struct err *e)
{
	if (c->out > LAYER_MAX_BYTES)
		return err_set(e, ERR_INPUT, "the data is larger than %llu GiB uncompressed",
			       (unsigned long long)(LAYER_MAX_BYTES >> 30));
	if (c->dec && c->out > INFLATE_RATIO_FROM && c->out / INFLATE_RATIO_MAX > c->in.total)
		return err_set(e, ERR_INPUT,
			       "%llu compressed bytes grew to more than %llu: refused as a compression bomb",
			       (unsigned long long)c->in.total, (unsigned long long)c->out);
	return 0;
}

static ssize_t compress_read(struct rstream *s, void *p, size_t n, struct err *e)
{
	struct compress_in *c = s->self;
	ssize_t got;

	if (!n)
		return 0;
	got = c->dec ? c->dec->read(c->state, &c->in, p, n, e) : compress_plain(c, p, n, e);
	if (got <= 0)
		return got;
	c->out += (uint64_t)got;
	return compress_check(c, e) < 0 ? -1 : got;
}

static void compress_rclose(struct rstream *s)
{
	struct compress_in *c = s->self;

	if (c->dec)
		c->dec->close(c->state);
	stream_rclose(c->src);
	free(c);
	free(s);
}

static enum mediatype_codec compress_detect(const struct inbuf *in, bool any)
{
	if (inbuf_starts(in, GZIP_MAGIC, 2))
		return CODEC_GZIP;
	if (zstd_is_magic(in->p, in->n))
		return CODEC_ZSTD;
	if (any && inbuf_starts(in, "BZh", 3))
		return CODEC_BZIP2;
	if (any && inbuf_starts(in,
				"\xfd"
				"7zXZ",
				6))
		return CODEC_XZ;
	return CODEC_NONE;
}

static struct rstream *compress_open(struct rstream *src, bool any, enum mediatype_codec *found, struct err *e)
{
	static const struct codec_dec *const table[] = {
		[CODEC_NONE] = NULL,	      [CODEC_GZIP] = &gzip_decoder,
		[CODEC_ZSTD] = &zstd_decoder, [CODEC_BZIP2] = &rawfilter_bzip2,
		[CODEC_XZ] = &rawfilter_xz,
	};
	struct compress_in *c = mem_new(struct compress_in);
	struct rstream *s = mem_new(struct rstream);
	enum mediatype_codec codec;
	int bad;

	*s = (struct rstream){.read = compress_read, .close = compress_rclose, .self = c};
	c->src = src;
	inbuf_init(&c->in, src);
	bad = inbuf_fill(&c->in, COMPRESS_MAGIC_BYTES, e);
	if (bad) {
		stream_rclose(s);
		return NULL;
	}
	codec = compress_detect(&c->in, any);
	c->dec = table[codec];
	c->state = c->dec ? c->dec->open() : NULL;
	if (found)
		*found = codec;
	return s;
}

struct rstream *compress_reader(struct rstream *src, enum mediatype_codec *found, struct err *e)
{
	return compress_open(src, false, found, e);
}

struct rstream *compress_reader_any(struct rstream *src, enum mediatype_codec *found, struct err *e)
{
	return compress_open(src, true, found, e);
}

/* --- encoding --- */

static const struct codec_enc *compress_encoder(enum mediatype_codec codec)
{
	return codec == CODEC_GZIP ? &gzip_encoder : codec == CODEC_ZSTD ? &zstd_encoder : NULL;
}

struct compress_out {
	struct wstream *dst;
	struct blockring *ring;
};

static int compress_write(struct wstream *s, const void *p, size_t n, struct err *e)
{
	const struct compress_out *c = s->self;

	return blockring_write(c->ring, p, n, e);
}

static int compress_finish(struct wstream *s, struct err *e)
{
	const struct compress_out *c = s->self;

	return blockring_finish(c->ring, e) < 0 ? -1 : stream_finish(c->dst, e);
}

static void compress_wclose(struct wstream *s)
{
	struct compress_out *c = s->self;

	blockring_free(c->ring); /* before dst: its threads may write there */
	stream_wclose(c->dst);
	free(c);
	free(s);
}

static unsigned compress_default_threads(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;

	return n > COMPRESS_THREADS_MAX ? COMPRESS_THREADS_MAX : (unsigned)n;
}

/* The level to use, or -1 with *e. */
static int compress_level(const struct layer_codec *c, const struct codec_enc *enc, struct err *e)
{
	int level = c->level ? c->level : enc ? enc->level_default : 0;

	if (!enc)
		return err_set(e, ERR_USAGE, "layers cannot be written with this compression");
	if (level < enc->level_min || level > enc->level_max)
		return err_set(e, ERR_USAGE, "compression level %d: %s has the levels %d to %d", level,
			       c->codec == CODEC_GZIP ? "gzip" : "zstd", enc->level_min, enc->level_max);
	return level;
}

struct wstream *compress_writer_threads(struct wstream *dst, const struct layer_codec *c, unsigned threads,
					struct err *e)
{
	const struct codec_enc *enc = c ? compress_encoder(c->codec) : NULL;
	struct compress_out *out;
	struct wstream *s;
	int level;

	if (!c || c->codec == CODEC_NONE)
		return dst;
	level = compress_level(c, enc, e);
	if (level < 0) {
		stream_wclose(dst);
		return NULL;
	}
	out = mem_new(struct compress_out);
	s = mem_new(struct wstream);
	*out = (struct compress_out){dst, blockring_new(enc, level, threads, COMPRESS_BLOCK_BYTES, dst)};
	*s = (struct wstream){
		.write = compress_write, .finish = compress_finish, .close = compress_wclose, .self = out};
	return s;
}

struct wstream *compress_writer(struct wstream *dst, const struct layer_codec *c, struct err *e)
{
	return compress_writer_threads(dst, c, compress_default_threads(), e);
}
