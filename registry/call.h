/* One logical request: redirects, repetitions and logins are inside.
 *
 * What decides about addresses and credentials is a policy (regsession.h); a call without one goes to its own URL with
 * its own login. Credentials go to the origin of the call's URL and nowhere else. */
#ifndef SLCT_CALL_H
#define SLCT_CALL_H

#include "registry/certdir.h"
#include "registry/http.h"
#include "registry/retry.h"
#include "registry/url.h"
#include "src/util/base.h"
#include "src/util/buf.h"
#include "src/util/err.h"
#include "src/util/vec.h"

#define CALL_REDIRECTS_MAX 5
/* Tries after the first one where nobody listens: enough for a registry that is being restarted. */
#define CALL_CONNECT_RETRIES 2
/* The same where a transfer stalls, because each of these costs the stall time-out. */
#define CALL_STALL_RETRIES 1

struct call;

enum call_go { CALL_GO, CALL_WAIT, CALL_FAIL };

struct call_policy {
	/* Before a try: set url and the login. CALL_WAIT: call_resume() or call_fail() comes later. CALL_FAIL: *e. */
	enum call_go (*prepare)(void *arg, struct call *c, struct err *e);
	/* A 401 of the registry itself. 0: try again; -1: it is final (*e may be set to say why). */
	int (*challenged)(void *arg, struct call *c, struct err *e);
	/* No useful answer came: true if the next try goes to another address, at once. */
	bool (*fallback)(void *arg, struct call *c);
	/* An answer of the registry itself came. */
	void (*answered)(void *arg, struct call *c);
	/* The call is given up: it waits for nothing any more. */
	void (*forget)(void *arg, struct call *c);
};

struct call {
	/* in */
	struct http *http;
	const struct call_policy *policy; /* NULL: none */
	void *policy_arg;
	const struct strv *insecure; /* hosts where plain http and unverified TLS are fine; may be NULL */
	struct certdir *certs;	     /* certificates per host; may be NULL */
	const struct url
		*vouched_by; /* the registry that named this address: its authorities count here; may be NULL */
	const char *name;    /* of the registry, for messages; borrowed */
	const char *repo;    /* repository, for the policy; borrowed, may be NULL */
	enum http_method method;
	char *target;	     /* path and query below the registry's address; owned */
	char *scope;	     /* token scopes separated by spaces; owned, may be NULL */
	struct strv headers; /* owned */
	const struct http_body *body;
	bool strict_tls;	    /* certificates are verified also of this machine, unless insecure lists it */
	bool once;		    /* a failure is not tried again here */
	bool apart;		    /* see http.h */
	bool no_local;		    /* url itself must not lead to this machine */
	size_t max_bytes;	    /* of an answer that goes into `text` */
	void (*attempt)(void *arg); /* before each try; may change headers; may be NULL */
	int (*head)(void *arg, struct err *e);				/* a 2xx begins; may be NULL */
	int (*data)(void *arg, const void *p, size_t n, struct err *e); /* body of a 2xx; NULL: into `text` */
	void (*done)(void *arg); /* never from inside call_start(); may release the call */
	void *arg;
	struct retry retry;
	/* set by the policy, or by the caller where there is none; owned */
	struct url url;
	char *username, *password, *bearer;
	char *who, *helper; /* for messages: see regerr.h */
	uint64_t login_id;  /* the policy's */
	unsigned scheme_at, challenges, strikes;
	/* out */
	int status;
	struct buf text;
	struct err err; /* ERR_NONE: a 2xx came whole */
	enum http_fail fail;
	int64_t retry_after; /* of a failure; RETRY_AFTER_NONE */
	/* private */
	struct http_req req;
	struct http_timer timer;
	struct url at;
	unsigned hops;
	bool foreign, ended, truncated;
};

void call_start(struct call *c);
/* The same call once more, counts kept: from inside `done`. */
void call_again(struct call *c, int64_t delay_ns);
/* A transfer whose `data` or body gave HTTP_WAIT goes on. */
void call_unpause(struct call *c);
/* For policies: what the call waited for is there, or has failed (*e is copied). */
void call_resume(struct call *c);
void call_fail(struct call *c, const struct err *e);
/* Stop it if it is under way, and free what it owns; `done` does not come any more. */
void call_release(struct call *c);
/* Field of the last answer; SV_NULL if it is absent. */
struct sv call_field(const struct call *c, const char *name);

#endif
