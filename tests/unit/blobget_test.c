/* Content-Range and Link fields of registries. */
#include "registry/blobget.h"
#include "registry/pull.h"
#include "tests/unit/unit.h"

START_TEST(ranges)
{
	static const struct {
		const char *field;
		int rc;
		uint64_t first, total;
	} t[] = {
		{"bytes 0-9/10", 0, 0, 10},
		{" bytes 100-199/200 ", 0, 100, 200},
		{"bytes 5-5/*", 0, 5, UINT64_MAX},
		{"bytes 9-5/10", -1, 0, 0},
		{"bytes */10", -1, 0, 0},
		{"bytes 1-2", -1, 0, 0},
		{"bytes 1-/3", -1, 0, 0},
		{"bytes -1-2/3", -1, 0, 0},
		{"items 0-9/10", -1, 0, 0},
		{"bytes 0-9/18446744073709551616", -1, 0, 0},
		{"", -1, 0, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		uint64_t first = 0, total = 0;

		ck_assert_msg(blobget_parse_range(sv_from(t[i].field), &first, &total) == t[i].rc, "%s", t[i].field);
		if (!t[i].rc) {
			ck_assert_uint_eq(first, t[i].first);
			ck_assert_uint_eq(total, t[i].total);
		}
	}
}
END_TEST

START_TEST(links)
{
	static const struct {
		const char *field, *next; /* NULL: none */
	} t[] = {
		{"</v2/a/tags/list?n=2&last=b>; rel=\"next\"", "/v2/a/tags/list?n=2&last=b"},
		{"<https://r/v2/x>;rel=next", "https://r/v2/x"},
		{"<a>; rel=\"prev\", <b>; title=x; rel=\"next\"", "b"},
		{"<a>; rel=\"prev\"", NULL},
		{"<a>", NULL},
		{"a; rel=\"next\"", NULL},
		{"", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct sv got = pull_next_link(sv_from(t[i].field));

		if (t[i].next)
			ck_assert_msg(sv_eq_str(got, t[i].next), "%s", t[i].field);
		else
			ck_assert_msg(!got.p, "%s", t[i].field);
	}
}
END_TEST

UNIT_MAIN("blobget", ranges, links)
