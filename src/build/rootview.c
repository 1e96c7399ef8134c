#include "src/build/rootview.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "src/build/lowers.h"
#include "src/build/roots.h"
#include "src/sandbox/overlay.h"
#include "src/util/mem.h"

/* Where there is no overlay: a tree of hard links, made once in a run. */
static int open_tree_view(const struct build *b, const struct digest_list *stack, struct err *e)
{
	int store = store_fd(b->s->store);
	struct digest key;
	int fd;

	store_fold_key(stack->v, stack->n, &key);
	AUTO_FREE char *path = mem_printf("%s/view.%s", b->tmp, digest_hex(&key));

	fd = openat(store, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		AUTO_FREE char *making = mem_printf("%s.%d", path, (int)getpid());

		if (roots_copy(b, stack, making, true, NULL, e) < 0)
			return -1;
		/* Somebody else may have been faster: then that one is used, and ours goes with the run. */
		if (renameat(store, making, store, path) < 0 && errno != EEXIST && errno != ENOTEMPTY)
			return err_sys(e, ERR_HOST, errno, "%s", path);
		fd = openat(store, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return fd < 0 ? err_sys(e, ERR_HOST, errno, "%s", path) : fd;
}

int rootview_open(const struct build *b, const struct digest_list *stack, const char *empty, struct err *e)
{
	AUTO_STRV struct strv lower = {0};

	if (b->s->tier.trees)
		return open_tree_view(b, stack, e);
	if (b->tmp && lowers_make(b, stack, e) < 0)
		return -1;
	lowers_paths(b, stack, &lower);
	return overlay_mount(&(struct overlay_spec){.dirfd = store_fd(b->s->store),
						    .lower = (const char *const *)lower.v,
						    .nlower = lower.n,
						    .empty = empty},
			     e);
}
