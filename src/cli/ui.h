/* The displays of what happens: plain lines, a live picture on a terminal, JSON lines. Each is a sink of build events
 * (src/session/event.h); while one exists, diagnostics of log.h go through it. */
#ifndef SLCT_UI_H
#define SLCT_UI_H

#include "src/session/event.h"
#include "src/util/log.h"

struct ui_opts {
	int fd; /* where it goes: standard error */
	bool color;
	bool quiet;	     /* only warnings and errors */
	bool verbose;	     /* plain: also the sources of cached steps */
	int64_t interval_ns; /* tty: least time between two pictures; 0: a tenth of a second */
};

/* kind: "plain", "tty", "json", or "auto" (tty if fd is a terminal that is not dumb, else plain). */
struct event_sink *ui_new(const char *kind, const struct ui_opts *o);

/* One kind; *o is copied, its descriptor stays the caller's. The sink ends by its own free. */
struct event_sink *ui_plain_new(const struct ui_opts *o);
struct event_sink *ui_tty_new(const struct ui_opts *o);
struct event_sink *ui_json_new(const struct ui_opts *o);

/* Name of an event's kind as the JSON lines have it: "step-start". NULL: it is for traces alone. */
const char *ui_event_name(enum event_kind k);
/* Write to the display's descriptor; a display that cannot write stays silent. */
void ui_write(int fd, const void *p, size_t n);

#endif
