/* A registry's front door: GET /v2/ (distribution-spec "determining support"), to see whether a login is taken. */
#ifndef SLCT_REGPING_H
#define SLCT_REGPING_H

#include "registry/regsession.h"

/* See registry_login. */
int regping_login(struct regsession_pool *p, const char *host, bool *asked, struct err *e);

#endif
