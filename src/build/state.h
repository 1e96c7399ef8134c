/* Internal to src/build: the state of one build. Owned by the scheduler; workers see it as it was when they were
 * forked. */
#ifndef SLCT_STATE_H
#define SLCT_STATE_H

#include "oci/layer.h"
#include "src/build/build.h"
#include "src/build/cachepick.h"
#include "src/build/context.h"
#include "src/build/maskstream.h"
#include "src/build/sshagent.h"
#include "src/cache/clocal.h"
#include "src/plan/plan.h"
#include "src/session/worker.h"

/* Lines of a failed step's output that an error shows. */
#define STATE_TAIL_LINES 20

enum stage_state {
	STAGE_IDLE,    /* not needed in this run */
	STAGE_WAITING, /* for another stage, or for a free place */
	STAGE_RUNNING, /* a worker of it is at work */
	STAGE_DONE,
	STAGE_FAILED,  /* a step of it failed */
	STAGE_STOPPED, /* something that it needs failed, or the build was cancelled */
};

/* Progress of one stage of the plan. */
struct stage_run {
	enum stage_state state;
	bool wanted;		  /* its result is needed in this run */
	size_t next;		  /* step to do next */
	struct digest_list stack; /* diff ids after the steps before `next` */
	struct buf made;	  /* clocal.made after them */
	bool based;		  /* stack begins with the base's result */
	const char *source;	  /* "local", "remote" while all of it came from a cache; NULL once a step ran */
	bool started;
	bool ran;	      /* a step of it was started in this run */
	int64_t begun;	      /* monotonic */
	int64_t built;	      /* when the last layer step before `next` ran: seconds since 1970, 0 unknown */
	struct step_job *job; /* at work, or NULL */
	struct ckey content;  /* content key of step content_of - 1, once it is known */
	size_t content_of;
	bool lossy; /* as lossy.h, by a step whose loss has left no layer */
};

/* Where the compressed form of a layer can be had, for layers known only from a registry. */
struct layer_origin {
	char *repo; /* host/path */
	struct descriptor blob;
};

/* A remote cache entry that answers a key. */
struct remote_hit {
	struct clocal rec;
	struct manifest manifest;
	struct descriptor entry; /* of the manifest */
	char *repo;
};

/* A root directory that nobody works in. */
struct root_dir {
	char *path; /* relative to the store */
	struct digest_list stack;
};

struct build {
	struct session *s;
	const struct build_opts *o;
	struct context context;
	struct plan *plan;
	struct stage_run *run; /* by stage of the plan */
	unsigned jobs, busy;   /* places for steps, and those taken */
	unsigned asking;       /* stages that wait for a remote cache's answer */
	char *tmp;	       /* this run's directory below tmp/, relative to the store */
	unsigned tmp_count;
	char *log_dir; /* absolute */
	void *seccomp;
	size_t seccomp_len;
	struct sshagents agents; /* for --ssh ID=KEYFILE */
	void *seccomp_sync;	 /* for steps whose writes outlive them: fsync is real; NULL: none has mounts */
	size_t seccomp_sync_len;
	struct why *why;	    /* --explain: earlier records; NULL: not asked for */
	struct cgroup_base cgroups; /* where the steps' control groups are made */
	struct sched *sched;	    /* while it runs */
	struct smap running; /* content key → struct step_job: steps at work, for those that would do the same */
	struct smap trees;   /* diff id → struct tree_state: layer trees that are there or being made */
	struct smap origins; /* diff id → struct layer_origin */
	unsigned fetches;    /* layers on their way */
	VEC_OF(struct treefetch_job *) to_fetch; /* what waits until there are fewer (treefetch.h) */
	VEC_OF(int) notify;			 /* inotifies that no step uses (chrootout.h) */
	VEC_OF(struct root_dir) roots;		 /* idle ones (roots.h) */
	struct smap lossy;			 /* diff id → whether its tree lacks something (lossy.h) */
	struct smap large;			 /* diff id → whether the layer is large (lowers.h) */
	struct smap hits;			 /* key → struct remote_hit */
	bool asking_first;			 /* remote caches are being asked as if the store had no entries */
	struct smap misses;			 /* keys that were asked for and are nowhere */
	VEC_OF(struct clocal) pending;		 /* records that wait for their trees to be durable */
	struct loop_src *flush_timer;
	bool flushing;
	struct cachepick caches; /* those that are read and written */
	struct uploads *uploads;
	struct event_counts counts;
	struct err err;		    /* the first failure */
	struct build_failed failed; /* what it stood on, if a command failed */
	bool planning;		    /* nothing will run: plan shows states, also of stages that the goals do not want */
	bool stopping;		    /* start nothing new */
	bool looping, kicking;
	int64_t begun;	    /* monotonic */
	int64_t begun_wall; /* names this build in records */
};

/* --- build_plan.c --- */
void build_begin(struct build *b, struct session *s, const struct build_opts *o);
void build_end(struct build *b);
/* Files read, goals chosen. */
int build_make_plan(struct build *b, struct err *e);
/* Warnings of the evaluation and of the Dockerfiles' checks; an error if a Dockerfile asks for it. */
int build_check_files(struct build *b, struct err *e);
/* Everything up to knowing what must run. */
int build_prepare(struct build *b, struct err *e);

/* --- sched.c --- */
void sched_run(struct build *b, struct err *e);
/* Look at the stages that were woken and start what can be started; ends the loop when nothing is left. */
void sched_kick(struct build *b);
void sched_wake(struct build *b, size_t stage); /* the next kick looks at it */
void sched_release(struct build *b);
/* A step's work has ended. info NULL with *e set: it failed. */
struct step_job;
void sched_step_done(struct step_job *j, const struct layer_info *info, struct err *e);
void sched_fail(struct build *b, struct err *e); /* keeps the first */

/* --- events --- */
void state_emit(struct build *b, const struct event *ev);
void state_emit_step(struct build *b, enum event_kind kind, const struct plan_stage *st, const struct plan_step *step,
		     const char *source, int64_t elapsed, const struct err *e);
const char *state_short_name(const struct plan_stage *st); /* as shown in lines; borrowed */

/* --- steps: start the workers of one step; NULL with *e --- */
struct step_job {
	struct build *b;
	size_t stage, step;
	struct worker *worker;
	char *root; /* where there is no overlay: the root directory (roots.h), relative to the store */
	bool root_made;
	char *evict;			 /* another one, to be removed */
	char *dir;			 /* below tmp/, relative to the store: upper, work, scratch */
	struct digest_list parent;	 /* its stack */
	VEC_OF(struct digest_list) from; /* of what plan_step_from() names, in its order */
	int64_t begun;
	int out_fd; /* read end of the output pipe, -1 */
	struct loop_src *on_out;
	int log_fd;
	char *log_path;
	uint64_t logged;	 /* bytes of output so far */
	struct strv tail;	 /* last lines of output */
	struct buf line;	 /* the unfinished one */
	bool no_proc;		 /* noproc.h */
	int notify;		 /* tier chroot: chrootout_notify(), -1: none */
	bool memory;		 /* in the worker: upper directories are on a tmpfs (updir.h) */
	bool lost;		 /* the tier refused the command what root may do: its layer is lossy */
	struct maskstream *mask; /* secrets of this process become stars, in the log too; NULL: there are none */
	struct ckey content;	 /* content key */
	const struct plan_step *def;
	const struct plan_stage *st;
};
int step_start(struct step_job *j, struct err *e);
void step_free(struct step_job *j);
int step_run_start(struct step_job *j, struct err *e);
/* Before anything is made for the step: no RUN in tier none. */
int step_run_refused(const struct step_job *j, struct err *e);
int step_copy_start(struct step_job *j, struct err *e);
/* In a worker inside the user namespace: clamp, pack, publish the upper directory; the result as JSON. view has what is
 * recorded of the links in it. */
struct treeview;
int step_commit(const struct build *b, const struct step_job *j, struct treeview *view, struct json **result,
		struct err *e);
struct json *step_commit_json(const struct layer_info *info);
int step_commit_result(const struct json *j, struct layer_info *out, struct err *e);

/* --- trees.c: layer trees of a stack --- */
typedef void trees_done_fn(void *ctx, struct err *e);
/* Make every tree of the stack available in this tier's form, fetching and unpacking as needed; done is called (maybe
 * at once) with an error set if one could not be had. */
void trees_ensure(struct build *b, const struct digest_list *stack, const char *what, trees_done_fn *done, void *ctx);
/* Whether each layer of the stack is a tree, a blob, or known from a registry. */
bool trees_obtainable(struct build *b, const struct digest_list *stack);
void trees_learn_origin(struct build *b, const struct digest *diff_id, const char *repo, const struct descriptor *d);
void trees_release(struct build *b);

/* --- lookup.c --- */
/* Find out what is cached and mark what must run. */
int lookup_all(struct build *b, struct err *e);
/* Older than --cache-ttl allows for the stage; what does not say when it was built counts as old. */
bool lookup_expired(const struct build *b, size_t stage, const struct clocal *rec);
/* By content key, locally, then among what is known of the remote caches. */
bool lookup_content(struct build *b, size_t stage, const struct ckey *key, struct clocal *out, const char **source);
void lookup_states(struct build *b, struct plan_states *out);

/* --- resolve.c --- */
int resolve_images(struct build *b, struct err *e);
/* --- scan.c --- */
int scan_contexts(struct build *b, struct err *e);
/* --- record.c --- */
void record_add(struct build *b, const struct ckey *key, const struct stage_run *r, const struct plan_stage *st,
		const struct plan_step *step);
/* The step was taken from elsewhere: its record is ours from now on, under its input key. */
void record_keep(struct build *b, const struct stage_run *r, const struct plan_stage *st, const struct plan_step *step);
/* The step was taken by its content key: from now on its input key leads to the same. */
void record_alias(struct build *b, const struct ckey *content, const struct stage_run *r, const struct plan_stage *st,
		  const struct plan_step *step);
/* Sizes of a layer that was made now, in the store's record of it. */
void record_layer(struct build *b, const struct layer_info *info);
int record_flush(struct build *b, struct err *e);
/* --- result.c --- */
/* Config of a stage whose result is there: layers, history, times. */
void result_config(const struct build *b, size_t stage, const struct digest_list *stack, const char *made, size_t upto,
		   struct imgconfig *out);
int result_publish(struct build *b, struct build_result *r, struct err *e);
/* Whether a string of `made` says that layer step n made a layer. */
static inline bool state_made(const char *made, size_t n)
{
	return made[n] == '1';
}

#endif
