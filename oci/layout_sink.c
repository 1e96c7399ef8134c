/* An image layout directory that images are copied to piece by piece. */
#include "oci/layout_sink.h"

#include <errno.h>
#include <unistd.h>

#include "oci/layout_priv.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/tmp.h"

struct layout_sink {
	struct layout_out out;
	char *path;
};

struct layout_sink *layout_sink_open(const char *path, struct err *e)
{
	struct layout_sink *s = mem_new(struct layout_sink);

	s->path = mem_strdup(path);
	s->out = (struct layout_out){.path = s->path, .fd = -1, .lock = -1};
	if (layout_open(&s->out, e) == 0)
		return s;
	layout_sink_close(s);
	return NULL;
}

void layout_sink_close(struct layout_sink *s)
{
	if (!s)
		return;
	layout_close(&s->out);
	free(s->path);
	free(s);
}

/* --- one blob --- */

static bool layout_sink_has(void *arg, const struct descriptor *d)
{
	const struct layout_sink *s = arg;
	AUTO_FREE char *name = layout_dir_blob_name(&d->digest);

	return layout_has(&s->out, name, d->size);
}

static int layout_sink_begin(void *arg, struct store_blob_writer *w, struct err *e)
{
	struct layout_sink *s = arg;

	*w = (struct store_blob_writer){.fd = -1};
	w->fd = tmp_file(s->out.fd, LAYOUT_TMP, &w->name, e);
	return w->fd < 0 ? -1 : 0;
}

static void layout_sink_abort(void *arg, struct store_blob_writer *w)
{
	struct layout_sink *s = arg;

	if (w->name)
		unlinkat(s->out.fd, w->name, 0);
	free(w->name);
	if (w->fd >= 0)
		close(w->fd);
	*w = (struct store_blob_writer){.fd = -1};
}

static int layout_sink_commit(void *arg, struct store_blob_writer *w, const struct descriptor *d, struct err *e)
{
	struct layout_sink *s = arg;
	AUTO_FREE char *name = layout_dir_blob_name(&d->digest);
	bool wide = digest_alg(&d->digest) == HASH_SHA512;
	int rc = wide ? layout_mkdir(&s->out, "blobs/sha512", e) : 0;

	if (rc == 0)
		rc = layout_finish_file(&s->out, w->fd, w->name, name, e);
	if (rc == 0)
		free(STEAL_PTR(w->name));
	layout_sink_abort(s, w);
	return rc;
}

struct blobsink layout_sink_blobs(struct layout_sink *s)
{
	return (struct blobsink){
		.arg = s,
		.has = layout_sink_has,
		.begin = layout_sink_begin,
		.commit = layout_sink_commit,
		.abort = layout_sink_abort,
	};
}

int layout_sink_put(struct layout_sink *s, const struct descriptor *d, const struct buf *text, struct err *e)
{
	struct store_blob_writer w;

	if (layout_sink_has(s, d))
		return 0;
	if (layout_sink_begin(s, &w, e) < 0)
		return -1;
	if (io_write_all(w.fd, text->p, text->n, d->digest.text, e) == 0)
		return layout_sink_commit(s, &w, d, e);
	layout_sink_abort(s, &w);
	return -1;
}

int layout_sink_copy(struct layout_sink *s, const struct layout_dir *from, const struct descriptor *d, struct err *e)
{
	AUTO_CLOSE int in = -1;
	struct store_blob_writer w;
	uint64_t copied;

	if (layout_sink_has(s, d))
		return 0;
	in = layout_dir_open_blob(from, d, e);
	if (in < 0 || layout_sink_begin(s, &w, e) < 0)
		return -1;
	if (lseek(in, 0, SEEK_SET) < 0)
		err_sys(e, ERR_HOST, errno, "cannot read %s", d->digest.text);
	else if (io_copy(in, w.fd, UINT64_MAX, &copied, d->digest.text, e) == 0 && copied != d->size)
		err_set(e, ERR_INTEGRITY, "%s has changed while it was copied", d->digest.text);
	if (!err_is_set(e))
		return layout_sink_commit(s, &w, d, e);
	layout_sink_abort(s, &w);
	return -1;
}

int layout_sink_name(struct layout_sink *s, const char *name, const struct descriptor *d, struct err *e)
{
	struct layout_image im = {.name = (char *)(uintptr_t)name, .manifest = *d};

	return layout_save_index(&s->out, &im, 1, &(struct layout_save_opts){0}, e);
}
