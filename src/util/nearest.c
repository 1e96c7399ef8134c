/* The nearest name by edit distance (insert, delete, replace, swap of neighbours). */
#include "src/util/nearest.h"

#include <string.h>

static unsigned nearest_min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Optimal string alignment distance; three rows of the matrix are enough. */
static unsigned nearest_distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned rows[3][NEAREST_MAX + 1];
	unsigned *before = rows[0], *prev = rows[1], *cur = rows[2];

	for (size_t j = 0; j <= nb; j++) {
		before[j] = 0;
		prev[j] = (unsigned)j;
	}
	for (size_t i = 1; i <= na; i++) {
		unsigned *spare = before;

		cur[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned d = prev[j - 1] + (a[i - 1] != b[j - 1]);

			d = nearest_min(d, nearest_min(prev[j], cur[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d = nearest_min(d, before[j - 2] + 1);
			cur[j] = d;
		}
		before = prev;
		prev = cur;
		cur = spare;
	}
	return prev[nb];
}

void nearest_offer(struct nearest *n, const char *candidate)
{
	size_t nw = strlen(n->want), nc = strlen(candidate);
	unsigned limit = nw < 4 ? 1 : nw < 8 ? 2 : 3;
	unsigned d;

	if (nw > NEAREST_MAX || nc > NEAREST_MAX)
		return;
	d = nearest_distance(n->want, nw, candidate, nc);
	/* The beginning of a name is near to it, though not as near as a slip of the finger. */
	if (d > limit && nw >= 2 && strncmp(n->want, candidate, nw) == 0)
		d = limit;
	if (d <= limit && d < n->distance) {
		n->distance = d;
		n->best = candidate;
	}
}
