/* Time. Nanoseconds unless a name says otherwise. */
#ifndef SLCT_CLOCK_H
#define SLCT_CLOCK_H

#include "src/util/base.h"
#include "src/util/sv.h"

#define CLOCK_NS_PER_S INT64_C(1000000000)

int64_t clock_mono(void); /* CLOCK_MONOTONIC */
int64_t clock_wall(void); /* CLOCK_REALTIME since 1970 */
/* RFC 3339 in UTC with a Z, seconds resolution: "2026-01-02T03:04:05Z". out has room for 32 bytes. */
const char *clock_rfc3339(int64_t unix_seconds, char out[32]);
/* RFC 3339 (also with fraction and offset) to seconds; 0/-1. */
int clock_parse_rfc3339(struct sv s, int64_t *unix_seconds);
/* Exponential backoff with full jitter: nanoseconds to wait before try n (0-based). */
int64_t clock_backoff(unsigned n, int64_t base, int64_t cap);

#endif
