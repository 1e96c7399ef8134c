/* Certificates per registry: which directory counts, what is in it. */
#include "registry/certdir.h"

#include "src/util/io.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

#define PEM(text) "-----BEGIN CERTIFICATE-----\n" text "\n-----END CERTIFICATE-----\n"

static void put(const struct unit_dir *dir, const char *path, const char *text)
{
	AUTO_FREE char *parent = path_dir(path);
	struct err e = ERR_INIT;
	int fd = path_mkdirs_in(dir->fd, parent, 0755, (uid_t)-1, (gid_t)-1, &e);

	ck_assert_int_ge(fd, 0);
	close(fd);
	unit_ok(io_write_file_atomic(dir->fd, path, text, strlen(text), 0644, &e), e);
}

static struct certdir *open_two(const char *dir)
{
	AUTO_STRV struct strv places = {0};
	struct err e = ERR_INIT;
	struct certdir *c;

	strv_printf(&places, "%s/a", dir);
	strv_printf(&places, "%s/b", dir);
	c = certdir_new(&places, NULL, &e);
	ck_assert_ptr_nonnull(c);
	return c;
}

START_TEST(first_place_counts)
{
	UNIT_DIR(dir);
	struct err e = ERR_INIT;
	const struct certdir_host *h;

	put(&dir, "b/reg.example/1.crt", PEM("b443"));
	put(&dir, "b/reg.example:5000/1.crt", PEM("b5000"));
	put(&dir, "b/reg.example:5000/2.crt", PEM("more"));
	put(&dir, "b/reg.example:5000/me.cert", "c");
	put(&dir, "b/reg.example:5000/me.key", "k");
	put(&dir, "b/reg.example:5000/z.cert", "c");
	put(&dir, "b/reg.example:5000/z.key", "k");
	put(&dir, "b/reg.example:5000/readme", "not read");
	put(&dir, "a/reg.example:6000/1.crt", PEM("a6000"));
	put(&dir, "b/reg.example:6000/1.crt", PEM("b6000"));

	struct certdir *c = open_two(dir.path);

	unit_ok(certdir_find(c, "reg.example", 443, &h, &e), e);
	ck_assert_ptr_nonnull(strstr(buf_str(&h->ca), "b443"));
	ck_assert_ptr_null(h->cert);
	unit_ok(certdir_find(c, "reg.example", 5000, &h, &e), e);
	ck_assert_ptr_nonnull(strstr(buf_str(&h->ca), "b5000"));
	ck_assert_ptr_nonnull(strstr(buf_str(&h->ca), "more"));
	ck_assert_ptr_nonnull(strstr(h->cert, "/me.cert"));
	ck_assert_ptr_nonnull(strstr(h->key, "/me.key"));
	unit_ok(certdir_find(c, "reg.example", 6000, &h, &e), e);
	ck_assert_ptr_nonnull(strstr(buf_str(&h->ca), "a6000"));
	ck_assert_ptr_null(strstr(buf_str(&h->ca), "b6000"));
	unit_ok(certdir_find(c, "reg.example", 80, &h, &e), e);
	ck_assert_ptr_null(h);
	unit_ok(certdir_find(c, "other.example", 443, &h, &e), e);
	ck_assert_ptr_null(h);
	certdir_free(c);
}
END_TEST

START_TEST(names_what_is_wrong)
{
	UNIT_DIR(dir);
	struct err e = ERR_INIT;
	const struct certdir_host *h;

	put(&dir, "a/nokey.example/me.cert", "c");
	put(&dir, "a/nopem.example/x.crt", "text");

	struct certdir *c = open_two(dir.path);

	ck_assert_int_eq(certdir_find(c, "nokey.example", 443, &h, &e), -1);
	unit_failed(e, ERR_INPUT, "me.key");
	e = ERR_INIT;
	ck_assert_int_eq(certdir_find(c, "nopem.example", 443, &h, &e), -1);
	unit_failed(e, ERR_INPUT, "x.crt");
	certdir_free(c);
}
END_TEST

START_TEST(common_file)
{
	UNIT_DIR(dir);
	AUTO_STRV struct strv none = {0};
	AUTO_FREE char *good = mem_printf("%s/ca.pem", dir.path), *lost = mem_printf("%s/lost.pem", dir.path);
	struct err e = ERR_INIT;
	struct certdir *c;

	put(&dir, "ca.pem", PEM("common"));
	c = certdir_new(&none, good, &e);
	ck_assert_ptr_nonnull(c);
	ck_assert_uint_gt(certdir_common(c).n, 0);
	certdir_free(c);
	ck_assert_uint_eq(certdir_common(NULL).n, 0);
	ck_assert_ptr_null(certdir_new(&none, lost, &e));
	unit_failed(e, ERR_INPUT, "lost.pem");
}
END_TEST

UNIT_MAIN("certdir", first_place_counts, names_what_is_wrong, common_file)
