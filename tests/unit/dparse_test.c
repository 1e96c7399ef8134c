/* dparse: instructions, positions, errors with their place. */
#include <dirent.h>

#include "src/dockerfile/dlimit.h"
#include "src/dockerfile/dparse.h"
#include "src/dockerfile/dstage.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

#define REJECT_DIR "tests/data/dockerfile/reject"

static struct dast_file *parse(const char *text)
{
	struct err e = ERR_INIT;
	struct dast_file *f = dparse("Dockerfile", sv_from(text), &e);

	ck_assert_msg(f != NULL, "%s: %s", text, e.msg);
	return f;
}

/* A node in short: KIND --flag=value [word] {key=value} <name,fd,expand,chomp:content>, "json" before the words. */
static void show(const struct dast_instr *in, struct buf *b)
{
	buf_str_add(b, dast_info(in->kind)->name);
	for (size_t i = 0; i < in->flags.n; i++)
		buf_printf(b, " --%s=%s", in->flags.v[i].name, in->flags.v[i].value ? in->flags.v[i].value : "(none)");
	if (in->json)
		buf_str_add(b, " json");
	for (size_t i = 0; i < in->words.n; i++)
		buf_printf(b, " %s[%s]", in->words.v[i].heredoc ? "h" : "", in->words.v[i].s);
	for (size_t i = 0; i < in->pairs.n; i++) {
		const struct dast_pair *p = &in->pairs.v[i];

		buf_printf(b, " {%s%c%s}", p->key, p->sep ? p->sep : '!', p->value ? p->value : "");
	}
	for (size_t i = 0; i < in->heredocs.n; i++) {
		const struct dast_heredoc *h = &in->heredocs.v[i];

		buf_printf(b, " <%s,%u,%d,%d:%s>", h->name, h->fd, h->expand, h->chomp, h->content);
	}
	if (in->inner) {
		buf_str_add(b, " => ");
		show(in->inner, b);
	}
}

static const struct {
	const char *in, *want;
} nodes[] = {
	{"FROM x", "FROM [x]"},
	{"from --platform=linux/$A x as Y", "FROM --platform=linux/$A [x] [as] [Y]"},
	{"RUN", "RUN []"},
	{"RUN a  b # c", "RUN [a  b # c]"},
	{"RUN [ -f x ] && y", "RUN [[ -f x ] && y]"},
	{"RUN [\"a\", \"b c\"]", "RUN json [a] [b c]"},
	{"RUN [\"a\\u00e4\\ud83d\\ude00\\n\"]", "RUN json [aä😀\n]"},
	{"RUN [\"\\ud83d\"]", "RUN json [\xef\xbf\xbd]"},
	{"RUN [ ]", "RUN json"},
	{"RUN [\"a\"] b", "RUN [[\"a\"] b]"},
	{"RUN [\"a\",]", "RUN [[\"a\",]]"},
	{"RUN ['a']", "RUN [['a']]"},
	{"RUN --mount=type=bind,target=/a --mount='type=tmpfs,target=/b c' --network=none x",
	 "RUN --mount=type=bind,target=/a --mount=type=tmpfs,target=/b c --network=none [x]"},
	{"RUN -- --mount=x y", "RUN [--mount=x y]"},
	{"RUN --network=no\\ne x", "RUN --network=none [x]"},
	{"CMD", "CMD []"},
	{"CMD []", "CMD json"},
	{"ENTRYPOINT", "ENTRYPOINT"},
	{"ENTRYPOINT a b", "ENTRYPOINT [a b]"},
	{"SHELL [\"/bin/bash\", \"-c\"]", "SHELL json [/bin/bash] [-c]"},
	{"ENV A=b", "ENV {A=b}"},
	{"ENV A b  c=d", "ENV {A b  c=d}"},
	{"ENV A=\"b c\" D='e f' G=h\\ i J=", "ENV {A=\"b c\"} {D='e f'} {G=h\\ i} {J=}"},
	{"ENV A=b=c", "ENV {A=b=c}"},
	{"LABEL \"a b\"=c d=e", "LABEL {\"a b\"=c} {d=e}"},
	{"ARG a b=c d=\"e f\"", "ARG [a] [b=c] [d=\"e f\"] {a!} {b=c} {d=\"e f\"}"},
	{"EXPOSE 80\t81/udp", "EXPOSE [80] [81/udp]"},
	{"VOLUME /a /b", "VOLUME [/a] [/b]"},
	{"VOLUME [\"/a b\"]", "VOLUME json [/a b]"},
	{"USER a b", "USER [a b]"},
	{"WORKDIR  /a b ", "WORKDIR [/a b]"},
	{"STOPSIGNAL 9", "STOPSIGNAL [9]"},
	{"MAINTAINER a <b>", "MAINTAINER [a <b>]"},
	{"COPY --from=x --link a b c/", "COPY --from=x --link=(none) [a] [b] [c/]"},
	{"ADD --exclude=a --exclude=b [\"x y\", \"z\"]", "ADD --exclude=a --exclude=b json [x y] [z]"},
	{"COPY <<A <<-'B' x /d/\n1\nA\n\t2\n\tB", "COPY h[<<A] h[<<-'B'] [x] [/d/] <A,0,1,0:1\n> <B,0,0,1:\t2\n>"},
	{"RUN 3<<A cat <<\"B\" > x\na\nA\nb\nB", "RUN [3<<A cat <<\"B\" > x] <A,3,1,0:a\n> <B,0,0,0:b\n>"},
	{"RUN cat << A\na\nA", "RUN [cat << A] <A,0,1,0:a\n>"},
	{"RUN echo '<<A' \"<<B\" a<<C <<<D", "RUN [echo '<<A' \"<<B\" a<<C <<<D]"},
	{"RUN [\"a\", \"<<A\"]", "RUN json [a] [<<A]"},
	{"USER <<A", "USER [<<A]"},
	{"ONBUILD RUN <<A\na\nA", "ONBUILD <A,0,1,0:a\n> => RUN [<<A] <A,0,1,0:a\n>"},
	{"ONBUILD COPY --from=a b c", "ONBUILD => COPY --from=a [b] [c]"},
	{"HEALTHCHECK NONE", "HEALTHCHECK [NONE]"},
	{"HEALTHCHECK --retries=3 CMD a b", "HEALTHCHECK --retries=3 [CMD] [a b]"},
	{"HEALTHCHECK cmd [\"a\"]", "HEALTHCHECK json [cmd] [a]"},
};

START_TEST(test_nodes)
{
	for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
		AUTO_FREE char *text = mem_printf("FROM scratch\n%s\n", nodes[i].in);
		AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
		AUTO_DAST_FILE struct dast_file *f = parse(text);

		ck_assert_uint_eq(f->instrs.n, 2);
		show(f->instrs.v[1], &b);
		ck_assert_str_eq(buf_str(&b), nodes[i].want);
	}
}
END_TEST

/* What is printed parses to the same node, as a trigger and as an instruction; a copy is the same too. */
START_TEST(test_print)
{
	for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
		AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX), again = BUF_INIT(BUF_TEXT_MAX);
		AUTO_DAST_INSTR struct dast_instr *in = NULL, *copy = NULL, *back = NULL;
		struct err e = ERR_INIT;

		in = dparse_instr("t", sv_from(nodes[i].in), '\\', false, &e);
		ck_assert_msg(in != NULL, "%s: %s", nodes[i].in, e.msg);
		copy = dast_instr_copy(in);
		dast_print(copy, &text);
		back = dparse_instr("t", buf_sv(&text), '\\', false, &e);
		ck_assert_msg(back != NULL, "%s: %s", buf_str(&text), e.msg);
		show(back, &again);
		ck_assert_str_eq(buf_str(&again), nodes[i].want);
	}
}
END_TEST

static void check_pos(struct dast_pos pos, unsigned line, unsigned col)
{
	ck_assert_uint_eq(pos.line, line);
	ck_assert_uint_eq(pos.col, col);
}

START_TEST(test_positions)
{
	AUTO_DAST_FILE struct dast_file *f =
		parse("# c\nFROM a AS b\n\n  COPY --chown=1 \\\n# c\n\n    x \\\n  y/\nENV A=1 \\\n  B=2\n"
		      "CMD [\"a\", \\\n \"b\"]\nRUN cat <<X\nx\nX\nARG z\n");
	const struct dast_instr *copy = f->instrs.v[1];

	ck_assert_uint_eq(f->instrs.n, 6);
	check_pos(f->instrs.v[0]->words.v[2].pos, 2, 11);
	ck_assert_uint_eq(copy->first_line, 4);
	ck_assert_uint_eq(copy->last_line, 8);
	ck_assert(copy->gap && !f->instrs.v[2]->gap);
	check_pos(copy->pos, 4, 3);
	check_pos(copy->flags.v[0].pos, 4, 8);
	check_pos(copy->words.v[0].pos, 7, 5);
	check_pos(copy->words.v[1].pos, 8, 3);
	ck_assert_str_eq(copy->original, "COPY --chown=1     x   y/");
	check_pos(f->instrs.v[2]->pairs.v[1].pos, 10, 3);
	check_pos(f->instrs.v[3]->words.v[1].pos, 12, 2);
	check_pos(f->instrs.v[4]->heredocs.v[0].pos, 13, 9);
	ck_assert_uint_eq(f->instrs.v[4]->last_line, 15);
	ck_assert_uint_eq(f->instrs.v[5]->first_line, 16);
}
END_TEST

static const struct {
	const char *file;
	unsigned line, col; /* 0: no place in the file */
	const char *part, *hint;
} rejects[] = {
	{"empty", 0, 0, "no instructions", NULL},
	{"only-comments", 0, 0, "no instructions", NULL},
	{"unknown-instruction", 2, 1, "RUM", "RUN"},
	{"unknown-word", 2, 1, "make", NULL},
	{"continuation-missing", 3, 5, "unknown instruction \"b\"", "continues"},
	{"before-from", 2, 1, "before the first FROM", "ARG"},
	{"from-nothing", 1, 1, "FROM", NULL},
	{"from-two-words", 1, 8, "FROM", NULL},
	{"from-bad-as", 1, 11, "FROM", NULL},
	{"stage-name", 1, 11, "\"1b\"", NULL},
	{"stage-name-variable", 2, 11, "${n}", NULL},
	{"flag-unknown", 2, 6, "--chmood", "--chmod"},
	{"flag-other", 2, 5, "--chown", NULL},
	{"flag-twice", 2, 16, "twice", NULL},
	{"flag-value", 2, 6, "--from", "--from="},
	{"flag-bool", 2, 6, "maybe", NULL},
	{"copy-one", 2, 6, "destination", NULL},
	{"copy-json-one", 2, 7, "destination", NULL},
	{"copy-heredoc-dest", 2, 8, "here-document", NULL},
	{"env-no-value", 2, 6, "no value", "A=VALUE"},
	{"env-mixed", 2, 9, "\"C\"", NULL},
	{"env-no-name", 2, 5, "empty", NULL},
	{"env-nothing", 2, 1, "ENV", NULL},
	{"label-no-name", 2, 16, "empty", NULL},
	{"arg-nothing", 2, 1, "ARG", NULL},
	{"arg-no-name", 2, 5, "empty", NULL},
	{"json-mixed", 2, 5, "strings", NULL},
	{"json-nested", 2, 5, "strings", NULL},
	{"json-nul", 2, 11, "NUL", NULL},
	{"shell-no-json", 2, 7, "JSON", NULL},
	{"shell-empty", 2, 1, "SHELL", NULL},
	{"volume-empty", 2, 15, "empty", NULL},
	{"volume-nothing", 2, 1, "VOLUME", NULL},
	{"expose-nothing", 2, 1, "EXPOSE", NULL},
	{"user-nothing", 2, 1, "USER", NULL},
	{"workdir-nothing", 2, 1, "WORKDIR", NULL},
	{"stopsignal-nothing", 2, 1, "STOPSIGNAL", NULL},
	{"maintainer-nothing", 2, 1, "MAINTAINER", NULL},
	{"health-nothing", 2, 1, "HEALTHCHECK", NULL},
	{"health-none-more", 2, 18, "NONE", NULL},
	{"health-type", 2, 13, "EXEC", "CMD"},
	{"health-no-command", 2, 13, "command", NULL},
	{"health-interval", 2, 13, "\"30\"", "unit"},
	{"health-short", 2, 13, "1ms", NULL},
	{"health-retries", 2, 13, "retries", NULL},
	{"onbuild-nothing", 2, 1, "ONBUILD", NULL},
	{"onbuild-onbuild", 2, 9, "ONBUILD", NULL},
	{"onbuild-from", 2, 9, "FROM", NULL},
	{"onbuild-unknown", 2, 9, "RUM", "RUN"},
	{"run-network", 2, 5, "bridge", "host"},
	{"run-security", 2, 5, "none", "sandbox"},
	{"heredoc-open", 2, 9, "\"E\"", "E"},
	{"heredoc-second-open", 2, 10, "\"B\"", "B"},
	{"escape-bad", 1, 1, "escape", NULL},
	{"escape-twice", 2, 1, "twice", NULL},
	{"utf8", 2, 5, "UTF-8", NULL},
	{"nul", 2, 6, "NUL", NULL},
};

static void check_reject(size_t i)
{
	AUTO_FREE char *path = mem_printf("%s/%s", REJECT_DIR, rejects[i].file);
	struct err e = ERR_INIT;

	ck_assert_msg(!dparse_load(AT_FDCWD, path, &e), "%s is accepted", path);
	ck_assert_msg(e.code == ERR_INPUT && e.msg, "%s: %s", path, e.msg);
	ck_assert_msg(strstr(e.msg, rejects[i].part) != NULL, "%s: %s", path, e.msg);
	ck_assert_str_eq(e.place.file, path);
	ck_assert_msg(e.place.line == rejects[i].line && e.place.col == rejects[i].col, "%s: %u:%u: %s", path,
		      e.place.line, e.place.col, e.msg);
	ck_assert((e.excerpt != NULL) == (rejects[i].line != 0));
	if (rejects[i].hint)
		ck_assert_msg(e.hint && strstr(e.hint, rejects[i].hint), "%s: %s: %s", path, e.msg, e.hint);
	err_release(&e);
}

START_TEST(test_reject)
{
	AUTO_CLOSEDIR DIR *d = opendir(REJECT_DIR);
	size_t files = 0;

	ck_assert_ptr_nonnull(d);
	for (struct dirent *ent; (ent = readdir(d));)
		files += ent->d_name[0] != '.';
	ck_assert_uint_eq(files, ARRAY_LEN(rejects));
	for (size_t i = 0; i < ARRAY_LEN(rejects); i++)
		check_reject(i);
}
END_TEST

START_TEST(test_missing_file)
{
	struct err e = ERR_INIT;

	ck_assert_ptr_null(dparse_load(AT_FDCWD, REJECT_DIR "/no-such-file", &e));
	ck_assert_int_eq(e.code, ERR_NOT_FOUND);
	err_release(&e);
}
END_TEST

START_TEST(test_health)
{
	AUTO_DAST_FILE struct dast_file *f = parse("FROM a\nHEALTHCHECK --interval=1h1m1.5s --timeout=100ms "
						   "--start-period=0 --start-interval=1m --retries=7 CMD a\n"
						   "HEALTHCHECK NONE\n");
	const struct dast_health *h = &f->instrs.v[1]->health;
	AUTO_STRV struct strv argv = {0};

	ck_assert_int_eq(h->interval, INT64_C(3661500000000));
	ck_assert_int_eq(h->timeout, 100000000);
	ck_assert_int_eq(h->start_period, 0);
	ck_assert_int_eq(h->start_interval, INT64_C(60000000000));
	ck_assert_uint_eq(h->retries, 7);
	ck_assert(!h->none && f->instrs.v[2]->health.none);
	dast_argv(f->instrs.v[1], NULL, &argv);
	ck_assert_uint_eq(argv.n, 3);
	ck_assert_str_eq(argv.v[0], "/bin/sh");
	ck_assert_str_eq(argv.v[1], "-c");
	ck_assert_str_eq(argv.v[2], "a");
}
END_TEST

START_TEST(test_trigger)
{
	static const char text[] = "COPY <<A /x\nb\nA";
	AUTO_DAST_FILE struct dast_file *f = parse("FROM a\nONBUILD  COPY <<A \\\n /x\nb\nA\n");
	AUTO_DAST_INSTR struct dast_instr *in = NULL;
	struct err e = ERR_INIT;

	ck_assert_str_eq(f->instrs.v[1]->trigger, "COPY <<A  /x\nb\nA");
	in = dparse_instr("t", sv_from(text), '\\', true, &e);
	ck_assert_ptr_nonnull(in);
	ck_assert_str_eq(dast_heredoc_of(in, 0)->content, "b\n");
	ck_assert_ptr_null(dast_heredoc_of(in, 1));
	ck_assert_ptr_null(dparse_instr("t", SV("FROM a"), '\\', true, &e));
	unit_failed(e, ERR_INPUT, "FROM");
	ck_assert_ptr_null(dparse_instr("t", SV("RUN a\nRUN b"), '\\', true, &e));
	unit_failed(e, ERR_INPUT, "after");
	ck_assert_ptr_null(dparse_instr("t", SV("# a"), '\\', true, &e));
	unit_failed(e, ERR_INPUT, "empty");
}
END_TEST

START_TEST(test_flags)
{
	AUTO_DAST_FILE struct dast_file *f =
		parse("FROM a\nCOPY --link --parents=False --exclude=x --exclude=y --from=b c d\n");
	const struct dast_instr *in = f->instrs.v[1];

	ck_assert(dast_flag_bool(in, "link"));
	ck_assert(!dast_flag_bool(in, "parents"));
	ck_assert_str_eq(dast_flag(in, "from"), "b");
	ck_assert_ptr_null(dast_flag(in, "chown"));
	ck_assert_str_eq(dast_flag_nth(in, "exclude", 1), "y");
	ck_assert_ptr_null(dast_flag_nth(in, "exclude", 2));
}
END_TEST

START_TEST(test_json_failed)
{
	AUTO_DAST_FILE struct dast_file *f = parse("FROM a\nRUN ['a']\nRUN [ -f x ]\nRUN [\"a\" \"b\"]\nRUN [\"a\"]\n");

	ck_assert(f->instrs.v[1]->json_failed);
	ck_assert(!f->instrs.v[2]->json_failed);
	ck_assert(f->instrs.v[3]->json_failed);
	ck_assert(!f->instrs.v[4]->json_failed);
}
END_TEST

START_TEST(test_chomp)
{
	char content[] = "\t\ta\tb\n c\n\t\n\td";
	struct dast_heredoc h = {.content = content, .content_n = strlen(content), .chomp = true};
	AUTO_FREE char *text = dast_heredoc_text(&h);

	ck_assert_str_eq(text, "a\tb\n c\n\nd");
}
END_TEST

START_TEST(test_stages)
{
	AUTO_DAST_FILE struct dast_file *f =
		parse("ARG a\nFROM x AS One\nRUN y\nFROM --platform=p one\nFROM z AS one\nFROM one\n");
	struct dstage_list l;
	struct err e = ERR_INIT;

	unit_ok(dstage_view(f, &l, &e), e);
	ck_assert_uint_eq(l.meta.n, 1);
	ck_assert_uint_eq(l.stages.n, 4);
	ck_assert_str_eq(l.stages.v[0].name, "one");
	ck_assert_uint_eq(l.stages.v[0].instrs.n, 1);
	ck_assert_str_eq(l.stages.v[1].platform, "p");
	ck_assert_ptr_null(l.stages.v[1].name);
	ck_assert_int_eq(dstage_find(&l, "ONE", 1, false), 0);
	ck_assert_int_eq(dstage_find(&l, "one", 3, false), 2);
	ck_assert_int_eq(dstage_find(&l, "one", 0, false), -1);
	ck_assert_int_eq(dstage_find(&l, "1", 3, true), 1);
	ck_assert_int_eq(dstage_find(&l, "3", 3, true), -1);
	ck_assert_int_eq(dstage_find(&l, "1", 3, false), -1);
	ck_assert_int_eq(dstage_find(&l, "3", 4, true), 3);
	dstage_release(&l);
	dast_file_free(f);
	f = parse("ARG a\n");
	ck_assert_int_eq(dstage_view(f, &l, &e), -1);
	unit_failed(e, ERR_INPUT, "FROM");
}
END_TEST

START_TEST(test_stage_names)
{
	ck_assert(dstage_name_valid("a-1_b.c"));
	ck_assert(dstage_name_valid("Build"));
	ck_assert(!dstage_name_valid(""));
	ck_assert(!dstage_name_valid("1"));
	ck_assert(!dstage_name_valid("a b"));
	ck_assert(!dstage_name_valid("-a"));
}
END_TEST

/* A file cut off anywhere, or with one byte changed, gives a tree or an error with a message, never more. */
START_TEST(test_damaged)
{
	static const char text[] =
		"# escape=`\nARG A=${B:-c}\nFROM --platform=$X a AS b\nRUN --mount=type=bind,target=/x <<E `\n "
		"z\nk\nE\n"
		"COPY [\"a\",\"b\"]\nHEALTHCHECK --interval=3s CMD [\"x\"]\nONBUILD ENV A=b C='d e'\nLABEL x y";
	size_t n = sizeof(text) - 1;

	for (size_t i = 0; i < 4 * n; i++) {
		AUTO_FREE char *copy = mem_strdup(text);
		struct err e = ERR_INIT;
		AUTO_DAST_FILE struct dast_file *f = NULL;

		if (i >= n)
			copy[i % n] = "\\\"\n"[i / n - 1];
		f = dparse("f", sv_of(copy, i < n ? i : n), &e);
		ck_assert((f != NULL) != (e.msg != NULL));
		err_release(&e);
	}
}
END_TEST

static void check_limit(struct buf *b, const char *part)
{
	struct err e = ERR_INIT;

	ck_assert_ptr_null(dparse("f", buf_sv(b), &e));
	unit_failed(e, ERR_INPUT, part);
	buf_clear(b);
}

START_TEST(test_limits)
{
	AUTO_BUF struct buf b = BUF_INIT(DFILE_MAX_BYTES);

	buf_str_add(&b, "FROM a\nEXPOSE");
	for (int i = 0; i <= DWORD_MAX; i++)
		buf_str_add(&b, " 1");
	check_limit(&b, "words");
	buf_str_add(&b, "FROM a\nENV");
	for (int i = 0; i <= DWORD_MAX; i++)
		buf_str_add(&b, " a=b");
	check_limit(&b, "pairs");
	buf_str_add(&b, "FROM a\nRUN");
	for (int i = 0; i <= DWORD_MAX; i++)
		buf_str_add(&b, " --mount=a");
	check_limit(&b, "flags");
	buf_str_add(&b, "FROM a\nRUN");
	for (int i = 0; i <= DHEREDOC_MAX; i++)
		buf_str_add(&b, " <<a");
	check_limit(&b, "here-documents");
	for (int i = 0; i <= DINSTR_MAX; i++)
		buf_str_add(&b, "ARG a\n");
	check_limit(&b, "instructions");
	/* nesting does not reach the stack */
	buf_str_add(&b, "FROM a\n");
	for (int i = 0; i < 100000; i++)
		buf_str_add(&b, "ONBUILD ");
	check_limit(&b, "ONBUILD");
}
END_TEST

START_TEST(test_deep_json)
{
	AUTO_BUF struct buf b = BUF_INIT(DFILE_MAX_BYTES);
	AUTO_DAST_FILE struct dast_file *f = NULL;

	buf_str_add(&b, "FROM a\nCMD [");
	for (int i = 0; i < 500000; i++)
		buf_char_add(&b, '[');
	f = parse(buf_str(&b));
	ck_assert(!f->instrs.v[1]->json);
}
END_TEST

UNIT_MAIN("dparse", test_nodes, test_print, test_positions, test_reject, test_missing_file, test_health, test_trigger,
	  test_flags, test_json_failed, test_chomp, test_stages, test_stage_names, test_damaged, test_limits,
	  test_deep_json)
