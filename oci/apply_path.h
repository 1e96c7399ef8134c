/* Names inside a hostile tar: made safe, and opened. Part of apply. */
#ifndef SLCT_APPLY_PATH_H
#define SLCT_APPLY_PATH_H

#include "src/util/base.h"
#include "src/util/buf.h"
#include "src/util/err.h"

/* Name of a member or hard-link target as relative path without ".", doubled or outer slashes; "" is the root. ".."
 * anywhere is an error, also too long or too deep paths. Caller frees; NULL with *e. */
char *apply_path_clean(const char *raw, struct err *e);

/* What a leaf means in a changeset (image-spec layer.md "Whiteouts"). */
enum apply_kind {
	APPLY_ORDINARY,
	APPLY_WHITEOUT, /* .wh.NAME: NAME is gone */
	APPLY_OPAQUE,	/* .wh..wh..opq */
	APPLY_IGNORED,	/* other .wh..wh. names: notes of AUFS, here or in a directory above */
};
/* Of a clean path; *name (may be NULL) is where NAME begins. Whiteouts of "", "." and ".." and members inside a
 * whiteout are errors. */
int apply_path_kind(const char *path, enum apply_kind *kind, const char **name, struct err *e);

#endif
