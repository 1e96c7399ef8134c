/* Deterministic tar writer: POSIX ustar headers, and before a member that ustar cannot hold one PAX header with only
 * the keys needed (POSIX.1-2017 pax "pax Header Block", "ustar Header Block"). docs/internals/oci-layer.md states
 * the bytes; LAYER_FORM_VERSION (layer.h) names their version. Members are written in the order of the calls. */
#ifndef SLCT_TAR_WRITE_H
#define SLCT_TAR_WRITE_H

#include "oci/entry.h"
#include "src/util/stream.h"

struct tar_write;

/* dst is borrowed: neither finished nor closed. */
struct tar_write *tar_write_new(struct wstream *dst);
void tar_write_free(struct tar_write *t); /* NULL is fine */
/* Put this before every member's name and hard-link target from now on, e.g. "./"; borrowed. */
void tar_write_prefix(struct tar_write *t, const char *prefix);
/* Begin a member. A directory's name gets its slash here. Of a regular file exactly en->size bytes must follow by
 * tar_write_data before the next call. Sockets are refused. */
int tar_write_entry(struct tar_write *t, const struct entry *en, struct err *e);
int tar_write_data(struct tar_write *t, const void *p, size_t n, struct err *e);
/* A whole regular file owned by 0:0; mode are the permission bits, mtime seconds. */
int tar_write_file(struct tar_write *t, const char *path, mode_t mode, int64_t mtime, const void *p, size_t n,
		   struct err *e);
/* A directory owned by 0:0. */
int tar_write_dir(struct tar_write *t, const char *path, mode_t mode, int64_t mtime, struct err *e);
/* The end: two blocks of zeros (no padding to a record of 20 blocks). dst is not finished. */
int tar_write_end(struct tar_write *t, struct err *e);
/* Members begun so far. */
uint64_t tar_write_count(const struct tar_write *t);
/* Latest mtime among them; 0 if there is none after 1970. */
int64_t tar_write_newest(const struct tar_write *t);

static inline void tar_write_freep(struct tar_write **t)
{
	tar_write_free(*t);
}
#define AUTO_TAR_WRITE AUTO(tar_write_freep)

#endif
