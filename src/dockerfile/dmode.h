/* Modes of --chmod: an octal number, or symbolic as chmod(1) reads them ("u+rwX,go=r"; without a class: all, no umask).
 */
#ifndef SLCT_DMODE_H
#define SLCT_DMODE_H

#include <sys/stat.h>

#include "src/util/err.h"

#define DMODE_OPS_MAX 32

struct dmode_op {
	char op;	  /* '+', '-', '=' */
	mode_t who;	  /* mask of the bits that may change */
	mode_t bits;	  /* rwx of all classes, setuid, setgid, sticky; cut to `who` */
	bool exec_if_any; /* X: x for directories and what somebody may execute already */
	char copy;	  /* 'u', 'g', 'o': the permissions of that class; 0: none */
};

struct dmode {
	bool absolute;
	mode_t bits; /* absolute: 0 to 07777 */
	struct dmode_op ops[DMODE_OPS_MAX];
	size_t n;
};

/* ERR_INPUT says what a mode looks like. */
int dmode_parse(const char *text, struct dmode *out, struct err *e) ATTR_NODISCARD;
/* Permission bits (07777) of a file that has `mode` (with its type). */
mode_t dmode_apply(const struct dmode *m, mode_t mode);

#endif
