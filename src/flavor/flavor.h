/* A flavor: a directory of Dockerfile stages that depend on each other (flavors.md). EXASLCT's layout with
 * build_steps.py, and our own: a directory whose sub-directories hold Dockerfiles. */
#ifndef SLCT_FLAVOR_H
#define SLCT_FLAVOR_H

#include "src/util/err.h"
#include "src/util/smap.h"
#include "src/util/vec.h"

/* One entry of a stage's build context beside the stage's own directory. */
struct flavor_mapping {
	char *dest; /* relative path in the context, clean, beneath it */
	char *src;  /* absolute path of a file or directory; NULL if `text` */
	char *text; /* literal content of a file; NULL if `src` */
	size_t text_len;
};

struct flavor_stage {
	char *name;
	char *dir;        /* absolute: <flavor>/flavor_base/<name> */
	char *dockerfile; /* absolute path */
	struct strv requires; /* names of the stages its templates may name (EXASLCT); ours: all */
	struct flavor_mapping *context; /* everything of the context: the stage directory under its own name, the
	                                   Dockerfile at the root, mappings, <stage>_packages.yml, ... ; later
	                                   entries hide earlier ones */
	size_t ncontext, cap_context;
	struct smap args;             /* image-changing build arguments */
	struct smap transparent_args; /* do not change the image: not in keys */
	unsigned line; /* of its class in build_steps.py, 0 otherwise */
};

struct flavor {
	char *name; /* base name of the directory */
	char *path; /* absolute */
	char *root; /* repository root that mapped paths are relative to */
	struct flavor_stage *stages;
	size_t nstages, cap_stages;
	struct strv default_goals; /* those of release, base_test_build_run, flavor_test_build_run that exist; ours: the
	                              sinks of the graph */
};

/* Whether path is a flavor directory (build_steps.py below flavor_base, flavor.yml, or sub-directories with
 * Dockerfiles and no Dockerfile of its own). */
bool flavor_is_flavor(const char *path);
/* Load; ERR_INPUT with file:line and remedy (dangling link: `git submodule update --init`). root NULL: the directory
 * that holds `flavors/`, else the parent of the flavor. */
struct flavor *flavor_load(const char *path, const char *root, struct err *e);
void flavor_free(struct flavor *f);
const struct flavor_stage *flavor_stage_find(const struct flavor *f, const char *name);

/* Dockerfile text of a stage with every `{{ name }}` replaced by FLAVOR_STAGE_PREFIX name. An undefined or not required
 * name is ERR_INPUT with file:line:column and the names there are. *out is malloc'ed, NUL-terminated. */
#define FLAVOR_STAGE_PREFIX "stage.slct.invalid/"
int flavor_dockerfile(const struct flavor *f, const struct flavor_stage *s, char **out, size_t *len, struct err *e);
/* Stage name in an image reference made by flavor_dockerfile, or NULL: borrowed from ref. */
const char *flavor_stage_of_ref(const char *ref);

#endif
