/* A file to Exasol's BucketFS, or any server that takes PUT: one request with basic authentication, streamed from a
 * descriptor, repeated where that is worth it, and the size asked for afterwards. Used in a `fetch` worker. */
#ifndef SLCT_BUCKETFS_H
#define SLCT_BUCKETFS_H

#include "src/util/err.h"
#include "src/util/vec.h"

struct bucketfs {
	const char *url;		 /* of the file */
	const char *username, *password; /* NULL: none */
	const char *ca_file;		 /* PEM; NULL: those of the system */
	bool insecure;			 /* the certificate is not verified */
	int fd;				 /* the file, seekable */
	uint64_t size;
	unsigned retries; /* after the first try; 0: the default */
	/* out */
	bool read_back; /* the server has said the size, and it is right */
};

/* ERR_REGISTRY with http status and a hint; ERR_INTEGRITY if the server has another size afterwards. A server that does
 * not say the size is no error: read_back is false. */
int bucketfs_put(struct bucketfs *b, struct err *e);
/* Whether the server has a file of this size at the URL; one that does not say its size has none. */
int bucketfs_is_there(struct bucketfs *b, bool *there, struct err *e);

#endif
