/* dmount: values of RUN --mount. */
#include "src/dockerfile/dmount.h"
#include "src/util/buf.h"
#include "src/util/cleanup.h"
#include "tests/unit/unit.h"

static const char *or_none(const char *s)
{
	return s ? s : "-";
}

static const struct {
	const char *in, *want; /* type from source target id env, then letters and numbers that are set */
} good[] = {
	{"target=/a", "bind - - /a - - r"},
	{"type=bind,from=x,source=b,target=/a,rw", "bind x b /a - -"},
	{"type=bind,src=b,dst=/a,readwrite=false", "bind - b /a - - r"},
	{"Type=cache,target=/a", "cache - - /a - -"},
	{"type=cache,target=/a,id=i,sharing=locked,mode=0750,uid=1,gid=2,ro=true", "cache - - /a i - r s2 m750 u1 g2"},
	{"type=cache,target=/a,from=x,source=y,sharing=private", "cache x y /a - - s1"},
	{"type=tmpfs,destination=/a,size=64m", "tmpfs - - /a - - z67108864"},
	{"type=secret,id=i,target=/a,required,mode=400", "secret - - /a i - q m400"},
	{"type=secret,id=i,env=E", "secret - - - i E"},
	{"type=ssh", "ssh - - - - -"},
	{"type=ssh,required=false", "ssh - - - - -"},
	{"\"target=/a,b\",\"source=x\"\"y\"", "bind - x\"y /a,b - - r"},
};

START_TEST(test_good)
{
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
		struct err e = ERR_INIT;
		struct dmount m;

		unit_ok(dmount_parse(sv_from(good[i].in), &m, &e), e);
		buf_printf(&b, "%s %s %s %s %s %s", dmount_type_name(m.type), or_none(m.from), or_none(m.source),
			   or_none(m.target), or_none(m.id), or_none(m.env));
		if (m.readonly)
			buf_str_add(&b, " r");
		if (m.required)
			buf_str_add(&b, " q");
		if (m.sharing)
			buf_printf(&b, " s%d", (int)m.sharing);
		if (m.mode != DMOUNT_UNSET)
			buf_printf(&b, " m%o", m.mode);
		if (m.uid != DMOUNT_UNSET)
			buf_printf(&b, " u%u", m.uid);
		if (m.gid != DMOUNT_UNSET)
			buf_printf(&b, " g%u", m.gid);
		if (m.size)
			buf_printf(&b, " z%llu", (unsigned long long)m.size);
		ck_assert_str_eq(buf_str(&b), good[i].want);
		dmount_release(&m);
	}
}
END_TEST

static const struct {
	const char *in, *part;
} bad[] = {
	{"", "unknown key"},
	{"type=bind", "target"},
	{"target", "value"},
	{"type=nfs,target=/a", "type=nfs"},
	{"target=/a,colour=red", "colour"},
	{"target=/a,sharing=shared", "sharing"},
	{"type=cache,target=/a,sharing=none", "sharing=none"},
	{"type=cache,target=/a,mode=9", "mode=9"},
	{"type=cache,target=/a,uid=-1", "uid=-1"},
	{"type=cache,target=/a,uid=4294967295", "uid"},
	{"type=tmpfs,target=/a,size=x", "size=x"},
	{"type=tmpfs,target=/a,from=x", "from"},
	{"type=bind,target=/a,required", "required"},
	{"type=bind,target=/a,ro=maybe", "ro=maybe"},
	{"type=secret", "secret"},
	{"type=secret,id=a,source=b", "source"},
	{"\"target=/a", "quote"},
	{"\"target=/a\"b", "quoted"},
};

START_TEST(test_bad)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = ERR_INIT;
		struct dmount m;

		ck_assert_msg(dmount_parse(sv_from(bad[i].in), &m, &e) == -1, "%s", bad[i].in);
		unit_failed(e, ERR_INPUT, bad[i].part);
		dmount_release(&m);
	}
}
END_TEST

static const char *env_get(void *ctx, struct sv name)
{
	(void)ctx;
	return sv_eq_str(name, "V") ? "a,\"b\"" : NULL;
}

START_TEST(test_expand)
{
	struct dexpand_env env = {env_get, NULL};
	struct dexpand_opts o = {.env = &env};
	struct err e = ERR_INIT;
	AUTO_FREE char *out = NULL;
	struct dmount m;

	unit_ok(dmount_expand(SV("target=/x,source=$V,ro"), &o, &out, &e), e);
	ck_assert_str_eq(out, "target=/x,\"source=a,\"\"b\"\"\",ro");
	unit_ok(dmount_parse(sv_from(out), &m, &e), e);
	ck_assert_str_eq(m.source, "a,\"b\"");
	dmount_release(&m);
	ck_assert_int_eq(dmount_expand(SV("target=/x,from=$V"), &o, &out, &e), -1);
	unit_failed(e, ERR_INPUT, "from");
}
END_TEST

START_TEST(test_from)
{
	struct err e = ERR_INIT;
	char *from = NULL;

	unit_ok(dmount_from(SV("type=$T,\"from=a,b\",target=$X"), &from, &e), e);
	ck_assert_str_eq(from, "a,b");
	free(from);
	unit_ok(dmount_from(SV("target=/from=x"), &from, &e), e);
	ck_assert_ptr_null(from);
	ck_assert_int_eq(dmount_from(SV("from=$X"), &from, &e), -1);
	unit_failed(e, ERR_INPUT, "from");
}
END_TEST

UNIT_MAIN("dmount", test_good, test_bad, test_expand, test_from)
