/* From an answer that is no success to an error that a person understands: the registry's own words (distribution-spec
 * "error codes"), the URL without secrets, the status, the remedy. No input and output of its own. */
#ifndef SLCT_REGERR_H
#define SLCT_REGERR_H

#include "src/util/base.h"
#include "src/util/err.h"
#include "src/util/sv.h"

/* Bytes of an error's body that are looked at. */
#define REGERR_BODY_MAX ((size_t)64 << 10)

struct regerr {
	const char *method, *url; /* url as sent: the query is left out of the message */
	const char *host;	  /* as the user names the registry */
	const char *user;	  /* whose credentials were sent, NULL: none were */
	const char *helper;	  /* why its credential helper gave no login, NULL: there is none */
	int status;
	struct sv body;
	struct sv www_authenticate; /* of a 401; empty: absent */
};

/* ERR_NOT_FOUND for 404, ERR_REGISTRY for the rest; http, retryable and hint set. Returns -1. */
int regerr_set(struct err *e, const struct regerr *r);
/* Whether the body's errors[] has that code ("BLOB_UNKNOWN"). */
bool regerr_has_code(struct sv body, const char *code);

#endif
