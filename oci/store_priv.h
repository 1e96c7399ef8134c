/* What the files of the store share. */
#ifndef SLCT_STORE_PRIV_H
#define SLCT_STORE_PRIV_H

#include "oci/store.h"

/* How long to wait for a lock that others hold only for a moment. */
#define STORE_LOCK_WAIT_NS (INT64_C(60) * 1000000000)
/* Records that slct itself writes: the largest names some hundred layers and the inputs of a step. */
#define STORE_RECORD_MAX_BYTES ((size_t)8 << 20)

struct store {
	char *root;
	int fd;	       /* O_PATH */
	int lock;      /* lock/store */
	int lease;     /* our directory below tmp/, flock'ed as long as its contents are in use */
	char *session; /* "tmp/s.<random>", NULL if it could not be made yet */
	pid_t owner;   /* the process that opened: forked ones do not clean up */
};

/* Our directory below tmp/, made if that failed at open (full disk). */
const char *store_session(struct store *s, struct err *e);
/* New file in it; *rel is relative to the store. -1 with *e. */
int store_tmp_file(struct store *s, const char *prefix, char **rel, struct err *e);
/* Directory stream below the store; NULL with *e. */
DIR *store_opendir(struct store *s, const char *rel, struct err *e);
/* Next entry other than "." and "..": 1, 0 at the end, -1 with *e. An error must not look like the end: gc would take
 * what it has not seen for unreferenced. */
int store_readdir(DIR *d, const char **name, struct err *e);
/* Make missing parents of rel. */
int store_record_make_parents(struct store *s, const char *rel, struct err *e);
/* Change a layer's record under its lock: fn gets what is there, or an empty one with the diff id; 1: write it. */
typedef int store_layer_change_fn(void *arg, struct store_layer_rec *r);
int store_layer_rec_change(struct store *s, const struct digest *diff_id, store_layer_change_fn *fn, void *arg,
			   struct err *e);
/* The digest whose hex is the first n bytes of name (length decides about the algorithm); -1 if it is none. */
int store_blob_of_name(const char *name, size_t n, struct digest *out);
/* "blobs/<alg>/<hex>" in a buffer. */
#define STORE_BLOB_PATH_MAX (DIGEST_TEXT_MAX + 16)
const char *store_blob_path(const struct digest *d, char out[STORE_BLOB_PATH_MAX]);
/* The digest of all that fd gives from its offset on. */
int store_blob_sum(int fd, enum hash_alg alg, struct digest *out, uint64_t *size, struct err *e);
/* JSON of one of our own records, damaged ones are ERR_INTEGRITY; NULL with *e. */
struct json *store_record_get_json(struct store *s, const char *rel, struct err *e);
int store_record_put_json(struct store *s, const char *rel, const struct json *j, bool durable, struct err *e);
int store_record_delete(struct store *s, const char *rel, struct err *e);
/* Array of digest texts below key, appended. */
int store_record_digests(const struct json *j, const char *key, struct digest_list *out, struct err *e);
struct json *store_record_from_digests(const struct digest_list *l);
/* The layers that a fold's record (layers/<form>/<hex>.fold.json) names. */
int store_fold_layers(struct store *s, const char *rel, struct digest_list *out, struct err *e);
/* One image record by the file's path; "images/<x>.json". */
int store_image_read(struct store *s, const char *rel, struct store_image *out, struct err *e);
/* Every file of images/, good or not: fn gets the image or NULL and the error. Non-zero from fn stops with that. */
typedef int store_image_fn(void *arg, const char *rel, struct store_image *i, struct err *problem);
int store_image_each(struct store *s, store_image_fn *fn, void *arg, struct err *e);
/* index.json of the store. */
struct json *store_index_load(struct store *s, struct err *e);
/* Create index.json if it is missing. */
int store_index_init(struct store *s, struct err *e);

#endif
