/* The live display on a pseudo-terminal: what fits, what stays, what is cut. */
#include <check.h>
#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "src/cli/ui.h"
#include "src/cli/ui_screen.h"
#include "src/util/io.h"

static int master = -1, slave = -1;

static void setup(void)
{
	ck_assert_int_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
	ck_assert_int_eq(fcntl(master, F_SETFL, O_NONBLOCK), 0);
}

static void teardown(void)
{
	close(master);
	close(slave);
}

static void resize(unsigned short rows, unsigned short cols)
{
	struct winsize w = {.ws_row = rows, .ws_col = cols};

	ck_assert_int_eq(ioctl(slave, TIOCSWINSZ, &w), 0);
}

/* What was written since the last call. */
static void drain(struct buf *out)
{
	char text[4096];
	ssize_t n;

	*out = BUF_INIT(1 << 20);
	while ((n = read(master, text, sizeof(text))) > 0)
		buf_add(out, text, (size_t)n);
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (const char *p = strstr(text, what); p; p = strstr(p + 1, what))
		n++;
	return n;
}

START_TEST(widths)
{
	static const struct {
		const char *text;
		unsigned width;
	} cases[] = {
		{"", 0},	  {"abc", 3},  {"\x1b[31mred\x1b[0m", 3},
		{"äöü", 3},	  {"日本", 4}, {"a\tb", 9},
		{"e\xcc\x81", 1}, {"\xff", 1}, {"🙂", 2},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		ck_assert_msg(ui_screen_width(cases[i].text) == cases[i].width, "case %zu: %u", i,
			      ui_screen_width(cases[i].text));
}
END_TEST

START_TEST(fitting)
{
	static const struct {
		const char *text;
		unsigned cols;
		const char *want;
	} cases[] = {
		{"abcdef", 6, "abcdef"}, {"abcdef", 5, "abcd…"},    {"日本語", 5, "日本…"},
		{"日本語", 4, "日…"},	 {"a\tb", 20, "a       b"}, {"\x1b[31mabcdef\x1b[0m", 4, "\x1b[31mabc…\x1b[0m"},
		{"abc", 0, ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_BUF struct buf out = BUF_INIT(4096);
		unsigned w = ui_screen_fit(&out, cases[i].text, cases[i].cols);

		ck_assert_str_eq(buf_str(&out), cases[i].want);
		ck_assert_uint_le(w, cases[i].cols);
	}
}
END_TEST

START_TEST(picture_is_replaced)
{
	struct ui_screen s;
	AUTO_BUF struct buf out = {0};

	resize(10, 20);
	ui_screen_init(&s, slave);
	ui_screen_line(&s, "first", "1s");
	ui_screen_line(&s, "second line that is too long", "");
	ui_screen_flush(&s);
	drain(&out);
	ck_assert_str_eq(buf_str(&out), "\r\x1b[Jfirst            1s\r\nsecond line that i…\r\n");
	buf_release(&out);
	ui_screen_above(&s, "done");
	ui_screen_line(&s, "third", "");
	ui_screen_flush(&s);
	drain(&out);
	ck_assert_str_eq(buf_str(&out), "\x1b[2A\r\x1b[Jdone\r\nthird\r\n");
	buf_release(&out);
	ui_screen_flush(&s);
	drain(&out);
	ck_assert_str_eq(buf_str(&out), "\x1b[1A\r\x1b[J");
	ui_screen_release(&s);
}
END_TEST

START_TEST(narrower_terminal_has_wrapped_the_picture)
{
	struct ui_screen s;
	AUTO_BUF struct buf out = {0};

	resize(10, 20);
	ui_screen_init(&s, slave);
	ui_screen_line(&s, "nineteen characters", "");
	ui_screen_flush(&s);
	drain(&out);
	buf_release(&out);
	resize(10, 8);
	ui_screen_measure(&s);
	ui_screen_flush(&s);
	drain(&out);
	ck_assert_str_eq(buf_str(&out), "\x1b[3A\r\x1b[J");
	ui_screen_release(&s);
}
END_TEST

START_TEST(hundred_stages_fit_the_screen)
{
	struct ui_opts o = {.fd = slave, .interval_ns = 1};
	struct event_sink *ui;
	AUTO_BUF struct buf out = {0};
	char names[100][8];

	resize(12, 60);
	ui = ui_tty_new(&o);
	for (unsigned i = 0; i < 100; i++) {
		struct event ev = {EVENT_STEP_START, .stage = names[i], .n = 1, .m = 2, .text = "RUN x"};

		snprintf(names[i], sizeof(names[i]), "s%u", i);
		ui->emit(ui, &ev);
		/* The terminal's own buffer is small. */
		buf_release(&out);
		drain(&out);
	}
	buf_release(&out);
	ui->tick(ui);
	drain(&out);
	/* Eleven lines, so that the cursor's own row is the twelfth. */
	ck_assert_uint_eq(count(buf_str(&out), "\n"), 11);
	ck_assert_ptr_nonnull(strstr(buf_str(&out), "[s9 1/2] RUN x"));
	ck_assert_ptr_null(strstr(buf_str(&out), "[s10 1/2]"));
	ck_assert_ptr_nonnull(strstr(buf_str(&out), "100 running (90 more"));
	ui->free(ui);
}
END_TEST

START_TEST(finished_lines_stay_and_the_rest_goes)
{
	static const struct event_counts counts = {.stages = 1, .steps_run = 1};
	struct ui_opts o = {.fd = slave};
	struct event_sink *ui;
	AUTO_BUF struct buf out = {0};
	const struct event evs[] = {
		{EVENT_BEGIN, .text = "isolation: root", .total = 1},
		{EVENT_STEP_CACHED, .stage = "a", .n = 1, .m = 2, .text = "COPY a b", .source = "local"},
		{EVENT_STEP_START, .stage = "a", .n = 2, .m = 2, .text = "RUN make"},
		{EVENT_OUTPUT, .stage = "a", .n = 2, .text = "one\ntwo\n", .text_len = 8},
		{EVENT_STEP_DONE, .stage = "a", .n = 2, .m = 2, .elapsed_ns = 300000000},
		{EVENT_STAGE_DONE, .stage = "a"},
		{EVENT_END, .counts = &counts, .elapsed_ns = 500000000},
	};

	resize(24, 80);
	ui = ui_tty_new(&o);
	for (size_t i = 0; i < ARRAY_LEN(evs); i++)
		ui->emit(ui, &evs[i]);
	ui->free(ui);
	drain(&out);
	ck_assert_uint_eq(count(buf_str(&out), "[a 1/2] COPY a b CACHED\r\n"), 1);
	ck_assert_uint_eq(count(buf_str(&out), "[a 2/2] RUN make DONE 0.3s\r\n"), 1);
	ck_assert_uint_eq(count(buf_str(&out), "1 stage, 1 step run, 0 cached, 0.5s\r\n"), 1);
	/* Nothing that would have to be put back: no modes, no hidden cursor. */
	ck_assert_uint_eq(count(buf_str(&out), "\x1b[?"), 0);
}
END_TEST

START_TEST(output_of_a_running_step_is_shown)
{
	struct ui_opts o = {.fd = slave, .color = true, .interval_ns = 1};
	struct event_sink *ui;
	AUTO_BUF struct buf out = {0};
	struct event start = {EVENT_STEP_START, .stage = "a", .n = 1, .m = 1, .text = "RUN make"};
	struct event text = {EVENT_OUTPUT, .stage = "a", .n = 1, .text = "\x1b[2Jcompiling\n50%\r60%", .text_len = 21};

	resize(24, 80);
	ui = ui_tty_new(&o);
	ui->emit(ui, &start);
	ui->emit(ui, &text);
	drain(&out);
	buf_release(&out);
	ui->tick(ui);
	drain(&out);
	ck_assert_ptr_nonnull(strstr(buf_str(&out), "compiling"));
	ck_assert_ptr_nonnull(strstr(buf_str(&out), "60%"));
	ck_assert_ptr_null(strstr(buf_str(&out), "50%"));
	ck_assert_ptr_null(strstr(buf_str(&out), "\x1b[2J"));
	ui->free(ui);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ui_tty");
	TCase *t = tcase_create("ui_tty");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, widths);
	tcase_add_test(t, fitting);
	tcase_add_test(t, picture_is_replaced);
	tcase_add_test(t, narrower_terminal_has_wrapped_the_picture);
	tcase_add_test(t, hundred_stages_fit_the_screen);
	tcase_add_test(t, finished_lines_stay_and_the_rest_goes);
	tcase_add_test(t, output_of_a_running_step_is_shown);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
