/* What saving and loading of image layouts share. */
#ifndef SLCT_LAYOUT_PRIV_H
#define SLCT_LAYOUT_PRIV_H

#include "oci/layout.h"
#include "src/util/smap.h"

#define LAYOUT_FILE_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}"
/* Temp files of ours in directories of others; left ones are swept under the directory's lock. */
#define LAYOUT_TMP ".slct-tmp"

/* Where the directory itself cannot be locked. */
#define LAYOUT_LOCK ".slct-lock"

/* Held shared by those who read a layout over some time, exclusively while its blobs are removed. */
#define LAYOUT_USE ".slct-use"
/* Make it if it is missing and can be made. */
void layout_make_use(int dirfd);

/* --- saving --- */

/* Descriptors of all blobs of the images, each digest once. */
struct layout_blobs {
	struct descriptor *v;
	size_t n, cap;
	struct smap seen;
};
#define LAYOUT_BLOBS_INIT ((struct layout_blobs){.seen = SMAP_INIT(NULL)})
void layout_blobs_release(struct layout_blobs *b);
int layout_collect(struct store *s, const struct layout_image *images, size_t n, struct layout_blobs *out,
		   struct err *e);
/* ERR_INTEGRITY if what was hashed of a blob of the store is not what its digest says. */
int layout_check_hash(const struct digest *want, struct hash *h, struct err *e);
/* The manifest of an image, read from the store. */
int layout_read_manifest(struct store *s, const struct descriptor *d, struct manifest *out, struct err *e);
/* Permission bits of a new file of the user's own: 0666 without the umask. */
mode_t layout_file_mode(void);

/* A directory that is written to. */
struct layout_out {
	const char *path;
	int fd; /* also holds the lock, if `lock` is -1 */
	int lock;
};
/* Make it if it is missing, take its lock (waiting), begin a layout in an empty one. */
int layout_open(struct layout_out *o, struct err *e);
void layout_close(struct layout_out *o);
/* A directory in it; fine if it is there. */
int layout_mkdir(const struct layout_out *o, const char *name, struct err *e);
/* Whether a regular file is there with that size. */
bool layout_has(const struct layout_out *o, const char *path, uint64_t size);
/* A temp file becomes `path`, durably. */
int layout_finish_file(const struct layout_out *o, int fd, const char *tmp, const char *path, struct err *e);
/* Images into index.json; their blobs are there. */
int layout_save_index(const struct layout_out *o, const struct layout_image *images, size_t n,
		      const struct layout_save_opts *opts, struct err *e);
/* Replace a small file at the top, durably. */
int layout_put_text(const struct layout_out *o, const char *path, const void *p, size_t n, struct err *e);

/* --- loading --- */

/* Where blobs come from: a directory or an archive. */
struct layout_source {
	const char *what; /* for errors */
	struct store *store;
	/* A small file at the top, ERR_NOT_FOUND if there is none. */
	int (*file)(struct layout_source *src, const char *name, struct buf *out, struct err *e);
	/* Bring the blob into the store, verified; ERR_NOT_FOUND. Not called for what the store has already. */
	int (*blob)(struct layout_source *src, const struct descriptor *d, struct err *e);
};
/* Choose by tag and platform, and import. *name (may be NULL) gets the entry's own name or NULL. */
int layout_load_source(struct layout_source *src, const char *tag, const struct platform *p,
		       struct descriptor *manifest, char **name, struct err *e);
/* Whether the text of oci-layout names the version that we read; ERR_INPUT. */
int layout_check_text(const char *text, size_t n, struct err *e);
/* Copy fd (what: for errors) into the store as blob d; both digest and size must hold. */
int layout_load_fd(struct store *s, int fd, const struct descriptor *d, struct err *e);

#endif
