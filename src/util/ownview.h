/* Owners, modes and device numbers as they are in the image, over what the disk can hold: records (ownrec.h) on regular
 * files and directories, a table (owntab.h) for all other nodes. Whatever reads or writes layer trees and merged roots
 * goes through this, so that an id that the namespace has no place for is never lost and never mistaken.
 *
 * Nodes are named by a directory and a name in it, links are not followed; the name "" means dirfd itself, which may be
 * an O_PATH descriptor of anything. /proc must be mounted. */
#ifndef SLCT_OWNVIEW_H
#define SLCT_OWNVIEW_H

#include <sys/stat.h>

#include "src/util/nameset.h"
#include "src/util/ownrec.h"
#include "src/util/owntab.h"

struct ownview {
	struct owntab
		*rows; /* of links, fifos, sockets: read and changed; NULL: there are none, and none can be kept */
	bool plain;    /* No user namespace: all on disk is the caller's and is 0:0 unless recorded. Files are kept
			* readable and writable for the caller, directories usable, the true mode recorded. */
	bool solo;     /* A namespace of one id: what stands in for another owner has no rights of its own, so setuid
			* bits stay on disk, where chmod(2) finds them. */
	struct nameset *names; /* gets the last names of all that is recorded in loaded trees; NULL: unwanted */
};

/* st as lstat(2) gave it becomes what the image has (st_uid, st_gid, st_mode, st_rdev; st_size of a placeholder is 0).
 * A record on a file or directory that has another owner than 0:0 on disk does not count, but in a plain or solo view.
 * v may be NULL: records count, the disk is right otherwise. 1: there is a record, 0: none, -1 with errno (EBADMSG: a
 * malformed one). */
int ownview_read(const struct ownview *v, int dirfd, const char *name, struct stat *st);

/* The record alone, of a node of this type, whether it counts or not: 1, 0 or -1 as above. */
int ownview_record(const struct ownview *v, int dirfd, const char *name, mode_t mode, struct ownrec *out);

enum ownview_kept { OWNVIEW_REAL, OWNVIEW_RECORDED, OWNVIEW_LOST };

/* Owner, then permissions. want->mode has the type, too: a device on a regular file makes that its placeholder. Gives
 * enum ownview_kept, or -1 with errno. v may be NULL: a namespace with ids of its own, and no table. */
int ownview_write(const struct ownview *v, int dirfd, const char *name, const struct ownrec *want);

/* Permissions of a file that only the caller will touch, as they stand on disk in a plain view. */
mode_t ownview_plain_mode(mode_t mode);

#endif
