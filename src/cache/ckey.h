/* Cache keys (cache.md "Keys"): SHA-256 over named fields, each with its length before it, under a domain and a format
 * version, so that no two different lists of fields have the same bytes. */
#ifndef SLCT_CKEY_H
#define SLCT_CKEY_H

#include "src/util/hash.h"
#include "src/util/json.h"
#include "src/util/vec.h"

/* Part of every key. History: 1 first form; 2 what COPY and ADD do with wildcards, links, archives and owners (docs/
 * conformance.md) is no longer what it was under 1, and RUN has its security level. */
#define CKEY_FORMAT_VERSION 2
#define CKEY_HEX_BYTES	    65
#define CKEY_TAG_BYTES	    38 /* "slct-" + 32 base32 digits + NUL */

struct ckey {
	char hex[CKEY_HEX_BYTES]; /* "" means none */
};

/* Encoding: version (8 bytes big-endian), domain, then each field as name and value; every text has its length before
 * it as 8 bytes big-endian. */
struct ckey_builder {
	struct hash *h;
	struct json *why; /* fields by name as text, for records; NULL: not kept */
};

/* domain: what the key is of, so that kinds of keys never meet. Ended by ckey_end() and in no other way. */
void ckey_begin(struct ckey_builder *b, const char *domain, bool keep_why);
/* The next field; the order counts. Value: any n bytes (as text in `why`). */
void ckey_field(struct ckey_builder *b, const char *name, const void *value, size_t n);
void ckey_str(struct ckey_builder *b, const char *name, const char *value); /* NULL is different from "" */
void ckey_int(struct ckey_builder *b, const char *name, int64_t value);
void ckey_list(struct ckey_builder *b, const char *name, const struct strv *values);
/* Ends the key; *why (may be NULL) takes the recorded fields. */
void ckey_end(struct ckey_builder *b, struct ckey *out, struct json **why);

static inline bool ckey_is_set(const struct ckey *k)
{
	return k->hex[0] != '\0';
}

/* Tag of the entry in a cache repository: "slct-" and the first 160 bits in lower-case base32 (RFC 4648). */
void ckey_tag(const struct ckey *k, char out[CKEY_TAG_BYTES]);

#endif
