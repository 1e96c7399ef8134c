/* WWW-Authenticate by RFC 9110, sections 11.2 to 11.6.1. */
#include "registry/challenge.h"
#include "src/util/buf.h"
#include "tests/unit/unit.h"

/* "Scheme name=value|name=value;Scheme..." */
static void show(const struct challenge_list *l, struct buf *out)
{
	for (size_t i = 0; i < l->n; i++) {
		buf_printf(out, "%s%s", i ? ";" : "", l->v[i].scheme);
		for (size_t k = 0; k < l->v[i].params.n; k++)
			buf_printf(out, "%c%s=%s", k ? '|' : ' ', l->v[i].params.v[k].key,
				   (const char *)l->v[i].params.v[k].val);
	}
}

static const struct {
	const char *field, *out;
} good[] = {
	{"", ""},
	{"Basic", "Basic"},
	{"Bearer realm=", "Bearer"}, /* a token68 by the grammar */
	{"Basic realm=\"x\"", "Basic realm=x"},
	{"basic REALM=\"X y\"", "basic realm=X y"},
	{"Bearer realm=\"https://a/token\",service=\"s\",scope=\"repository:a/b:pull,push\"",
	 "Bearer realm=https://a/token|service=s|scope=repository:a/b:pull,push"},
	{"Bearer realm=a , service = \"b\"", "Bearer realm=a|service=b"},
	{"Bearer realm=\"a\\\"b\\\\c\"", "Bearer realm=a\"b\\c"},
	{"Bearer realm=\"\"", "Bearer realm="},
	{"Basic realm=\"a\", Bearer realm=\"b\", service=c", "Basic realm=a;Bearer realm=b|service=c"},
	{"Negotiate, Basic realm=x", "Negotiate;Basic realm=x"},
	{"Negotiate YIIK/+-._~==, Basic realm=x", "Negotiate;Basic realm=x"},
	{",, Basic realm=x ,", "Basic realm=x"},
	{"Bearer realm=\"a, b=c\"", "Bearer realm=a, b=c"},
	{"Newauth realm=\"apps\", type=1, title=\"Login to \\\"apps\\\"\", Basic realm=\"simple\"",
	 "Newauth realm=apps|type=1|title=Login to \"apps\";Basic realm=simple"},
};

START_TEST(parses)
{
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		AUTO_CHALLENGE_LIST struct challenge_list l = {0};
		AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
		struct err e = ERR_INIT;

		ck_assert_msg(!challenge_parse(sv_from(good[i].field), &l, &e), "%s: %s", good[i].field, e.msg);
		show(&l, &out);
		ck_assert_str_eq(buf_str(&out), good[i].out);
	}
}
END_TEST

/* clang-format off */
static const char *const bad[] = {
	"Bearer realm=\"no end", "Bearer realm=\"no end\\\"", "=x", "realm=\"x\"", "Bearer realm=\"a\" service=b",
	"Bearer realm=a, realm=b", "Bearer \"x\"", "Bearer realm=\"a\tb\x01\"", "(x)", "Bearer(x)", "Bearer a b",
};
/* clang-format on */

START_TEST(refuses)
{
	AUTO_BUF struct buf big = BUF_INIT(BUF_TEXT_MAX);
	struct err e = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO_CHALLENGE_LIST struct challenge_list l = {0};

		ck_assert_msg(challenge_parse(sv_from(bad[i]), &l, &e) == -1, "%s", bad[i]);
		unit_failed(e, ERR_REGISTRY, "WWW-Authenticate");
	}
	for (int i = 0; i < 100; i++)
		buf_str_add(&big, "Basic,");
	{
		AUTO_CHALLENGE_LIST struct challenge_list l = {0};

		ck_assert_int_eq(challenge_parse(buf_sv(&big), &l, &e), -1);
		unit_failed(e, ERR_REGISTRY, "too many");
	}
	while (big.n < CHALLENGE_MAX_BYTES)
		buf_str_add(&big, "x");
	buf_str_add(&big, "x");
	{
		AUTO_CHALLENGE_LIST struct challenge_list l = {0};

		ck_assert_int_eq(challenge_parse(buf_sv(&big), &l, &e), -1);
		unit_failed(e, ERR_REGISTRY, "longer");
	}
}
END_TEST

START_TEST(finds)
{
	AUTO_CHALLENGE_LIST struct challenge_list l = {0};
	struct err e = ERR_INIT;

	unit_ok(challenge_parse(SV("Basic realm=a"), &l, &e), e);
	unit_ok(challenge_parse(SV("bearer realm=b"), &l, &e), e);
	ck_assert_str_eq(challenge_param(challenge_find(&l, "Bearer"), "realm"), "b");
	ck_assert_ptr_null(challenge_param(challenge_find(&l, "Bearer"), "service"));
	ck_assert_ptr_null(challenge_find(&l, "Digest"));
}
END_TEST

UNIT_MAIN("challenge", parses, refuses, finds)
