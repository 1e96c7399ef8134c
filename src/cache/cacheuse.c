#include "src/cache/cacheuse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/util/clock.h"
#include "src/util/hash.h"
#include "src/util/mem.h"

#define DAY_S	 INT64_C(86400)
#define ID_BYTES 8

static int by_digest(const void *a, const void *b)
{
	const struct descriptor *const *x = a, *const *y = b;

	return strcmp((*x)->digest.text, (*y)->digest.text);
}

static int64_t midnight(int64_t when)
{
	return when / DAY_S * DAY_S;
}

void cacheuse_write(int64_t when, const struct descriptor *const *entries, size_t n, struct buf *text)
{
	AUTO_FREE const struct descriptor **sorted = mem_array(n + 1, sizeof *sorted);
	AUTO_INDEX struct index x = {.annotations = json_object()};
	char day[32];

	for (size_t i = 0; i < n; i++)
		sorted[i] = entries[i];
	qsort(sorted, n, sizeof(const struct descriptor *), by_digest);
	for (size_t i = 0; i < n && x.n < CACHEUSE_ENTRIES_MAX; i++) {
		AUTO_DESCRIPTOR struct descriptor d = {0};

		if (i && digest_eq(&sorted[i]->digest, &sorted[i - 1]->digest))
			continue;
		descriptor_set(&d, sorted[i]->media_type, &sorted[i]->digest, sorted[i]->size);
		index_add(&x, &d);
	}
	json_set_str(x.annotations, CACHEUSE_DAY, clock_rfc3339(midnight(when), day));
	index_write(&x, text);
}

void cacheuse_day(int64_t when, char out[CACHEUSE_DAY_BYTES])
{
	char day[32];

	clock_rfc3339(midnight(when), day);
	snprintf(out, CACHEUSE_DAY_BYTES, CACHEUSE_PREFIX "%.4s%.2s%.2s-", day, day + 5, day + 8);
}

void cacheuse_tag(int64_t when, struct sv text, char out[CACHEUSE_TAG_BYTES])
{
	uint8_t sum[HASH_MAX_BYTES];
	char id[2 * ID_BYTES + 1];

	hash_bytes(HASH_SHA256, text.p, text.n, sum);
	hash_hex(sum, ID_BYTES, id);
	cacheuse_day(when, out);
	memcpy(out + strlen(out), id, sizeof id);
}

bool cacheuse_is_tag(const char *tag)
{
	return strncmp(tag, CACHEUSE_PREFIX, strlen(CACHEUSE_PREFIX)) == 0;
}

int64_t cacheuse_until(const char *tag)
{
	const char *p = tag + strlen(CACHEUSE_PREFIX);
	char text[32];
	int64_t day;

	if (!cacheuse_is_tag(tag) || strspn(p, "0123456789") != 8 || p[8] != '-')
		return -1;
	snprintf(text, sizeof text, "%.4s-%.2s-%.2sT00:00:00Z", p, p + 4, p + 6);
	return clock_parse_rfc3339(sv_from(text), &day) < 0 ? -1 : day + DAY_S - 1;
}
