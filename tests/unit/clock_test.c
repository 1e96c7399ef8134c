/* Time. */
#include <check.h>

#include "src/util/clock.h"
#include "tests/unit/unit.h"

START_TEST(test_format)
{
	char out[32];

	ck_assert_str_eq(clock_rfc3339(0, out), "1970-01-01T00:00:00Z");
	ck_assert_str_eq(clock_rfc3339(1767323045, out), "2026-01-02T03:04:05Z");
	ck_assert_str_eq(clock_rfc3339(-1, out), "1969-12-31T23:59:59Z");
	ck_assert_str_eq(clock_rfc3339(INT64_MAX, out), "9999-12-31T23:59:59Z");
	ck_assert_str_eq(clock_rfc3339(INT64_MIN, out), "0000-01-01T00:00:00Z");
}
END_TEST

START_TEST(test_parse)
{
	static const struct {
		const char *text;
		int ret;
		int64_t want;
	} rows[] = {
		{"1970-01-01T00:00:00Z", 0, 0},
		{"2026-01-02T03:04:05Z", 0, 1767323045},
		{"2026-01-02t03:04:05z", 0, 1767323045},
		{"2026-01-02T03:04:05.123456789Z", 0, 1767323045},
		{"2026-01-02T05:04:05+02:00", 0, 1767323045},
		{"2026-01-01T21:34:05-05:30", 0, 1767323045},
		{"0001-01-01T00:00:00Z", 0, INT64_C(-62135596800)},
		{"2024-02-29T00:00:00Z", 0, 1709164800},
		{"2016-12-31T23:59:60Z", 0, 1483228800},
		{"2023-02-29T00:00:00Z", -1, 0},
		{"1900-02-29T00:00:00Z", -1, 0},
		{"2026-13-01T00:00:00Z", -1, 0},
		{"2026-00-01T00:00:00Z", -1, 0},
		{"2026-01-32T00:00:00Z", -1, 0},
		{"2026-01-02T24:00:00Z", -1, 0},
		{"2026-01-02T03:60:00Z", -1, 0},
		{"2026-01-02T03:04:05", -1, 0},
		{"2026-01-02T03:04:05.Z", -1, 0},
		{"2026-01-02T03:04:05Zx", -1, 0},
		{"2026-1-02T03:04:05Z", -1, 0},
		{"2026-01-02", -1, 0},
		{"", -1, 0},
		{"2026-01-02T03:04:05+2:00", -1, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t v = 0;

		ck_assert_msg(clock_parse_rfc3339(sv_from(rows[i].text), &v) == rows[i].ret, "%s", rows[i].text);
		ck_assert_msg(v == rows[i].want, "%s: %lld", rows[i].text, (long long)v);
	}
}
END_TEST

START_TEST(test_backoff)
{
	int64_t most = 0;

	for (unsigned n = 0; n < 200; n++) {
		int64_t v = clock_backoff(n, 100, 1000), limit = n > 3 ? 1000 : INT64_C(100) << n;

		ck_assert_int_ge(v, 0);
		ck_assert_int_le(v, limit);
		most = v > most ? v : most;
	}
	ck_assert_int_gt(most, 500); /* 196 draws of 0 to 1000 */
	ck_assert_int_eq(clock_backoff(5, 0, 100), 0);
	ck_assert_int_ge(clock_backoff(63, INT64_MAX, INT64_MAX), 0);
}
END_TEST

START_TEST(test_clocks)
{
	int64_t a = clock_mono();

	ck_assert_int_le(a, clock_mono());
	ck_assert_int_gt(clock_wall(), INT64_C(1600000000) * CLOCK_NS_PER_S);
}
END_TEST

UNIT_MAIN("clock", test_format, test_parse, test_backoff, test_clocks)
