/* The links that were noted, made in the upper directory when nobody looks at the mounted root any more. */
#include "src/build/copylink_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci/clone.h"
#include "oci/shares.h"
#include "src/util/mem.h"
#include "src/util/path.h"

struct hand {
	int from, to;		   /* directories */
	size_t layer, srcdir, dir; /* what they are */
	struct stat was;	   /* the destination's */
};

static int link_fail(const struct copylink *l, const struct copylink_item *it, struct err *e)
{
	return err_sys(e, ERR_HOST, errno, "/%s/%s", l->places.v[it->dir], it->name);
}

/* What is made in a directory changes its time: it gets it back. */
static int leave_place(const struct copylink *l, struct hand *h, struct err *e)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, h->was.st_mtim};
	int rc = h->to < 0 ? 0 : futimens(h->to, times);

	if (rc < 0)
		err_sys(e, ERR_HOST, errno, "/%s: setting its time", l->places.v[h->dir]);
	if (h->to >= 0)
		close(h->to);
	h->to = -1;
	return rc;
}

static int enter_place(const struct copylink *l, struct hand *h, const struct copylink_item *it, struct err *e)
{
	if (h->to >= 0 && h->dir == it->dir)
		return 0;
	if (leave_place(l, h, e) < 0)
		return -1;
	h->to = path_open_nolinks(l->upperfd, l->places.v[it->dir], O_RDONLY | O_DIRECTORY, 0);
	h->dir = it->dir;
	return h->to < 0 || fstat(h->to, &h->was) < 0 ? link_fail(l, it, e) : 0;
}

static int enter_source(const struct copylink *l, struct hand *h, const struct copylink_item *it, struct err *e)
{
	AUTO_FREE char *path = NULL;

	if (h->from >= 0 && h->layer == it->layer && h->srcdir == it->srcdir)
		return 0;
	if (h->from >= 0)
		close(h->from);
	path = mem_printf("%s/%s", l->layers.v[it->layer].path, l->srcdirs.v[it->srcdir]);
	h->from = path_open_nolinks(l->store, path, O_PATH | O_DIRECTORY, 0);
	h->layer = it->layer;
	h->srcdir = it->srcdir;
	return h->from < 0 ? link_fail(l, it, e) : 0;
}

/* Too many names (EMLINK), no right to (protected_hardlinks), no such thing here: a copy does as well. */
static int link_one(const struct copylink *l, const struct hand *h, const struct copylink_item *it, bool may_link,
		    struct err *e)
{
	struct stat st;

	if (may_link && linkat(h->from, it->src, h->to, it->name, 0) == 0)
		return 0;
	/* A placeholder, or the whiteout of what was there. */
	if (unlinkat(h->to, it->name, 0) < 0 && errno != ENOENT)
		return link_fail(l, it, e);
	if (may_link && linkat(h->from, it->src, h->to, it->name, 0) == 0)
		return 0;
	if (fstatat(h->from, it->src, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return link_fail(l, it, e);
	return clone_node(h->from, it->src, &st, h->to, it->name, NULL, e);
}

static int link_all(const struct copylink *l, struct hand *h, bool may_link, struct err *e)
{
	for (size_t i = 0; i < l->items.n; i++) {
		const struct copylink_item *it = &l->items.v[i];

		if (enter_place(l, h, it, e) < 0 || enter_source(l, h, it, e) < 0 ||
		    link_one(l, h, it, may_link, e) < 0)
			return -1;
	}
	return 0;
}

int copylink_finish(struct copylink *l, struct err *e)
{
	struct hand h = {.from = -1, .to = -1};
	struct err no = ERR_INIT;

	if (!l || !l->items.n)
		return 0;
	bool may_link = shares_set(l->upperfd, &l->shares, &no) == 0;
	int rc = link_all(l, &h, may_link, e);

	err_release(&no);
	if (h.from >= 0)
		close(h.from);
	if (rc < 0) {
		if (h.to >= 0)
			close(h.to);
		return -1;
	}
	return leave_place(l, &h, e);
}
