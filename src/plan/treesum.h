/* Tree digests: what a selection of files is worth as an input. Over paths, types, permission bits, link targets,
 * device numbers, hard-link groups, content and extended attributes: all that a copy from a context takes over. From a
 * root also over owners and those mtimes that are not later than the stage's origin. Sockets are left out. */
#ifndef SLCT_TREESUM_H
#define SLCT_TREESUM_H

#include "oci/digest.h"
#include "src/plan/source.h"
#include "src/plan/statidx.h"

struct treesum;

/* origin: seconds; mtimes later than it are replaced by one marker (root only). */
struct treesum *treesum_new(bool of_root, int64_t origin);
void treesum_free(struct treesum *t);
/* In the order of the list: first each match, then its entries. content: SHA-256 of a regular file, else NULL. x: NULL
 * if the attributes are in the content's sum (treesum_fold) or do not count. */
void treesum_match(struct treesum *t, const struct source_match *m);
void treesum_entry(struct treesum *t, const struct source_entry *en, const struct source_xattrs *x,
		   const uint8_t *content);
void treesum_end(struct treesum *t, struct digest *out); /* frees t, too */

/* The sum of a file of a context with its extended attributes: the content's own where there are none. One value, so
 * that the stat index knows both (setxattr changes the ctime). */
void treesum_fold(uint8_t sum[STATIDX_SUM_BYTES], const struct source_xattrs *x);
/* SHA-256 of an open file from its beginning. */
int treesum_file(int fd, const char *name, uint8_t sum[STATIDX_SUM_BYTES], struct err *e);

/* The whole of it for a context, reading only what the index does not know. list (may be NULL): gets what the digest
 * was made of (treelist.h). */
int treesum_of_context(const struct source_set *s, const struct source_list *l, struct statidx *x, struct digest *out,
		       struct buf *list, struct err *e);

#endif
