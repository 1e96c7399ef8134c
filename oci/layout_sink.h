/* An image layout directory that images are copied to piece by piece, without a store: blobs as they come, then the
 * index. Under the directory's lock from the opening to the closing; what was begun and not finished is no part of it.
 */
#ifndef SLCT_LAYOUT_SINK_H
#define SLCT_LAYOUT_SINK_H

#include "oci/blobsink.h"
#include "oci/layout_dir.h"

struct layout_sink;

/* A new or empty directory, or a layout. ERR_INPUT if it is something else. */
struct layout_sink *layout_sink_open(const char *path, struct err *e);
void layout_sink_close(struct layout_sink *s); /* NULL is fine */
struct blobsink layout_sink_blobs(struct layout_sink *s);
/* Small bytes that are known to have that digest. */
int layout_sink_put(struct layout_sink *s, const struct descriptor *d, const struct buf *text, struct err *e);
/* From another directory, verified. */
int layout_sink_copy(struct layout_sink *s, const struct layout_dir *from, const struct descriptor *d, struct err *e);
/* The index names it; all that it names must be there. name NULL: without a tag. */
int layout_sink_name(struct layout_sink *s, const char *name, const struct descriptor *d, struct err *e);

#endif
