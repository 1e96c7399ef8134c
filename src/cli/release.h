/* Archives of releases: their names and forms, and writing one from an image of the store. */
#ifndef SLCT_RELEASE_H
#define SLCT_RELEASE_H

#include "src/build/build.h"
#include "src/flavor/fexport.h"
#include "src/image/image_ops.h"

enum release_form { RELEASE_TAR, RELEASE_DIR, RELEASE_OCI };

struct release_format {
	const char *name; /* of --format */
	enum release_form form;
	enum mediatype_codec codec;
	const char *suffix;
};

/* "tar", "tar.gz", "tar.zst", "dir", "oci"; NULL if there is none of that name. */
const struct release_format *release_format(const char *name);
/* EXASLCT's --compression-strategy: "none" or "gzip" (also for NULL). */
const struct release_format *release_strategy(const char *strategy);
/* Write an image. rules: loaded; NULL for the tree as it is (as RELEASE_OCI always is); sum_file: NULL for none. */
int release_write(struct session *s, const char *image, const struct release_format *f, const char *out,
		  const struct fexport *rules, const char *sum_file, struct err *e);
/* The export rules of the flavor that a goal is of, loaded; the usual ones for a plain Dockerfile. b: what was built.
 * ERR_INPUT. Release *out in any case. */
int release_rules(const struct build_opts *b, const struct build_goal *g, struct fexport *out, struct err *e);
/* "DIR/FLAVOR_GOAL[_NAME]SUFFIX" for the stage "FLAVOR/GOAL". Caller frees. */
char *release_path(const char *dir, const char *stage, const char *name, const char *suffix);
/* "FLAVOR-GOAL-NAME", what the archive is called in a bucket. Caller frees. */
char *release_container(const char *stage, const char *name);
/* Name of a goal's image for release_write. */
const char *release_image(const struct build_goal *g);
/* Make a directory with its parents; ERR_INPUT, ERR_HOST. */
int release_mkdirs(const char *path, struct err *e);

#endif
