/* Writing a selection of files into a root file system: what COPY and ADD do to the destination.
 *
 * Semantics are the reference builder's (BuildKit), but nothing is lost: hard links and extended attributes are kept.
 * The destination is resolved inside the root; links on the way to it are followed there. */
#ifndef SLCT_COPYTO_H
#define SLCT_COPYTO_H

#include "src/dockerfile/dmode.h"
#include "src/plan/source.h"
#include "src/plan/treesum.h"

#define COPYTO_KEEP UINT32_MAX

struct copylink;

struct copyto {
	int rootfd;		    /* destination root (merged) */
	const struct ownview *view; /* how owners are kept in it; NULL: as the namespace can */
	const struct source_set *src;
	const struct source_list *list;
	const char *dest;	  /* absolute; a trailing slash means a directory */
	uint32_t uid, gid;	  /* COPYTO_KEEP: of the source (root), or 0 (context) */
	const struct dmode *mode; /* NULL: of the source */
	bool link;		  /* --link: the destination is made as if the root were empty, over what is there */
	bool replace;		  /* what is of another type (directory or not) is replaced, not refused */
	bool from_archive;	  /* passages that are there are used, also through links */
	bool from_root;		  /* owners and old times are the source's; identical files are left out */
	bool real_times;	  /* keep all times */
	int64_t origin;		  /* seconds: mtimes of a root's files later than it become `logical` */
	int64_t logical;	  /* seconds */
	struct copylink *links;	  /* from a root: what may be linked in place of copying (copylink.h); NULL: nothing */
	struct treesum *sum;	  /* gets everything that is copied; NULL: not wanted */
	/* ADD: called for each regular file named directly; returns 1 if it was an archive and has been unpacked into
	 * the directory dest, 0 if it is an ordinary file, -1 with *e. NULL: never. */
	int (*unpack)(void *arg, const struct source_entry *en, const char *dest, struct err *e);
	void *unpack_arg;
};

/* Write all of it; directories get their metadata last. -1 with *e. */
int copyto_run(struct copyto *c, struct err *e);

#endif
