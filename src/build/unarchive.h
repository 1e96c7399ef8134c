/* ADD of local archives: found by content, unpacked into a directory of ours, then copied like a root file system, so
 * that an archive's links never lead the extraction anywhere. */
#ifndef SLCT_UNARCHIVE_H
#define SLCT_UNARCHIVE_H

#include "src/build/copyto.h"
#include "src/build/state.h"

struct unarchive {
	const struct build *b;
	const struct step_job *job;
	const struct copyto *to;
	const char *prefix; /* of names of directories in the step's */
	unsigned count;
};

/* Whether the file is a tar, compressed or not; it is read from its offset, and rewound if it is one. */
bool unarchive_is_archive(int fd);
/* copyto.unpack; arg is a struct unarchive. */
int unarchive_entry(void *arg, const struct source_entry *en, const char *dest, struct err *e);

#endif
