/* A file from any http or https server, into a descriptor: contexts and ADD. No logins; redirects and repetitions as
 * for registries (call.h). */
#ifndef SLCT_URLGET_H
#define SLCT_URLGET_H

#include "src/util/err.h"
#include "src/util/vec.h"

/* More than this is refused. */
#define URLGET_MAX_BYTES (UINT64_C(64) << 30)

struct urlget {
	const char *url;
	const struct strv *insecure;	   /* hosts whose certificate is not verified; may be NULL */
	const char *ca_file, *cert_dir;	   /* as in registry_opts */
	int fd;				   /* an empty regular file */
	const char *if_etag, *if_modified; /* what an earlier answer said; NULL: unconditional */
	/* out; owned strings, NULL if the server does not say */
	char *last_modified, *etag, *disposition;
	uint64_t size;
	bool unchanged; /* since then: nothing was written */
};

void urlget_release(struct urlget *g); /* what `out` owns */
/* In a fetch worker. ERR_REGISTRY; http is the status. */
int urlget_file(struct urlget *g, struct err *e);

#endif
