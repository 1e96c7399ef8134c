/* Plain and JSON displays: the exact text of a small build. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "src/cli/ui.h"
#include "src/util/io.h"
#include "src/util/json.h"

#define MS INT64_C(1000000)

/* A display that writes to a file, which is read at the end. */
struct shown {
	FILE *f;
	struct event_sink *ui;
};

static struct shown open_display(const char *kind, bool quiet, bool color)
{
	struct shown s = {.f = tmpfile()};
	struct ui_opts o = {.quiet = quiet, .color = color};

	ck_assert_ptr_nonnull(s.f);
	o.fd = fileno(s.f);
	s.ui = ui_new(kind, &o);
	return s;
}

static void close_display(struct shown *s, struct buf *out)
{
	struct err e = ERR_INIT;

	s->ui->free(s->ui);
	*out = BUF_INIT(1 << 20);
	ck_assert_int_eq(lseek(fileno(s->f), 0, SEEK_SET), 0);
	ck_assert_int_eq(io_read_all(fileno(s->f), out, "display", &e), 0);
	fclose(s->f);
}

static void emit(struct shown *s, struct event ev)
{
	s->ui->emit(s->ui, &ev);
}

static void output(struct shown *s, const char *stage, unsigned n, const char *text)
{
	emit(s, (struct event){EVENT_OUTPUT, .stage = stage, .n = n, .text = text, .text_len = strlen(text)});
}

/* Two stages side by side, one failing; all kinds of events. */
static void small_build(struct shown *s)
{
	static const struct event_counts counts = {
		.stages = 4, .stages_cached = 1, .steps_run = 1, .steps_cached = 1, .requests = 3, .bytes_in = 5 << 20};
	struct err e = ERR_INIT;

	err_set(&e, ERR_STEP, "make: exit status 2");
	emit(s, (struct event){EVENT_BEGIN, .text = "isolation: root", .total = 4});
	emit(s, (struct event){EVENT_STAGE_START, .stage = "f/base"});
	emit(s,
	     (struct event){EVENT_TRANSFER, .stage = "f/base", .text = "pull debian:12", .done = 0, .total = 5 << 20});
	emit(s,
	     (struct event){EVENT_TRANSFER, .stage = "f/base", .text = "pull debian:12", .done = 9, .total = 5 << 20});
	emit(s, (struct event){EVENT_TRANSFER, .stage = "f/base", .text = "pull debian:12", .done = 5 << 20,
			       .total = 5 << 20});
	emit(s, (struct event){EVENT_STEP_META, .stage = "f/base", .n = 1, .m = 3, .text = "ENV A=b"});
	emit(s, (struct event){EVENT_STEP_CACHED, .stage = "f/base", .n = 2, .m = 3, .text = "COPY a /a",
			       .source = "local"});
	emit(s, (struct event){EVENT_STEP_START, .stage = "f/base", .n = 3, .m = 3, .text = "RUN echo a &&\n  echo b"});
	emit(s, (struct event){EVENT_STAGE_START, .stage = "f/tools"});
	emit(s, (struct event){EVENT_STEP_START, .stage = "f/tools", .n = 1, .m = 1, .text = "RUN make"});
	output(s, "f/base", 3, "one\ntw");
	output(s, "f/tools", 1, "cc -c x.c\r\n10%\r50%\r100%\nno end");
	output(s, "f/base", 3, "o\n\x1b[2J\x1b[31mred\x1b[0m\xff\n");
	emit(s, (struct event){EVENT_STEP_DONE, .stage = "f/base", .n = 3, .m = 3, .elapsed_ns = 1300 * MS});
	emit(s, (struct event){EVENT_STAGE_DONE, .stage = "f/base", .elapsed_ns = 1400 * MS});
	emit(s, (struct event){EVENT_WARNING, .stage = "f/tools", .text = "cache not written: 503"});
	emit(s,
	     (struct event){EVENT_STEP_ERROR, .stage = "f/tools", .n = 1, .m = 1, .elapsed_ns = 200 * MS, .err = &e});
	emit(s, (struct event){EVENT_STAGE_START, .stage = "f/whole"});
	emit(s, (struct event){EVENT_STAGE_DONE, .stage = "f/whole", .source = "remote"});
	emit(s, (struct event){EVENT_END, .counts = &counts, .elapsed_ns = 2500 * MS, .err = &e});
	err_release(&e);
}

static void expect(const struct buf *have, const char *want)
{
	ck_assert_msg(strcmp(buf_str(have), want) == 0, "have:\n%s\nwant:\n%s", buf_str(have), want);
}

START_TEST(plain_text)
{
	struct shown s = open_display("plain", false, false);
	AUTO_BUF struct buf out = {0};

	small_build(&s);
	close_display(&s, &out);
	expect(&out, "isolation: root\n"
		     "[f/base] pull debian:12 (5.0 MiB)\n"
		     "[f/base] pull debian:12: 5.0 MiB\n"
		     "[f/base 1/3] ENV A=b\n"
		     "[f/base 2/3] COPY a /a\n"
		     "[f/base 2/3] CACHED\n"
		     "[f/base 3/3] RUN echo a &&   echo b\n"
		     "[f/tools 1/1] RUN make\n"
		     "[f/base] one\n"
		     "[f/tools] cc -c x.c\n"
		     "[f/tools] 100%\n"
		     "[f/base] two\n"
		     "[f/base] red\xef\xbf\xbd\n"
		     "[f/base 3/3] DONE 1.3s\n"
		     "slct: warning: f/tools: cache not written: 503\n"
		     "[f/tools] no end\n"
		     "[f/tools 1/1] ERROR: make: exit status 2\n"
		     "[f/whole] CACHED (remote)\n"
		     "4 stages (1 cached), 1 step run, 1 cached, 3 requests, 5.0 MiB received, 2.5s\n");
}
END_TEST

START_TEST(quiet_keeps_warnings)
{
	struct shown s = open_display("auto", true, false);
	AUTO_BUF struct buf out = {0};

	small_build(&s);
	close_display(&s, &out);
	expect(&out, "slct: warning: f/tools: cache not written: 503\n");
}
END_TEST

START_TEST(colours_end_with_their_line)
{
	struct shown s = open_display("plain", false, true);
	AUTO_BUF struct buf out = {0};

	emit(&s, (struct event){EVENT_STEP_START, .stage = "a", .n = 1, .m = 1, .text = "RUN x"});
	output(&s, "a", 1, "\x1b[31mred\x1b[2K\nplain\n");
	close_display(&s, &out);
	expect(&out, "[a 1/1] RUN x\n[a] \x1b[31mred\x1b[0m\n[a] plain\n");
}
END_TEST

START_TEST(sequence_cut_by_a_read_is_still_removed)
{
	struct shown s = open_display("plain", false, false);
	AUTO_BUF struct buf out = {0};

	output(&s, "a", 1, "x\x1b[3");
	output(&s, "a", 1, "1my\x1b");
	output(&s, "a", 1, "]0;title\a!\n");
	close_display(&s, &out);
	expect(&out, "[a] xy!\n");
}
END_TEST

START_TEST(endless_lines_are_bounded)
{
	struct shown s = open_display("plain", false, false);
	AUTO_BUF struct buf out = {0};
	char block[1000];
	size_t lines = 0;

	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 100; i++)
		emit(&s, (struct event){EVENT_OUTPUT, .stage = "a", .n = 1, .text = block, .text_len = sizeof(block)});
	emit(&s, (struct event){EVENT_STEP_DONE, .stage = "a", .n = 1, .m = 1, .text = "RUN x"});
	close_display(&s, &out);
	for (size_t i = 0; i < out.n; i++)
		lines += out.p[i] == '\n';
	ck_assert_uint_ge(lines, 8);
	ck_assert_uint_le(lines, 10);
}
END_TEST

/* Each line is an object; the sequence of events is what was emitted, with output by lines. */
START_TEST(json_lines)
{
	/* clang-format off */
	static const char *const want[] = {
		"begin",     "stage-start", "transfer",	   "transfer", "transfer", "step-meta", "step-cached",
		"step-start", "stage-start", "step-start", "output",   "output",   "output",	"output",
		"output",    "step-done",   "stage-done",  "warning",  "output",   "step-error", "stage-start",
		"stage-done", "end",
	};
	/* clang-format on */
	struct shown s = open_display("json", false, false);
	AUTO_BUF struct buf out = {0};
	struct sv rest;
	size_t n = 0;

	small_build(&s);
	close_display(&s, &out);
	rest = buf_sv(&out);
	while (rest.p && rest.n) {
		struct sv line = sv_cut(&rest, '\n');
		struct err e = ERR_INIT;
		AUTO_JSON struct json *j = json_parse(line.p, line.n, 1 << 20, ERR_INTERNAL, "line", &e);

		ck_assert_msg(j != NULL, "%.*s: %s", SV_ARG(line), e.msg);
		ck_assert_uint_lt(n, ARRAY_LEN(want));
		ck_assert_str_eq(json_get_str(j, "event"), want[n]);
		ck_assert_int_ge(json_get_int(j, "time", -1), 0);
		if (strcmp(want[n], "step-done") == 0)
			ck_assert_int_eq(json_get_int(j, "elapsed", 0), 1300);
		if (strcmp(want[n], "step-error") == 0)
			ck_assert_str_eq(json_get_str(json_get(j, "error"), "code"), "step");
		if (strcmp(want[n], "end") == 0)
			ck_assert_int_eq(json_get_int(json_get(j, "counts"), "steps_run", 0), 1);
		n++;
	}
	ck_assert_uint_eq(n, ARRAY_LEN(want));
}
END_TEST

START_TEST(diagnostics_go_through_the_display)
{
	struct shown s = open_display("json", false, false);
	AUTO_BUF struct buf out = {0};

	log_msg(LOG_WARN, "disk nearly full");
	close_display(&s, &out);
	ck_assert_ptr_nonnull(strstr(buf_str(&out), "\"event\":\"warning\""));
	ck_assert_ptr_nonnull(strstr(buf_str(&out), "disk nearly full"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ui_plain");
	TCase *t = tcase_create("ui_plain");
	SRunner *r;
	int failed;

	tcase_add_test(t, plain_text);
	tcase_add_test(t, quiet_keeps_warnings);
	tcase_add_test(t, colours_end_with_their_line);
	tcase_add_test(t, sequence_cut_by_a_read_is_still_removed);
	tcase_add_test(t, endless_lines_are_bounded);
	tcase_add_test(t, json_lines);
	tcase_add_test(t, diagnostics_go_through_the_display);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
