/* The operand IMAGE: a name in the local store, or transport:reference. */
#ifndef SLCT_IMAGE_SRC_H
#define SLCT_IMAGE_SRC_H

#include "src/cli/cli.h"

/* Find an image of the store by what the user wrote: a reference (docker.io/ and :latest may be left out), an id
 * ("sha256:...") or the beginning of one. ERR_NOT_FOUND with the nearest name as hint; other transports as
 * image_src_in_store. */
int image_src_find(struct store *s, const char *text, struct store_image *out, struct err *e);
/* Name as a person would write it; an image without a name gives "". Caller frees. */
char *image_src_name(const struct store_image *i);
/* The reference's text without the transport "docker://". */
const char *image_src_reference(const char *text);

/* An operand that must be in the store: *name without "store:", borrowed. ERR_USAGE for other transports, with what to
 * do first. */
int image_src_in_store(const char *text, const char **name, struct err *e);

/* What inspect shows. */
struct image_src {
	char *name;			       /* as written, or the store's */
	struct digest id;		       /* of the config */
	struct digest manifest;		       /* "" if the image has none yet */
	struct buf manifest_text, config_text; /* exact bytes; manifest_text may be empty */
};
/* The exact bytes of what a name stands for: an index, too. Gives only name, manifest and manifest_text. */
int image_src_raw(const struct cli *c, const struct cli_net *net, const char *text, struct image_src *out,
		  struct err *e);
/* docker://REF (by registry), oci:DIR[:TAG], store:NAME, NAME. */
int image_src_read(const struct cli *c, const struct cli_net *net, const char *text, const struct platform *p,
		   struct image_src *out, struct err *e);
void image_src_release(struct image_src *i);
#define AUTO_IMAGE_SRC AUTO(image_src_release)

#endif
