/* Installed packages from the text databases of package managers. Pure; foreign text, bounded by its caller. */
#ifndef SLCT_PKGLIST_H
#define SLCT_PKGLIST_H

#include "src/util/smap.h"
#include "src/util/sv.h"

/* /var/lib/dpkg/status (and files of status.d): "NAME" or, if it is foreign to no other, "NAME" → version; a name that
 * comes with several architectures is "NAME:ARCH". Only what is installed. */
void pkglist_dpkg(struct sv text, struct smap *out);
/* /lib/apk/db/installed */
void pkglist_apk(struct sv text, struct smap *out);
/* /var/lib/rpmmanifest/container-manifest-2, the list that distroless images of rpm's distributions keep in the place
 * of the database (rpmdb.h): a line for each package, tab-separated, name and version-release first. */
void pkglist_rpm(struct sv text, struct smap *out);
/* A directory NAME-VERSION.dist-info or NAME-VERSION[-pyX.Y].egg-info; false if it is none. */
bool pkglist_pip(const char *dirname, struct smap *out);

#endif
