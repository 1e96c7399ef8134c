/* The plan: the stages of all named contexts and flavors in one graph, each with its steps, their keys and states.
 *
 * Made in phases, each pure but for reading files:
 *     plan_new, plan_add_context / plan_add_flavor    files → stages and their edges   (plan_load.c, plan_link.c)
 *     plan_select_goals                               goals, cycles                    (plan_graph.c)
 *     the caller resolves plan.images                 reference → config, layers
 *     plan_evaluate                                   stages → configs and steps       (plan_eval.c)
 *     the caller scans the contexts                   step.copy.tree
 *     plan_keys                                       input keys                       (plan_key.c)
 */
#ifndef SLCT_PLAN_H
#define SLCT_PLAN_H

#include "oci/imgconfig.h"
#include "oci/manifest.h"
#include "oci/platform.h"
#include "oci/ref.h"
#include "src/cache/ckey.h"
#include "src/dockerfile/dargs.h"
#include "src/dockerfile/dmount.h"
#include "src/dockerfile/dstage.h"
#include "src/flavor/flavor.h"
#include "src/plan/source.h"
#include "src/util/err.h"

#define PLAN_NONE SIZE_MAX
/* The image without files, in FROM and from=. */
#define PLAN_SCRATCH "scratch"
/* Where the reference puts scripts of RUN; a script sees it in its own name. */
#define PLAN_SCRIPT_DIR "/dev/pipes/"

enum plan_step_kind {
	PLAN_META, /* changes the config only */
	PLAN_RUN,
	PLAN_COPY,    /* COPY and ADD */
	PLAN_WORKDIR, /* makes the directory if it is missing */
};

enum plan_edge_kind { PLAN_EDGE_FROM, PLAN_EDGE_COPY, PLAN_EDGE_MOUNT };

enum plan_origin { PLAN_FROM_CONTEXT, PLAN_FROM_STAGE, PLAN_FROM_IMAGE };

/* Name of the file that a URL gives: the last part of its path, decoded; "__unnamed__" (the reference's) if there is
 * none. Caller frees. */
char *plan_remote_name(const char *url);

/* A here-document as a source. */
struct plan_doc {
	char *name; /* its terminator: the file's name where the destination is a directory */
	char *text;
	size_t n;
};

/* A file of a web server or a git repository as a source of ADD. */
struct plan_remote {
	char *url;
	bool git, keep_git, submodules;
	char *subdir;	/* of git: the part that is taken, NULL: all of it */
	char *checksum; /* as given: a digest, or of git a commit; NULL */
	/* set by who fetches it; unset where nothing may be fetched: */
	char *id;	      /* digest or commit: what the key has */
	struct digest digest; /* of a file: a blob of the store */
	char *dir;	      /* of git: where it is checked out */
};

/* What COPY and ADD do, with variables resolved. */
struct plan_copy {
	enum plan_origin origin;
	size_t index;	     /* of the stage, image or source (context) */
	struct strv sources; /* patterns; relative to the context's or the source's root */
	char *dest;	     /* absolute; ends in '/' where the Dockerfile's does */
	struct strv excludes;
	VEC_OF(struct plan_doc) docs;	    /* copied last */
	VEC_OF(struct plan_remote) remotes; /* ADD: copied after the sources */
	char *chown, *chmod;		    /* NULL: not given */
	bool parents;			    /* directories above the sources are kept */
	bool link;			    /* links on the way to the destination are replaced, not followed */
	bool unpack;			    /* ADD: local archives are unpacked */
	bool unpack_remote;		    /* ADD --unpack: those of URLs too */
	struct digest tree;		    /* of the selected files, set by the caller's scan (context only) */
};

/* A --mount of RUN, with what it leaves open filled in. */
struct plan_mount {
	struct dast_pos pos;	 /* of the flag; line 0 in triggers */
	struct dmount m;	 /* target absolute (NULL: secret in a variable only); id of cache, secret, ssh set */
	enum plan_origin origin; /* of bind and cache: what from= names, else the context (cache: nothing) */
	size_t index;		 /* of the stage, image or (bind) source; PLAN_NONE: nothing, or the empty root
				  * (from=scratch) */
	struct digest tree;	 /* of the files of a bind of the context, set by the caller's scan */
};

struct plan_step {
	enum plan_step_kind kind;
	enum dast_kind instruction;
	unsigned n;    /* n of the stage's m instructions, from 1 */
	unsigned line; /* in the stage's Dockerfile; 0 for triggers of ONBUILD */
	unsigned last_line;
	struct dast_pos pos; /* of the keyword; line 0 for triggers */
	char *text;	     /* as shown: "RUN apt-get ..." */
	char *created_by;    /* history entry */
	/* RUN */
	struct strv argv;
	struct strv env;       /* complete, part of the key */
	struct strv env_extra; /* proxies and transparent arguments: not part of the key */
	char *user, *workdir;
	bool net_none;
	bool insecure; /* --security=insecure */
	VEC_OF(struct plan_mount) mounts;
	struct plan_doc script; /* a here-document that begins with "#!": a file in PLAN_SCRIPT_DIR; name NULL: none */
	/* COPY, ADD */
	struct plan_copy copy;
	/* Filled by plan_keys: */
	size_t layer_n;	  /* place among the layer steps of the whole chain of stages, from 0 */
	int64_t logical;  /* seconds since 1970 (cache.md "The logical clock") */
	struct ckey key;  /* input key; unset if an input is unknown (offline) */
	struct json *why; /* its fields */
};

struct plan_edge {
	enum plan_edge_kind kind;
	size_t stage; /* PLAN_NONE if it is an image */
	size_t image;
};

/* Where an image is looked for. */
enum plan_place {
	PLAN_PLACE_ANY,	   /* the store and its registry, as --pull says */
	PLAN_PLACE_STORE,  /* the store alone */
	PLAN_PLACE_LAYOUT, /* an OCI layout directory */
};

/* --build-context NAME=SRC. */
struct plan_named {
	char *name;	       /* an image's in its shortest form */
	size_t source;	       /* of a directory: index into plan.sources; PLAN_NONE: an image */
	enum plan_place place; /* of an image */
	char *image;	       /* reference, or DIR[:TAG] of a layout */
};

/* An image from outside: FROM or COPY --from. */
struct plan_image {
	char *text; /* as written, variables resolved; DIR[:TAG] of a layout */
	enum plan_place place;
	struct ref ref; /* unset for a layout */
	struct platform platform;
	struct digest pinned_id; /* by a lock file: what config_digest must be; unset: nothing */
	/* set by whoever resolves it: */
	bool resolved;
	struct digest manifest_digest; /* unset for an image without compressed blobs */
	struct imgconfig config;
	struct digest config_digest;
	struct digest_list diff_ids;
	struct manifest manifest; /* layers' descriptors; none for an image without compressed blobs */
};

enum plan_state { PLAN_UNKNOWN, PLAN_LOCAL, PLAN_REMOTE, PLAN_BUILD };

struct plan_stage {
	char *name;		 /* "FLAVOR/STAGE", "FLAVOR/STAGE:INNER", "STAGE" of a plain Dockerfile */
	char *flavor;		 /* NULL: plain Dockerfile */
	char *file;		 /* Dockerfile as shown in messages */
	size_t source;		 /* index into plan.sources: its context and file */
	const struct dstage *df; /* borrowed from the source */
	size_t df_index;
	size_t base_stage;   /* FROM a stage, else PLAN_NONE */
	size_t base_image;   /* FROM an image, else PLAN_NONE */
	size_t base_context; /* FROM a named directory: its source, else PLAN_NONE; all three NONE: scratch */
	char *from_text;     /* FROM's reference with variables resolved */
	struct platform platform;
	VEC_OF(struct plan_edge) needs;
	bool triggers_linked;	   /* by plan_link_triggers */
	bool goal, needed, forced; /* forced: no cache for it */
	bool extra;		   /* a goal only because all stages are wanted */
	unsigned before;	   /* evaluate the instructions before this one (as plan_step.n) only; 0: all */
	/* plan_evaluate: */
	bool evaluated;
	struct dargs *scope;
	struct imgconfig
		config; /* final, without diff ids; its history holds entries with empty_layer for meta steps */
	int64_t origin; /* seconds */
	VEC_OF(struct plan_step) steps;
	size_t base_layers_n; /* layer steps of the chain before this stage */
	struct ckey base_key; /* of what the first step stands on; plan_keys */
};

/* One Dockerfile with its context; or a named directory, which has the context only. */
struct plan_source {
	struct dast_file *file;
	struct dstage_list stages;
	struct dargs *global;
	struct smap args; /* build arguments for it: owned strings */
	struct smap transparent;
	struct source_set context;
	size_t first_stage; /* in plan.stages */
	const struct flavor *flavor;
	const struct flavor_stage *fstage;
};

struct plan_warning {
	char *stage, *text;
};

struct plan {
	VEC_OF(struct plan_source *) sources;
	VEC_OF(struct plan_stage) stages;
	VEC_OF(struct plan_image) images;
	VEC_OF(struct plan_named) named;
	VEC_OF(struct flavor *) flavors;
	VEC_OF(struct plan_warning) warnings;
	VEC_OF(size_t) defaults; /* goals if none are named: indexes of stages */
	/* options, borrowed for the plan's life */
	const struct smap *build_args;
	const struct smap *labels;
	struct platform platform;
	bool timestamps_real;
	int64_t source_date_epoch; /* -1: not set */
	bool net_none;
	bool allow_insecure;	      /* RUN --security=insecure may be */
	const char *shown;	      /* what messages call the Dockerfile of a context; NULL: by its path */
	const struct strv *add_hosts; /* NULL: none */
	uint64_t shm_size;	      /* bytes */
	const struct strv *ulimits;   /* canonical texts of limits; NULL: none */
};

struct plan *plan_new(void);
void plan_free(struct plan *p);
static inline void plan_freep(struct plan **p)
{
	plan_free(*p);
}
#define AUTO_PLAN AUTO(plan_freep)

/* --build-context NAME=SRC, before anything that may use it. ERR_USAGE, ERR_INPUT. */
int plan_add_named(struct plan *p, const char *text, struct err *e);
/* One whose files are there later: an absolute directory without an ignore file. *source: its index in p->sources. */
int plan_add_named_dir(struct plan *p, const char *name, const char *dir, size_t *source, struct err *e);
/* A plain context: `file` NULL means its Dockerfile or Containerfile. target NULL: the last stage is the goal. */
int plan_add_context(struct plan *p, const char *dir, const char *file, const char *target, struct err *e);
/* A flavor directory; its stages' references become edges. */
int plan_add_flavor(struct plan *p, const char *dir, const char *root, struct err *e);

/* Full name, name without flavor if only one stage has it, or FLAVOR-DIR:STAGE. PLAN_NONE with *e (known names in the
 * hint). */
size_t plan_find_stage(const struct plan *p, const char *name, struct err *e);
/* Mark goals (empty: defaults) and check the graph for cycles (ERR_INPUT names the path). */
int plan_select_goals(struct plan *p, const struct strv *goals, struct err *e);
/* Mark forced: the named stages within the goals' closure and all that depend on them there; all of the closure if
 * names is NULL. */
int plan_force(struct plan *p, const struct strv *names, struct err *e);
/* Stages in an order in which every one comes after what it needs; out has plan->stages.n places. */
void plan_order(const struct plan *p, size_t *out);
/* What the ONBUILD triggers of resolved base images read (COPY --from, RUN --mount=from) is needed, too. *more: there
 * is something new, and images may have to be resolved for it. */
int plan_link_triggers(struct plan *p, bool *more, struct err *e);
/* Closure: mark `needed` from the goals (all edges). */
void plan_mark_closure(struct plan *p);

/* Configs and steps of every needed stage; images that a needed stage stands on must be resolved. offline: images may
 * be missing; what stands on them stays without keys. */
int plan_evaluate(struct plan *p, bool offline, struct err *e);

/* Input keys of all evaluated stages. */
void plan_keys(struct plan *p);
/* A stage or image that a step reads besides its parent. */
struct plan_from {
	enum plan_origin origin;
	size_t index;
};
/* The i-th of them: COPY --from, RUN --mount=from in their order; false if there are no more. */
bool plan_step_from(const struct plan_step *s, size_t i, struct plan_from *out);
/* Content key of a step whose parent's stack is known; from: the stacks of what plan_step_from names, in its order. */
void plan_content_key(const struct plan *p, const struct plan_stage *st, const struct plan_step *step,
		      const struct digest_list *parent, const struct digest_list *const *from, struct ckey *out);

/* Seconds: files of what COPY --from copies that are later than this get the copying step's time. The image must be
 * resolved. */
int64_t plan_copy_origin(const struct plan *p, const struct plan_copy *c);
/* Index of the last layer step of a stage, or PLAN_NONE. */
size_t plan_last_layer(const struct plan_stage *st);
bool plan_step_is_layer(const struct plan_step *s);
/* What a COPY selects from its source. */
struct source_query plan_copy_query(const struct plan_copy *c);
void plan_warn(struct plan *p, const char *stage, const char *fmt, ...) ATTR_PRINTF(3, 4);

/* plan --json, version 1. states: per stage and step as decided by the caller; NULL: all unknown. */
struct plan_states {
	enum plan_state *stage;
	enum plan_state **step; /* by stage and index in steps */
};
struct json *plan_dump(const struct plan *p, const struct plan_states *st);
const char *plan_state_name(enum plan_state s);

#endif
