/* What a forked child tells its parent: errors, warnings and the end of its command, as single messages over a
 * SOCK_SEQPACKET pair. Only code of ours writes there (the descriptor is closed on exec), yet the parent takes no
 * length or string on trust. */
#ifndef SLCT_CHILDMSG_H
#define SLCT_CHILDMSG_H

#include "src/util/err.h"

enum childmsg_kind { CHILDMSG_ERROR = 1, CHILDMSG_WARN, CHILDMSG_READY, CHILDMSG_DONE, CHILDMSG_LOST };

struct childmsg {
	uint32_t kind;
	int32_t code, sys; /* CHILDMSG_ERROR: enum err_code, errno */
	int32_t status;	   /* CHILDMSG_DONE: as from waitpid */
	char msg[1024];
	char hint[512];
};

/* pair[0] for the parent, pair[1] for the child; both close-on-exec. */
int childmsg_pair(int pair[2], struct err *e);
/* Whether the other end has gone (the parent died before the child could ask for its death signal). */
bool childmsg_orphan(int fd);

/* The senders never fail: where the parent is gone there is nobody to tell. */
void childmsg_error(int fd, const struct err *e);
void childmsg_warn(int fd, const char *fmt, ...) ATTR_PRINTF(2, 3);
void childmsg_lost(int fd, const char *text); /* sandbox_result.lost */
void childmsg_ready(int fd);
void childmsg_done(int fd, int wait_status);

/* Next message: 1; 0 when the child's end is closed; -1 with *e for anything else. Blocks. */
int childmsg_recv(int fd, struct childmsg *m, struct err *e);
/* Set *e from a CHILDMSG_ERROR; returns -1. */
int childmsg_to_err(const struct childmsg *m, struct err *e);
/* For helpers that say READY or ERROR and nothing else: 0, or -1 with *e; an early end of the child is an error too. */
int childmsg_wait_ready(int fd, const char *what, struct err *e);

#endif
