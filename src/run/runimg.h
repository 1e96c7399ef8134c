/* Commands run on throw-away copies of root file systems: slct run, shell, test, scan.
 *
 * A job is one command with the services that run beside it; each has a copy of its own, which is gone when the job has
 * ended. In tier root, range and solo a copy is an overlay's upper directory, elsewhere a tree. All of a job is one
 * worker: its death ends every process of the job. */
#ifndef SLCT_RUNIMG_H
#define SLCT_RUNIMG_H

#include "src/build/state.h"
#include "src/sandbox/sandbox.h"

struct runimg_mount {
	char *source; /* path of the host, NULL: a tmpfs */
	char *target;
	bool readonly;
};
struct runimg_mounts {
	struct runimg_mount *v;
	size_t n, cap;
};
void runimg_mounts_release(struct runimg_mounts *m);
/* A copy; a relative source counts from dir (NULL: it stays). */
void runimg_mounts_add(struct runimg_mounts *m, const char *dir, const char *source, const char *target, bool readonly);

/* One command on one stack of layers. */
struct runimg_cmd {
	char *name; /* for messages */
	struct digest_list stack;
	struct strv argv, env;
	char *workdir, *user; /* NULL: "/", "" */
	struct runimg_mounts mounts;
	bool readonly;
	int64_t timeout_ns;	   /* 0: none. Of a service: until `ready` must have succeeded */
	struct strv ready;	   /* of a service: command, run on a copy of its own of the same stack; empty: none */
	int stop_signo;		   /* of a service: what ends it (runstop.h); 0: SIGTERM */
	int64_t stop_ns;	   /* until it is killed; 0: RUNSTOP_GRACE_NS */
	int in_fd, out_fd, err_fd; /* as in sandbox_spec */
	bool terminal;
};
void runimg_cmd_release(struct runimg_cmd *c);

struct runimg_job {
	struct build *b; /* of runimg_open */
	struct runimg_cmd main;
	struct runimg_cmd *services; /* borrowed */
	size_t nservices;
	bool net_none; /* a network namespace of its own, shared by the services, with loopback alone */
	bool keep;     /* if the command fails, what it has left can be taken by runkeep */
	const struct strv *add_hosts;
	const struct strv *ulimits;
	uint64_t shm_size;
	struct cgroup_limits limits;
	char *dir; /* set by runimg_start */
};

struct runimg_result {
	int status, signo;
	bool timed_out, oom;
};

/* Tier, directories, limits' place. Release with runimg_close whatever it gives. */
int runimg_open(struct build *b, struct session *s, const struct cgroup_limits *limits, struct err *e);
void runimg_close(struct build *b);
/* Make the layers' trees, waiting. */
int runimg_trees(struct build *b, const struct digest_list *stack, const char *what, struct err *e);
/* Start it; done gets what runimg_result reads. The job must stay until then. */
struct worker *runimg_start(struct runimg_job *j, worker_done_fn *done, void *ctx, struct err *e);
int runimg_result(const struct json *j, struct runimg_result *r, struct err *e);
/* Give a directory of the host that was bound, and all in it, to the caller. */
int runimg_own(struct build *b, const char *path, struct err *e);
/* Start, and wait; SIGINT and SIGTERM end it: ERR_CANCELLED. */
int runimg_call(struct runimg_job *j, struct runimg_result *r, struct err *e);

#endif
