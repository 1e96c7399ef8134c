/* Characters of Dockerfile text: white space as Unicode has it, UTF-8. */
#ifndef SLCT_DCHAR_H
#define SLCT_DCHAR_H

#include "src/util/base.h"
#include "src/util/sv.h"

/* Bytes of the white-space character at the start of v (ASCII space and controls \t to \r, U+0085, U+00A0, and the
 * space separators of Unicode), 0 if there is none. */
size_t dchar_space(struct sv v);
/* White space that parts keyword and operands: tab, vertical tab, form feed, carriage return, space. */
bool dchar_blank(char c);
/* Without white space (dchar_space) at the start; at both ends. */
struct sv dchar_trim_left(struct sv v);
struct sv dchar_trim(struct sv v);
/* Bytes of the UTF-8 character at the start of v; 1 for a byte that starts none. v is not empty. */
size_t dchar_len(struct sv v);

#endif
