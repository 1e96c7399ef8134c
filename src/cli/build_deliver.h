/* What becomes of a build's images beyond the store: outputs, pushes, files about them, the printed ids. */
#ifndef SLCT_BUILD_DELIVER_H
#define SLCT_BUILD_DELIVER_H

#include "oci/layer.h"
#include "src/build/build.h"
#include "src/cli/build_out.h"
#include "src/cli/cli.h"

/* The options, borrowed. */
struct build_deliver_opts {
	const struct strv *outputs, *tags;
	const char *compression, *iidfile, *metadata_file;
	bool push;
};

struct build_deliver {
	VEC_OF(struct build_out) outs;
	struct strv push; /* names to push */
	struct layer_codec codec;
	bool codec_given;
	const char *iidfile, *metadata_file;
	bool to_stdout;		/* the ids are not printed */
	struct digest manifest; /* what was pushed or written, "" if nothing was */
};

/* Check everything that can be wrong before anything is built; names of outputs are added to tags, an old --iidfile is
 * removed. ERR_USAGE. Release in any case. */
int build_deliver_prepare(struct build_deliver *d, const struct build_deliver_opts *o, struct strv *tags,
			  struct err *e);
/* Outputs, then pushes. */
int build_deliver_images(struct build_deliver *d, struct session *s, const struct build_result *r, struct err *e);
/* --iidfile and --metadata-file. */
int build_deliver_files(const struct build_deliver *d, const struct build_result *r, struct err *e);
/* The ids, or the object of --json. */
int build_deliver_print(const struct build_deliver *d, const struct cli *c, const struct build_result *r,
			struct err *e);
void build_deliver_release(struct build_deliver *d);

#endif
