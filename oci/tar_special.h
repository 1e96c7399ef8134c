/* Check of the special headers before a tar member (PAX records, GNU long names) on the raw bytes: what the reader
 * library would cut, repair or skip without a word is an error here. Pure: bytes in, verdict out. */
#ifndef SLCT_TAR_SPECIAL_H
#define SLCT_TAR_SPECIAL_H

#include "src/util/base.h"
#include "src/util/err.h"

#define TAR_SPECIAL_BLOCK 512

/* A header block that announces special content ('x', 'X', 'g', 'L', 'K'): 1 and the content's size; 0 for any other
 * block; -1 with *e if its size is no plain octal number. */
int tar_special_header(const uint8_t block[TAR_SPECIAL_BLOCK], char *type, uint64_t *size, struct err *e);
/* The content of one: record lengths must add up, keys and paths hold no NUL, long names nothing after theirs; no
 * attribute is larger than LAYER_XATTR_MAX. 0, or -1 with *e (ERR_INPUT). */
int tar_special_body(char type, const uint8_t *p, size_t n, struct err *e);

#endif
