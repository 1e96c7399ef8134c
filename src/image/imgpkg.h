/* The packages that are installed in a root file system, by package manager, and what differs between two. What cannot
 * be read counts as not there: a damaged database is no reason not to compare. */
#ifndef SLCT_IMGPKG_H
#define SLCT_IMGPKG_H

#include "src/util/json.h"
#include "src/util/smap.h"

enum imgpkg_manager { IMGPKG_DPKG, IMGPKG_APK, IMGPKG_RPM, IMGPKG_PIP, IMGPKG_MANAGERS };

struct imgpkg {
	struct smap packages[IMGPKG_MANAGERS]; /* name → version; pip's are found by walking (pkglist_pip) */
	bool rpm; /* it has a database of rpm that cannot be read: Berkeley DB, ndb, or with a log of changes */
	int root; /* borrowed */
};

/* The databases of dpkg, apk and rpm below a root; links are resolved inside it. At most 128 MiB of each. */
void imgpkg_read(struct imgpkg *p, int root);
/* Sets "packages" of out: by manager "added" and "removed" (name → version) and "changed" (name → [from, to]), and
 * "notes": what could not be compared. */
void imgpkg_diff(const struct imgpkg *from, const struct imgpkg *to, struct json *out);

#endif
