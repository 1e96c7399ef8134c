/* A blob on its way, followed by another process: one writes it into a file, the other one reads what is there already.
 * The bytes count for nothing before the writer has found them to be right; if it has to begin anew, the reader's part
 * is lost, and the reader is told. */
#ifndef SLCT_BLOBTAIL_H
#define SLCT_BLOBTAIL_H

#include <stdint.h>

#include "src/util/err.h"
#include "src/util/stream.h"

enum { BLOBTAIL_GROWS, BLOBTAIL_WHOLE, BLOBTAIL_GONE };

/* Lies in memory that both share. All zero: nothing is written yet. */
struct blobtail {
	_Atomic uint64_t have;	/* bytes that are in the file */
	_Atomic uint32_t state; /* BLOBTAIL_...; the first end is final */
	_Atomic uint32_t turn;	/* changes when a sleeping reader is to look again (futex) */
};

/* n of them; NULL with *e (ERR_HOST). */
struct blobtail *blobtail_new(size_t n, struct err *e);
void blobtail_free(struct blobtail *t, size_t n); /* NULL is fine */

/* The writer: so many of `size` bytes are in the file. Less than before: it begins anew, which is the end here. */
void blobtail_wrote(struct blobtail *t, uint64_t have, uint64_t size);
/* BLOBTAIL_WHOLE: the digest is right, and the blob has its place. BLOBTAIL_GONE: it will never be. Nothing after the
 * first call. By the writer, or by who knows that there is none any more. */
void blobtail_end(struct blobtail *t, uint32_t state);

/* The bytes of fd (owned) as they come; the end only when the blob is whole. Failing: ERR_TEMP, if it is gone. */
struct rstream *blobtail_reader(struct blobtail *t, int fd, uint64_t size);
/* Wait for the end: BLOBTAIL_WHOLE or BLOBTAIL_GONE. */
uint32_t blobtail_wait(struct blobtail *t);
/* Without waiting. */
uint32_t blobtail_state(const struct blobtail *t);

#endif
