/* A picture of some lines at the bottom of a terminal that is drawn again and again, with permanent lines above it.
 *
 * The terminal's state is never changed (no hidden cursor, no other modes), so that there is nothing to restore
 * whatever way the program ends. */
#ifndef SLCT_UI_SCREEN_H
#define SLCT_UI_SCREEN_H

#include "src/util/buf.h"
#include "src/util/vec.h"

struct ui_screen {
	int fd;
	unsigned rows, cols;
	struct buf above;	      /* permanent lines that are not yet written */
	struct buf live;	      /* the next picture */
	VEC_OF(unsigned) next, drawn; /* columns that each line of the next and of the last picture takes */
};

void ui_screen_init(struct ui_screen *s, int fd);
void ui_screen_release(struct ui_screen *s);
/* Ask the terminal for its size (it may have been changed); 80 x 24 if it does not know. */
void ui_screen_measure(struct ui_screen *s);
/* Lines that a picture may have. */
unsigned ui_screen_room(const struct ui_screen *s);
/* A permanent line above the picture; it may wrap. Shown by the next flush. */
void ui_screen_above(struct ui_screen *s, const char *text);
/* A line of the next picture: left, cut to what right (may be "") leaves of the width. */
void ui_screen_line(struct ui_screen *s, const char *left, const char *right);
/* Replace the last picture by the permanent lines and the next picture (none: it is gone), in one write. */
void ui_screen_flush(struct ui_screen *s);

/* Columns of a text without control characters; colours take none. */
unsigned ui_screen_width(const char *text);
/* Append at most cols columns of text; "…" at the end where it was cut; a tab is spaces to the next multiple of 8.
 * Returns the columns used. */
unsigned ui_screen_fit(struct buf *out, const char *text, unsigned cols);

#endif
