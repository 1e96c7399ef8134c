/* Rows of one number each, read from a stream of lines. */
#ifndef ROWS_H
#define ROWS_H

#include <stdio.h>

struct rows {
	unsigned long n;
	long long sum;
};

/* Read lines until the end, copy each to `copy` unless that is NULL. 0, or the number of the line that is no number. */
unsigned long rows_read(FILE *in, FILE *copy, struct rows *out);

#endif
