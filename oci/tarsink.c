/* The way out of every tar that we make. */
#include "oci/tarsink.h"

#include "oci/compress.h"
#include "src/util/mem.h"

static int tarsink_pass(struct wstream *s, const void *p, size_t n, struct err *e)
{
	return stream_write(s->self, p, n, e);
}

static void tarsink_free(struct wstream *s)
{
	free(s);
}

/* A stream of ours that ends where the caller's begins: close and finish stay on this side. */
static struct wstream *tarsink_borrow(struct wstream *out)
{
	struct wstream *s = mem_new(struct wstream);

	*s = (struct wstream){.write = tarsink_pass, .close = tarsink_free, .self = out};
	return s;
}

int tarsink_open(struct tarsink *s, const struct layer_codec *codec, struct wstream *out, struct err *e)
{
	struct wstream *below = out ? tarsink_borrow(out) : stream_null();

	*s = (struct tarsink){.diff = hash_new(HASH_SHA256), .blob = hash_new(HASH_SHA256)};
	s->compressed = out && codec && codec->codec != CODEC_NONE;
	if (s->compressed)
		below = compress_writer(stream_hash_w(below, s->blob, &s->blob_size), codec, e);
	if (!below) {
		tarsink_close(s, NULL);
		return -1;
	}
	s->top = stream_hash_w(below, s->diff, &s->size);
	return 0;
}

void tarsink_close(struct tarsink *s, struct layer_info *info)
{
	stream_wclose(s->top); /* ends the threads; the sums are complete */
	if (info) {
		digest_from_hash(HASH_SHA256, s->diff, &info->diff_id);
		info->size = s->size;
		if (s->compressed) {
			digest_from_hash(HASH_SHA256, s->blob, &info->blob);
			info->blob_size = s->blob_size;
		}
	}
	hash_free(s->diff);
	hash_free(s->blob);
	*s = (struct tarsink){0};
}
