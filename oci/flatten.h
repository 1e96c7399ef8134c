/* A merged root file system as one canonical tar: `slct export`, --squash, type=tar. */
#ifndef SLCT_FLATTEN_H
#define SLCT_FLATTEN_H

#include "oci/layer.h"
#include "src/util/vec.h"

struct flatten_link {
	const char *path, *target;
};
struct flatten_extra {
	const char *path;
	const void *data;
	size_t n;
	mode_t mode;
};
struct flatten_opts {
	const char *const *exclude; /* globs anchored at the root, matched against the path without leading slash; a
				       match leaves out the entry and all below it ("dev/[*]" keeps dev itself) */
	size_t nexclude;
	const struct flatten_link *links; /* added, replacing what is there; parents made if missing */
	size_t nlinks;
	const struct flatten_extra *files; /* the same; after the links */
	size_t nfiles;
	const struct flatten_extra *last; /* members at the very end, in order */
	size_t nlast;
	bool flat_names;			   /* member names without a leading "./" */
	void (*seen)(void *arg, const char *path); /* each path that is not left out; NULL: not wanted */
	void *arg;
	const struct ownview *view; /* how owners are recorded in the tree; may be NULL */
};
/* rootfd: the merged tree (an overlay mount or plain directory). Overlay marks do not appear here. Members are in the
 * canonical order of layers, then links and files with the directories they lack, then `last`; these have the time of
 * the newest member of the tree. Sockets are left out. out is borrowed as in layer_pack. Errors (ERR_INPUT): a link or
 * file at the root, below another one, or below what is no directory in the tree. */
int flatten_write(int rootfd, const struct flatten_opts *o, const struct layer_codec *codec, struct wstream *out,
		  struct layer_info *info, struct err *e);

#endif
