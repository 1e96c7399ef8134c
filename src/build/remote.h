/* ADD of files of web servers and of git repositories: fetched before the keys are made, since they are part of them.
 * A file becomes a blob of the store; one that --checksum names and that is there already is not fetched again. */
#ifndef SLCT_REMOTE_H
#define SLCT_REMOTE_H

#include "src/build/copyto.h"
#include "src/build/state.h"

/* Everything that evaluated steps ask for. */
int remote_fetch_all(struct build *b, struct err *e);
/* In the step's worker: copy them; `to` has all but source and list. */
int remote_copy(const struct step_job *j, const struct copyto *to, struct err *e);

#endif
