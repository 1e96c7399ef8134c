/* What differs between two images of the store: files by path, installed packages by name. */
#ifndef SLCT_IMGDIFF_H
#define SLCT_IMGDIFF_H

#include "src/session/session.h"
#include "src/util/json.h"

/* {"version": 1, "from", "to", "added": [FILE…], "removed": [FILE…], "changed": [{"path", "type", "changes": {…}}…],
 *  "packages": {"dpkg"|"apk"|"rpm"|"pip": {"added": {NAME: VERSION}, "removed": {…}, "changed": {NAME: [FROM, TO]}}},
 *  "notes": [TEXT…]}
 * FILE has path, type, mode, uid, gid, size; changes has [from, to] for type, mode, owner, size, target, device, and
 * true for content. With `strict` also mtime (seconds), link (the path that is the same file, or null) and xattrs
 * (names of those that differ, or that only one has); else these do not count. New reference. */
struct imgdiff_opts {
	bool strict;
	const size_t *layers; /* of both: as if the images ended with this many; NULL: whole images */
};
int imgdiff(struct session *s, const char *from, const char *to, const struct imgdiff_opts *o, struct json **out,
	    struct err *e);

#endif
