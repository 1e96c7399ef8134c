/* The recorded owners of a layer tree as a list by path: layers/<form>/<hex of diff id>.owners.
 *
 * Links, fifos and sockets can carry no record of their own, and a copy of the store made without extended attributes
 * loses those of all others. So everything recorded in a tree is also written down here when it is published, and the
 * tree is checked against it before it is used.
 *
 * The file: "slct-owners 1 ROWS" and a line feed, then for each row, sorted by path, the record in the text form of
 * ownrec.h, a space, the path relative to the tree's root ("." for the root), a NUL. Bounded, strict. */
#ifndef SLCT_OWNERS_H
#define SLCT_OWNERS_H

#include "src/util/buf.h"
#include "src/util/err.h"
#include "src/util/ownview.h"

/* Of paths and rows in memory, and of the file: some millions of files. */
#define OWNERS_MAX_BYTES ((size_t)512 << 20)

struct owners_row {
	char *path;
	struct ownrec rec;
};

struct owners {
	struct owners_row *v;
	size_t n, cap, bytes;
};

void owners_release(struct owners *o);
#define AUTO_OWNERS AUTO(owners_release)
/* Add a row; a later one for the same path wins. ERR_INPUT beyond OWNERS_MAX_BYTES. */
int owners_add(struct owners *o, const char *path, const struct ownrec *rec, struct err *e);
/* The same with what is recorded of a node (ownview.h) of this type on disk; nothing if there is no record. The row of
 * a node that carries no attributes has its mode, too, so that its type is known. */
int owners_note(struct owners *o, const struct ownview *view, int dirfd, const char *name, mode_t mode,
		const char *path, struct err *e);
/* The file's bytes; sorts the rows. */
void owners_write(struct owners *o, struct buf *out);
/* ERR_INTEGRITY for anything but what owners_write gives. */
int owners_parse(struct sv text, struct owners *out, struct err *e);

/* The last names of all paths. */
void owners_names(const struct owners *o, struct nameset *names);
/* Compare the tree with the list: rows of links and the like go to view->rows; with `repair`, records of files and
 * directories that are missing or different are written again, and *repaired counts them (else they are taken for
 * granted, which costs nothing). A path that is not there is ERR_INTEGRITY: this is another tree. */
int owners_check(int treefd, const struct owners *o, const struct ownview *view, bool repair, size_t *repaired,
		 struct err *e);

#endif
