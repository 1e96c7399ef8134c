/* Streaming SHA-256 and SHA-512 over OpenSSL's EVP (FIPS 180-4). The EVP_MD is fetched once per process and contexts
 * are reused, which is what makes small files cheap. */
#ifndef SLCT_HASH_H
#define SLCT_HASH_H

#include "src/util/base.h"
#include "src/util/cleanup.h"

enum hash_alg { HASH_SHA256, HASH_SHA512 };

#define HASH_MAX_BYTES 64
#define HASH_HEX_MAX   (2 * HASH_MAX_BYTES + 1)

struct hash;

struct hash *hash_new(enum hash_alg alg);
void hash_free(struct hash *h); /* NULL is fine */
void hash_reset(struct hash *h);
/* Of the same algorithm: *to goes on where *from is. */
void hash_copy(struct hash *to, const struct hash *from);
void hash_add(struct hash *h, const void *p, size_t n);
/* Ends the sum: writes hash_size() bytes; hash_reset() before reuse. */
void hash_end(struct hash *h, uint8_t out[HASH_MAX_BYTES]);
size_t hash_size(enum hash_alg alg); /* 32, 64 */
/* One shot. */
void hash_bytes(enum hash_alg alg, const void *p, size_t n, uint8_t out[HASH_MAX_BYTES]);
/* Lower-case hex with NUL; out has room for 2 * n + 1. */
void hash_hex(const uint8_t *sum, size_t n, char *out);

static inline void hash_freep(struct hash **h)
{
	hash_free(*h);
}
#define AUTO_HASH AUTO(hash_freep)

#endif
