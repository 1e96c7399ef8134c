/* What login and logout share. */
#ifndef SLCT_CMD_LOGIN_H
#define SLCT_CMD_LOGIN_H

#include "src/cli/cli.h"

/* host[:port] of the operand as references name it, also from a URL or one of Docker Hub's names; docker.io without an
 * operand. Caller frees; NULL: ERR_USAGE. */
char *cmd_login_host(const struct cli *c, struct err *e);

#endif
