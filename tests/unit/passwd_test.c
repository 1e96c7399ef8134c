/* USER and --chown against passwd and group files of a root. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/sandbox/passwd.h"
#include "src/util/buf.h"
#include "src/util/path.h"

static char dir[] = "/tmp/slct-passwd-test.XXXXXX";
static int root;

static const char passwd_text[] = "root:x:0:0:root:/root:/bin/sh\n"
				  "daemon:x:1:1::/usr/sbin:/bin/false\n"
				  "broken:x:abc:1::/:/bin/sh\n"
				  "huge:x:2147483648:1::/:/bin/sh\n"
				  "short:x:7\n"
				  "+nis\n"
				  "\n"
				  "1000:x:55:56::/digits:/bin/sh\n"
				  "app:x:1000:1001:App:/srv/app:/bin/sh\n"
				  "app:x:9:9:second:/nine:/bin/sh\n"
				  "nohome:x:12:13::";
static const char group_text[] = "root:x:0:\ndaemon:x:1:\nwheel:x:10:root,app\napp:x:1001:app\naudio:x:29: app , root\n"
				 "bad:x:-1:app\nbig:x:99999999999:app\nlast:x:77:root";

static void put(const char *path, const char *text)
{
	AUTO_CLOSE int fd = openat(root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(mkdirat(root, "etc", 0755), 0);
}

static void setup_files(void)
{
	setup();
	put("etc/passwd", passwd_text);
	put("etc/group", group_text);
}

static void teardown(void)
{
	struct err e = ERR_INIT;

	path_remove_tree(AT_FDCWD, dir, &e);
	close(root);
}

static const struct {
	const char *spec, *want; /* "uid:gid home groups..." or the error's beginning */
} cases[] = {
	{"", "0:0 /root 10 29 77"},
	{"root", "0:0 /root 10 29 77"},
	{"0", "0:0 /root 10 29 77"},
	{"app", "1000:1001 /srv/app 10 29"},
	{"1000", "1000:1001 /srv/app 10 29"},
	{"app:", "1000:1001 /srv/app 10 29"},
	{"app:wheel", "1000:10 /srv/app"},
	{"app:4", "1000:4 /srv/app"},
	{"5:6", "5:6 /"},
	{"5", "5:0 /"},
	{"5:wheel", "5:10 /"},
	{":wheel", "0:10 /root"},
	{"nohome", "12:13 /"},
	{"2147483647", "2147483647:0 /"},
	{"0000", "0:0 /root 10 29 77"},
	{"nobody", "user \"nobody\" is not in /etc/passwd"},
	{"broken", "user \"broken\" is not in /etc/passwd"},
	{"huge", "user \"huge\" is not in /etc/passwd"},
	{"short", "user \"short\" is not in /etc/passwd"},
	{"+nis", "user \"+nis\" is not in /etc/passwd"},
	{"app:nogroup", "group \"nogroup\" is not in /etc/group"},
	{"app:bad", "group \"bad\" is not in /etc/group"},
	{"app:wheel:x", "group \"wheel:x\" is not in /etc/group"},
	{"-1", "user \"-1\" is not in /etc/passwd"},
	{"2147483648", "user id 2147483648 is out of range"},
	{"4294967296", "user id 4294967296 is out of range"},
	{"18446744073709551616", "user id 18446744073709551616 is out of range"},
	{"0:2147483648", "group id 2147483648 is out of range"},
};

START_TEST(test_lookup)
{
	AUTO_BUF struct buf got = BUF_INIT(BUF_TEXT_MAX);
	struct passwd_ids ids;
	struct err e = ERR_INIT;

	if (passwd_lookup(root, cases[_i].spec, &ids, &e) == 0) {
		buf_printf(&got, "%u:%u %s", ids.uid, ids.gid, ids.home);
		for (size_t i = 0; i < ids.ngroups; i++)
			buf_printf(&got, " %u", ids.groups[i]);
		ck_assert_str_eq(buf_str(&got), cases[_i].want);
		passwd_release(&ids);
	} else {
		ck_assert_msg(strncmp(e.msg, cases[_i].want, strlen(cases[_i].want)) == 0, "%s", e.msg);
		ck_assert_int_eq(e.code, ERR_INPUT);
		err_release(&e);
	}
}
END_TEST

static const struct {
	const char *spec;
	uid_t uid;
	gid_t gid;
} owners[] = {{"app", 1000, 1001}, {"1000", 1000, 1000},    {"7", 7, 7},	{"7:8", 7, 8},
	      {"root", 0, 0},	   {"app:wheel", 1000, 10}, {"7:wheel", 7, 10}, {"0", 0, 0}};

START_TEST(test_owner)
{
	struct err e = ERR_INIT;
	uid_t uid;
	gid_t gid;

	ck_assert_int_eq(passwd_lookup_owner(root, owners[_i].spec, &uid, &gid, &e), 0);
	ck_assert_uint_eq(uid, owners[_i].uid);
	ck_assert_uint_eq(gid, owners[_i].gid);
}
END_TEST

START_TEST(test_no_files)
{
	struct passwd_ids ids;
	struct err e = ERR_INIT;

	ck_assert_int_eq(passwd_lookup(root, "root:root", &ids, &e), 0);
	ck_assert(ids.uid == 0 && ids.gid == 0 && ids.ngroups == 0);
	passwd_release(&ids);
	ck_assert_int_eq(passwd_lookup(root, "app", &ids, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "/etc/passwd"));
	err_release(&e);
}
END_TEST

/* What an image may put in the place of the files: the host's must never be read, nothing may hang. */
START_TEST(test_hostile_files)
{
	struct passwd_ids ids;
	struct err e = ERR_INIT;

	ck_assert_int_eq(symlinkat("/real", root, "etc/passwd"), 0);
	put("real", "inroot:x:3:4::/h:\n");
	ck_assert_int_eq(passwd_lookup(root, "inroot", &ids, &e), 0);
	ck_assert_uint_eq(ids.uid, 3);
	passwd_release(&ids);
	unlinkat(root, "etc/passwd", 0);
	ck_assert_int_eq(symlinkat("../../../../../../etc/passwd", root, "etc/passwd"),
			 0); /* a link to itself, inside */
	ck_assert_int_eq(passwd_lookup(root, "daemon", &ids, &e), -1);
	err_release(&e);
	unlinkat(root, "etc/passwd", 0);
	ck_assert_int_eq(mkfifoat(root, "etc/passwd", 0644), 0);
	ck_assert_int_eq(passwd_lookup(root, "daemon", &ids, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "no regular file"));
	err_release(&e);
	unlinkat(root, "etc/passwd", 0);
	ck_assert_int_eq(mkdirat(root, "etc/passwd", 0755), 0);
	ck_assert_int_eq(passwd_lookup(root, "", &ids, &e), -1);
	err_release(&e);
}
END_TEST

START_TEST(test_bounds)
{
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	struct passwd_ids ids;
	struct err e = ERR_INIT;

	put("etc/passwd", "app:x:5:5::/:\n");
	for (int i = 0; i < PASSWD_GROUPS_MAX; i++)
		buf_printf(&text, "g%d:x:%d:app\n", i, 100 + i);
	put("etc/group", buf_str(&text));
	ck_assert_int_eq(passwd_lookup(root, "app", &ids, &e), 0);
	ck_assert_uint_eq(ids.ngroups, PASSWD_GROUPS_MAX);
	passwd_release(&ids);
	buf_str_add(&text, "more:x:99:app\n");
	put("etc/group", buf_str(&text));
	ck_assert_int_eq(passwd_lookup(root, "app", &ids, &e), -1);
	err_release(&e);
	AUTO_CLOSE int fd = openat(root, "etc/passwd", O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(ftruncate(fd, (8 << 20) + 1), 0);
	ck_assert_int_eq(passwd_lookup(root, "app", &ids, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.msg, "larger than"));
	err_release(&e);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("passwd");
	TCase *files = tcase_create("files"), *bare = tcase_create("bare");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(files, setup_files, teardown);
	tcase_add_loop_test(files, test_lookup, 0, ARRAY_LEN(cases));
	tcase_add_loop_test(files, test_owner, 0, ARRAY_LEN(owners));
	tcase_add_checked_fixture(bare, setup, teardown);
	tcase_add_test(bare, test_no_files);
	tcase_add_test(bare, test_hostile_files);
	tcase_add_test(bare, test_bounds);
	suite_add_tcase(s, files);
	suite_add_tcase(s, bare);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed > 0;
}
