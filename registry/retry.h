/* What is tried again, and when (RFC 9110: 15.5, 15.6, 10.2.3; RFC 6585 for 429). No input and output of its own. */
#ifndef SLCT_RETRY_H
#define SLCT_RETRY_H

#include "src/util/base.h"
#include "src/util/sv.h"

/* A registry that asks for a longer pause gets an error instead. */
#define RETRY_AFTER_MAX_NS (INT64_C(60) * 1000000000)
/* No try begins later than this after the first failure without progress. */
#define RETRY_TOTAL_NS (INT64_C(300) * 1000000000)
/* Backoff: at most 0.3 s before the first repetition, 20 s before the later ones. */
#define RETRY_BASE_NS INT64_C(300000000)
#define RETRY_CAP_NS  (INT64_C(20) * 1000000000)
#define RETRY_DEFAULT 5
/* So many new bytes are progress: the count begins anew. */
#define RETRY_PROGRESS_BYTES (UINT64_C(1) << 20)

#define RETRY_AFTER_NONE INT64_C(-1)

struct retry {
	unsigned max; /* tries after the first one */
	unsigned used;
	int64_t since; /* clock_mono() of the first failure; 0: none yet */
};

/* 408, 429 and 5xx without 501 and 505. */
bool retry_status(int status);
/* Value of Retry-After (seconds or an HTTP date) in nanoseconds from `now_s` (seconds since 1970);
 * RETRY_AFTER_NONE if it is absent, wrong or in the past. */
int64_t retry_after(struct sv value, int64_t now_s);
/* IMF-fixdate ("Sun, 06 Nov 1994 08:49:37 GMT") to seconds; 0/-1. */
int retry_parse_date(struct sv s, int64_t *unix_seconds);
/* One more try? Takes one from the count and gives the pause; `after` is retry_after()'s. */
bool retry_next(struct retry *r, int64_t after, int64_t now_mono, int64_t *pause);
/* Data arrived: forget the failures so far. */
void retry_progress(struct retry *r);

#endif
