/* Making the stages of a flavor, whatever file describes them: used by the readers fsteps (build_steps.py) and fplain
 * (directories, flavor.yml). */
#ifndef SLCT_FSTAGE_H
#define SLCT_FSTAGE_H

#include "src/flavor/flavor.h"
#include "src/flavor/packages.h"

/* The packages files of a flavor; either may be NULL. */
struct fstage_packages {
	struct packages *public, *internal;
};

/* packages.yml and internal packages of the flavor, as far as it has them. ERR_INPUT with file and line. */
int fstage_packages_load(const struct flavor *f, struct fstage_packages *p, struct err *e);
void fstage_packages_release(struct fstage_packages *p);

/* Letters, digits, '_', '-', '.', not at the beginning '-' or '.': such a name can be a directory and a part of an
 * image's name. */
bool fstage_is_name(const char *name);
/* Add a stage whose directory lies in dir (absolute); its context begins with that directory under its own name. The
 * pointer is valid until the next call. */
struct flavor_stage *fstage_add(struct flavor *f, const char *name, const char *dir);
void fstage_require(struct flavor_stage *s, const char *alias, const char *stage);
/* Map a file or directory of the repository into the context. ERR_INPUT without a place: dest is no clean relative
 * path, src leaves the repository. */
int fstage_map(const struct flavor *f, struct flavor_stage *s, const char *dest, const char *src, struct err *e);
/* Map an absolute path. */
void fstage_map_path(struct flavor_stage *s, const char *dest, const char *path);
/* What hides the rest: Dockerfile and <stage>_packages.yml. Call it once, last. */
void fstage_finish(struct flavor_stage *s, const struct fstage_packages *p);
void fstage_release(struct flavor_stage *s);

#endif
