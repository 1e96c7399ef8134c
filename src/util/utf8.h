/* UTF-8 as RFC 3629 has it: one to four bytes, nothing overlong, no surrogates, nothing above U+10FFFF. */
#ifndef SLCT_UTF8_H
#define SLCT_UTF8_H

#include <stdint.h>
#include <sys/types.h>

#include "src/util/sv.h"

/* What stands for bytes that are no UTF-8 (U+FFFD). */
#define UTF8_REPLACEMENT "\xef\xbf\xbd"

/* Bytes of the character at the start of v, 0 if there is none: v is empty or its first byte begins no well-formed
 * sequence. *cp (unless NULL): its code point. */
size_t utf8_len(struct sv v, uint32_t *cp);
/* Offset of the first byte that is no part of a character, -1 if v is UTF-8. */
ssize_t utf8_bad(struct sv v);
/* The code point, which must be one of UTF-8, as bytes in out; their number. */
size_t utf8_put(uint32_t cp, char out[4]);

#endif
