/* Hashes over EVP. Fetching an algorithm and making a context cost more than hashing a small file: both are kept. */
#include "src/util/hash.h"

#include <openssl/evp.h>
#include <pthread.h>

#include "src/util/mem.h"

static const struct {
	const char *name;
	size_t size;
} hash_algs[] = {
	[HASH_SHA256] = {"SHA256", 32},
	[HASH_SHA512] = {"SHA512", 64},
};

struct hash {
	EVP_MD_CTX *ctx;
	enum hash_alg alg;
};

static EVP_MD *hash_md[ARRAY_LEN(hash_algs)];
static pthread_once_t hash_once = PTHREAD_ONCE_INIT;
/* One idle hash per algorithm, exchanged atomically: packers have threads. */
static struct hash *hash_idle[ARRAY_LEN(hash_algs)];

/* A libcrypto without SHA-2 cannot do anything for us; no caller could, either. */
static void hash_must(bool ok)
{
	if (ok)
		return;
	fputs("slct: libcrypto has no working SHA-256/SHA-512\n", stderr);
	abort();
}

static void hash_fetch(void)
{
	for (size_t i = 0; i < ARRAY_LEN(hash_algs); i++) {
		hash_md[i] = EVP_MD_fetch(NULL, hash_algs[i].name, NULL);
		hash_must(hash_md[i] != NULL);
	}
}

struct hash *hash_new(enum hash_alg alg)
{
	struct hash *h = __atomic_exchange_n(&hash_idle[alg], NULL, __ATOMIC_ACQUIRE);

	if (!h) {
		pthread_once(&hash_once, hash_fetch);
		h = mem_new(struct hash);
		h->alg = alg;
		h->ctx = EVP_MD_CTX_new();
		hash_must(h->ctx != NULL);
	}
	hash_reset(h);
	return h;
}

void hash_free(struct hash *h)
{
	if (!h)
		return;
	h = __atomic_exchange_n(&hash_idle[h->alg], h, __ATOMIC_ACQ_REL);
	if (!h)
		return;
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

void hash_reset(struct hash *h)
{
	hash_must(EVP_DigestInit_ex2(h->ctx, hash_md[h->alg], NULL) == 1);
}

void hash_copy(struct hash *to, const struct hash *from)
{
	hash_must(EVP_MD_CTX_copy_ex(to->ctx, from->ctx) == 1);
}

void hash_add(struct hash *h, const void *p, size_t n)
{
	hash_must(EVP_DigestUpdate(h->ctx, p, n) == 1);
}

void hash_end(struct hash *h, uint8_t out[HASH_MAX_BYTES])
{
	hash_must(EVP_DigestFinal_ex(h->ctx, out, NULL) == 1);
}

size_t hash_size(enum hash_alg alg)
{
	return hash_algs[alg].size;
}

void hash_bytes(enum hash_alg alg, const void *p, size_t n, uint8_t out[HASH_MAX_BYTES])
{
	struct hash *h = hash_new(alg);

	hash_add(h, p, n);
	hash_end(h, out);
	hash_free(h);
}

void hash_hex(const uint8_t *sum, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[sum[i] >> 4];
		*out++ = digits[sum[i] & 15];
	}
	*out = '\0';
}
