/* Operands of --cache-from and --cache-to: REPO|DIR[,stage=NAME…][,required], and for writing
 * [,mode=steps|stages][,compression=CODEC[:LEVEL]][,why]. */
#ifndef SLCT_CACHEOPT_H
#define SLCT_CACHEOPT_H

#include "oci/layer.h"
#include "src/util/err.h"
#include "src/util/sv.h"
#include "src/util/vec.h"

/* Before the path of a place that is a directory. */
#define CACHEOPT_OCI "oci:"

struct cacheopt {
	char *repo;		  /* host/path, or "oci:" and the absolute path of a directory: an image layout */
	bool stages_only;	  /* only the last layer step of each stage is written */
	bool required;		  /* if it cannot be read or written, the build fails */
	bool why;		  /* records of stages are written, too (cachewhy.h) */
	struct layer_codec codec; /* of layers that are compressed for it */
	bool codec_given;	  /* else a form that is there already is taken as it is */
	struct strv stages;	  /* it is only for these; empty: for all */
};

enum cacheopt_use { CACHEOPT_FROM, CACHEOPT_TO };

/* What begins with "/", "./", "../" or "oci:" is a directory; it need not be there. ERR_USAGE for unknown options and
 * names that cannot be. */
int cacheopt_parse(const char *text, enum cacheopt_use use, struct cacheopt *out, struct err *e);
void cacheopt_release(struct cacheopt *o);
/* The same place in our form: "type=registry,ref=REPO,mode=max" and "type=local,dest=DIR" of docker buildx become
 * "REPO,mode=steps" and "./DIR"; text that does not begin with "type=" stays as it is. A tag of the reference is left
 * out, since entries have tags of their own, and so are options that only say how blobs are written. NULL: ERR_USAGE.
 */
char *cacheopt_own(const char *text, enum cacheopt_use use, struct err *e);
bool cacheopt_is_dir(struct sv text);
/* Path of a place (a cacheopt's `repo`) that is a directory, NULL if it is a repository; borrowed. */
const char *cacheopt_dir(const char *repo);

#endif
