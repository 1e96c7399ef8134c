/* The tables of commands and options are complete, and all that is made from them says so. */
#include <check.h>

#include "src/cli/cli.h"
#include "src/cli/completion.h"
#include "src/cli/help.h"
#include "src/cli/manpage.h"

static bool works(const struct command *c)
{
	return !(c->flags & COMMAND_HIDDEN);
}

static void check_option(const char *where, const struct opt *o)
{
	ck_assert_msg(o->name && o->name[0], "%s: option without a name", where);
	ck_assert_msg(o->help && o->help[0], "%s --%s: no help", where, o->name);
	ck_assert_msg(o->help[strlen(o->help) - 1] != '.', "%s --%s: full stop", where, o->name);
	ck_assert_msg(opt_has_value(o) == (o->arg != NULL), "%s --%s: value and placeholder", where, o->name);
	ck_assert_msg(o->kind != OPT_INT || o->max > o->min, "%s --%s: no range", where, o->name);
	ck_assert_msg(strncmp(o->name, "no-", 3) != 0 || o->kind == OPT_FLAG || opt_has_value(o), "%s --%s", where,
		      o->name);
}

/* Number of options of the two tables with that name or letter. */
static unsigned times(const struct command *c, const char *name, char letter)
{
	size_t n;
	const struct opt *globals = cli_global_options(&n);
	unsigned found = 0;

	for (size_t i = 0; i < c->nopts; i++)
		found += letter ? c->opts[i].letter == letter : strcmp(c->opts[i].name, name) == 0;
	/* docker run's -v is --volume: there it hides --verbose's. */
	for (size_t i = 0; i < n && !(letter == 'v' && found && c->group == COMMAND_RUN); i++)
		found += letter ? globals[i].letter == letter : strcmp(globals[i].name, name) == 0;
	return found;
}

START_TEST(every_command_is_documented)
{
	for (const struct command *const *p = command_table(); *p; p++) {
		const struct command *c = *p;

		ck_assert_ptr_eq(command_find(c->name), c);
		ck_assert_msg(c->summary && c->summary[0], "%s: no summary", c->name);
		if (!works(c))
			continue;
		ck_assert_msg(c->run && c->usage, "%s: not complete", c->name);
		ck_assert_msg(c->example && strstr(c->example, c->name), "%s: no example", c->name);
		ck_assert_msg(c->min_operands <= c->max_operands, "%s: operands", c->name);
		ck_assert_msg(!c->nopts || c->opts_size, "%s: size of the options", c->name);
	}
}
END_TEST

START_TEST(every_option_is_documented_and_unique)
{
	size_t n;
	const struct opt *globals = cli_global_options(&n);

	for (size_t i = 0; i < n; i++)
		check_option("slct", &globals[i]);
	for (const struct command *const *p = command_table(); *p; p++) {
		for (size_t i = 0; i < (*p)->nopts; i++) {
			const struct opt *o = &(*p)->opts[i];

			check_option((*p)->name, o);
			ck_assert_msg(times(*p, o->name, 0) == 1, "%s --%s: twice", (*p)->name, o->name);
			ck_assert_msg(!o->letter || times(*p, NULL, o->letter) == 1, "%s -%c: twice", (*p)->name,
				      o->letter);
			ck_assert_msg(o->offset < (*p)->opts_size, "%s --%s: offset", (*p)->name, o->name);
		}
	}
}
END_TEST

START_TEST(conflicts_name_options)
{
	for (const struct command *const *p = command_table(); *p; p++) {
		for (size_t i = 0; i < (*p)->nconflicts; i++) {
			ck_assert_uint_eq(times(*p, (*p)->conflicts[i].a, 0), 1);
			ck_assert_uint_eq(times(*p, (*p)->conflicts[i].b, 0), 1);
		}
	}
}
END_TEST

static void has(const struct buf *text, const char *what, const char *where)
{
	ck_assert_msg(strstr(buf_str(text), what) != NULL, "%s: \"%s\" is missing", where, what);
}

/* A hyphen is \\- in a manual page, else it would be another character. */
static char *man_name(const char *name)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);

	for (const char *p = name; *p; p++)
		buf_printf(&out, *p == '-' ? "\\%c" : "%c", *p);
	return buf_steal(&out);
}

START_TEST(help_manual_and_completion_have_every_option)
{
	AUTO_BUF struct buf bash = BUF_INIT(BUF_TEXT_MAX), all = BUF_INIT(BUF_TEXT_MAX), man = BUF_INIT(BUF_TEXT_MAX);
	AUTO_BUF struct buf zsh = BUF_INIT(BUF_TEXT_MAX), fish = BUF_INIT(BUF_TEXT_MAX);

	completion_bash(&bash);
	completion_zsh(&zsh);
	completion_fish(&fish);
	help_overview(&all);
	manpage_overview(&man);
	for (const struct command *const *p = command_table(); *p; p++) {
		AUTO_BUF struct buf help = BUF_INIT(BUF_TEXT_MAX), page = BUF_INIT(BUF_TEXT_MAX);

		has(&all, (*p)->name, "help");
		if (!works(*p))
			continue;
		AUTO_FREE char *in_man = man_name((*p)->name);

		has(&man, in_man, "slct.1");
		has(&bash, (*p)->name, "completion");
		help_command(*p, &help);
		manpage_command(*p, &page);
		for (size_t i = 0; i < (*p)->nopts; i++) {
			const struct opt *o = &(*p)->opts[i];
			char name[64];

			snprintf(name, sizeof(name), "--%s", o->kind == OPT_TRI ? "" : o->name);
			has(&help, name, (*p)->name);
			has(&bash, name, "completion");
			has(&zsh, name, "completion");
			has(&fish, name + 2, "completion");
			has(&page, o->kind == OPT_COUNT ? "verbose" : ".TP", (*p)->name);
		}
		has(&page, ".SH EXAMPLES", (*p)->name);
	}
	has(&man, ".SH EXIT STATUS", "slct.1");
	has(&man, "SLCT_ROOT", "slct.1");
}
END_TEST

/* No line of help is wider than a usual terminal. */
START_TEST(help_is_not_too_wide)
{
	for (const struct command *const *p = command_table(); *p; p++) {
		AUTO_BUF struct buf help = BUF_INIT(BUF_TEXT_MAX);
		struct sv rest;

		help_command(*p, &help);
		rest = buf_sv(&help);
		while (rest.p) {
			struct sv line = sv_cut(&rest, '\n');

			ck_assert_msg(line.n <= 110, "%s: %.*s", (*p)->name, SV_ARG(line));
		}
	}
}
END_TEST

START_TEST(unknown_command_has_a_hint)
{
	struct err e = ERR_INIT;

	ck_assert_int_eq(command_unknown("biuld", &e), -1);
	ck_assert_int_eq(e.code, ERR_USAGE);
	ck_assert_str_eq(e.hint, "did you mean slct build?");
	err_release(&e);
	ck_assert_int_eq(command_unknown("zzzzzzzz", &e), -1);
	ck_assert_str_eq(e.hint, "slct help lists the commands");
	err_release(&e);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("command");
	TCase *t = tcase_create("command");
	SRunner *r;
	int failed;

	tcase_add_test(t, every_command_is_documented);
	tcase_add_test(t, every_option_is_documented_and_unique);
	tcase_add_test(t, conflicts_name_options);
	tcase_add_test(t, help_manual_and_completion_have_every_option);
	tcase_add_test(t, help_is_not_too_wide);
	tcase_add_test(t, unknown_command_has_a_hint);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
