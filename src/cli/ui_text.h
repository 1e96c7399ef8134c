/* Output of steps as lines, and other text from outside, made fit for a display. */
#ifndef SLCT_UI_TEXT_H
#define SLCT_UI_TEXT_H

#include "src/session/event.h"
#include "src/util/buf.h"

/* A line longer than this is shown in pieces. */
#define UI_LINE_MAX ((size_t)16 << 10)

/* The beginning of a line whose end has not come yet. */
struct ui_lines {
	struct buf held;
};
#define UI_LINES_INIT ((struct ui_lines){.held = BUF_INIT(UI_LINE_MAX)})

typedef void ui_line_fn(void *arg, const char *line);

/* Take raw bytes of output; fn gets each line that is complete, without its end, control sequences removed (colours
 * stay if colour) and secrets masked. Of a line that carriage returns overwrite (progress bars) only the last state is
 * given. */
void ui_lines_add(struct ui_lines *l, const char *p, size_t n, bool colour, ui_line_fn *fn, void *arg);
/* Give what is held as a line, if there is any. */
void ui_lines_flush(struct ui_lines *l, bool colour, ui_line_fn *fn, void *arg);
/* The line that is held, cleaned; NULL if there is none; caller frees. */
char *ui_lines_partial(const struct ui_lines *l, bool colour);
void ui_lines_release(struct ui_lines *l);

/* Text on one line: cleaned, masked, newlines and tabs as spaces; caller frees. */
char *ui_text_line(const char *text, bool colour);
/* "[stage 2/5] " or "[stage] " or "". */
void ui_text_prefix(const char *stage, unsigned n, unsigned m, struct buf *out);
/* "8 stages (3 cached), 4 steps run, 12 cached, 9.1 MiB received, 12.3s"; nothing if nothing was begun. */
void ui_text_summary(const struct event *end, struct buf *out);

#endif
