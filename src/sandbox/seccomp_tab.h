/* Tables of the default seccomp profile. Names are looked up by libseccomp; a call that it or the machine's ABI does
 * not know is skipped, calls newer than libseccomp stand with their number (equal on all ABIs since 424). */
#ifndef SLCT_SECCOMP_TAB_H
#define SLCT_SECCOMP_TAB_H

#include "src/util/base.h"

/* Condition on one argument: (argument & mask) == value; mask 0: none. */
struct seccomp_tab_arg {
	unsigned index;
	uint64_t mask, value;
};

struct seccomp_tab_rule {
	const char *name;
	int sys; /* errno to give */
	struct seccomp_tab_arg arg;
};

struct seccomp_tab_number {
	int nr;
	const char *name;
};

/* Refused whatever else is allowed. */
extern const struct seccomp_tab_rule seccomp_tab_never[];
extern const size_t seccomp_tab_nnever;
/* Allowed. */
extern const char *const seccomp_tab_allowed[];
extern const size_t seccomp_tab_nallowed;
extern const struct seccomp_tab_number seccomp_tab_allowed_new[];
extern const size_t seccomp_tab_nallowed_new;
/* Answered with success and not done, if the caller wants it. */
extern const char *const seccomp_tab_sync[];
extern const size_t seccomp_tab_nsync;
/* Known but refused: EPERM, so that programs do not take it for an old kernel. */
extern const char *const seccomp_tab_denied[];
extern const size_t seccomp_tab_ndenied;

#endif
