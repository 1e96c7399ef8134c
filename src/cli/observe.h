/* What is written about a build besides its results: --trace and --report. Both are sinks between the build and the
 * display; their files are written when the command ends, however it ends. */
#ifndef SLCT_OBSERVE_H
#define SLCT_OBSERVE_H

#include "src/build/build.h"
#include "src/cli/runlog.h"
#include "src/cli/trace.h"

struct observe {
	const char *trace_file, *report_file; /* NULL: not wanted */
	struct trace trace;
	struct runlog log;
	struct session *session;  /* that the sinks are in; NULL: none */
	struct event_sink *outer; /* its own sink */
};

/* Files that cannot be written are an error before anything is done: ERR_HOST. */
int observe_init(struct observe *o, const char *trace_file, const char *report_file, struct err *e);
/* Whether the build should say what it knows (build_opts.facts) and why its steps run (explain). */
bool observe_wants_facts(const struct observe *o);
/* From now on; shown: --explain, the display gets the reasons too. */
void observe_attach(struct observe *o, struct session *s, bool shown);
void observe_detach(struct observe *o);
/* Write the files; failure unset: all went well. store: path, may be NULL. */
int observe_write(struct observe *o, const struct build_result *r, const struct err *failure, const char *store,
		  struct err *e);
void observe_release(struct observe *o);
#define AUTO_OBSERVE AUTO(observe_release)

#endif
