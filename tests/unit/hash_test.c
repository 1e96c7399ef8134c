/* Hashes, with the vectors of FIPS 180-4's examples. */
#include <check.h>

#include "src/util/hash.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

static void check_sum(enum hash_alg alg, const char *text, const char *want)
{
	uint8_t sum[HASH_MAX_BYTES];
	char hex[HASH_HEX_MAX];
	AUTO_HASH struct hash *h = hash_new(alg);

	hash_bytes(alg, text, strlen(text), sum);
	hash_hex(sum, hash_size(alg), hex);
	ck_assert_str_eq(hex, want);
	/* In pieces, twice with one context. */
	for (int round = 0; round < 2; round++) {
		hash_reset(h);
		for (const char *p = text; *p; p++)
			hash_add(h, p, 1);
		memset(sum, 0, sizeof(sum));
		hash_end(h, sum);
		hash_hex(sum, hash_size(alg), hex);
		ck_assert_str_eq(hex, want);
	}
}

START_TEST(test_vectors)
{
	check_sum(HASH_SHA256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	check_sum(HASH_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	check_sum(HASH_SHA256, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	check_sum(HASH_SHA512, "abc",
		  "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
		  "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}
END_TEST

START_TEST(test_copy)
{
	struct hash *a = hash_new(HASH_SHA512), *b = hash_new(HASH_SHA512);
	uint8_t x[HASH_MAX_BYTES], want[HASH_MAX_BYTES];

	hash_add(b, "what it had", 11);
	hash_add(a, "a", 1);
	hash_copy(b, a);
	hash_add(a, "x", 1);
	hash_add(b, "bc", 2);
	hash_end(b, x);
	hash_bytes(HASH_SHA512, "abc", 3, want);
	ck_assert_mem_eq(x, want, 64);
	hash_end(a, x);
	hash_bytes(HASH_SHA512, "ax", 2, want);
	ck_assert_mem_eq(x, want, 64);
	hash_free(a);
	hash_free(b);
}
END_TEST

START_TEST(test_several_at_once)
{
	struct hash *a = hash_new(HASH_SHA256), *b = hash_new(HASH_SHA256), *c = hash_new(HASH_SHA512);
	uint8_t x[HASH_MAX_BYTES], y[HASH_MAX_BYTES], z[HASH_MAX_BYTES];

	hash_add(a, "a", 1);
	hash_add(b, "b", 1);
	hash_add(c, "c", 1);
	hash_add(a, "bc", 2);
	hash_end(a, x);
	hash_end(b, y);
	hash_bytes(HASH_SHA256, "abc", 3, z);
	ck_assert_mem_eq(x, z, 32);
	hash_bytes(HASH_SHA256, "b", 1, z);
	ck_assert_mem_eq(y, z, 32);
	hash_free(a);
	hash_free(b);
	hash_free(c);
	hash_free(NULL);
	/* A context that comes back from the idle one begins anew. */
	a = hash_new(HASH_SHA256);
	hash_add(a, "junk", 4);
	hash_free(a);
	hash_bytes(HASH_SHA256, "b", 1, z);
	ck_assert_mem_eq(y, z, 32);
}
END_TEST

UNIT_MAIN("hash", test_vectors, test_copy, test_several_at_once)
