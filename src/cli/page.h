/* build --report: one HTML page about a build, which needs nothing besides itself. No request leaves it (its content
 * security policy forbids all), and without JavaScript only comfort is missing. All text from outside goes through
 * html.h.
 *
 * page.c: the frame, the head and the end; page_graph.c: the stages as a graph; page_time.c: what ran when;
 * page_lists.c: tables; page_style.c: style sheet and script. */
#ifndef SLCT_PAGE_H
#define SLCT_PAGE_H

#include "src/build/build.h"
#include "src/cli/runmodel.h"

struct page_opts {
	const struct runlog *log;
	const struct build_result *result; /* with facts, if the build came that far */
	const struct err *failure;	   /* NULL or unset: the build went well */
	const char *command;		   /* what was called, passwords already blotted out */
	const char *store, *directory;	   /* of the store; where slct was called */
};

/* The whole page. ERR_INTERNAL if it grows beyond PAGE_MAX_BYTES. */
#define PAGE_MAX_BYTES ((size_t)64 << 20)
int page_make(const struct page_opts *o, struct buf *out, struct err *e);

/* --- internal to page*.c --- */
struct page {
	const struct page_opts *o;
	struct runmodel m;
	struct buf *out;
	int64_t total; /* nanoseconds from the beginning to the end; at least 1 */
};

extern const char page_style[], page_script[];
/* The parts in their order; each appends to p->out. */
void page_graph(struct page *p);
void page_time(struct page *p);
void page_critical(struct page *p);
void page_reasons(struct page *p);
void page_layers(struct page *p);
void page_stages(struct page *p);
void page_warnings(struct page *p);

/* <h2 id="ID">TITLE</h2> with a small note behind it (NULL: none). */
void page_heading(struct page *p, const char *id, const char *title, const char *note);
/* "120 ms", "3.2 s", "1m12s"; writes at most 32 bytes into out. */
const char *page_duration_text(int64_t ns, char out[32]);
void page_duration(struct page *p, int64_t ns);
void page_size(struct page *p, uint64_t bytes);
/* A stage's name, as a link to its place in the list. */
void page_stage_link(struct page *p, size_t stage);
/* Full name where there are several flavors. */
const char *page_stage_name(const struct page *p, size_t stage);

#endif
