/* Recorded owners as the supervisor reads and writes them (tier solo): the extended attribute of ownrec.h on regular
 * files and directories; rows of owntab.h for links, fifos and sockets; rows in memory where a file system takes no
 * such attribute.
 *
 * A device node that a step makes is a socket with a row that has the device's mode: opening a socket file fails, as
 * opening a device on a nodev mount does. Devices of an image may also be empty regular files with the attribute. */
#ifndef SLCT_SOLO_REC_H
#define SLCT_SOLO_REC_H

#include "src/sandbox/solo_path.h"

/* Whether there may be a record for what has this name: cheap, for the many that have none. */
/* Whether what fd is open on, of device dev, belongs to the step's root and not to something mounted in it. */
bool solo_rec_in_root(const struct solo *s, int fd, uint64_t dev);
bool solo_rec_maybe(const struct solo *s, const struct solo_name *name);
/* The record of an object by its O_PATH descriptor and fstat: 1 and *rec, or 0 and *rec = 0:0 as on disk. A malformed
 * record counts as none. */
int solo_rec_get(const struct solo *s, int fd, const struct stat *st, struct ownrec *rec);
/* Set or, for 0:0 as on disk, remove it. 0 or a negative errno. */
int solo_rec_set(struct solo *s, int fd, const struct stat *st, const struct ownrec *rec);
/* After a call that has copied a recorded link up: its row under the new inode. `before` is from before the call. */
void solo_rec_keep(struct solo *s, int fd, const struct ownrec *before);
/* The mode that the step sees. */
static inline mode_t solo_rec_mode(const struct ownrec *rec, mode_t disk)
{
	return rec->mode ? rec->mode : disk;
}

/* Whether the task may use an object (O_PATH descriptor and fstat) for R_OK, W_OK, X_OK, by its owner and mode. Of
 * other file systems than the root's nothing is known but what is recorded: yes. */
bool solo_rec_may(const struct solo_req *r, int fd, const struct stat *st, int want);

/* Whether the number of rows in any table makes look-ups of links worth while. */
bool solo_rec_rows(const struct solo *s);

#endif
