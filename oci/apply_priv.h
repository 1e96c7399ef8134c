/* State of an extraction, shared by apply.c, apply_dir.c (directories and parents) and apply_node.c (everything else).
 */
#ifndef SLCT_APPLY_PRIV_H
#define SLCT_APPLY_PRIV_H

#include <fcntl.h>

#include "oci/apply.h"
#include "oci/apply_meta.h"
#include "src/util/vec.h"

#define APPLY_DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* What a directory gets when all is extracted. */
struct apply_dir {
	char *path;
	int64_t mtime;
	char *acl; /* default ACL or NULL */
	size_t nacl;
};

struct apply {
	struct tar_read *t;
	int root;
	const struct apply_opts *o;
	struct apply_result *out;
	struct apply_loss loss;
	char *parent_path; /* cached parent; NULL: none */
	int parent_fd;
	VEC_OF(struct apply_dir) dirs;
	size_t dir_bytes;
	struct strv recorded; /* names under which an owner was recorded; later members may have replaced them */
	size_t recorded_bytes;
};

/* The place of a member: an O_PATH directory (borrowed from the cache) and a name in it. */
struct apply_at {
	int dirfd;
	const char *leaf;
};

/* "path: doing: cause" of errno `sys`; -1. */
int apply_fail(const char *path, int sys, const char *doing, struct err *e);
/* Metadata of an open file or directory, or of another node by name; what is recorded is remembered. */
int apply_metadata(struct apply *a, int dirfd, const char *name, const struct entry *en, struct err *e);
/* The name may be one of a recorded owner. */
int apply_note_recorded(struct apply *a, const char *path, struct err *e);

/* --- apply_dir.c --- */

/* Find, or make, the directory that holds path; valid until the next call. */
int apply_dir_locate(struct apply *a, const char *path, int64_t mtime, struct apply_at *at, struct err *e);
/* A directory member: made, or changed if it is there. */
int apply_dir_make(struct apply *a, const struct apply_at *at, const struct entry *en, struct err *e);
/* Remember what the directory gets at the end; en may be NULL. */
int apply_dir_note(struct apply *a, const char *path, int64_t mtime, const struct entry *en, struct err *e);
int apply_dir_set_opaque(const char *path, int fd, struct err *e);
/* Times and default ACLs of all directories, when all is there. */
int apply_dir_finish(struct apply *a, struct err *e);
void apply_dir_release(struct apply *a);

/* --- apply_node.c: a member replaces what has its name --- */

/* Regular file, or the placeholder of a device. */
int apply_node_file(struct apply *a, const struct apply_at *at, const struct entry *en, struct err *e);
/* Link, fifo, device. */
int apply_node_special(struct apply *a, const struct apply_at *at, const struct entry *en, struct err *e);
int apply_node_device(struct apply *a, const struct apply_at *at, const struct entry *en, struct err *e);
int apply_node_hard_link(struct apply *a, const struct apply_at *at, const struct entry *en, struct err *e);

#endif
