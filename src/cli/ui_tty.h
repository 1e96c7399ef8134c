/* The live picture's state, shared by ui_tty.c (events) and ui_tty_draw.c (the picture). */
#ifndef SLCT_UI_TTY_H
#define SLCT_UI_TTY_H

#include "src/cli/ui.h"
#include "src/cli/ui_screen.h"
#include "src/cli/ui_text.h"

#define UI_TTY_TAIL 6 /* last lines of output that are kept of a stage */
#define UI_TTY_OFF  "\x1b[0m"

struct ui_tty_stage {
	char *name;
	char *text; /* the running step's instruction, or NULL */
	unsigned n, m;
	int64_t start; /* of the step, or of the stage before its first one */
	struct ui_lines lines;
	char *tail[UI_TTY_TAIL]; /* oldest first */
	unsigned ntail;
	bool steps;   /* any step was shown */
	bool running; /* a step runs; a stage that waits has no line */
};

struct ui_tty_transfer {
	char *stage, *text;
	uint64_t done, total;
};

struct ui_tty {
	struct event_sink sink;
	struct ui_opts o;
	struct ui_screen screen;
	VEC_OF(struct ui_tty_stage *) stages; /* running, in the order of their start */
	VEC_OF(struct ui_tty_transfer) transfers;
	uint64_t total, finished; /* stages */
	int64_t start, drawn;
	bool began;
};

/* sgr if colours are wanted, else "". */
const char *ui_tty_colour(const struct ui_tty *ui, const char *sgr);
/* Draw the picture as it is now, with what is to stay above it. */
void ui_tty_draw(struct ui_tty *ui);

#endif
