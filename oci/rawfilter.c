/* bzip2 and xz by libarchive's filters, without any archive format inside. */
#include "oci/rawfilter.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

#include "src/util/mem.h"

struct rawfilter {
	const char *name;
	int (*support)(struct archive *a);
	struct archive *a;
	struct inbuf *in;
	size_t given;	/* bytes of the window that libarchive has; skipped at its next call */
	struct err err; /* of the source, during a callback */
};

static struct rawfilter *rawfilter_new(const char *name, int (*support)(struct archive *a))
{
	struct rawfilter *f = mem_new(struct rawfilter);

	f->name = name;
	f->support = support;
	return f;
}

static void *rawfilter_open_bzip2(void)
{
	return rawfilter_new("bzip2", archive_read_support_filter_bzip2);
}

static void *rawfilter_open_xz(void)
{
	return rawfilter_new("xz", archive_read_support_filter_xz);
}

static void rawfilter_close(void *dec)
{
	struct rawfilter *f = dec;

	if (!f)
		return;
	archive_read_free(f->a);
	err_release(&f->err);
	free(f);
}

static ssize_t rawfilter_feed(struct archive *a, void *arg, const void **p)
{
	struct rawfilter *f = arg;

	inbuf_skip(f->in, f->given);
	f->given = 0;
	if (inbuf_fill(f->in, 1, &f->err) < 0) {
		archive_set_error(a, EIO, "%s", f->err.msg);
		return ARCHIVE_FATAL;
	}
	*p = f->in->p;
	f->given = f->in->n;
	return (ssize_t)f->given;
}

static int rawfilter_fail(struct rawfilter *f, struct err *e)
{
	const char *text = f->a ? archive_error_string(f->a) : NULL;

	if (!err_is_set(&f->err))
		return err_set(e, ERR_INTEGRITY, "%s: %s", f->name, text ? text : "damaged data");
	err_move(e, &f->err);
	return -1;
}

static int rawfilter_begin(struct rawfilter *f, struct inbuf *in, struct err *e)
{
	struct archive_entry *en;

	f->in = in;
	f->a = archive_read_new();
	if (!f->a || f->support(f->a) != ARCHIVE_OK || archive_read_support_format_raw(f->a) != ARCHIVE_OK ||
	    archive_read_open(f->a, f, NULL, rawfilter_feed, NULL) != ARCHIVE_OK)
		return rawfilter_fail(f, e);
	/* The raw format knows no empty content. */
	return archive_read_next_header(f->a, &en) == ARCHIVE_OK ? 0 : rawfilter_fail(f, e);
}

static ssize_t rawfilter_read(void *dec, struct inbuf *in, void *p, size_t n, struct err *e)
{
	struct rawfilter *f = dec;
	la_ssize_t r;

	if (!f->a && rawfilter_begin(f, in, e) < 0)
		return -1;
	r = archive_read_data(f->a, p, n);
	return r < 0 ? rawfilter_fail(f, e) : (ssize_t)r;
}

const struct codec_dec rawfilter_bzip2 = {rawfilter_open_bzip2, rawfilter_close, rawfilter_read};
const struct codec_dec rawfilter_xz = {rawfilter_open_xz, rawfilter_close, rawfilter_read};
