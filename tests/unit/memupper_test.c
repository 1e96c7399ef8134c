/* Upper directories in memory: what is asked for, and how much. The mounts: test_upper.py. */
#include "src/sandbox/memupper.h"

#include <string.h>

#include "tests/unit/unit.h"

static const struct {
	const char *text;
	bool ok, wanted;
	uint64_t size;
} cases[] = {
	{"store", true, false, 0},
	{"tmpfs", true, true, 0},
	{"tmpfs:64k", true, true, 65536},
	{"tmpfs:1.5g", true, true, UINT64_C(3) << 29},
	{"tmpfs:65535", false, false, 0},
	{"tmpfs:", false, false, 0},
	{"tmpfs:x", false, false, 0},
	{"tmpfs:0", false, false, 0},
	{"store:1g", false, false, 0},
	{"memory", false, false, 0},
	{"", false, false, 0},
	{"tmpfs,size=1g", false, false, 0},
};

START_TEST(parse)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct memupper m;
		struct err e = ERR_INIT;
		int r = memupper_parse(cases[i].text, &m, &e);

		ck_assert_msg((r == 0) == cases[i].ok, "%s", cases[i].text);
		if (r == 0)
			ck_assert(m.wanted == cases[i].wanted && m.size == cases[i].size);
		else
			ck_assert(e.code == ERR_USAGE && strstr(e.msg, cases[i].text) && e.hint);
		err_release(&e);
	}
}
END_TEST

START_TEST(size)
{
	struct memupper given = {true, 1 << 20}, free_half = {true, 0};

	ck_assert_uint_eq(memupper_size(&given, 0), 1 << 20);
	/* what the user says, whatever the step's limit is: it says so when it is full */
	ck_assert_uint_eq(memupper_size(&given, 1 << 10), 1 << 20);
	ck_assert_uint_gt(memupper_size(&free_half, 0), 0);
	ck_assert_uint_le(memupper_size(&free_half, 1 << 20), 1 << 19);
}
END_TEST

UNIT_MAIN("memupper", parse, size)
