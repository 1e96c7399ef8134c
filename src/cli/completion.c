/* Shell completion. */
#include "src/cli/completion.h"

#include "src/cli/cli.h"

/* Options as words: "--file -f --color --no-color". */
static void completion_words(const struct opt *v, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, "--%s ", v[i].name);
		if (v[i].kind == OPT_TRI)
			buf_printf(out, "--no-%s ", v[i].name);
		if (v[i].letter)
			buf_printf(out, "-%c ", v[i].letter);
	}
}

/* A case of the words that may follow an option: its choices, or files. */
static void completion_values(const char *command, const struct opt *v, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		if (!opt_has_value(&v[i]))
			continue;
		buf_printf(out, "\t%s--%s)\n", command, v[i].name);
		if (v[i].kind == OPT_CHOICE) {
			buf_str_add(out, "\t\tCOMPREPLY=($(compgen -W '");
			for (const char *p = v[i].arg; *p; p++)
				buf_char_add(out, *p == '|' ? ' ' : *p);
			buf_str_add(out, "' -- \"$cur\"))\n\t\treturn ;;\n");
		} else {
			buf_str_add(out, "\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n\t\treturn ;;\n");
		}
	}
}

static bool completion_shown(const struct command *c)
{
	return !(c->flags & COMMAND_HIDDEN);
}

static void completion_bash_commands(struct buf *out)
{
	for (const struct command *const *p = command_table(); *p; p++) {
		if (!completion_shown(*p))
			continue;
		buf_printf(out, "\t%s) words=\"", (*p)->name);
		completion_words((*p)->opts, (*p)->nopts, out);
		buf_str_add(out, "\" ;;\n");
	}
}

/* Commands whose operands are images of the store. */
static bool completion_takes_image(const struct command *c)
{
	return c->group == COMMAND_IMAGES && (strstr(c->usage, "IMAGE") || strstr(c->usage, " NAME"));
}

void completion_bash(struct buf *out)
{
	size_t nglobals;
	const struct opt *globals = cli_global_options(&nglobals);

	buf_str_add(out, "# bash completion for slct; made by `slct completion bash`\n"
			 "_slct()\n{\n"
			 "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd='' words='' i\n"
			 "\tCOMPREPLY=()\n"
			 "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
			 "\t\tcase ${COMP_WORDS[i]} in\n"
			 "\t\t--root | --progress | --config) ((i++)) ;;\n"
			 "\t\t-*) ;;\n"
			 "\t\t*) cmd=${COMP_WORDS[i]}; break ;;\n"
			 "\t\tesac\n"
			 "\tdone\n"
			 "\tif [ \"$prev\" = = ]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
			 "\tif [ \"$cur\" = = ]; then cur=; prev=${COMP_WORDS[COMP_CWORD-1]}; fi\n"
			 "\tcase \"$cmd $prev\" in\n");
	for (const struct command *const *p = command_table(); *p; p++) {
		AUTO_BUF struct buf name = BUF_INIT(BUF_TEXT_MAX);

		buf_printf(&name, "\"%s \"", (*p)->name);
		if (completion_shown(*p))
			completion_values(buf_str(&name), (*p)->opts, (*p)->nopts, out);
	}
	completion_values("*", globals, nglobals, out);
	buf_str_add(out, "\tesac\n\tif [ -z \"$cmd\" ] && [ \"${cur#-}\" = \"$cur\" ]; then\n"
			 "\t\tCOMPREPLY=($(compgen -W '");
	for (const struct command *const *p = command_table(); *p; p++) {
		if (completion_shown(*p))
			buf_printf(out, "%s ", (*p)->name);
	}
	buf_str_add(out, "' -- \"$cur\"))\n\t\treturn\n\tfi\n\tcase \"$cmd\" in\n");
	completion_bash_commands(out);
	buf_str_add(out, "\tesac\n\tif [ \"${cur#-}\" != \"$cur\" ]; then\n\t\twords=\"$words ");
	completion_words(globals, nglobals, out);
	buf_str_add(out, "\"\n\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n\t\treturn\n\tfi\n"
			 "\tcase \"$cmd\" in\n\t");
	for (const struct command *const *p = command_table(), *sep = NULL; *p; p++) {
		if (completion_shown(*p) && completion_takes_image(*p)) {
			buf_printf(out, "%s%s", sep ? " | " : "", (*p)->name);
			sep = *p;
		}
	}
	buf_str_add(out, ") COMPREPLY=($(compgen -W \"$(slct images -q 2>/dev/null)\" -- \"$cur\")) ;;\n"
			 "\t*) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n\tesac\n}\n"
			 "complete -o filenames -F _slct slct\n");
}
