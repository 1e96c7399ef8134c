/* Base64 (RFC 4648, section 4) of short texts. */
#ifndef SLCT_BASE64_H
#define SLCT_BASE64_H

#include "src/util/sv.h"

/* Bytes that base64_text() gives. */
#define BASE64_MAX_BYTES ((size_t)1 << 20)

/* Padded; caller frees. */
char *base64_of(struct sv plain);
/* What it stands for, as a string; white space around it and missing padding do no harm. Caller frees. NULL if it is no
 * base64, too long, or holds a NUL. */
char *base64_text(struct sv text);

#endif
