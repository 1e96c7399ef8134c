/* A thread that reads ahead: what is above and below it runs at the same time. */
#ifndef SLCT_READAHEAD_H
#define SLCT_READAHEAD_H

#include "src/util/stream.h"

/* Bytes of src, read by a thread of its own into a few blocks; owns src, which only that thread uses until close().
 * close() waits for a read of src that is under way. Without threads left on the host it reads in the caller. */
struct rstream *readahead_new(struct rstream *src);

#endif
