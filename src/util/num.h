/* Checked arithmetic and bounded parsing. */
#ifndef SLCT_NUM_H
#define SLCT_NUM_H

#include "src/util/base.h"
#include "src/util/sv.h"

/* 0 and *out, or -1 on overflow. */
int num_add(uint64_t a, uint64_t b, uint64_t *out);
int num_mul(uint64_t a, uint64_t b, uint64_t *out);
/* Whole slice as digits of the base (8, 10, 16), no sign, no space, at most max; 0/-1. */
int num_parse(struct sv s, unsigned base, uint64_t max, uint64_t *out);
/* "512", "64k", "10MiB", "1.5g" (powers of 1024) in bytes; 0/-1. */
int num_parse_size(struct sv s, uint64_t *out);
/* "30s", "5m", "2h", "1h30m", "100ms", bare number is seconds; nanoseconds; 0/-1. */
int num_parse_duration(struct sv s, int64_t *ns);
/* "1.4 GiB"; writes at most 32 bytes into out. */
const char *num_human_size(uint64_t n, char out[32]);
/* "0.3s", "1m12s"; writes at most 32 bytes into out. */
const char *num_human_time(int64_t ns, char out[32]);

#endif
