/* Extraction of a hostile tar beneath a directory descriptor. docs/internals/oci-layer.md has the rules as a table. */
#ifndef SLCT_APPLY_H
#define SLCT_APPLY_H

#include "oci/owners.h"
#include "oci/tar_read.h"

struct apply_opts {
	bool plain;		    /* no changeset: `.wh.` names are refused */
	bool may_mknod;		    /* device nodes are made, not recorded */
	bool own;		    /* owners and extended attributes are left out: all belongs to the caller */
	const struct ownview *view; /* how owners are kept; may be NULL */
	struct owners *owners;	    /* gets all that is recorded; may be NULL */
	struct strv *implied; /* gets the paths of directories that the tar has only as parts of names; may be NULL */
};
struct apply_result {
	uint64_t entries; /* members without the root */
	bool lossy;
};

/* All members of t into destfd, an empty directory that nobody else uses. Parents are resolved without following any
 * link; a member never writes through what an earlier one made: it replaces it. Errors name the member. */
int apply_tar(struct tar_read *t, int destfd, const struct apply_opts *o, struct apply_result *out, struct err *e);

#endif
