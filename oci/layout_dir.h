/* Reading an image layout directory by tag and digest, without choosing among platforms (image-spec image-layout.md):
 * for caches and for copies byte for byte. Foreign input: everything is verified, links in the directory are refused.
 *
 * Readers take no lock: index.json is replaced by rename, and blobs are there before it names them. */
#ifndef SLCT_LAYOUT_DIR_H
#define SLCT_LAYOUT_DIR_H

#include "oci/manifest.h"
#include "oci/store.h"
#include "src/util/smap.h"

struct layout_dir {
	char *path;
	int fd;
	struct index index;
	struct smap tags; /* tag → entry of the index; of several the first */
};
#define LAYOUT_DIR_INIT ((struct layout_dir){.fd = -1})
#define AUTO_LAYOUT_DIR AUTO(layout_dir_close)

/* ERR_NOT_FOUND if there is no such directory, or an empty one; ERR_INPUT if it is no layout. */
int layout_dir_open(struct layout_dir *d, const char *path, struct err *e);
void layout_dir_close(struct layout_dir *d);
/* Entry of that tag; NULL. Borrowed. */
const struct descriptor *layout_dir_find(const struct layout_dir *d, const char *tag);
/* A document of at most max bytes, digest and size verified; appended. ERR_NOT_FOUND, ERR_INTEGRITY. */
int layout_dir_read(const struct layout_dir *d, const struct descriptor *what, size_t max, struct buf *out,
		    struct err *e);
/* Whether a manifest is there with its config and layers, by their sizes; foreign layers may be elsewhere. */
bool layout_dir_whole(const struct layout_dir *d, const struct descriptor *manifest);
/* A blob for reading, verified; the caller closes it. ERR_NOT_FOUND, ERR_INTEGRITY. */
int layout_dir_open_blob(const struct layout_dir *d, const struct descriptor *what, struct err *e);
/* Bring a blob into the store, verified; fine if it is there. */
int layout_dir_fetch(const struct layout_dir *d, struct store *s, const struct descriptor *what, struct err *e);
/* Keep layout_gc from removing blobs as long as the descriptor is open, which no child may keep. -1: the layout is not
 * there, or it is somebody else's and was never collected. Waits for a collection that is under way. */
int layout_dir_hold(const char *path);
/* An entry was of use: noted by the day in the time of its manifest's file, where that may be changed. */
void layout_dir_used(const struct layout_dir *d, const struct descriptor *entry);
/* When that was last, or when it was written; seconds since 1970, 0: unknown. */
int64_t layout_dir_last_use(const struct layout_dir *d, const struct descriptor *entry);
/* Remove the entries that keep() does not want, and all blobs (SHA-256) that what stays does not need. Under the lock;
 * dry_run only counts. While somebody holds the layout the blobs stay, for the next time. ERR_NOT_FOUND if there is no
 * such directory. */
struct layout_gc_opts {
	bool (*keep)(void *arg, const struct layout_dir *d, const struct descriptor *entry);
	void *arg;
	bool dry_run;
};
struct layout_gc_stats {
	uint64_t entries, blobs, bytes;
	bool held; /* the blobs stayed */
};
int layout_gc(const char *path, const struct layout_gc_opts *o, struct layout_gc_stats *st, struct err *e);

/* Open a regular file of a layout for reading, no link on the way. -1 with *e: ERR_NOT_FOUND, ERR_INPUT. */
int layout_dir_file(int dirfd, const char *name, struct err *e);
/* "blobs/sha256/<hex>"; caller frees. */
char *layout_dir_blob_name(const struct digest *d);

#endif
