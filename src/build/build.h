/* The build: options in, images out. */
#ifndef SLCT_BUILD_H
#define SLCT_BUILD_H

#include "oci/platform.h"
#include "src/sandbox/cgroup.h"
#include "src/session/session.h"
#include "src/util/json.h"
#include "src/util/smap.h"
#include "src/util/vec.h"

/* When a tag of a base image is looked up in its registry. AUTO: always, but what was made on this machine under the
 * name (built, imported, loaded, tagged) and not pushed since is meant by it. */
enum build_pull { BUILD_PULL_AUTO, BUILD_PULL_ALWAYS, BUILD_PULL_MISSING, BUILD_PULL_NEVER };

/* Where a secret (--secret) or the socket of an ssh agent (--ssh) is; its value is read by the steps' workers alone. */
struct build_secret {
	char *id;
	char *file; /* secret: NULL if env is set; ssh: NULL if keys are given */
	char *env;
	struct strv keys; /* ssh: files of private keys in place of a socket */
};

struct build_secret_list {
	struct build_secret *v;
	size_t n, cap;
};
void build_secret_list_release(struct build_secret_list *l);

struct build_opts {
	struct strv paths;    /* CONTEXT or FLAVOR directories; at least one */
	char *file;	      /* -f, only with one context; NULL: Dockerfile (or Containerfile) in it */
	char *target;	      /* inner stage of a plain Dockerfile; NULL: the last */
	struct strv goals;    /* STAGE or FLAVOR-DIR:STAGE; empty: the defaults */
	struct strv tags;     /* -t, only with one goal */
	struct strv contexts; /* --build-context NAME=SRC */
	struct smap args;     /* --build-arg K=V */
	struct smap labels;
	struct smap annotations;	  /* of the images' manifests */
	struct strv cache_from, cache_to; /* cacheopt.h */
	bool no_cache, force_rebuild, offline;
	bool squash;	    /* the goals' images have one layer above the base */
	bool scratch;	    /* the result is for a comparison: no names, no cache records */
	bool prefer_remote; /* what a cache of cache_from has comes before the store's own entry of the same key */
	bool explain;	    /* say why each step runs */
	bool facts;	    /* build_result.facts is wanted */
	bool keep_going;    /* after a failed step, start those that do not need it */
	struct strv force_rebuild_from;
	struct strv no_cache_filter; /* stages that are not taken from a cache; also several in one, with commas */
	struct strv cache_ttl;	     /* [STAGE=]DURATION: age from which an entry is none */
	unsigned jobs;		     /* -j; 0: number of processors */
	enum build_pull pull;
	struct platform platform; /* of the images; os "" means: this machine's */
	bool timestamps_real;
	int64_t source_date_epoch; /* -1: not set */
	int64_t created; /* of the goals' configs, seconds since 1970; in no key. -1: the last step's logical time */
	bool network_none;
	int64_t step_timeout_ns; /* 0: none */
	struct strv add_hosts;
	struct build_secret_list secrets, ssh;
	bool allow_secret_in_layer, allow_insecure;
	uint64_t shm_size;
	struct strv ulimits;	     /* canonical (ulimit.h); in the steps' keys */
	struct cgroup_limits limits; /* of each step; in no key */
	char *flavor_root;	     /* NULL: found */
	char *output_directory;	     /* logs per step; NULL: in the store's logs/ */
	unsigned before; /* of the one goal, the state before this instruction; it gets no name. 0: all of it */
	bool all_stages; /* every stage of a flavor that the goals need becomes a goal itself (build_goal.extra) */
	/* Names of flavors' images by stagename.h, in the place of FLAVOR-STAGE; repo NULL: not wanted. */
	char *names_repo, *names_prefix, *names_build;
};

void build_opts_init(struct build_opts *o);
void build_opts_release(struct build_opts *o);

struct build_goal {
	char *stage;	     /* "FLAVOR/STAGE", or "STAGE" of a plain Dockerfile */
	char *name;	     /* familiar name in the store, NULL: image id alone */
	char *flavor;	     /* name of its flavor, NULL: plain Dockerfile */
	char *key;	     /* short stage key (stagename.h), NULL: an input is unknown */
	bool extra;	     /* no goal by name: only because all_stages is set */
	struct digest image; /* config digest */
	const char *source;  /* NULL: built, "local", "remote" */
};
/* The state that the first failed RUN began with. */
struct build_failed {
	char *step; /* its stage and text; NULL: there is none */
	struct digest_list stack;
	struct strv env;
	char *workdir, *user;
	bool net_none;
};
struct build_result {
	struct build_failed failed;
	struct build_goal *v; /* goals that were reached */
	size_t n, cap;
	struct event_counts counts;
	int64_t elapsed_ns;
	char *log_dir;
	struct json *facts; /* facts.h; NULL: not asked for */
};
void build_result_release(struct build_result *r);
void build_failed_release(struct build_failed *f);

/* Build the goals. Everything finished before a failure stays in the store. */
int build_run(struct session *s, const struct build_opts *o, struct build_result *r, struct err *e);

/* The lock file (lockfile.h) for what the images of all stages stand for now. New reference in *out. */
int build_lock(struct session *s, const struct build_opts *o, struct json **out, struct err *e);

/* What made the last build of the goals run: "version", "run" (when it began, RFC 3339, or null) and "steps", each with
 * stage, n, m, line, instruction, state ("ran": in that build; "cached"; "will run": there is no record) and, unless it
 * is cached, reasons. New reference in *out. */
int build_why(struct session *s, const struct build_opts *o, struct json **out, struct err *e);

/* `plan --json` (cli.md, version 1): stages, edges, states. offline: nothing is asked. New reference in *out. */
int build_plan(struct session *s, const struct build_opts *o, struct json **out, struct err *e);

#endif
