/* Files of web servers as blobs of the store, several at a time. What a server said about a file (ETag, Last-Modified)
 * is kept in urls/<hash of the URL>.json with the file's digest: the next build asks whether it has changed (RFC 9110
 * section 13) and takes the blob if not. gc keeps record and blob as long as cache records of that age. */
#ifndef SLCT_URLFETCH_H
#define SLCT_URLFETCH_H

#include "src/build/state.h"
#include "src/util/hash.h"

/* Transfers at the same time. */
#define URLFETCH_PARALLEL 6

struct urlfetch {
	const char *url;      /* borrowed */
	enum hash_alg alg;    /* of the digest that is wanted */
	struct digest digest; /* out: of a blob that is there */
	struct err err;	      /* out: why there is none; to be released */
	/* private */
	struct urlfetch_run *run;
	char *etag, *last_modified;
	struct digest known;
	bool started;
};

struct urlfetch_list {
	struct urlfetch *v;
	size_t n, cap;
};

/* All of them, each with its own result; with --offline what the store has of each. -1 if the build was cancelled (*e).
 */
int urlfetch_all(struct build *b, struct urlfetch_list *l, struct err *e);
void urlfetch_release(struct urlfetch_list *l);
#define AUTO_URLFETCH AUTO(urlfetch_release)

#endif
