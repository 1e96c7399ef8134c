/* Digests: "algorithm:hex" as in the OCI image-spec, descriptor.md "Digests". A value type of fixed size. */
#ifndef SLCT_DIGEST_H
#define SLCT_DIGEST_H

#include "src/util/base.h"
#include "src/util/err.h"
#include "src/util/hash.h"
#include "src/util/sv.h"

#define DIGEST_TEXT_MAX 136 /* "sha512:" + 128 hex digits + NUL */

struct digest {
	char text[DIGEST_TEXT_MAX]; /* "" means none */
};

/* sha256 (64 lower-case hex digits) and sha512 (128); everything else is refused with the code given. */
int digest_parse(struct sv text, struct digest *out, enum err_code code, struct err *e);
bool digest_eq(const struct digest *a, const struct digest *b);
bool digest_is_set(const struct digest *d);
enum hash_alg digest_alg(const struct digest *d);
const char *digest_hex(const struct digest *d); /* after the colon; borrowed */
/* From a finished sum; h is spent. */
void digest_from_hash(enum hash_alg alg, struct hash *h, struct digest *out);
void digest_of_bytes(const void *p, size_t n, struct digest *out); /* sha256 */

struct digest_list {
	struct digest *v;
	size_t n, cap;
};
void digest_list_release(struct digest_list *l);
void digest_list_copy(struct digest_list *to, const struct digest_list *from); /* appends */
bool digest_list_eq(const struct digest_list *a, const struct digest_list *b);
#define AUTO_DIGEST_LIST AUTO(digest_list_release)

#endif
