/* Fuzz target: any bytes as a compressed stream; what decodes is encoded and decoded again to the same bytes. */
#include "oci/compress.h"
#include "src/util/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define FUZZ_OUT_BYTES ((size_t)8 << 20)

static int fuzz_buf_write(struct wstream *s, const void *p, size_t n, struct err *e)
{
	struct buf *b = s->self;

	buf_add(b, p, n);
	return b->over ? err_set(e, ERR_INPUT, "enough") : 0;
}

static void fuzz_keep(struct wstream *s)
{
	(void)s;
}

static int fuzz_decode(const void *p, size_t n, bool any, struct buf *out)
{
	struct wstream w = {.write = fuzz_buf_write, .close = fuzz_keep, .self = out};
	struct err e = ERR_INIT;
	struct rstream *src = stream_from_bytes(p, n);
	struct rstream *r = any ? compress_reader_any(src, NULL, &e) : compress_reader(src, NULL, &e);
	int64_t got = r ? stream_pump(r, &w, &e) : -1;

	stream_rclose(r);
	err_release(&e);
	return got < 0 ? -1 : 0;
}

static void fuzz_again(const struct buf *plain, enum mediatype_codec codec)
{
	const struct layer_codec c = {codec, 1};
	AUTO_BUF struct buf small = BUF_INIT(2 * FUZZ_OUT_BYTES);
	AUTO_BUF struct buf back = BUF_INIT(2 * FUZZ_OUT_BYTES);
	struct wstream below = {.write = fuzz_buf_write, .close = fuzz_keep, .self = &small};
	struct err e = ERR_INIT;
	struct wstream *w = compress_writer_threads(&below, &c, 1, &e);

	if (!w || stream_write(w, plain->p, plain->n, &e) < 0 || stream_finish(w, &e) < 0)
		abort();
	stream_wclose(w);
	if (fuzz_decode(small.p, small.n, false, &back) < 0 || back.n != plain->n ||
	    (back.n && memcmp(back.p, plain->p, back.n) != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	for (int any = 0; any < 2; any++) {
		AUTO_BUF struct buf out = BUF_INIT(FUZZ_OUT_BYTES);

		if (fuzz_decode(p, n, any, &out) < 0)
			continue;
		fuzz_again(&out, CODEC_GZIP);
		fuzz_again(&out, CODEC_ZSTD);
	}
	return 0;
}
