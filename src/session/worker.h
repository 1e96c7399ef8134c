/* Workers: processes forked from the single-threaded scheduler for one piece of work each (architecture.md
 * "Processes").
 *
 * A worker inherits its arguments by fork, closes every descriptor that is not handed to it, enters the namespaces that
 * its role needs, does its work and sends one result or error as a bounded JSON message. A malformed or oversized
 * message ends the worker, never the scheduler. */
#ifndef SLCT_WORKER_H
#define SLCT_WORKER_H

#include "src/session/session.h"
#include "src/util/json.h"

#define WORKER_MESSAGE_MAX ((size_t)128 << 10)
#define WORKER_FDS_MAX	   8

enum worker_enter {
	WORKER_PLAIN,  /* the caller's own namespaces: scan, fetch, run (which enters by itself) */
	WORKER_USERNS, /* root of the run's user namespace: unpack, pack, removal of trees; sees the store alone */
	WORKER_MOUNT,  /* the same with a mount namespace of its own: copy, export; calls worker_confine */
};

struct worker;

/* In the child: do the work, give the result (may be NULL) a new reference. */
typedef int worker_fn(void *arg, struct worker *w, struct json **result, struct err *e);
/* In the scheduler, once, after the child has been reaped: the result (borrowed) or a set error (to be moved). */
typedef void worker_done_fn(void *ctx, const struct json *result, struct err *e);
typedef void worker_message_fn(void *ctx, const struct json *message);

struct worker_spec {
	const char *role; /* for messages: "run", "copy", ... */
	const char *what; /* for traces: a stage, an image; NULL: nothing to say. Borrowed during the call */
	enum worker_enter enter;
	worker_fn *fn;
	void *arg;
	worker_done_fn *done;
	worker_message_fn *message; /* may be NULL */
	void *ctx;
	bool serves;	 /* it does one thing after the other, each begun by worker_wake() and ended by a message */
	bool reads_host; /* WORKER_PLAIN: needs to read everywhere, but to write the store alone, and no network */
	bool fetches;	 /* the same, with the network */
	int fds[WORKER_FDS_MAX]; /* kept open in the child, beside 0, 1, 2, the store and the namespace */
	size_t nfds;
};

/* NULL with *e if it cannot be forked. The handle is valid until done was called. */
struct worker *worker_start(struct session *s, const struct worker_spec *spec, struct err *e);
/* SIGKILL; done is called with ERR_CANCELLED, later and from the loop. */
void worker_kill(struct worker *w);
void worker_kill_all(struct session *s);
/* Start one and run the loop until it has ended: for commands that do one thing at a time. New reference or NULL in
 * *result. loop_stop() during it kills the worker: ERR_CANCELLED. */
int worker_call(struct session *s, const struct worker_spec *spec, struct json **result, struct err *e);
/* In the child: send a message on the way; it is dropped if the scheduler does not keep up. */
void worker_send(struct worker *w, const struct json *message);

/* In the child of role WORKER_MOUNT, after its last mount: from now on it sees the store and what is named here alone,
 * and of the host what libraries read. Descriptors of directories, -1: none. */
struct worker_view {
	int writes, reads, reads_too;
	bool reads_host; /* everywhere */
};
int worker_confine(const struct worker *w, const struct worker_view *v, struct err *e);

/* A worker that serves until it is told to end. In the scheduler: wake it (what it is to do lies in memory that both
 * share) and end it; after the latter `done` follows in its time. what: as in the spec. */
void worker_wake(struct worker *w, const char *what);
void worker_finish(struct worker *w);
/* In the child: sleep until woken; false when it is to return. */
bool worker_sleep(struct worker *w);

/* In the child: the socket to the scheduler, whose end of it is told of the worker's end when the last copy is closed.
 */
int worker_sock(const struct worker *w);

/* Errors as JSON between processes. */
struct json *worker_err_to_json(const struct err *e);
void worker_err_from_json(const struct json *j, struct err *e);

#endif
