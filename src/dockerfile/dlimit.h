/* Limits on what a Dockerfile or an ignore file may hold. None of them is met by a file written by hand; they exist so
 * that hostile input ends in an error instead of in exhausted memory or stack. */
#ifndef SLCT_DLIMIT_H
#define SLCT_DLIMIT_H

#include "src/util/base.h"

/* A whole file; the longest generated ones in the wild are some 100 KiB. */
#define DFILE_MAX_BYTES ((size_t)4 << 20)
/* One instruction with its continuation lines joined; beyond it the kernel would refuse the argument of `sh -c`
 * anyway (MAX_ARG_STRLEN, 128 KiB), JSON lists and ENV lines may be longer. */
#define DLINE_MAX_BYTES ((size_t)1 << 20)
/* Instructions in a file: each becomes a step or a history entry; registries refuse configs long before. */
#define DINSTR_MAX 65536
/* Words, pairs or flags of one instruction. */
#define DWORD_MAX 16384
/* Here-documents of one instruction; each is looked for with one pass over the rest of the file. */
#define DHEREDOC_MAX 256
/* `${a:-${b:-...}}`: expansion recurses once per level. */
#define DEXPAND_DEPTH_MAX 64
/* Result of expanding one word: nested replacements could otherwise grow without end. */
#define DEXPAND_MAX_BYTES ((size_t)4 << 20)
/* Steps (characters times pattern items) of matching the patterns of one word: some 50 ms. */
#define DEXPAND_MATCH_MAX ((size_t)16 << 20)
/* Names that an expansion reports as used or unset; they only serve warnings. */
#define DEXPAND_NAMES_MAX 1024
/* All values of a scope together: a step could not be started with more (ARG_MAX), nor a config hold it. */
#define DARGS_MAX_BYTES ((size_t)8 << 20)

/* Ignore file: patterns, and bytes of one pattern (PATH_MAX). */
#define DIGNORE_MAX_BYTES	  ((size_t)1 << 20)
#define DIGNORE_MAX_PATTERNS	  16384
#define DIGNORE_PATTERN_MAX_BYTES 4096

#endif
