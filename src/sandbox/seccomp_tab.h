/* Tables of the default seccomp profile. Names are separated by spaces and looked up by libseccomp; a call that it or
 * the machine's ABI does not know is passed over. Calls newer than libseccomp stand with their number, which is the
 * same on all ABIs since 424. */
#ifndef SLCT_SECCOMP_TAB_H
#define SLCT_SECCOMP_TAB_H

#include "src/util/base.h"

/* Refused with EPERM if (argument `index` & mask) == value, whatever else is allowed. */
struct seccomp_tab_rule {
	const char *name;
	unsigned index;
	uint64_t mask, value;
};

extern const struct seccomp_tab_rule seccomp_tab_never[];
extern const size_t seccomp_tab_nnever;
/* Allowed. */
extern const char seccomp_tab_allowed[];
extern const int seccomp_tab_allowed_new[];
extern const size_t seccomp_tab_nallowed_new;
/* Answered with success and not done, if the caller wants it. */
extern const char seccomp_tab_sync[];
/* Known but refused: EPERM, so that programs do not take it for an old kernel. */
extern const char seccomp_tab_denied[];

#endif
