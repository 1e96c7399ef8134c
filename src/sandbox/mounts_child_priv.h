/* Internal to mounts_child: what the operations share. */
#ifndef SLCT_MOUNTS_CHILD_PRIV_H
#define SLCT_MOUNTS_CHILD_PRIV_H

#include <sys/mount.h>

#include "src/sandbox/mounts_child.h"

/* Of file systems that hold nothing but the kernel's answers or texts of ours. */
#define MOUNTS_CHILD_ATTRS (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

struct mounts_child {
	int root;
	int chan;
	int empty; /* the first mask of a directory, which the others are copies of; -1: none yet */
};

/* The object itself, no link followed on the way to it or at its end: O_PATH, the caller's; -1 with errno. */
int mounts_child_target(const struct mounts_child *m, const char *path);
/* Attach the detached mount mnt upon an object; -1 with errno. */
int mounts_child_attach(int mnt, int target);

/* --- operations; mounts_child_file.c --- */
/* A read-only file with a text (PLAN_TEXT). */
int mounts_child_text(struct mounts_child *m, const struct plan_op *op, struct err *e);
/* Another /proc/1 (PLAN_INIT). */
int mounts_child_init(struct mounts_child *m, const struct plan_op *op, struct err *e);

#endif
