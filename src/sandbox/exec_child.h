/* The last part of a step's set-up, in the process that becomes the command: session, working directory, capabilities,
 * filter, identity, exec (security.md rule 4). */
#ifndef SLCT_EXEC_CHILD_H
#define SLCT_EXEC_CHILD_H

#include "src/sandbox/passwd.h"
#include "src/sandbox/sandbox.h"
#include "src/util/vec.h"

/* With the step's root as "/": start the command. Does not return on success; on
 * failure sets *e: ERR_INPUT for what the Dockerfile or the image got wrong, ERR_HOST for the rest. sock: in tier solo,
 * where the supervisor takes its descriptor (solo_confine); else -1. */
int exec_child(const struct sandbox_spec *s, const struct passwd_ids *ids, int sock, struct err *e);

/* The programs that execvp(3) would try, by `path` (a PATH) below the open root, without running anything; asked as uid
 * 0. One whose file or interpreter is reached through a magic link of /proc is none: it would be slct's own
 * (CVE-2019-5736). Relative and empty entries of PATH are passed over. ERR_INPUT if there is none. */
int exec_child_find(int root, const char *name, const char *path, struct strv *out, struct err *e);

#endif
