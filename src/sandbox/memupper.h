/* Upper directories of overlays on a tmpfs (`--upper tmpfs`): where the store's file system refuses them, or to spare
 * the disk. The file system is mounted on a directory of the step in the mount namespace of the step's worker, and is
 * gone with that; what is to last is copied out of it before.
 *
 * The lower layers lie on another file system then. Overlays get "xino=on" (overlay.h), by which all files still show
 * one device, and inode numbers whose top bits tell the file system. */
#ifndef SLCT_MEMUPPER_H
#define SLCT_MEMUPPER_H

#include "src/util/err.h"

/* What was asked for. */
struct memupper {
	bool wanted;
	uint64_t size; /* bytes; 0: half of the memory that is free when the step begins */
};

/* "store", "tmpfs" or "tmpfs:SIZE" (64 KiB and more). ERR_USAGE. */
int memupper_parse(const char *text, struct memupper *out, struct err *e);
/* Bytes for a step that may use `limit` bytes of memory (0: as many as there are). */
uint64_t memupper_size(const struct memupper *m, uint64_t limit);
/* Half of what our control groups (version 2) and the machine have free; not below MEMUPPER_MIN_BYTES. */
uint64_t memupper_half_of_free(void);

/* In a mount namespace of our own, dirfd being a directory in it: mount a tmpfs of this size on the directory `name`,
 * which is made if missing, and make the directories "upper" and "work" in it. Beside the size, inodes and attributes
 * may take half as much. -1 with *e (ERR_HOST). */
int memupper_mount(int dirfd, const char *name, uint64_t size, struct err *e);
/* Whether no more than some pages or inodes are left of the file system that fd lies on. */
bool memupper_full(int fd);

#endif
