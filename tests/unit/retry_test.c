/* What is tried again, and when. */
#include "registry/retry.h"
#include "src/util/clock.h"
#include "tests/unit/unit.h"

START_TEST(statuses)
{
	static const struct {
		int status;
		bool again;
	} t[] = {{200, false}, {301, false}, {400, false}, {401, false}, {403, false}, {404, false},
		 {408, true},  {416, false}, {429, true},  {500, true},	 {501, false}, {502, true},
		 {503, true},  {504, true},  {505, false}, {599, true},	 {600, false}};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		ck_assert_msg(retry_status(t[i].status) == t[i].again, "%d", t[i].status);
}
END_TEST

START_TEST(after)
{
	static const struct {
		const char *value;
		int64_t seconds; /* -1: none */
	} t[] = {{"0", 0},
		 {"7", 7},
		 {" 120 ", 120},
		 {"86400", 86400},
		 {"-1", -1},
		 {"", -1},
		 {"soon", -1},
		 {"1.5", -1},
		 {"99999999999999999999", -1},
		 {"Sun, 06 Nov 1994 08:49:37 GMT", 5},
		 {"Sun, 06 Nov 1994 08:49:31 GMT", -1},
		 {"Thu, 01 Jan 1970 00:00:00 GMT", -1},
		 {"Sun, 06 Nov 1994 08:49:37 CET", -1},
		 {"Sun, 36 Nov 1994 08:49:37 GMT", -1}};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		ck_assert_msg(retry_after(sv_from(t[i].value), 784111772) ==
				      (t[i].seconds < 0 ? RETRY_AFTER_NONE : t[i].seconds * CLOCK_NS_PER_S),
			      "%s", t[i].value);
}
END_TEST

START_TEST(counted)
{
	struct retry r = {.max = 3};
	int64_t pause;

	for (int i = 0; i < 3; i++) {
		ck_assert(retry_next(&r, RETRY_AFTER_NONE, 1000, &pause));
		ck_assert_int_ge(pause, 0);
		ck_assert_int_le(pause, RETRY_BASE_NS << i);
	}
	ck_assert(!retry_next(&r, RETRY_AFTER_NONE, 1000, &pause));
	retry_progress(&r);
	ck_assert(retry_next(&r, 2 * CLOCK_NS_PER_S, 1000, &pause));
	ck_assert_int_eq(pause, 2 * CLOCK_NS_PER_S);
}
END_TEST

START_TEST(bounded_in_time)
{
	struct retry r = {.max = 1000};
	int64_t pause, now = 1;
	unsigned tries = 0;

	ck_assert(!retry_next(&r, RETRY_AFTER_MAX_NS + 1, now, &pause));
	while (retry_next(&r, 50 * CLOCK_NS_PER_S, now, &pause)) {
		now += pause;
		tries++;
	}
	ck_assert_uint_eq(tries, RETRY_TOTAL_NS / (50 * CLOCK_NS_PER_S));
	ck_assert_int_le(now - 1, RETRY_TOTAL_NS);
}
END_TEST

UNIT_MAIN("retry", statuses, after, counted, bounded_in_time)
