/* Internal to copylink: what was noted (copylink.c) and is linked (copylink_put.c). */
#ifndef SLCT_COPYLINK_PRIV_H
#define SLCT_COPYLINK_PRIV_H

#include "oci/linkmap.h"
#include "src/build/copylink.h"
#include "src/util/vec.h"

/* A tree that files may come from; topmost first. */
struct copylink_layer {
	char *path;	  /* relative to the store */
	struct strv owns; /* itself and those that it shares with, in hex */
	bool usable;
	int dirfd; /* of the directory that was looked at last; -1: it has none */
};

struct copylink_item {
	size_t dir; /* index of its place */
	char *name;
	size_t layer;
	const char *src; /* path in the tree, as below */
	size_t srcdir;
};

struct copylink {
	int store, srcfd;
	char *upper;
	int upperfd;
	VEC_OF(struct copylink_layer) layers;
	struct strv places, srcdirs; /* directories below the upper one, and below the trees */
	VEC_OF(struct copylink_item) items;
	bool place_usable;
	bool place_inherits;   /* it has a default access control list, which a link would not get */
	char *asked;	       /* directory part of the source that was asked for last */
	struct strv shares;    /* of the new tree */
	struct linkmap firsts; /* inode with several names → whether its first was noted */
};

#endif
