/* Files that were copied into a step's upper directory only to get another time: written down before the step, taken
 * out again after it where the step has not changed them. */
#ifndef SLCT_CLOCKUNDO_H
#define SLCT_CLOCKUNDO_H

#include "src/build/state.h"

/* Note what is in the upper directory now: the named files and the directories that hold them. */
int clockundo_note(const struct step_job *j, const struct strv *files, struct err *e);
/* Remove those whose inode and change time (ctime) are still the same, and the directories that are empty then. Fine if
 * nothing was noted. */
int clockundo_run(const struct step_job *j, struct err *e);

#endif
