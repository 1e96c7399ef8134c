/* Bearer tokens of one registry: fetched once per set of scopes, used until they expire, shared by all calls. */
#ifndef SLCT_TOKEN_H
#define SLCT_TOKEN_H

#include "registry/call.h"
#include "registry/challenge.h"
#include "registry/cred.h"

struct token;

struct token_source {
	/* set by the owner; borrowed */
	struct http *http;
	struct cred_store *creds;
	const struct strv *insecure;
	struct certdir *certs;
	const struct url *registry; /* address as it is spoken to */
	const char *name;	    /* as users write it */
	unsigned retries;
	/* private */
	char *realm, *service;
	uint64_t last_id;
	VEC_OF(struct token *) tokens;
};

void token_release(struct token_source *s);
/* Where tokens come from, and c's scopes, by a challenge. -1: it cannot be met. */
int token_challenge(struct token_source *s, struct call *c, const struct challenge *ch, struct err *e);
/* For call_policy.prepare: put a token into *c, or make it wait for one. */
enum call_go token_use(struct token_source *s, struct call *c, struct err *e);
/* c's token was refused: 0 if it is worth asking for another one, -1 if new ones are refused as well. */
int token_refused(struct token_source *s, struct call *c);
/* c's token was accepted. */
void token_accepted(struct token_source *s, const struct call *c);
/* c waits no more. */
void token_forget(struct token_source *s, const struct call *c);

#endif
