/* Image references: [host[:port]/]path[:tag][@digest] (distribution-spec "pulling manifests"; Docker's rules for
 * docker.io and library/). */
#ifndef SLCT_REF_H
#define SLCT_REF_H

#include "oci/digest.h"
#include "src/util/err.h"

struct ref {
	char *host;	      /* "docker.io" where the text names none; "localhost" alone means: only in the store */
	char *path;	      /* "library/debian" for "debian" on docker.io */
	char *tag;	      /* NULL if there is a digest and no tag; else "latest" by default */
	struct digest digest; /* "" if none */
};

/* Parse; ERR_INPUT with the position. Upper case is refused in the path, and `Foo/bar` has no host (Docker takes it for
 * one): nothing is guessed. */
int ref_parse(const char *text, struct ref *out, struct err *e);
void ref_release(struct ref *r);
#define AUTO_REF AUTO(ref_release)
void ref_copy(struct ref *to, const struct ref *from); /* `to` uninitialised */
/* Full text: host/path[:tag][@digest]; caller frees. */
char *ref_format(const struct ref *r);
/* As a person would write it: without docker.io/ and library/; caller frees. */
char *ref_familiar(const struct ref *r);
/* "localhost/NAME" without a port: never asked of a registry. */
bool ref_is_store_only(const struct ref *r);
/* A repository without tag and digest, for caches: the error says if there is one. */
int ref_parse_repo(const char *text, struct ref *out, struct err *e);

#endif
