#include "src/session/blobstream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/util/io.h"
#include "src/util/mem.h"

struct registry_stream *blobstream_table(size_t layers, struct err *e)
{
	size_t n = (layers + 1) * sizeof(struct registry_stream);
	void *shared = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared != MAP_FAILED)
		return shared;
	err_sys(e, ERR_HOST, errno, "memory for a push");
	return NULL;
}

int blobstream_open(struct blobstream *b, struct blobs_request *r, struct registry_stream *table, struct err *e)
{
	size_t all = r->diff_ids->n;

	*b = (struct blobstream){.r = r, .borrowed = table != NULL};
	b->shared = table ? table : blobstream_table(all, e);
	if (!b->shared)
		return -1;
	b->layer = mem_array(all + 1, sizeof *b->layer);
	b->names = mem_zalloc((all + 1) * sizeof *b->names);
	b->streams = mem_array(all + 1, sizeof *b->streams);
	for (size_t i = 0; i < all; i++) {
		struct store_blob_writer w;

		if (digest_is_set(&r->out[i].digest))
			continue;
		if (store_blob_begin(r->s->store, &w, e) < 0)
			return -1;
		close(w.fd);
		b->names[b->n] = w.name;
		b->layer[b->n] = i;
		b->streams[b->n] = &b->shared[b->n];
		b->shared[b->n] = (struct registry_stream){.fd = -1};
		b->n++;
	}
	return 0;
}

void blobstream_close(struct blobstream *b)
{
	for (size_t i = 0; i < b->n; i++) {
		unlinkat(store_fd(b->r->s->store), b->names[i], 0);
		free(b->names[i]);
	}
	if (b->shared && !b->borrowed)
		munmap(b->shared, (b->r->diff_ids->n + 1) * sizeof(*b->shared));
	free(b->layer);
	free(b->names);
	free(b->streams);
	*b = (struct blobstream){0};
}

/* --- packing --- */

struct live {
	int fd;
	struct registry_stream *to;
};

static int live_write(struct wstream *s, const void *p, size_t n, struct err *e)
{
	const struct live *l = s->self;

	if (io_write_all(l->fd, p, n, "a blob in the store", e) < 0)
		return -1;
	atomic_fetch_add(&l->to->ready, n);
	return 0;
}

static void live_close(struct wstream *s)
{
	free(s);
}

static int pack_into(const struct blobstream *b, size_t i, struct store_blob_writer *w, struct layer_info *info,
		     struct err *e)
{
	struct live live = {.fd = w->fd, .to = &b->shared[i]};
	struct wstream *out = mem_new(struct wstream);
	int rc;

	*out = (struct wstream){.write = live_write, .close = live_close, .self = &live};
	rc = blobs_pack_layer(b->r, &b->r->diff_ids->v[b->layer[i]], out, info, e);
	stream_wclose(out);
	return rc;
}

static int pack_one(struct blobstream *b, size_t i, struct layer_info *info, struct err *e)
{
	struct store *s = b->r->s->store;
	struct registry_stream *to = &b->shared[i];
	struct store_blob_writer w = {.name = mem_strdup(b->names[i])};

	w.fd = openat(store_fd(s), w.name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (w.fd < 0) {
		free(w.name);
		return err_sys(e, ERR_HOST, errno, "temporary file of a blob");
	}
	if (pack_into(b, i, &w, info, e) < 0) {
		store_blob_abort(s, &w);
		return -1;
	}
	if (store_blob_commit(s, &w, &info->blob, info->blob_size, NULL, e) < 0)
		return -1;
	to->digest = info->blob;
	to->size = info->blob_size;
	to->media_type = mediatype_for_layer(b->r->codec.codec);
	atomic_store(&to->state, REGISTRY_STREAM_WHOLE);
	return 0;
}

void blobstream_give_up(struct blobstream *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (atomic_load(&b->shared[i].state) == REGISTRY_STREAM_GROWS)
			atomic_store(&b->shared[i].state, REGISTRY_STREAM_BROKEN);
}

int blobstream_pack(void *arg, struct worker *w, struct json **result, struct err *e)
{
	struct blobstream *b = arg;

	(void)w;
	*result = json_array();
	for (size_t i = 0; i < b->n; i++) {
		struct layer_info info = {0};

		if (pack_one(b, i, &info, e) < 0) {
			blobstream_give_up(b);
			return -1;
		}
		json_append(*result, blobs_packed(b->layer[i], &info));
	}
	return 0;
}

/* --- sending --- */

int blobstream_attach_one(struct store *s, const char *name, struct registry_stream *to, struct err *e)
{
	/* Already a blob under its own name: the client finds it in the store. */
	to->fd = openat(store_fd(s), name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (to->fd < 0 && errno != ENOENT)
		return err_sys(e, ERR_HOST, errno, "temporary file of a blob");
	return 0;
}

int blobstream_attach(struct blobstream *b, struct err *e)
{
	for (size_t i = 0; i < b->n; i++)
		if (blobstream_attach_one(b->r->s->store, b->names[i], &b->shared[i], e) < 0)
			return -1;
	return 0;
}

void blobstream_take(struct blobstream *b)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct registry_stream *s = &b->shared[i];

		descriptor_set(&b->r->out[b->layer[i]], s->media_type, &s->digest, s->size);
	}
}
