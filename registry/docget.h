/* Small documents of a registry in memory: manifests, indexes, configs. Verified before anybody looks at them. */
#ifndef SLCT_DOCGET_H
#define SLCT_DOCGET_H

#include "oci/descriptor.h"
#include "oci/mediatype.h"
#include "registry/regsession.h"
#include "src/util/base.h"

/* Documents under way at once; connections are bounded by the transport. */
#define DOCGET_PARALLEL 32

/* Field of every request for a manifest. */
#define DOCGET_ACCEPT                                                                                                  \
	"Accept: " MEDIATYPE_OCI_INDEX ", " MEDIATYPE_OCI_MANIFEST ", " MEDIATYPE_DOCKER_LIST                          \
	", " MEDIATYPE_DOCKER_MANIFEST

struct docget {
	/* in */
	const struct ref *ref;
	const char *what;   /* for messages: "manifest", "config" */
	char *tail;	    /* "manifests/latest"; owned */
	bool manifest;	    /* ask with the Accept list of manifests */
	struct digest want; /* none: what the tag gives; the digest that the registry states must still be the body's */
	uint64_t size;	    /* exact size, or 0: unknown */
	size_t max_bytes;
	/* out */
	struct err err; /* of this document */
	struct buf text;
	struct digest digest;
	char *content_type; /* without parameters; NULL: none */
	char *link;	    /* the field of that name; NULL: none */
	/* private */
	struct call call;
	size_t *left;
	bool retried;
};

void docget_release(struct docget *d);
/* Fetch all of them, in parallel. 0: each has its own result; -1: waiting failed. */
int docget_all(struct regsession_pool *p, struct docget *v, size_t n, struct err *e);
/* One document; its error becomes *e. */
int docget_one(struct regsession_pool *p, struct docget *d, struct err *e);

#endif
