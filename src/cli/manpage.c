/* Manual pages. */
#include "src/cli/manpage.h"

#include "src/cli/cli.h"

static const struct {
	const char *status, *text;
} manpage_statuses[] = {
	{"0", "Done. What the printed digest names is whole and durable."},
	{"1", "A step or test ran and failed, whatever its own status was."},
	{"2", "Wrong usage: options or operands."},
	{"3", "Something in a Dockerfile, flavor, setting or build context is wrong, found without running a step."},
	{"4", "Registry, network or credentials."},
	{"5", "The host refuses what is needed: isolation, space, permission."},
	{"6", "Integrity: bytes do not match their digest; fsck found a problem."},
	{"70", "A fault of slct itself."},
	{"75", "A temporary failure; the same command may succeed later."},
	{"130, 143", "Cancelled by SIGINT or SIGTERM."},
};

static const struct {
	const char *file, *text;
} manpage_files[] = {
	{"/etc/slct/slct.yml", "Settings of the machine: one \"name: value\" a line, names as under ENVIRONMENT."},
	{"$XDG_CONFIG_HOME/slct/slct.yml", "Settings of the user (~/.config where the variable is not set)."},
	{"$XDG_DATA_HOME/slct", "The store (~/.local/share where the variable is not set)."},
	{"/var/lib/slct", "The store of root."},
	{"~/.docker/config.json, $XDG_RUNTIME_DIR/containers/auth.json", "Credentials for registries."},
};

/* Text with what roff would take for its own escaped. */
static void manpage_text(struct buf *out, const char *text)
{
	bool start = true;

	for (const char *p = text; *p; p++) {
		if (start && (*p == '.' || *p == '\''))
			buf_str_add(out, "\\&");
		start = *p == '\n';
		if (*p == '\\')
			buf_str_add(out, "\\e");
		else if (*p == '-')
			buf_str_add(out, "\\-");
		else
			buf_char_add(out, *p);
	}
}

static void manpage_line(struct buf *out, const char *text)
{
	manpage_text(out, text);
	buf_char_add(out, '\n');
}

static void manpage_entry(struct buf *out, const char *term, const char *text)
{
	buf_str_add(out, ".TP\n.B ");
	manpage_line(out, term);
	manpage_line(out, text);
}

static void manpage_head(struct buf *out, const char *name, const char *summary)
{
	AUTO_FREE char *upper = NULL;
	AUTO_BUF struct buf title = BUF_INIT(BUF_TEXT_MAX);

	for (const char *p = name; *p; p++)
		buf_char_add(&title, (char)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p));
	upper = buf_steal(&title);
	/* No date: the same source gives the same page. */
	buf_printf(out, ".TH %s 1 \"\" \"slct %s\" \"slct\"\n.SH NAME\n", upper, SLCT_VERSION);
	manpage_text(out, name);
	buf_str_add(out, " \\- ");
	manpage_line(out, summary);
}

static void manpage_synopsis(struct buf *out, const char *name, const char *usage)
{
	buf_str_add(out, ".SH SYNOPSIS\n.B ");
	manpage_line(out, name);
	manpage_line(out, usage);
}

static void manpage_paragraphs(struct buf *out, const char *text)
{
	struct sv rest = sv_from(text);

	while (rest.p) {
		struct sv line = sv_cut(&rest, '\n');
		AUTO_FREE char *copy = sv_dup(line);

		if (line.n)
			manpage_line(out, copy);
		else
			buf_str_add(out, ".PP\n");
	}
}

static void manpage_options(struct buf *out, const char *title, const struct opt *v, size_t n)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		AUTO_BUF struct buf label = BUF_INIT(BUF_TEXT_MAX), text = BUF_INIT(BUF_TEXT_MAX);
		AUTO_FREE char *trimmed = NULL;

		opt_label(&v[i], &label);
		trimmed = sv_dup(sv_trim(buf_sv(&label)));
		buf_str_add(&text, v[i].help);
		if (v[i].dflt)
			buf_printf(&text, " (default: %s)", v[i].dflt);
		if (!any)
			buf_printf(out, ".SH %s\n", title);
		any = true;
		manpage_entry(out, trimmed, buf_str(&text));
	}
}

static void manpage_example(struct buf *out, const char *text)
{
	buf_str_add(out, ".SH EXAMPLES\n.nf\n");
	manpage_line(out, text);
	buf_str_add(out, ".fi\n");
}

static void manpage_see_also(struct buf *out, const struct command *self)
{
	bool any = false;

	buf_str_add(out, ".SH SEE ALSO\n");
	if (self)
		buf_str_add(out, "slct(1)");
	any = self != NULL;
	for (const struct command *const *p = command_table(); *p && !self; p++) {
		if ((*p)->flags & COMMAND_HIDDEN)
			continue;
		buf_str_add(out, any ? ", slct\\-" : "slct\\-");
		manpage_text(out, (*p)->name);
		buf_str_add(out, "(1)");
		any = true;
	}
	buf_char_add(out, '\n');
}

void manpage_command(const struct command *c, struct buf *out)
{
	AUTO_FREE char *page = NULL, *name = NULL;
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	size_t nglobals;
	const struct opt *globals = cli_global_options(&nglobals);

	buf_printf(&text, "slct-%s", c->name);
	page = buf_steal(&text);
	for (char *p = page; *p; p++)
		*p = *p == ' ' ? '-' : *p;
	buf_printf(&text, "slct %s", c->name);
	name = buf_steal(&text);
	manpage_head(out, page, c->summary);
	manpage_synopsis(out, name, c->usage);
	if (c->about) {
		buf_str_add(out, ".SH DESCRIPTION\n");
		manpage_paragraphs(out, c->about);
	}
	manpage_options(out, "OPTIONS", c->opts, c->nopts);
	manpage_options(out, "OPTIONS OF EVERY COMMAND", globals, nglobals);
	if (c->example)
		manpage_example(out, c->example);
	manpage_see_also(out, c);
}

static void manpage_commands(struct buf *out)
{
	buf_str_add(out, ".SH COMMANDS\n");
	for (int g = 0; g < COMMAND_GROUPS; g++) {
		bool any = false;

		for (const struct command *const *p = command_table(); *p; p++) {
			const struct command *c = *p;

			if ((int)c->group != g || (c->flags & COMMAND_HIDDEN))
				continue;
			if (!any)
				buf_printf(out, ".SS %s\n", command_group_title(c->group));
			any = true;
			manpage_entry(out, c->name, c->summary);
		}
	}
}

static void manpage_environment(struct buf *out)
{
	buf_str_add(out, ".SH ENVIRONMENT\n");
	for (int i = 0; i < SETTING_COUNT; i++) {
		const struct setting_def *d = settings_def((enum setting_id)i);
		AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);

		buf_printf(&text, "Setting \"%s\": %s.", d->name, d->help);
		if (d->choices)
			buf_printf(&text, " One of %s.", d->choices);
		manpage_entry(out, d->env, buf_str(&text));
	}
	manpage_entry(out, "SLCT_CONFIG", "Settings file of the user, as --config.");
	manpage_entry(out, "NO_COLOR", "If not empty: no colours, unless SLCT_COLOR or --color say otherwise.");
	manpage_entry(out, "SOURCE_DATE_EPOCH", "Upper limit of all times in layers, in seconds since 1970.");
}

void manpage_overview(struct buf *out)
{
	size_t nglobals;
	const struct opt *globals = cli_global_options(&nglobals);

	manpage_head(out, "slct", "build container images without a daemon and without root");
	manpage_synopsis(out, "slct", "[OPTIONS] COMMAND [ARGUMENTS]");
	buf_str_add(out, ".SH DESCRIPTION\n");
	manpage_paragraphs(out,
			   "slct builds container images from flavors: directories of several Dockerfiles whose stages "
			   "depend on each other. A directory with one Dockerfile is the smallest flavor. Each stage "
			   "and each instruction that was built before, here or in a registry, is taken from there.\n\n"
			   "Results are written to standard output, everything else to standard error.");
	manpage_commands(out);
	manpage_options(out, "OPTIONS OF EVERY COMMAND", globals, nglobals);
	buf_str_add(out, ".SH EXIT STATUS\n");
	for (size_t i = 0; i < ARRAY_LEN(manpage_statuses); i++)
		manpage_entry(out, manpage_statuses[i].status, manpage_statuses[i].text);
	manpage_environment(out);
	buf_str_add(out, ".SH FILES\n");
	for (size_t i = 0; i < ARRAY_LEN(manpage_files); i++)
		manpage_entry(out, manpage_files[i].file, manpage_files[i].text);
	manpage_see_also(out, NULL);
}
