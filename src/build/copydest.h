/* The destination of a copy: finding it and making it. Internal to copyto. */
#ifndef SLCT_COPYDEST_H
#define SLCT_COPYDEST_H

#include "src/build/copyto.h"

/* Make the directory `path` (absolute, in the destination's root) and its missing parents, as the copy gives owner and
 * mode to what it makes on the way. O_PATH descriptor, or -1 with *e. */
int copydest_make(const struct copyto *c, const char *path, struct err *e);
/* Where the file or link that a match names goes: "dest/" or an existing directory takes it under its own name. Caller
 * frees. */
char *copydest_of_file(const struct copyto *c, const struct source_match *m);
/* Room for a new entry: whatever has the name is removed. A directory stays where one is to be made; a change between
 * directory and other types is an error unless c->replace. */
int copydest_make_room(const struct copyto *c, int dirfd, const char *name, bool for_dir, struct err *e);

#endif
