/* EXASLCT's options: tables, words, notes; passwords in the arguments. */
#include "src/cli/exaslct.h"
#include "src/cli/exopt.h"
#include "src/cli/secretargs.h"
#include "src/util/log.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

START_TEST(test_tables)
{
	unsigned commands = 0;

	for (const struct command *const *p = exaslct_table(); *p; p++) {
		const struct command *c = *p;

		commands++;
		ck_assert_ptr_eq(exaslct_find(strchr(c->name, ' ') + 1), c);
		ck_assert_msg(c->run || c->about, "%s: refused without a reason", c->name);
		ck_assert_msg(c->summary && c->example, "%s: not documented", c->name);
		for (size_t i = 0; i < c->nopts; i++) {
			const struct opt *o = &c->opts[i];

			ck_assert_msg(o->help && opt_has_value(o) == (o->arg != NULL), "%s --%s", c->name, o->name);
			ck_assert_msg(o->offset < sizeof(struct exopt), "%s --%s: offset", c->name, o->name);
			for (size_t k = 0; k < i; k++)
				ck_assert_msg(strcmp(o->name, c->opts[k].name) != 0, "%s --%s: twice", c->name,
					      o->name);
		}
	}
	ck_assert_uint_eq(commands, 18);
	ck_assert_ptr_null(exaslct_find("nothing"));
}
END_TEST

START_TEST(test_words)
{
	static const char *const yes[] = {"true", "True", "1", "yes", "Y", "on", "T"};
	static const char *const no[] = {"false", "FALSE", "0", "no", "n", "off", "f"};
	struct err e = ERR_INIT;
	bool b;

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		ck_assert_int_eq(exopt_bool("x", yes[i], false, &b, &e), 0);
		ck_assert(b);
		ck_assert_int_eq(exopt_bool("x", no[i], true, &b, &e), 0);
		ck_assert(!b);
	}
	ck_assert_int_eq(exopt_bool("x", NULL, true, &b, &e), 0);
	ck_assert(b);
	ck_assert_int_eq(exopt_bool("x", "ja", true, &b, &e), -1);
	ck_assert_int_eq(e.code, ERR_USAGE);
	err_release(&e);
}
END_TEST

START_TEST(test_worth)
{
	const char *why;

	ck_assert_int_eq(exopt_worth("build", "goal", &why), EXOPT_WORKS);
	ck_assert_ptr_null(why);
	ck_assert_int_eq(exopt_worth("build", "force-pull", &why), EXOPT_WORKS);
	ck_assert_int_eq(exopt_worth("build", "source-docker-tag-prefix", &why), EXOPT_NO_MEANING);
	ck_assert_int_eq(exopt_worth("deploy", "saas-pat", &why), EXOPT_REFUSED);
	ck_assert_ptr_nonnull(why);
	ck_assert_int_eq(exopt_worth("build", "workers", &why), EXOPT_WORKS);
	ck_assert_int_eq(exopt_worth("clean-all-images", "workers", &why), EXOPT_NO_MEANING);
}
END_TEST

/* click asks for such a password if no value stands behind the option. */
START_TEST(test_password_without_value)
{
	char a[] = "--bucketfs-password", b[] = "--goal", c[] = "--bucketfs-password", d[] = "value",
	     f[] = "--saas-pat";
	char *args[] = {a, b, c, d, f};
	struct exaslct_args out = {0};

	exaslct_args(args, ARRAY_LEN(args), &out);
	ck_assert_uint_eq(out.n, 5);
	ck_assert_str_eq(out.v[0], "--bucketfs-password=");
	ck_assert_str_eq(out.v[1], "--goal");
	ck_assert_str_eq(out.v[2], "--bucketfs-password");
	ck_assert_str_eq(out.v[4], "--saas-pat=");
	exaslct_args_free(&out);
}
END_TEST

START_TEST(test_secrets)
{
	static const char *const in[] = {"--creds",    "user:hidden-1", "--target-docker-password=hidden-2",
					 "--goal",     "open",		"--bucketfs-password",
					 "--saas-pat", "hidden-3",	"--",
					 "--creds",    "operand:x"};
	char *args[ARRAY_LEN(in)];
	struct secretargs s = {0};
	AUTO_FREE char *masked = NULL;

	for (size_t i = 0; i < ARRAY_LEN(in); i++)
		args[i] = mem_strdup(in[i]);
	secretargs_take(&s, args, ARRAY_LEN(in));
	for (size_t i = 0; i < ARRAY_LEN(in); i++) {
		ck_assert_str_eq(s.v[i], in[i]);
		ck_assert_msg(!strstr(args[i], "hidden"), "%s", args[i]);
		ck_assert_uint_eq(strlen(args[i]), strlen(in[i]));
	}
	ck_assert_str_eq(args[4], "open");
	ck_assert_str_eq(args[6], "--saas-pat");
	ck_assert_str_eq(args[10], "operand:x");
	ck_assert_str_eq(args[2], "--target-docker-password=********");
	masked = log_mask("a hidden-1 b hidden-2 c hidden-3 d user", 39, false);
	ck_assert_str_eq(masked, "a *** b *** c *** d user");
	secretargs_release(&s);
	for (size_t i = 0; i < ARRAY_LEN(in); i++)
		free(args[i]);
}
END_TEST

UNIT_MAIN("exopt", test_tables, test_words, test_worth, test_password_without_value, test_secrets)
