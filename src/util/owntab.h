/* Recorded owners of nodes that can carry no user extended attribute (symlinks, fifos, sockets).
 *
 * A table from a node's identity to its record (ownrec.h). The identity is the inode number together with the time of
 * birth that statx(2) gives for the file in its layer tree or upper directory, all on the store's one file system: an
 * inode number that was freed and used again has another birth time. One that the file system does not know is 0:0.
 *
 * As a file: the line "slct-owntab 1 ROWS", then for each row, sorted by key, "INO SEC NSEC OWNREC" with the record in
 * the text form of ownrec.h. All numbers are decimal; the time may be negative. */
#ifndef SLCT_OWNTAB_H
#define SLCT_OWNTAB_H

#include <sys/stat.h>

#include "src/util/err.h"
#include "src/util/ownrec.h"

/* More than any image has; the file of so many rows has at most 512 MiB. */
#define OWNTAB_MAX_ROWS ((size_t)4 << 20)

struct owntab_key {
	uint64_t ino;
	int64_t btime_s;
	uint32_t btime_ns;
};

struct owntab;

struct owntab *owntab_new(void);
void owntab_free(struct owntab *t); /* NULL is fine */
static inline void owntab_freep(struct owntab **t)
{
	owntab_free(*t);
}
#define AUTO_OWNTAB AUTO(owntab_freep)

/* The key of what statx(2) with STATX_INO | STATX_BTIME has found. */
struct owntab_key owntab_key_of(const struct statx *st);

/* Add or replace. Rows beyond OWNTAB_MAX_ROWS: -1 with errno ENOSPC, nothing changed. */
int owntab_set(struct owntab *t, const struct owntab_key *k, const struct ownrec *rec);
/* Whether there is a row; *out may be NULL. t may be NULL: no rows. */
bool owntab_get(const struct owntab *t, const struct owntab_key *k, struct ownrec *out);
bool owntab_del(struct owntab *t, const struct owntab_key *k); /* whether there was one */
size_t owntab_len(const struct owntab *t);
/* All rows in no order: start with *pos = 0; false after the last. The table must not change meanwhile. */
bool owntab_next(const struct owntab *t, size_t *pos, struct owntab_key *k, struct ownrec *rec);

/* Replace the contents of the open regular file by the table. */
int owntab_save(const struct owntab *t, int fd, struct err *e);
/* Set the rows of the file, from its beginning. An empty file, a malformed one, one that was cut off or has more than
 * OWNTAB_MAX_ROWS is ERR_INTEGRITY; rows read before the fault may be set. */
int owntab_load(struct owntab *t, int fd, struct err *e);

#endif
