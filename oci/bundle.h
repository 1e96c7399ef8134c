/* Archives of images (oci-archive, docker-archive) as input. The tar is read once, forwards; its regular members are
 * kept as temp files of the store with their digests, so what is needed becomes a blob by a rename. Names of members
 * are keys of a table and never paths. */
#ifndef SLCT_BUNDLE_H
#define SLCT_BUNDLE_H

#include "oci/store.h"

struct bundle;

/* Read the whole file (tar, plain or gzip). NULL with *e: ERR_INPUT for what is no archive. */
struct bundle *bundle_open(struct store *s, const char *file, struct err *e);
void bundle_close(struct bundle *b); /* removes what was not imported; NULL is fine */
static inline void bundle_closep(struct bundle **b)
{
	bundle_close(*b);
}
/* Whether there is a regular member of that name, links followed inside the archive. */
bool bundle_has(const struct bundle *b, const char *name);
/* Append a member's bytes; ERR_NOT_FOUND, ERR_INPUT if it is larger than out's maximum. */
int bundle_read(struct bundle *b, const char *name, struct buf *out, struct err *e);
/* Make a member a blob of the store. want (may be NULL): digest and size that it must have. *found (may be NULL) gets
 * its digest and size. */
int bundle_import(struct bundle *b, const char *name, const struct descriptor *want, struct descriptor *found,
		  struct err *e);
/* New descriptor for reading a member, at its beginning, also after its import; -1 with *e. */
int bundle_member_fd(struct bundle *b, const char *name, struct err *e);
struct store *bundle_store(const struct bundle *b);

/* bundle_docker.c: image `tag` (NULL: the only one) of a docker-archive. Its layers are verified against the config's
 * diff ids, and an OCI manifest is made for it. *name (may be NULL): its tag as written, or NULL. */
int bundle_docker_load(struct bundle *b, const char *tag, struct descriptor *manifest, char **name, struct err *e);

#endif
