#include "rows.h"

#include <stdlib.h>

unsigned long rows_read(FILE *in, FILE *copy, struct rows *out)
{
	char line[64];

	*out = (struct rows){0, 0};
	while (fgets(line, sizeof(line), in)) {
		char *end;
		long long v = strtoll(line, &end, 10);

		if (end == line || (*end != '\n' && *end != '\0'))
			return out->n + 1;
		out->n++;
		out->sum += v;
		if (copy)
			fprintf(copy, "%lld\n", v);
	}
	return 0;
}
