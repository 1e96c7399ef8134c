/* What the operations on images share: a build without a plan, whole images in the store, layers on demand. */
#ifndef SLCT_OPSBASE_H
#define SLCT_OPSBASE_H

#include "src/build/state.h"
#include "src/session/blobs.h"

/* A build state that has only what trees.c needs: session and a directory for work. */
int opsbase_init(struct build *b, struct session *s, struct err *e);
void opsbase_release(struct build *b);
/* A reference without "docker://" in front; borrowed. */
const char *opsbase_reference(const char *text);
/* Make all layer trees of a stack, waiting. */
int opsbase_trees(struct build *b, const struct digest_list *stack, const char *what, struct err *e);
/* Image by name, with its config. */
int opsbase_image(struct session *s, const char *name, struct store_image *im, struct imgconfig *config, struct err *e);
/* A manifest of the image whose blobs are all in the store: its own if it was pulled, else one made from its layers,
 * compressed once. Also kept in the image's record. codec NULL: gzip, but blobs that are there are taken whatever their
 * codec; else those that slct itself has made have this codec, and those that were pulled stay as they are. */
int opsbase_manifest(struct session *s, struct store_image *im, const struct layer_codec *codec, struct descriptor *out,
		     struct err *e);
/* The steps of that one by one. 0: the image's own manifest will do; 1: *r tells which layers are there as blobs (out)
 * and which must be packed, whose trees are there; -1. Release *r whatever comes. */
int opsbase_layers(struct session *s, struct store_image *im, const struct layer_codec *codec, struct blobs_request *r,
		   struct err *e);
void opsbase_layers_release(struct blobs_request *r);
/* A manifest of these blobs into the store; any process may. */
int opsbase_compose(struct session *s, const struct store_image *im, const struct descriptor *layers,
		    struct descriptor *out, struct err *e);
int opsbase_adopt_manifest(struct session *s, struct store_image *im, const struct descriptor *manifest, struct err *e);
/* Put an image record under a name as a user writes it. */
int opsbase_name(struct session *s, const char *name, const struct digest *config, const struct digest_list *diff_ids,
		 const struct descriptor *manifest, struct err *e);
/* Note that the registry of a name has this image under it now: a build looks its tag up there again. Nothing is done
 * if the name has become another image's meanwhile. */
int opsbase_published(struct session *s, const char *name, const struct digest *config, struct err *e);
/* Record which blob of a manifest belongs to which layer. ERR_INTEGRITY if their numbers differ. */
int opsbase_adopt_layers(struct session *s, const struct manifest *m, const struct imgconfig *c, struct err *e);
/* A manifest of the store and its config, which fit each other; the caller releases both. *m and *c are unset after an
 * error: ERR_REGISTRY, ERR_INTEGRITY. */
int opsbase_read(struct session *s, const struct descriptor *manifest, struct manifest *m, struct imgconfig *c,
		 struct err *e);
/* Record a loaded or pulled manifest: which blob belongs to which layer; then name it. Gives the config's digest. */
int opsbase_adopt(struct session *s, const struct descriptor *manifest, const char *name, struct digest *id,
		  struct digest_list *diff_ids, struct err *e);

#endif
