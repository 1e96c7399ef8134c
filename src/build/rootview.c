#include "src/build/rootview.h"

#include "src/build/lowers.h"
#include "src/sandbox/overlay.h"

int rootview_open(const struct build *b, const struct digest_list *stack, const char *empty, struct err *e)
{
	AUTO_STRV struct strv lower = {0};

	if (b->tmp && lowers_make(b, stack, e) < 0)
		return -1;
	lowers_paths(b, stack, &lower);
	return overlay_mount(&(struct overlay_spec){.dirfd = store_fd(b->s->store),
						    .lower = (const char *const *)lower.v,
						    .nlower = lower.n,
						    .empty = empty},
			     e);
}
