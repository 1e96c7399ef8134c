/* WWW-Authenticate: what a registry asks for with a 401 (RFC 9110, sections 11.2 to 11.6.1; distribution's token
 * specification for Bearer). No input and output of its own. */
#ifndef SLCT_CHALLENGE_H
#define SLCT_CHALLENGE_H

#include "src/util/base.h"
#include "src/util/err.h"
#include "src/util/smap.h"
#include "src/util/sv.h"

#define CHALLENGE_MAX_BYTES ((size_t)8 << 10) /* of one header field */
#define CHALLENGE_MAX	    16		      /* challenges in all */

struct challenge {
	char *scheme;	    /* as written: "Bearer", "Basic" */
	struct smap params; /* names in lower case → values without quotes */
};

struct challenge_list {
	struct challenge *v;
	size_t n, cap;
};

void challenge_list_release(struct challenge_list *l);
#define AUTO_CHALLENGE_LIST AUTO(challenge_list_release)
/* Append the challenges of one header field; a field that breaks the grammar is ERR_REGISTRY. */
int challenge_parse(struct sv field, struct challenge_list *out, struct err *e);
/* First challenge of the scheme (case-insensitive), or NULL. */
const struct challenge *challenge_find(const struct challenge_list *l, const char *scheme);
const char *challenge_param(const struct challenge *c, const char *name); /* NULL if absent */

#endif
