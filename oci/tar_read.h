/* Reader of tars from outside: libarchive behind limits and checks of ours. Formats: ustar, PAX, GNU, v7; no filter. */
#ifndef SLCT_TAR_READ_H
#define SLCT_TAR_READ_H

#include "oci/entry.h"
#include "src/util/stream.h"

struct tar_read;

/* src is borrowed and gives uncompressed bytes; an empty stream is an empty tar. */
struct tar_read *tar_read_new(struct rstream *src, struct err *e);
void tar_read_free(struct tar_read *t); /* NULL is fine */

/* Next member: 1, 0 at the end, -1 with *e. *en is released first and then holds what the tar says: path and link are
 * raw, not yet safe. Errors (ERR_INPUT): damaged or truncated tar, bad checksum, NUL in a path, owner ids that are
 * negative or beyond 2^32-2, sizes beyond LAYER_MAX_BYTES (also of all members together), too large attributes, more
 * than LAYER_ENTRIES_MAX members. */
int tar_read_next(struct tar_read *t, struct entry *en, struct err *e);
/* What of the member just read cannot be represented here (NULL: nothing): to be reported as lossy. */
const char *tar_read_lost(const struct tar_read *t);
/* Content of the member: 1 and a piece at its offset (holes of sparse files are left out), 0 at the end, -1. */
int tar_read_data(struct tar_read *t, const void **p, size_t *n, uint64_t *offset, struct err *e);
/* Read src to its end (padding after the last member, which is part of the digest). */
int tar_read_drain(struct tar_read *t, struct err *e);

static inline void tar_read_freep(struct tar_read **t)
{
	tar_read_free(*t);
}
#define AUTO_TAR_READ AUTO(tar_read_freep)

#endif
