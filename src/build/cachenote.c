#include "src/build/cachenote.h"

#include <string.h>

#include "oci/limits.h"
#include "src/cache/cacheuse.h"
#include "src/util/mem.h"

static size_t find_read(const struct build *b, const struct cacheopt *place, const struct descriptor **out)
{
	size_t n = 0;

	for (size_t i = 0; i < b->hits.n && !cacheopt_dir(place->repo); i++) {
		const struct remote_hit *h = b->hits.v[i].val;

		if (strcmp(h->repo, place->repo) == 0)
			out[n++] = &h->entry;
	}
	return n;
}

bool cachenote_reads(const struct build *b, const struct cacheopt *place)
{
	AUTO_FREE const struct descriptor **found = mem_array(b->hits.n + 1, sizeof *found);

	return find_read(b, place, found) > 0;
}

char *cachenote_text(const struct build *b, const struct cacheopt *place, int64_t when)
{
	AUTO_FREE const struct descriptor **found = mem_array(b->hits.n + 1, sizeof *found);
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);

	cacheuse_write(when, found, find_read(b, place, found), &text);
	return buf_steal(&text);
}
