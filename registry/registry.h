/* What the rest of slct asks of registries (distribution-spec 1.1, Docker Registry v2). Used in `fetch` workers only:
 * one client per worker, its requests run in parallel over shared connections. */
#ifndef SLCT_REGISTRY_H
#define SLCT_REGISTRY_H

#include "oci/layout_dir.h"
#include "oci/manifest.h"
#include "oci/platform.h"
#include "oci/ref.h"
#include "oci/store.h"
#include "src/util/err.h"
#include "src/util/json.h"

struct registry;

/* A login given by option for a host[:port], or for the repositories below host/path. */
struct registry_login {
	const char *place, *username, *password;
};

struct registry_opts {
	struct strv insecure; /* host[:port] that may be asked over plain http or with unverified TLS; loopback always
				 may */
	char *username, *password; /* given by option for `creds_host` only; NULL: config files */
	char *creds_host;
	const struct registry_login *logins; /* more of them; borrowed */
	size_t nlogins;
	char *ca_file;	/* PEM: further authorities for all hosts; NULL: none */
	char *cert_dir; /* certificates per host in docker's layout, before the usual places; NULL: these only */
	int64_t connect_timeout_ns, stall_timeout_ns; /* 0: 15 s, 60 s */
	unsigned retries;			      /* tries after the first one; default 5 */
	struct store *store; /* borrowed: a config that it holds is not fetched; NULL: all are */
};

struct registry *registry_new(const struct registry_opts *o, struct err *e); /* o NULL: defaults */
void registry_free(struct registry *r);

/* Ask host[:port] whether it takes the login that there is for it: a GET of /v2/, and a token where it wants one.
 * *asked is false if it wants no login for that. ERR_REGISTRY, http 401 if it is refused. */
int registry_login(struct registry *r, const char *host, bool *asked, struct err *e);

/* Number of HTTP requests sent so far (all, and those with a body). */
void registry_counts(const struct registry *r, uint64_t *requests, uint64_t *uploads);

/* A manifest and its config as fetched and verified. */
struct registry_image {
	struct descriptor manifest; /* of the platform's manifest, never of the index */
	struct buf manifest_text, config_text;
};
void registry_image_release(struct registry_image *i);

/* Resolve ref (tag or digest) for the platform: index → manifest → config. ERR_REGISTRY; retryable, http status and
 * hint set ("not logged in to X: slct login X"); a name that does not exist is ERR_NOT_FOUND. */
int registry_resolve(struct registry *r, const struct ref *ref, const struct platform *p, struct registry_image *out,
		     struct err *e);

typedef void registry_progress_fn(void *arg, const struct digest *blob, uint64_t done, uint64_t total);

/* Who follows blobs while they are fetched, by their places in the list; any member may be NULL. */
struct registry_watch {
	void *arg;
	void (*begun)(void *arg, size_t i,
		      const char *file); /* it goes to that file below the store, until it is whole */
	/* So much of it is in the file; less than before: what was there was wrong, and it begins anew. */
	void (*wrote)(void *arg, size_t i, uint64_t have);
	void (*whole)(void *arg, size_t i); /* verified and in the store, or was there */
};

/* Fetch blobs into the store, in parallel, each verified while it streams; those that are there are skipped. A wrong
 * digest is retried once, then ERR_INTEGRITY names both. watch NULL: nobody follows. */
int registry_fetch_blobs(struct registry *r, const struct ref *repo, const struct descriptor *const *blobs, size_t n,
			 struct store *s, const struct registry_watch *watch, struct err *e);

/* Ask for many tags of one repository at once. */
struct registry_probe {
	const char *tag; /* in; also a digest */
	bool index_too;	 /* in: an image index is an answer as well */
	bool found;
	struct descriptor manifest;
	struct buf text; /* of the manifest, verified against its digest */
};
/* A tag that is not there is found == false; anything else that fails is an error. */
int registry_probe_tags(struct registry *r, const struct ref *repo, struct registry_probe *probes, size_t n,
			struct err *e);

/* The blob of a layer that is sent while it is made: its bytes appear in a file. It may lie in memory that two
 * processes share; the one that makes the blob sets `state` last, the client only reads. */
struct registry_stream {
	int fd;			/* the client's; -1: it was whole before the client came, and is in the store */
	_Atomic uint64_t ready; /* bytes that are in the file */
	_Atomic int state;	/* REGISTRY_STREAM_... */
	/* once it is whole; the blob is in the store then */
	struct digest digest;
	uint64_t size;
	const char *media_type; /* static */
};
enum { REGISTRY_STREAM_GROWS, REGISTRY_STREAM_WHOLE, REGISTRY_STREAM_BROKEN };

/* Push a manifest whose blobs are all in the store: HEAD of each, mount from `mount_from` repositories of the same
 * host where given, upload of what is missing (in parallel), manifest last, under each of the tags. */
struct registry_push {
	const struct ref *to; /* its tag is the first tag; its digest is ignored */
	const char *const *more_tags;
	size_t nmore;
	struct descriptor manifest;   /* blob in the store */
	const struct ref *mount_from; /* NULL: none */
	const struct buf *text;	      /* of the manifest, where the store does not have it */
	const struct ref *pipe_from;  /* the blobs are in this repository and pass through; NULL: in the store */
	const struct layout_dir *dir; /* the blobs are there, to be verified; NULL: in the store */
	/* Layers that are being made; the manifest cannot exist before them: `manifest` is unset, `known` lists the
	 * blobs that are in the store (borrowed), and `seal` gives the manifest when all the others are there. */
	struct registry_stream *const *streams;
	size_t nstreams;
	const struct descriptor *const *known;
	size_t nknown;
	int (*seal)(void *arg, struct descriptor *manifest, struct err *e);
	void *seal_arg;
	const struct digest *there; /* blobs that the repository has for certain: not asked for */
	size_t nthere;
	bool new_tags;		/* the tags are known not to exist: not asked for */
	uint64_t unasked_bytes; /* blobs of at most this size are sent without asking for them first, if they are in the
				 * store; what is not there is asked for, or mounted, or the push fails */
	bool skip_existing;	/* do not replace a tag that already points to a manifest (cache entries) */
	/* out */
	uint64_t blobs_sent, blobs_mounted, blobs_there, bytes_sent;
};
int registry_push_image(struct registry *r, struct registry_push *p, struct store *s, registry_progress_fn *fn,
			void *arg, struct err *e);

/* Copy an image, or an index with all that it names, to a repository (nothing is written here) or a layout. What the
 * target has is not sent, and what another repository of its registry has is mounted. */
struct registry_copy {
	const struct ref *from;		 /* by its digest, else its tag; NULL: of `dir` */
	const struct layout_dir *dir;	 /* borrowed */
	const struct descriptor *root;	 /* of `dir` */
	const struct ref *to;		 /* its tag; a digest must be that of what is copied. NULL: to `out` */
	const char *out, *name;		 /* layout directory, and the name there (NULL: none) */
	const struct platform *platform; /* of an index this image alone; NULL: all */
	bool referrers;			 /* with what names the images as its subject; between repositories */
	/* out */
	struct digest digest;
	uint64_t manifests, referrers_copied;
	uint64_t sent, mounted, there, bytes_sent; /* blobs */
};
int registry_copy(struct registry *r, struct registry_copy *c, struct err *e);

/* Remove a tag, or with a digest the manifest and with it all of its tags. ERR_NOT_FOUND if there is none. */
int registry_remove(struct registry *r, const struct ref *ref, struct err *e);

/* Descriptors of the manifests that name ref's as their subject: an array (new reference). A registry without that
 * interface is asked for the tag that stands in for it. Nothing found is an empty array. */
int registry_referrers(struct registry *r, const struct ref *ref, struct json **out, struct err *e);

/* The tags of the first page of the list, at most 1000; *complete: these are all. ERR_NOT_FOUND if there is no such
 * repository. */
int registry_some_tags(struct registry *r, const struct ref *repo, struct strv *out, bool *complete, struct err *e);
/* All tags of a repository (pagination followed, at most 100,000). */
int registry_tags(struct registry *r, const struct ref *repo, struct strv *out, struct err *e);

#endif
