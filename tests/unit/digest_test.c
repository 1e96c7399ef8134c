/* Digests. */
#include "oci/digest.h"
#include "tests/unit/oci_util.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const char *const bad[] = {
	"",
	"sha256",
	"sha256:",
	EMPTY,
	"sha256:" EMPTY "0",
	"SHA256:" EMPTY,
	"sha512:" EMPTY,
	"sha1:" EMPTY,
	"sha256:E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	" sha256:" EMPTY,
	"sha256:" EMPTY "\n",
	"sha256:../../../../../../../../../../../../../../../../../../../etc/passwd",
	"sha256+b64:" EMPTY,
};

START_TEST(refuses)
{
	struct digest d;
	struct err e = ERR_INIT;

	ck_assert_int_eq(digest_parse(sv_from(bad[_i]), &d, ERR_REGISTRY, &e), -1);
	ck_assert_int_eq(e.code, ERR_REGISTRY);
	ck_assert_ptr_nonnull(strstr(e.msg, "digest"));
	err_release(&e);
}
END_TEST

START_TEST(accepts)
{
	struct digest d, of;
	struct err e = ERR_INIT;
	char text[DIGEST_TEXT_MAX];

	ck_assert_int_eq(digest_parse(SV("sha256:" EMPTY), &d, ERR_INPUT, &e), 0);
	ck_assert_str_eq(d.text, "sha256:" EMPTY);
	ck_assert_str_eq(digest_hex(&d), EMPTY);
	ck_assert_int_eq(digest_alg(&d), HASH_SHA256);
	digest_of_bytes("", 0, &of);
	ck_assert(digest_eq(&d, &of));
	digest_of_bytes("x", 1, &of);
	ck_assert(!digest_eq(&d, &of));
	snprintf(text, sizeof(text), "sha512:%0128d", 7);
	ck_assert_int_eq(digest_parse(sv_from(text), &d, ERR_INPUT, &e), 0);
	ck_assert_int_eq(digest_alg(&d), HASH_SHA512);
	ck_assert_str_eq(digest_hex(&d), text + 7);
}
END_TEST

START_TEST(from_hash)
{
	AUTO_HASH struct hash *h = hash_new(HASH_SHA512);
	struct digest d;

	hash_add(h, "abc", 3);
	digest_from_hash(HASH_SHA512, h, &d);
	/* FIPS 180-4, example of SHA-512 */
	ck_assert_str_eq(d.text, "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
				 "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
	ck_assert(digest_is_set(&d));
	d = (struct digest){0};
	ck_assert(!digest_is_set(&d));
	ck_assert_str_eq(digest_hex(&d), "");
}
END_TEST

START_TEST(lists)
{
	AUTO_DIGEST_LIST struct digest_list a = {0}, b = {0};
	struct digest d;

	digest_of_bytes("a", 1, &d);
	vec_push(&a, d);
	ck_assert(!digest_list_eq(&a, &b));
	digest_list_copy(&b, &a);
	ck_assert(digest_list_eq(&a, &b));
	digest_of_bytes("b", 1, &b.v[0]);
	ck_assert(!digest_list_eq(&a, &b));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("digest");
	TCase *t = tcase_create("digest");

	tcase_add_loop_test(t, refuses, 0, (int)ARRAY_LEN(bad));
	tcase_add_test(t, accepts);
	tcase_add_test(t, from_hash);
	tcase_add_test(t, lists);
	suite_add_tcase(s, t);
	return oci_util_run(s);
}
