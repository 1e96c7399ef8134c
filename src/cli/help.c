/* Help texts. */
#include "src/cli/help.h"

#include "src/cli/cli.h"

#define HELP_WIDTH   96 /* columns of a line */
#define HELP_OPTION  32 /* column where an option's text begins */
#define HELP_COMMAND 16 /* column where a command's summary begins */

/* Columns of UTF-8 text; help uses no wide characters. */
static size_t help_width(struct sv v)
{
	size_t n = 0;

	for (size_t i = 0; i < v.n; i++)
		n += ((unsigned char)v.p[i] & 0xc0) != 0x80;
	return n;
}

static void help_pad(struct buf *out, size_t n)
{
	while (n--)
		buf_char_add(out, ' ');
}

/* Text in words from column `at` on, further lines indented to `indent`; ends with a newline. */
static void help_wrap(struct buf *out, const char *text, size_t at, size_t indent)
{
	struct sv rest = sv_from(text);
	bool first = true;

	while (rest.p) {
		struct sv word = sv_cut(&rest, ' ');
		size_t w = help_width(word);

		if (!first && at + 1 + w > HELP_WIDTH) {
			buf_char_add(out, '\n');
			help_pad(out, indent);
			at = indent;
			first = true;
		}
		if (!first)
			buf_char_add(out, ' ');
		buf_sv_add(out, word);
		at += w + !first;
		first = false;
	}
	buf_char_add(out, '\n');
}

/* Lines of text as they are, each with an indent. */
static void help_lines(struct buf *out, const char *text, size_t indent)
{
	struct sv rest = sv_from(text);

	while (rest.p) {
		struct sv line = sv_cut(&rest, '\n');

		if (line.n)
			help_pad(out, indent);
		buf_sv_add(out, line);
		buf_char_add(out, '\n');
	}
}

static void help_paragraphs(struct buf *out, const char *text)
{
	struct sv rest = sv_from(text);

	while (rest.p) {
		struct sv line = sv_cut(&rest, '\n');
		AUTO_FREE char *copy = sv_dup(line);

		help_wrap(out, copy, 0, 0);
	}
}

static void help_option(const struct opt *o, struct buf *out)
{
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	size_t start = out->n, w;

	buf_str_add(out, "  ");
	opt_label(o, out);
	w = help_width(sv_of(out->p + start, out->n - start));
	if (w + 2 > HELP_OPTION) {
		buf_char_add(out, '\n');
		w = 0;
	}
	help_pad(out, HELP_OPTION - w);
	buf_str_add(&text, o->help);
	if (o->dflt)
		buf_printf(&text, " (default: %s)", o->dflt);
	help_wrap(out, buf_str(&text), HELP_OPTION, HELP_OPTION);
}

static void help_options(const char *title, const struct opt *v, size_t n, struct buf *out)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (!any)
			buf_printf(out, "\n%s:\n", title);
		any = true;
		help_option(&v[i], out);
	}
}

void help_command(const struct command *c, struct buf *out)
{
	size_t nglobals;
	const struct opt *globals = cli_global_options(&nglobals);

	buf_printf(out, "Usage: slct %s%s%s\n\n", c->name, c->usage[0] ? " " : "", c->usage);
	help_wrap(out, c->summary, 0, 0);
	if (c->about) {
		buf_char_add(out, '\n');
		help_paragraphs(out, c->about);
	}
	help_options("Options", c->opts, c->nopts, out);
	help_options("Options of every command", globals, nglobals, out);
	if (c->example) {
		buf_str_add(out, "\nExamples:\n");
		help_lines(out, c->example, 2);
	}
}

static void help_group(enum command_group g, struct buf *out)
{
	bool any = false;

	for (const struct command *const *p = command_table(); *p; p++) {
		const struct command *c = *p;

		if (c->group != g || (c->flags & COMMAND_HIDDEN))
			continue;
		if (!any)
			buf_printf(out, "\n%s:\n", command_group_title(g));
		any = true;
		buf_printf(out, "  %-*s", HELP_COMMAND - 2, c->name);
		help_wrap(out, c->summary, HELP_COMMAND, HELP_COMMAND);
	}
}

void help_overview(struct buf *out)
{
	size_t nglobals;
	const struct opt *globals = cli_global_options(&nglobals);

	buf_str_add(out, "Usage: slct [OPTIONS] COMMAND [ARGUMENTS]\n\n"
			 "Builds container images without a daemon and without root.\n");
	for (int g = 0; g < COMMAND_GROUPS; g++)
		help_group((enum command_group)g, out);
	help_options("Options of every command", globals, nglobals, out);
	buf_str_add(out, "\n`slct COMMAND --help` explains a command.\n");
}
