/* References: Docker's and the distribution-spec's grammar. */
#include "oci/ref.h"
#include "tests/unit/oci_util.h"

#define SHA "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct {
	const char *text, *host, *path, *tag, *digest, *full, *familiar;
} good[] = {
	{"debian", "docker.io", "library/debian", "latest", "", "docker.io/library/debian:latest", "debian:latest"},
	{"demo:1", "docker.io", "library/demo", "1", "", "docker.io/library/demo:1", "demo:1"},
	{"docker.io/debian:12", "docker.io", "library/debian", "12", "", "docker.io/library/debian:12", "debian:12"},
	{"index.docker.io/debian:12", "docker.io", "library/debian", "12", "", "docker.io/library/debian:12",
	 "debian:12"},
	{"library/debian:12", "docker.io", "library/debian", "12", "", "docker.io/library/debian:12", "debian:12"},
	{"me/tool", "docker.io", "me/tool", "latest", "", "docker.io/me/tool:latest", "me/tool:latest"},
	{"library/a/b", "docker.io", "library/a/b", "latest", "", "docker.io/library/a/b:latest", "library/a/b:latest"},
	{"localhost/debian:12", "localhost", "debian", "12", "", "localhost/debian:12", "localhost/debian:12"},
	{"localhost:5000/demo", "localhost:5000", "demo", "latest", "", "localhost:5000/demo:latest",
	 "localhost:5000/demo:latest"},
	{"localhost:5000", "docker.io", "library/localhost", "5000", "", "docker.io/library/localhost:5000",
	 "localhost:5000"},
	{"127.0.0.1:5055/conf/busybox:latest", "127.0.0.1:5055", "conf/busybox", "latest", "",
	 "127.0.0.1:5055/conf/busybox:latest", "127.0.0.1:5055/conf/busybox:latest"},
	{"[::1]:5000/a/b:c", "[::1]:5000", "a/b", "c", "", "[::1]:5000/a/b:c", "[::1]:5000/a/b:c"},
	{"[2001:db8::1]/a", "[2001:db8::1]", "a", "latest", "", "[2001:db8::1]/a:latest", "[2001:db8::1]/a:latest"},
	{"debian@" SHA, "docker.io", "library/debian", NULL, SHA, "docker.io/library/debian@" SHA, "debian@" SHA},
	{"Reg.Example.COM/a/b:V1@" SHA, "Reg.Example.COM", "a/b", "V1", SHA, "Reg.Example.COM/a/b:V1@" SHA,
	 "Reg.Example.COM/a/b:V1@" SHA},
	{"a.b/x__y/z---0.1", "a.b", "x__y/z---0.1", "latest", "", "a.b/x__y/z---0.1:latest", "a.b/x__y/z---0.1:latest"},
	{"x:_a.b-c", "docker.io", "library/x", "_a.b-c", "", "docker.io/library/x:_a.b-c", "x:_a.b-c"},
};

START_TEST(accepts)
{
	AUTO_REF struct ref r = {0}, again = {0}, copy = {0};
	struct err e = ERR_INIT;
	AUTO_FREE char *full = NULL, *familiar = NULL, *full2 = NULL;

	ck_assert_int_eq(ref_parse(good[_i].text, &r, &e), 0);
	ck_assert_str_eq(r.host, good[_i].host);
	ck_assert_str_eq(r.path, good[_i].path);
	ck_assert_pstr_eq(r.tag, good[_i].tag);
	ck_assert_str_eq(r.digest.text, good[_i].digest);
	full = ref_format(&r);
	familiar = ref_familiar(&r);
	ck_assert_str_eq(full, good[_i].full);
	ck_assert_str_eq(familiar, good[_i].familiar);
	/* both texts name the same image again */
	ck_assert_int_eq(ref_parse(familiar, &again, &e), 0);
	full2 = ref_format(&again);
	ck_assert_str_eq(full2, good[_i].full);
	ref_copy(&copy, &r);
	ck_assert_str_eq(copy.path, r.path);
	ck_assert_int_eq(ref_is_store_only(&r), strcmp(good[_i].host, "localhost") == 0);
}
END_TEST

static const struct {
	const char *text;
	unsigned position;
	const char *why;
} bad[] = {
	{"", 1, "empty"},
	{"Debian:12", 1, "upper-case"},
	{"library/deBian:12", 11, "upper-case"},
	{"Foo/bar", 1, "upper-case"},
	{"a//b", 3, "empty"},
	{"a/", 3, "empty"},
	{"/a", 1, "empty"},
	{"-a", 1, "separator"},
	{"a-", 2, "separator"},
	{"a..b", 3, "separator"},
	{"a___b", 4, "separator"},
	{"a b", 2, "not allowed"},
	{"a:", 3, "tag is empty"},
	{"a:-x", 3, "tag"},
	{"a:b c", 4, "tag"},
	{"a:\xc3\xa4", 3, "tag"},
	{"a@", 3, "digest"},
	{"a@sha256:abc", 3, "digest"},
	{"a@SHA256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 3, "digest"},
	{"@" SHA, 1, "empty"},
	{"host:port/a", 6, "port"},
	{"host:0/a", 6, "port"},
	{"host:65536/a", 6, "port"},
	{".x/a", 1, "host"},
	{"x-.y/a", 2, "host"},
	{"x_y.z/a", 2, "host"},
	{"[::1/a", 1, "IPv6"},
	{"[]/a", 1, "IPv6"},
	{"[::g]/a", 4, "IPv6"},
	{"[::1]5000/a", 6, "port"},
	{"docker://debian", 7, "://"},
	{"a/../b", 3, "separator"},
};

START_TEST(refuses)
{
	AUTO_REF struct ref r = {0};
	struct err e = ERR_INIT;
	char at[40];

	ck_assert_int_eq(ref_parse(bad[_i].text, &r, &e), -1);
	ck_assert_int_eq(e.code, ERR_INPUT);
	snprintf(at, sizeof(at), "position %u:", bad[_i].position);
	ck_assert_msg(strstr(e.msg, at) && strstr(e.msg, bad[_i].why), "%s: %s", bad[_i].text, e.msg);
	err_release(&e);
}
END_TEST

START_TEST(limits)
{
	AUTO_REF struct ref r = {0};
	struct err e = ERR_INIT;
	char text[400];

	snprintf(text, sizeof(text), "a:%0128d", 1);
	ck_assert_int_eq(ref_parse(text, &r, &e), 0);
	ref_release(&r);
	snprintf(text, sizeof(text), "a:%0129d", 1);
	ck_assert_int_eq(ref_parse(text, &r, &e), -1);
	err_release(&e);
	snprintf(text, sizeof(text), "h.x/%0252d", 1);
	ck_assert_int_eq(ref_parse(text, &r, &e), 0);
	ref_release(&r);
	snprintf(text, sizeof(text), "h.x/%0253d", 1);
	ck_assert_int_eq(ref_parse(text, &r, &e), -1);
	err_release(&e);
}
END_TEST

START_TEST(repositories)
{
	AUTO_REF struct ref r = {0};
	struct err e = ERR_INIT;

	ck_assert_int_eq(ref_parse_repo("localhost:5000/cache", &r, &e), 0);
	ck_assert_str_eq(r.host, "localhost:5000");
	ck_assert_ptr_null(r.tag);
	ref_release(&r);
	ck_assert_int_eq(ref_parse_repo("localhost:5000/cache:1", &r, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "without a tag"));
	ck_assert_int_eq(ref_parse_repo("cache@" SHA, &r, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "without a digest"));
	err_release(&e);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ref");
	TCase *t = tcase_create("ref");

	tcase_add_loop_test(t, accepts, 0, (int)ARRAY_LEN(good));
	tcase_add_loop_test(t, refuses, 0, (int)ARRAY_LEN(bad));
	tcase_add_test(t, limits);
	tcase_add_test(t, repositories);
	suite_add_tcase(s, t);
	return oci_util_run(s);
}
