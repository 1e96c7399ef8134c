/* What a tree digest of a context was made of, kept in the store as files/<hex of the digest> so that `why` can name
 * the files that differ. A list is a hint: one that is missing or damaged only makes an answer less exact.
 *
 * Form, version 1: "slct-files 1\n", then for each entry "MODE SUM LENGTH:PATH\n": st_mode in octal, the first 32 hex
 * digits of the content's sum (of a link those of its target; "-" for others), and the path, whose length comes before
 * it because it may hold any byte. gc removes the lists that no record names. */
#ifndef SLCT_TREELIST_H
#define SLCT_TREELIST_H

#include "oci/store.h"
#include "src/plan/source.h"
#include "src/util/vec.h"

/* Of more entries no list is kept. */
#define TREELIST_ENTRIES_MAX 200000u
#define TREELIST_MAX_BYTES   ((size_t)64 << 20)

/* Append an entry of a match; content: its sum, NULL if it has none. */
void treelist_add(struct buf *list, const struct source_match *m, const struct source_entry *en,
		  const uint8_t *content);
void treelist_begin(struct buf *list);
bool treelist_has(struct store *s, const struct digest *tree);
int treelist_put(struct store *s, const struct digest *tree, const struct buf *list, struct err *e);
/* "src/a.py changed", "src/b.py is new", "src/c.py is gone", at most `most`, then "and N more". False if one of the
 * lists is not there; the digests as texts ("sha256:..."). */
bool treelist_changes(struct store *s, const char *then, const char *now, size_t most, struct strv *out);
/* The same with the earlier list itself, which comes from elsewhere: false as well if it is not whole. */
bool treelist_changes_from(struct store *s, struct sv then, const char *now, size_t most, struct strv *out);
/* The list of a digest, at most max bytes. */
bool treelist_get(struct store *s, const char *tree, size_t max, struct buf *out);

#endif
