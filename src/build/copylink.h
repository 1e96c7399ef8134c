/* COPY --from by hard links: a file that keeps owner, mode, time and attributes gets one more name in the new layer's
 * tree in place of a copy. Internal to copyto.
 *
 * Only between published trees and upper directories of overlays, where nobody writes in place (never where these are
 * on a tmpfs, or where steps work in root directories), and only if no other path of the resulting root has the inode
 * (oci/shares.h): none of the stack's layers may have inodes of the file's layer, and no other file that is copied may
 * be the same or have the same place.
 *
 * An overlay must not be changed from below while it is mounted. So the files are only noted while the others are
 * copied, and linked when nobody looks at the mounted root any more. */
#ifndef SLCT_COPYLINK_H
#define SLCT_COPYLINK_H

#include "src/build/copyto.h"
#include "src/build/state.h"

struct copyfile_meta;
struct copylink;

/* list: all that will be copied, from the root srcfd, which shows the stack `from`; borrowed, as the rest. upper: of
 * the destination, relative to the store. NULL: nothing can be linked. */
struct copylink *copylink_new(const struct build *b, const struct digest_list *parent, const struct digest_list *from,
			      int srcfd, const char *upper, const struct source_list *list);
void copylink_free(struct copylink *l);

/* Note that en, a regular file with what m says, shall be `name` below dirfd, a directory of the mounted root where
 * nothing has that name. again: it is a further name of a file whose first one was offered before. 1: it will be there
 * after copylink_finish(), 0: it must be copied, -1 with *e. */
int copylink_add(struct copylink *l, const struct source_entry *en, const struct copyfile_meta *m, int dirfd,
		 const char *name, bool again, struct err *e);

/* Link what was noted. The mounted root must not be looked at any more. What cannot be linked is cloned. */
int copylink_finish(struct copylink *l, struct err *e);

#endif
