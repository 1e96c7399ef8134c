/* A session of src/build for a command, with its display and registry options. */
#ifndef SLCT_WORK_H
#define SLCT_WORK_H

#include "oci/layer.h"
#include "src/cli/cli.h"
#include "src/session/session.h"

struct work {
	struct session session;
	struct event_sink *sink;
	struct registry_opts net;
	bool open;
};

#define AUTO_WORK AUTO(work_close)
/* Open store, loop and display. net may be NULL; ref is the reference (with or without transport) whose host --creds
 * is for, or NULL. */
int work_open(struct work *w, const struct cli *c, const struct cli_net *net, const char *ref, struct err *e);
/* The same, alone with the store and without a display of progress. */
int work_open_exclusive(struct work *w, const struct cli *c, struct err *e);
/* A display without store and loop: for what only reads files. */
int work_open_files(struct work *w, const struct cli *c);
/* Ends the display, too: call it before an error is reported. Closing twice is fine. */
void work_close(struct work *w);

/* "gzip", "zstd:19", "none"; NULL gives gzip at its default level. ERR_USAGE. */
int work_codec(const char *text, struct layer_codec *out, struct err *e);
/* "now", a date, a time of RFC 3339 or a number in seconds since 1970. ERR_USAGE: it is none, or out of the years 1970
 * to 9999. */
int work_created(const char *text, int64_t *out, struct err *e);
/* $SOURCE_DATE_EPOCH in seconds, or dflt where it is not set. ERR_INPUT. */
int work_source_date(int64_t dflt, int64_t *out, struct err *e);
/* Print an id and the name it goes by as the command's result: the id alone, or with --json an object. */
int work_print_id(const struct cli *c, const struct digest *id, const char *name, struct err *e);

#endif
