/* Notes of use in a cache repository: which entries builds have read on a day, so that a collection keeps them. A note
 * is an image index of those entries under a tag of its own: one request writes it, no blob is needed, and builds that
 * read the same on one day write the same note. Pure. */
#ifndef SLCT_CACHEUSE_H
#define SLCT_CACHEUSE_H

#include "oci/manifest.h"

#define CACHEUSE_PREFIX	     "slct-used-"
#define CACHEUSE_TAG_BYTES   36			  /* prefix, YYYYMMDD, "-", 16 hex digits, NUL */
#define CACHEUSE_DAY_BYTES   20			  /* prefix, YYYYMMDD, "-", NUL */
#define CACHEUSE_DAY	     "io.slct.cache.used" /* annotation of the index: the day, RFC 3339 */
#define CACHEUSE_ENTRIES_MAX 2000		  /* of one note; more are left out */

/* The note of a day (any second of it since 1970, UTC) about entries, in any order, also several times; appended. */
void cacheuse_write(int64_t when, const struct descriptor *const *entries, size_t n, struct buf *text);
/* Its tag, and what the tags of all notes of that day begin with. */
void cacheuse_tag(int64_t when, struct sv text, char out[CACHEUSE_TAG_BYTES]);
void cacheuse_day(int64_t when, char out[CACHEUSE_DAY_BYTES]);
bool cacheuse_is_tag(const char *tag);
/* Until when the entries of a note of this tag count as used: the last second of the day, since 1970. -1: no tag of a
 * note. */
int64_t cacheuse_until(const char *tag);

#endif
