/* What differs between two images of the store: files by path, installed packages by name. */
#ifndef SLCT_IMGDIFF_H
#define SLCT_IMGDIFF_H

#include "src/build/session.h"
#include "src/util/json.h"

/* {"version": 1, "from", "to", "added": [FILE…], "removed": [FILE…], "changed": [{"path", "changes": {…}}…],
 *  "packages": {"dpkg"|"apk"|"rpm"|"pip": {"added": {NAME: VERSION}, "removed": {…}, "changed": {NAME: [FROM, TO]}}},
 *  "notes": [TEXT…]}
 * FILE has path, type, mode, uid, gid, size; changes has [from, to] for type, mode, owner, size, target, device, and
 * true for content. Times do not count. New reference. */
int imgdiff(struct session *s, const char *from, const char *to, struct json **out, struct err *e);

#endif
