/* -o of build: where the results go beside the store. */
#ifndef SLCT_BUILD_OUT_H
#define SLCT_BUILD_OUT_H

#include "oci/layer.h"
#include "src/session/session.h"
#include "src/util/vec.h"

enum build_out_type {
	BUILD_OUT_IMAGE,   /* only the store, as always, with further names; push=true sends them, too */
	BUILD_OUT_OCI,	   /* oci-archive */
	BUILD_OUT_OCI_DIR, /* with tar=false */
	BUILD_OUT_DOCKER,  /* docker-archive */
	BUILD_OUT_TAR,	   /* root file system as a tar */
	BUILD_OUT_LOCAL,   /* root file system as a directory */
};

struct build_out {
	enum build_out_type type;
	char *dest;	   /* owned; "-" is standard output; NULL for BUILD_OUT_IMAGE */
	struct strv names; /* name=: of the image, as -t */
	bool push;	   /* BUILD_OUT_IMAGE with push=true, or type=registry */
	char *compression; /* "zstd:9", as --compression; NULL: not given */
};

/* "type=oci,dest=PATH", or a path alone: type=local, or for "-" type=tar, as docker has it. ERR_USAGE. */
int build_out_parse(const char *text, struct build_out *out, struct err *e);
void build_out_release(struct build_out *o);
bool build_out_to_stdout(const struct build_out *o);
/* Write the image (a name or id of the store). */
int build_out_write(struct session *s, const struct build_out *o, const char *image, const struct layer_codec *codec,
		    struct err *e);

#endif
