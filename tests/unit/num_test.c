/* Numbers. */
#include <check.h>

#include "src/util/num.h"
#include "tests/unit/unit.h"

START_TEST(test_arithmetic)
{
	uint64_t v;

	ck_assert_int_eq(num_add(UINT64_MAX - 1, 1, &v), 0);
	ck_assert_uint_eq(v, UINT64_MAX);
	ck_assert_int_eq(num_add(UINT64_MAX, 1, &v), -1);
	ck_assert_int_eq(num_mul(UINT32_MAX, UINT32_MAX, &v), 0);
	ck_assert_int_eq(num_mul(UINT64_C(1) << 32, UINT64_C(1) << 32, &v), -1);
}
END_TEST

START_TEST(test_parse)
{
	static const struct {
		const char *text;
		unsigned base;
		uint64_t max;
		int ret;
		uint64_t want;
	} rows[] = {
		{"0", 10, 9, 0, 0},
		{"007", 10, 9, 0, 7},
		{"9", 10, 9, 0, 9},
		{"10", 10, 9, -1, 0},
		{"18446744073709551615", 10, UINT64_MAX, 0, UINT64_MAX},
		{"18446744073709551616", 10, UINT64_MAX, -1, 0},
		{"99999999999999999999999", 10, UINT64_MAX, -1, 0},
		{"", 10, 9, -1, 0},
		{"-1", 10, 9, -1, 0},
		{"+1", 10, 9, -1, 0},
		{" 1", 10, 9, -1, 0},
		{"1 ", 10, 9, -1, 0},
		{"1a", 10, 99, -1, 0},
		{"0x10", 16, 99, -1, 0},
		{"fF", 16, 255, 0, 255},
		{"g", 16, 255, -1, 0},
		{"777", 8, 0777, 0, 0777},
		{"8", 8, 0777, -1, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t v = 0;

		ck_assert_msg(num_parse(sv_from(rows[i].text), rows[i].base, rows[i].max, &v) == rows[i].ret, "%s",
			      rows[i].text);
		if (rows[i].ret == 0)
			ck_assert_uint_eq(v, rows[i].want);
	}
}
END_TEST

START_TEST(test_size)
{
	static const struct {
		const char *text;
		int ret;
		uint64_t want;
	} rows[] = {
		{"0", 0, 0},
		{"512", 0, 512},
		{"512b", 0, 512},
		{"64k", 0, 65536},
		{"64K", 0, 65536},
		{"10MiB", 0, 10485760},
		{"10MB", 0, 10485760},
		{"1.5g", 0, 1610612736},
		{"0.000000001g", 0, 1},
		{"2t", 0, UINT64_C(2) << 40},
		{"15e", 0, UINT64_C(15) << 60},
		{"16e", -1, 0},
		{"15.999999999e", 0, UINT64_C(18446744072556630111)},
		{"1.5", -1, 0},
		{"1.k", -1, 0},
		{".5k", -1, 0},
		{"", -1, 0},
		{"k", -1, 0},
		{"1kk", -1, 0},
		{"1x", -1, 0},
		{"-1k", -1, 0},
		{"1 k", -1, 0},
		{"1.0000000001k", -1, 0},
		{"99999999999999999999", -1, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t v = 0;

		ck_assert_msg(num_parse_size(sv_from(rows[i].text), &v) == rows[i].ret, "%s", rows[i].text);
		if (rows[i].ret == 0)
			ck_assert_uint_eq(v, rows[i].want);
	}
	ck_assert_int_eq(num_parse_size(sv_of("1\0", 2), &(uint64_t){0}), -1);
}
END_TEST

START_TEST(test_duration)
{
	static const struct {
		const char *text;
		int ret;
		int64_t want;
	} rows[] = {
		{"30s", 0, INT64_C(30000000000)},
		{"5m", 0, INT64_C(300000000000)},
		{"2h", 0, INT64_C(7200000000000)},
		{"1h30m", 0, INT64_C(5400000000000)},
		{"1h0m5s", 0, INT64_C(3605000000000)},
		{"100ms", 0, 100000000},
		{"1.5s", 0, 1500000000},
		{"1m100ms", 0, INT64_C(60100000000)},
		{"7", 0, INT64_C(7000000000)},
		{"0", 0, 0},
		{"1d", 0, INT64_C(86400000000000)},
		{"5ns", 0, 5},
		{"1h30", -1, 0},
		{"30m1h", -1, 0},
		{"1m1m", -1, 0},
		{"", -1, 0},
		{"s", -1, 0},
		{"-1s", -1, 0},
		{"1 s", -1, 0},
		{"1x", -1, 0},
		{"9999999999h", -1, 0},
		{"106751d", 0, INT64_C(106751) * 86400 * 1000000000},
		{"106752d", -1, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t v = 0;

		ck_assert_msg(num_parse_duration(sv_from(rows[i].text), &v) == rows[i].ret, "%s", rows[i].text);
		if (rows[i].ret == 0)
			ck_assert_int_eq(v, rows[i].want);
	}
}
END_TEST

START_TEST(test_human)
{
	char out[32];

	ck_assert_str_eq(num_human_size(0, out), "0 B");
	ck_assert_str_eq(num_human_size(1023, out), "1023 B");
	ck_assert_str_eq(num_human_size(1024, out), "1.0 KiB");
	ck_assert_str_eq(num_human_size(1536, out), "1.5 KiB");
	ck_assert_str_eq(num_human_size(1048575, out), "1.0 MiB");
	ck_assert_str_eq(num_human_size(UINT64_MAX, out), "16.0 EiB");
	ck_assert_str_eq(num_human_time(0, out), "0.0s");
	ck_assert_str_eq(num_human_time(-5, out), "0.0s");
	ck_assert_str_eq(num_human_time(INT64_C(340000000), out), "0.3s");
	ck_assert_str_eq(num_human_time(INT64_C(59960000000), out), "1m00s");
	ck_assert_str_eq(num_human_time(INT64_C(72000000000), out), "1m12s");
	ck_assert_str_eq(num_human_time(INT64_C(3599700000000), out), "1h00m");
	ck_assert_str_eq(num_human_time(INT64_C(3725000000000), out), "1h02m");
	num_human_time(INT64_MAX, out);
}
END_TEST

UNIT_MAIN("num", test_arithmetic, test_parse, test_size, test_duration, test_human)
