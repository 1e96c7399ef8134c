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

/* A stage whose image the templates of another one may use. */
struct flavor_require {
	char *alias; /* what `{{ alias }}` says; EXASLCT lets it differ from the stage's name */
	char *stage; /* the stage that it means */
};

struct flavor_stage {
	char *name;
	char *dir;	  /* absolute: <flavor>/flavor_base/<name>; may be a symbolic link */
	char *dockerfile; /* absolute path */
	/* EXASLCT: requires_tasks, all that its templates may name. Ours: the stages that its Dockerfile names; it may
	 * name any. What a stage really depends on are the references in its Dockerfile. */
	struct flavor_require *requires;
	size_t nrequires, cap_requires;
	struct flavor_mapping *context; /* everything of the context: the stage directory under its own name, the
					   Dockerfile at the root, mappings, <stage>_packages.yml, ... ; later
					   entries hide earlier ones */
	size_t ncontext, cap_context;
	struct smap args;	      /* image-changing build arguments */
	struct smap transparent_args; /* do not change the image: not in keys */
	unsigned line;		      /* of its class in build_steps.py or of its key in flavor.yml, 0 otherwise */
};

/* Which file says what the stages are. */
enum flavor_form {
	FLAVOR_EXASLCT, /* flavor_base/build_steps.py */
	FLAVOR_PLAIN,	/* sub-directories with Dockerfiles, flavor.yml if there is one */
};

/* A test, or a service that runs beside tests (ftests.h). */
struct flavor_test {
	char *name, *stage, *image, *files, *user, *workdir; /* NULL: not given */
	struct strv run, ready, services, env;
	bool net_host;
	bool exported;	    /* of a test: it runs in what an export of the stage gives */
	int64_t timeout_ns; /* 0: not given */
	int64_t stop_ns;    /* of a service: until it is killed; 0: not given */
	unsigned line;
};
struct flavor_tests {
	struct flavor_test *v;
	size_t n, cap;
};

/* One that an export puts into the tree: a link, or a file. */
struct fexport_item {
	char *path;   /* clean, without a slash at its beginning */
	char *target; /* of a link */
	char *from;   /* of a file: where its contents are, absolute; NULL: they are there already */
	char *text;   /* of a file: contents, NUL behind them; NULL until fexport_load */
	size_t len;
	mode_t mode;
	unsigned line; /* of flavor.yml, 0 otherwise */
};
struct fexport_items {
	struct fexport_item *v;
	size_t n, cap;
};
/* What an export leaves out and gets (fexport.h). */
struct fexport {
	struct strv exclude;			 /* as flatten_opts.exclude */
	struct fexport_items links, files, last; /* last: members at the very end */
	bool own;				 /* a flavor.yml says something of it */
	char *declared;				 /* path of that file */
};

struct flavor {
	enum flavor_form form;
	char *name; /* base name of the directory */
	char *path; /* absolute */
	char *root; /* repository root that mapped paths are relative to */
	struct flavor_stage *stages;
	size_t nstages, cap_stages;
	struct flavor_tests tests, services;
	struct fexport export;	   /* the usual rules, if flavor.yml has none */
	struct strv default_goals; /* those of release, base_test_build_run, flavor_test_build_run that exist; ours: the
				      sinks of the graph */
};

/* Whether path is a flavor directory (build_steps.py below flavor_base, flavor.yml, or sub-directories with
 * Dockerfiles and no Dockerfile of its own). */
bool flavor_is_flavor(const char *path);
/* Load; ERR_INPUT with file:line and remedy (dangling link: `git submodule update --init`). root NULL: the directory
 * that holds `flavors/`, else the parent of the flavor. A flavor.yml with a key `stages` takes the place of
 * build_steps.py, another one adds to it. Reads the files that describe the flavor, not the stages' contexts, so that a
 * stage with a missing source spoils nothing unless it is needed. */
struct flavor *flavor_load(const char *path, const char *root, struct err *e);
void flavor_free(struct flavor *f);
static inline void flavor_freep(struct flavor **f)
{
	flavor_free(*f);
}
#define AUTO_FLAVOR AUTO(flavor_freep)
const struct flavor_stage *flavor_stage_find(const struct flavor *f, const char *name);

/* Whether the context of a stage can be read: every `src` is there and no link in the trees below them dangles or
 * leads back to a directory that it lies in. Links in a flavor's context are followed (they may leave the flavor), so
 * call this before the context of a stage is walked. ERR_INPUT names the link. */
int flavor_stage_check(const struct flavor *f, const struct flavor_stage *s, struct err *e);

/* Dockerfile text of a stage with every `{{ name }}` replaced by FLAVOR_STAGE_PREFIX and the name of the stage that it
 * means. An undefined or not required name is ERR_INPUT with file:line:column and the names there are; in comment
 * lines it stays as it is. Line numbers are those of the file. *out is malloc'ed, NUL-terminated. */
#define FLAVOR_STAGE_PREFIX	    "stage.slct.invalid/"
#define FLAVOR_DOCKERFILE_MAX_BYTES ((size_t)4 << 20)
int flavor_dockerfile(const struct flavor *f, const struct flavor_stage *s, char **out, size_t *len, struct err *e);
/* Stage name in an image reference made by flavor_dockerfile, or NULL: borrowed from ref. */
const char *flavor_stage_of_ref(const char *ref);

#endif
