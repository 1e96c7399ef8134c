/* The named inputs of a step as records keep them for `why`: what looks secret is left out, and what differs between
 * two of them. Pure; the fields come from ckey_end(). */
#ifndef SLCT_INPUTS_H
#define SLCT_INPUTS_H

#include "src/util/json.h"
#include "src/util/vec.h"

/* What stands in the place of what is left out. */
#define INPUTS_MASK "***"

/* Whether a variable of this name may hold a secret: PASSWORD, GITHUB_TOKEN, API_KEY and the like. */
bool inputs_is_secret(const char *name);
/* A text without passwords of URLs, without the values of NAME=VALUE where NAME or VALUE looks secret, and without what
 * is known to be one (log_add_secret). Caller frees. */
char *inputs_mask_text(const char *text);
/* All strings of a value masked; new reference. */
struct json *inputs_mask(const struct json *inputs);

/* Names of the members that are not the same in both (an absent one differs from any), in the order of `now`. */
void inputs_differing(struct json *then, struct json *now, struct strv *out);
/* Variables ("K=V" or, left out, "K=***") that differ, as "K then → now", "K now set to …", "K not set any more". */
void inputs_env_changes(const struct json *then, const struct json *now, struct strv *out);
/* "then → now", each shortened to the place where they differ. NULL: absent. Caller frees. */
char *inputs_change(const char *then, const char *now);

#endif
