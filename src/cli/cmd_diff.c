/* slct diff: what differs between two images. */
#include "src/cli/cmd.h"
#include "src/cli/image_src.h"
#include "src/cli/ui_text.h"
#include "src/cli/work.h"
#include "src/image/imgdiff.h"
#include "src/util/mem.h"
#include "src/util/num.h"

struct cmd_diff_opts {
	const char *format;
	bool packages;
};

/* clang-format off */
static const struct opt cmd_diff_options[] = {
	{.name = "format", .arg = "text|markdown|json", .kind = OPT_CHOICE, .offset = offsetof(struct cmd_diff_opts, format),
	 .dflt = "text", .help = "lines, tables, or the JSON of --json"},
	{.name = "packages", .kind = OPT_FLAG, .offset = offsetof(struct cmd_diff_opts, packages),
	 .help = "only the installed packages"},
};
/* clang-format on */

/* Texts of one form of output. */
struct cmd_diff_form {
	bool markdown;
	struct buf *out;
};

static void cmd_diff_line(const struct cmd_diff_form *f, const char *sign, const char *what, const char *more)
{
	AUTO_FREE char *clean = ui_text_line(what, false);
	AUTO_FREE char *rest = ui_text_line(more, false);

	if (f->markdown)
		buf_printf(f->out, "| %s | `%s` | %s |\n", sign, clean, rest);
	else
		buf_printf(f->out, "%s %s%s%s\n", sign, clean, rest[0] ? "  " : "", rest);
}

static void cmd_diff_head(const struct cmd_diff_form *f, const char *title, const char *column)
{
	if (f->markdown)
		buf_printf(f->out, "%s### %s\n\n| | %s | |\n|---|---|---|\n", f->out->n ? "\n" : "", title, column);
	else
		buf_printf(f->out, "%s%s:\n", f->out->n ? "\n" : "", title);
}

static void cmd_diff_files(const struct cmd_diff_form *f, const char *sign, const struct json *list)
{
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *x = json_at(list, i);
		char size[32];
		AUTO_FREE char *more =
			mem_printf("%s %04llo %lld:%lld %s", json_get_str(x, "type"),
				   (unsigned long long)json_get_int(x, "mode", 0), (long long)json_get_int(x, "uid", 0),
				   (long long)json_get_int(x, "gid", 0),
				   num_human_size((uint64_t)json_get_int(x, "size", 0), size));

		cmd_diff_line(f, sign, json_get_str(x, "path"), more);
	}
}

static void cmd_diff_value(const struct json *v, struct buf *out)
{
	if (json_str(v))
		buf_str_add(out, json_str(v));
	else
		buf_printf(out, "%lld", (long long)json_int(v, 0));
}

static char *cmd_diff_changes(struct json *changes)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);

	for (void *it = json_iter(changes); it; it = json_iter_next(changes, it)) {
		const struct json *v = json_iter_val(it);

		buf_printf(&out, "%s%s", out.n ? ", " : "", json_iter_key(it));
		if (json_len(v) != 2)
			continue;
		buf_char_add(&out, ' ');
		cmd_diff_value(json_at(v, 0), &out);
		buf_str_add(&out, " → ");
		cmd_diff_value(json_at(v, 1), &out);
	}
	return buf_steal(&out);
}

static void cmd_diff_changed(const struct cmd_diff_form *f, const struct json *list)
{
	for (size_t i = 0; i < json_len(list); i++) {
		AUTO_FREE char *more = cmd_diff_changes(json_get(json_at(list, i), "changes"));

		cmd_diff_line(f, "~", json_get_str(json_at(list, i), "path"), more);
	}
}

static void cmd_diff_names(const struct cmd_diff_form *f, const char *sign, struct json *packages)
{
	for (void *it = json_iter(packages); it; it = json_iter_next(packages, it)) {
		const struct json *v = json_iter_val(it);
		AUTO_FREE char *more = json_len(v) == 2
					       ? mem_printf("%s → %s", json_str(json_at(v, 0)), json_str(json_at(v, 1)))
					       : mem_strdup(json_str(v));

		cmd_diff_line(f, sign, json_iter_key(it), more);
	}
}

static void cmd_diff_packages(const struct cmd_diff_form *f, struct json *all)
{
	for (void *it = json_iter(all); it; it = json_iter_next(all, it)) {
		const struct json *m = json_iter_val(it);
		AUTO_FREE char *title = mem_printf("Packages (%s)", json_iter_key(it));

		if (!json_len(json_get(m, "added")) && !json_len(json_get(m, "removed")) &&
		    !json_len(json_get(m, "changed")))
			continue;
		cmd_diff_head(f, title, "Package");
		cmd_diff_names(f, "-", json_get(m, "removed"));
		cmd_diff_names(f, "+", json_get(m, "added"));
		cmd_diff_names(f, "~", json_get(m, "changed"));
	}
}

static int cmd_diff_print(const struct json *d, const struct cmd_diff_opts *o, struct err *e)
{
	AUTO_BUF struct buf out = BUF_INIT((size_t)1 << 30);
	struct cmd_diff_form f = {o->format && strcmp(o->format, "markdown") == 0, &out};
	const struct json *notes = json_get(d, "notes");

	if (!o->packages &&
	    json_len(json_get(d, "added")) + json_len(json_get(d, "removed")) + json_len(json_get(d, "changed"))) {
		cmd_diff_head(&f, "Files", "File");
		cmd_diff_files(&f, "-", json_get(d, "removed"));
		cmd_diff_files(&f, "+", json_get(d, "added"));
		cmd_diff_changed(&f, json_get(d, "changed"));
	}
	cmd_diff_packages(&f, json_get(d, "packages"));
	for (size_t i = 0; i < json_len(notes); i++)
		buf_printf(&out, "%s%s\n", out.n ? "\n" : "", json_str(json_at(notes, i)));
	return cli_print(buf_str(&out), out.n, e);
}

static int cmd_diff_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_diff_opts *o = opts;
	AUTO_WORK struct work w = {0};
	AUTO_JSON struct json *d = NULL;
	const char *from, *to;

	if (image_src_in_store(c->args.operands.v[0], &from, e) || image_src_in_store(c->args.operands.v[1], &to, e) ||
	    work_open(&w, c, NULL, NULL, e) || imgdiff(&w.session, from, to, &(struct imgdiff_opts){0}, &d, e))
		return -1;
	work_close(&w);
	if (c->g.json || (o->format && strcmp(o->format, "json") == 0))
		return cli_print_json(STEAL_PTR(d), e);
	return cmd_diff_print(d, o, e);
}

/* clang-format off */
const struct command cmd_diff = {
	.name = "diff",
	.group = COMMAND_IMAGES,
	.summary = "compare two images: files and installed packages",
	.usage = "[OPTIONS] IMAGE IMAGE",
	.about = "Files that only the first image has are marked -, those that only the second one has +, and those that "
		 "differ ~ with what differs: type, mode, owner, size, content, link target. Times do not count. "
		 "Packages are those of dpkg, apk, pip and rpm; of rpm's databases the one in SQLite's form is read, "
		 "others are named. Nothing of the images is run.",
	.example = "slct diff demo:1 demo:2\nslct diff --packages --format markdown demo:1 demo:2",
	.opts = cmd_diff_options,
	.nopts = ARRAY_LEN(cmd_diff_options),
	.opts_size = sizeof(struct cmd_diff_opts),
	.min_operands = 2,
	.max_operands = 2,
	.run = cmd_diff_run,
};
/* clang-format on */
