/* index.json of an image layout, changed as JSON so that members and entries of other tools stay as they are. */
#ifndef SLCT_INDEXFILE_H
#define SLCT_INDEXFILE_H

#include "oci/descriptor.h"

/* Tag of an entry of index.json (image-spec annotations.md). */
#define INDEXFILE_REF_NAME "org.opencontainers.image.ref.name"

struct json *indexfile_new(void);
/* Parse and verify as an image index; NULL with *e (code). */
struct json *indexfile_parse(const char *text, size_t n, enum err_code code, struct err *e);
/* Point name at d (its platform and annotations are kept, the name is added) in the place of entries that had the name.
 * name NULL: add d unless an entry without name has its digest. */
void indexfile_set(struct json *index, const char *name, const struct descriptor *d);
/* Remove the entries of that name; whether there were any. */
bool indexfile_del(struct json *index, const char *name);
/* Canonical text, appended; an index that could not be read again (limits.h) is ERR_HOST. */
int indexfile_write(const struct json *index, struct buf *out, struct err *e);

#endif
