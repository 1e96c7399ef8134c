#include <check.h>
#include <string.h>

#include "src/util/nameset.h"
#include "tests/unit/unit.h"

static bool has(const struct nameset *t, const char *name)
{
	return nameset_has(t, name, strlen(name));
}

static void add(struct nameset *t, const char *name)
{
	nameset_add(t, name, strlen(name));
}

START_TEST(what_was_added_is_found)
{
	AUTO_NAMESET struct nameset *t = nameset_new();
	char name[32];

	ck_assert(nameset_is_empty(t) && !has(t, "shadow") && !has(t, ""));
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof name, "file%d", i);
		ck_assert(!has(t, name));
		add(t, name);
		add(t, name);
		ck_assert(has(t, name));
	}
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof name, "file%d", i);
		ck_assert(has(t, name));
		snprintf(name, sizeof name, "File%d", i);
		ck_assert(!has(t, name));
	}
	ck_assert(!nameset_is_empty(t) && !has(t, ""));
}
END_TEST

START_TEST(bytes_are_bytes)
{
	AUTO_NAMESET struct nameset *t = nameset_new();

	nameset_add(t, "a\0b", 3);
	ck_assert(nameset_has(t, "a\0b", 3) && !nameset_has(t, "a", 1) && !nameset_has(t, "a\0c", 3));
	nameset_add(t, "\xff/", 2);
	ck_assert(nameset_has(t, "\xff/", 2));
	add(t, "");
	ck_assert(has(t, ""));
}
END_TEST

START_TEST(all)
{
	AUTO_NAMESET struct nameset *t = nameset_new();

	nameset_add_all(t);
	ck_assert(!nameset_is_empty(t) && has(t, "x") && has(t, ""));
	add(t, "y");
	ck_assert(has(t, "y"));
}
END_TEST

static void through_file(const struct nameset *from, struct nameset *to)
{
	UNIT_DIR(d);
	AUTO_CLOSE int fd = openat(d.fd, "f", O_RDWR | O_CREAT, 0600);
	struct err e = ERR_INIT;

	unit_ok(nameset_save(from, fd, &e), e);
	unit_ok(nameset_load(to, fd, &e), e);
}

START_TEST(by_a_file)
{
	AUTO_NAMESET struct nameset *a = nameset_new(), *b = nameset_new(), *none = nameset_new();

	through_file(none, b);
	ck_assert(nameset_is_empty(b));
	for (char c = 'a'; c <= 'z'; c++)
		nameset_add(a, &c, 1);
	add(b, "before");
	through_file(a, b);
	for (char c = 'a'; c <= 'z'; c++)
		ck_assert(nameset_has(b, &c, 1));
	ck_assert(has(b, "before") && !has(b, "aa"));
	nameset_add_all(a);
	through_file(a, b);
	ck_assert(has(b, "aa"));
}
END_TEST

START_TEST(no_set)
{
	UNIT_DIR(d);
	AUTO_CLOSE int fd = openat(d.fd, "f", O_RDWR | O_CREAT, 0600);
	AUTO_NAMESET struct nameset *t = nameset_new();
	struct err e = ERR_INIT;

	ck_assert_int_eq(write(fd, "123456789", 9), 9);
	ck_assert_int_eq(nameset_load(t, fd, &e), -1);
	ck_assert_int_eq(e.code, ERR_INTERNAL);
	err_release(&e);
}
END_TEST

UNIT_MAIN("nameset", what_was_added_is_found, bytes_are_bytes, all, by_a_file, no_set)
