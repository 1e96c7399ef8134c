/* Fuzz target: an ignore file and, after a NUL, a path. What lies below a directory that may be pruned must be left
 * out. */
#include <stdlib.h>

#include "src/dockerfile/ignore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const struct ignore *ig, struct sv path)
{
	AUTO_FREE char *p = sv_dup(path);
	bool out = ignore_match(ig, p);

	for (char *slash = p; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		if (slash > p && ignore_prune(ig, p) && !out)
			abort();
		*slash = '/';
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sv all = sv_of((const char *)data, size), path = SV_NULL;
	struct err e = ERR_INIT;
	AUTO_IGNORE struct ignore *ig = NULL;
	ssize_t nul = sv_find(all, 0);

	if (nul >= 0) {
		path = sv_sub(all, (size_t)nul + 1, size);
		all = sv_sub(all, 0, (size_t)nul);
	}
	ig = ignore_parse("fuzz", all, &e);
	if ((ig != NULL) == err_is_set(&e))
		abort();
	err_release(&e);
	if (ig && path.n && !memchr(path.p, 0, path.n))
		check_path(ig, path);
	return 0;
}
