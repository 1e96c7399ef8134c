/* What all work on a store shares: the store, the tier of isolation and its user namespace, the event loop, the sink.
 */
#ifndef SLCT_SESSION_H
#define SLCT_SESSION_H

#include "oci/store.h"
#include "registry/registry.h"
#include "src/sandbox/tier.h"
#include "src/session/event.h"
#include "src/util/loop.h"

struct session_hold {
	char *path;
	int fd; /* its lock */
};

struct session {
	struct store *store;
	struct tier_info tier; /* TIER_NONE until session_need_tier() */
	struct memupper upper; /* of steps; {0}: in the store */
	enum tier want;	       /* what the user asked for; TIER_AUTO by default */
	int nsfd;	       /* user namespace of the run, -1: none or not made yet */
	int logs_fd;	       /* directory of this run's logs, locked as long as they may be written; -1: none */
	bool tier_ready;
	struct loop *loop;
	struct worker *workers;	 /* alive, see worker.h */
	unsigned nworkers;	 /* started so far */
	struct event_sink *sink; /* borrowed; may be NULL */
	struct {
		struct session_hold *v;
		size_t n, cap;
	} held;			  /* directories that are caches and are read */
	struct registry_opts net; /* borrowed contents: credentials and insecure hosts by option */
	bool offline;
	bool interrupted; /* SIGINT or SIGTERM arrived: start nothing new */
	int signo;
};

/* Open the store (root NULL: the default place) and the loop. */
int session_open(struct session *s, const char *root, struct event_sink *sink, struct err *e);
/* The same for house-keeping that must be alone with the store. */
int session_open_exclusive(struct session *s, const char *root, struct err *e);
void session_close(struct session *s);
/* Probe the tier and make the user namespace, once. */
int session_need_tier(struct session *s, struct err *e);
/* What a cache's directory (its path) has stays there until the session is closed: no collection takes its blobs away.
 * Once for each; a directory that is not there, or was never collected, is none that must be held. */
void session_hold_dir(struct session *s, const char *path);
void session_warn(struct session *s, const char *stage, const char *fmt, ...) ATTR_PRINTF(3, 4);

#endif
