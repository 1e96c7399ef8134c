/* House-keeping of remote caches: repositories and directories. */
#ifndef SLCT_CACHEHOUSE_H
#define SLCT_CACHEHOUSE_H

#include "src/session/session.h"
#include "src/util/json.h"

/* {"cache", "entries": [{"digest", "tags": […], "built", "used": RFC 3339 or null, "layers", "bytes"}…] by age, the
 * oldest first, "bytes": of all blobs together, each once}. place: as an operand of --cache-from. Other tags than a
 * cache's are left out. "used": in a directory also when it was written, of a repository the last second of the last
 * noted day (cacheuse.h). New reference. */
int cachehouse_list(struct session *s, const char *place, struct json **out, struct err *e);

struct cachehouse_stats {
	uint64_t entries;      /* manifests of a repository, tags of a directory */
	uint64_t blobs, bytes; /* of a directory; a registry frees its blobs by itself */
	uint64_t kept;
	bool held; /* builds are reading the directory: its blobs stay for the next time */
};
/* Remove the entries that were built and last used before `before` (seconds since 1970), and those of which both are
 * unknown; of a repository also the notes of days before. */
int cachehouse_gc(struct session *s, const char *place, int64_t before, bool dry_run, struct cachehouse_stats *st,
		  struct err *e);

#endif
