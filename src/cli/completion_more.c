/* Completion for zsh and fish. */
#include "src/cli/cli.h"
#include "src/cli/completion.h"

static bool completion_more_shown(const struct command *c)
{
	return !(c->flags & COMMAND_HIDDEN);
}

static bool completion_more_takes_image(const struct command *c)
{
	return c->group == COMMAND_IMAGES && (strstr(c->usage, "IMAGE") || strstr(c->usage, " NAME"));
}

/* Inside single quotes; `special` are characters that get a backslash before them there. */
static void completion_more_quote(const char *text, const char *special, struct buf *out)
{
	for (; *text; text++) {
		if (*text == '\'')
			buf_str_add(out, "'\\''");
		else if (strchr(special, *text))
			buf_printf(out, "\\%c", *text);
		else
			buf_char_add(out, *text);
	}
}

/* --- zsh: _arguments --- */

static void completion_more_zsh_value(const struct opt *o, struct buf *out)
{
	if (!opt_has_value(o))
		return;
	if (o->kind != OPT_CHOICE) {
		buf_str_add(out, ":value:_files");
		return;
	}
	buf_str_add(out, ":value:(");
	for (const char *p = o->arg; *p; p++)
		buf_char_add(out, *p == '|' ? ' ' : *p);
	buf_char_add(out, ')');
}

static void completion_more_zsh_one(const struct opt *o, const char *name, struct buf *out)
{
	buf_printf(out, "\t\t'%s%s%s[", o->kind == OPT_LIST || o->kind == OPT_COUNT ? "*" : "", name,
		   opt_has_value(o) && name[1] == '-' ? "=" : "");
	completion_more_quote(o->help, "[]:\\", out);
	buf_char_add(out, ']');
	completion_more_zsh_value(o, out);
	buf_str_add(out, "'\n");
}

static void completion_more_zsh_opts(const struct opt *v, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		char name[64];

		snprintf(name, sizeof name, "--%s", v[i].name);
		completion_more_zsh_one(&v[i], name, out);
		if (v[i].kind == OPT_TRI) {
			snprintf(name, sizeof name, "--no-%s", v[i].name);
			completion_more_zsh_one(&v[i], name, out);
		}
		if (v[i].letter) {
			snprintf(name, sizeof name, "-%c", v[i].letter);
			completion_more_zsh_one(&v[i], name, out);
		}
	}
}

void completion_zsh(struct buf *out)
{
	size_t nglobals;
	const struct opt *globals = cli_global_options(&nglobals);

	buf_str_add(out, "#compdef slct\n# zsh completion for slct; made by `slct completion zsh`\n"
			 "_slct_images() { compadd -- ${(f)\"$(slct images -q 2>/dev/null)\"} }\n"
			 "_slct()\n{\n\tlocal curcontext=$curcontext state line\n\tlocal -a commands globals opts\n"
			 "\tglobals=(\n");
	completion_more_zsh_opts(globals, nglobals, out);
	buf_str_add(out, "\t)\n\tcommands=(\n");
	for (const struct command *const *p = command_table(); *p; p++) {
		if (!completion_more_shown(*p))
			continue;
		buf_printf(out, "\t\t'%s:", (*p)->name);
		completion_more_quote((*p)->summary, ":\\", out);
		buf_str_add(out, "'\n");
	}
	buf_str_add(out, "\t)\n\t_arguments -C $globals '1:command:->command' '*::operand:->operand' && return\n"
			 "\tif [[ $state = command ]]; then\n\t\t_describe command commands\n\t\treturn\n\tfi\n"
			 "\tcase $line[1] in\n");
	for (const struct command *const *p = command_table(); *p; p++) {
		if (!completion_more_shown(*p))
			continue;
		buf_printf(out, "\t%s) opts=(\n", (*p)->name);
		completion_more_zsh_opts((*p)->opts, (*p)->nopts, out);
		buf_printf(out, "\t\t'*:operand:%s' ) ;;\n",
			   completion_more_takes_image(*p) ? "{_slct_images; _files}" : "_files");
	}
	buf_str_add(out, "\tesac\n\t_arguments $globals $opts\n}\n"
			 "if [ \"$funcstack[1]\" = _slct ]; then _slct \"$@\"; else compdef _slct slct; fi\n");
}

/* --- fish --- */

static void completion_more_fish_opts(const char *condition, const struct opt *v, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, "complete -c slct %s -l %s", condition, v[i].name);
		if (v[i].letter)
			buf_printf(out, " -s %c", v[i].letter);
		if (opt_has_value(&v[i]))
			buf_str_add(out, v[i].kind == OPT_CHOICE ? " -x" : " -r");
		if (v[i].kind == OPT_CHOICE) {
			buf_str_add(out, " -a '");
			for (const char *p = v[i].arg; *p; p++)
				buf_char_add(out, *p == '|' ? ' ' : *p);
			buf_char_add(out, '\'');
		}
		buf_str_add(out, " -d '");
		completion_more_quote(v[i].help, "\\", out);
		buf_str_add(out, "'\n");
		if (v[i].kind == OPT_TRI)
			buf_printf(out, "complete -c slct %s -l no-%s\n", condition, v[i].name);
	}
}

void completion_fish(struct buf *out)
{
	size_t nglobals;
	const struct opt *globals = cli_global_options(&nglobals);

	buf_str_add(out, "# fish completion for slct; made by `slct completion fish`\n"
			 "complete -c slct -e\n");
	completion_more_fish_opts("", globals, nglobals, out);
	for (const struct command *const *p = command_table(); *p; p++) {
		AUTO_BUF struct buf condition = BUF_INIT(BUF_TEXT_MAX);

		if (!completion_more_shown(*p))
			continue;
		buf_printf(out, "complete -c slct -n __fish_use_subcommand -f -a %s -d '", (*p)->name);
		completion_more_quote((*p)->summary, "\\", out);
		buf_str_add(out, "'\n");
		buf_printf(&condition, "-n '__fish_seen_subcommand_from %s'", (*p)->name);
		completion_more_fish_opts(buf_str(&condition), (*p)->opts, (*p)->nopts, out);
		if (completion_more_takes_image(*p))
			buf_printf(out, "complete -c slct %s -a '(slct images -q 2>/dev/null)'\n", buf_str(&condition));
	}
}
