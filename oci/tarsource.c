/* The way in of a layer. */
#include "oci/tarsource.h"

#include "oci/compress.h"
#include "oci/readahead.h"
#include "src/util/mem.h"

/* Lowest stream of ours: counts, reports, hashes, and keeps within the size that the descriptor says. */
static ssize_t tarsource_pull(struct rstream *r, void *p, size_t n, struct err *e)
{
	struct tarsource *s = r->self;
	ssize_t got = stream_read(s->src, p, n, e);

	if (got <= 0)
		return got;
	if (!s->o->unhashed)
		hash_add(s->blob, p, (size_t)got);
	s->blob_size += (uint64_t)got;
	if (s->o->want && s->blob_size > s->o->want->size)
		return err_set(e, ERR_INTEGRITY, "blob %s is larger than the %llu bytes that its descriptor says",
			       s->o->want->digest.text, (unsigned long long)s->o->want->size);
	if (s->o->progress)
		s->o->progress(s->o->arg, s->blob_size);
	return got;
}

static void tarsource_free(struct rstream *r)
{
	free(r);
}

int tarsource_open(struct tarsource *s, struct rstream *src, const struct layer_apply_opts *o, struct err *e)
{
	struct rstream *r = mem_new(struct rstream);

	*s = (struct tarsource){.o = o, .src = src, .alg = HASH_SHA256};
	if (o->want)
		s->alg = digest_alg(&o->want->digest);
	s->diff = hash_new(HASH_SHA256);
	s->blob = hash_new(s->alg);
	*r = (struct rstream){.read = tarsource_pull, .close = tarsource_free, .self = s};
	r = o->plain ? compress_reader_any(r, &s->codec, e) : compress_reader(r, &s->codec, e);
	if (!r) {
		tarsource_release(s);
		return -1;
	}
	s->top = stream_hash_r(readahead_new(r), s->diff, &s->size);
	return 0;
}

static int tarsource_check_blob(struct tarsource *s, const struct digest *got, struct err *e)
{
	const struct descriptor *want = s->o->want;

	if (!want || (digest_eq(got, &want->digest) && s->blob_size == want->size))
		return 0;
	return err_set(e, ERR_INTEGRITY, "blob %s of %llu bytes has the digest %s and %llu bytes", want->digest.text,
		       (unsigned long long)want->size, got->text, (unsigned long long)s->blob_size);
}

int tarsource_verify(struct tarsource *s, struct layer_info *info, struct err *e)
{
	struct digest blob;

	stream_rclose(s->top); /* ends the thread: the sums are ours again */
	s->top = NULL;
	digest_from_hash(s->alg, s->blob, &blob);
	digest_from_hash(HASH_SHA256, s->diff, &info->diff_id);
	info->size = s->size;
	if (s->codec != CODEC_NONE && !s->o->unhashed) {
		info->blob = blob;
		info->blob_size = s->blob_size;
	}
	if (tarsource_check_blob(s, &blob, e) < 0)
		return -1;
	if (s->o->want_diff && !digest_eq(&info->diff_id, s->o->want_diff))
		return err_set(e, ERR_INTEGRITY, "the layer's diff id is %s, the image's config says %s",
			       info->diff_id.text, s->o->want_diff->text);
	return 0;
}

void tarsource_blame(struct tarsource *s, struct err *e)
{
	struct rstream rest = {.read = tarsource_pull, .self = s};
	AUTO_FREE char *block = mem_alloc(STREAM_BLOCK_BYTES);
	struct err other = ERR_INIT;
	struct digest blob;
	ssize_t n;

	stream_rclose(s->top);
	s->top = NULL;
	if (!s->o->want || e->code == ERR_HOST)
		return;
	while ((n = stream_read(&rest, block, STREAM_BLOCK_BYTES, &other)) > 0)
		;
	digest_from_hash(s->alg, s->blob, &blob);
	if (n == 0)
		tarsource_check_blob(s, &blob, &other);
	if (other.code == ERR_INTEGRITY)
		err_move(e, &other);
	err_release(&other);
}

void tarsource_release(struct tarsource *s)
{
	stream_rclose(s->top);
	hash_free(s->diff);
	hash_free(s->blob);
	*s = (struct tarsource){0};
}
