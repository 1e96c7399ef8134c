/* Files of images of the store, read from the merged layers without running anything. Paths are resolved inside the
 * image: no link leads out of it. */
#ifndef SLCT_IMGFILES_H
#define SLCT_IMGFILES_H

#include "src/build/state.h"
#include "src/session/treeview.h"

/* What a directory holds, or the file itself: array of {"name", "type", "mode", "uid", "gid", "size", "mtime",
 * "target"} sorted by name; mtime in seconds, target of links only. New reference. ERR_NOT_FOUND. */
int imgfiles_list(struct session *s, const char *image, const char *path, struct json **out, struct err *e);
/* Content of a regular file to standard output. */
int imgfiles_cat(struct session *s, const char *image, const char *path, struct err *e);

/* --- in a worker with WORKER_MOUNT --- */

struct imgfiles_root {
	int fd;
	struct treeview view;
};
#define IMGFILES_ROOT_INIT ((struct imgfiles_root){.fd = -1})
int imgfiles_open(const struct build *b, const struct digest_list *stack, unsigned number, struct imgfiles_root *out,
		  struct err *e);
void imgfiles_close(struct imgfiles_root *r);
#define AUTO_IMGFILES_ROOT AUTO(imgfiles_close)
/* lstat as the image has it; name "" is dirfd itself. */
int imgfiles_stat(const struct imgfiles_root *r, int dirfd, const char *name, struct stat *st, struct err *e);
/* "file", "dir", "symlink", "char", "block", "fifo", "socket" */
const char *imgfiles_type(mode_t mode);

/* Run fn in such a worker over the images' layers; fn writes JSON text (any length) to fd, which is parsed. */
typedef int imgfiles_fn(void *arg, int fd, struct err *e);
struct imgfiles_call {
	struct build b;
	imgfiles_fn *fn;
	void *arg;
	int fd;
};
int imgfiles_run(struct imgfiles_call *c, struct json **out, struct err *e);

#endif
