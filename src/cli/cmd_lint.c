/* slct lint: what Dockerfiles say that their authors may not mean. */
#include "oci/limits.h"
#include "oci/mediatype.h"
#include "src/cli/build_args.h"
#include "src/cli/cli.h"
#include "src/cli/cmd.h"
#include "src/cli/report.h"
#include "src/plan/plan_lint.h"
#include "src/util/log.h"
#include "src/util/mem.h"

struct cmd_lint_opts {
	struct strv args;
	const char *check, *flavor_root, *platform;
	bool experimental, rules;
};

#define CMD_LINT_AT(member) .offset = offsetof(struct cmd_lint_opts, member)

/* clang-format off */
static const struct opt cmd_lint_options[] = {
	{.name = "build-arg", .arg = "K[=V]", .kind = OPT_LIST, CMD_LINT_AT(args),
	 .help = "value of an ARG; without =V from the environment"},
	{.name = "check", .arg = "skip=RULE,…;error=true", .kind = OPT_STRING, CMD_LINT_AT(check),
	 .dflt = "the files' own", .help = "in place of the comment \"# check=\" of every file"},
	{.name = "experimental", .kind = OPT_FLAG, CMD_LINT_AT(experimental), .help = "experimental rules too"},
	{.name = "flavor-root", .arg = "DIR", .kind = OPT_STRING, CMD_LINT_AT(flavor_root),
	 .dflt = "the directory that holds flavors/", .help = "what a flavor's mapped paths are relative to"},
	{.name = "platform", .arg = "P", .kind = OPT_STRING, CMD_LINT_AT(platform), .dflt = "this machine's",
	 .help = "os/arch[/variant] of the images"},
	{.name = "rules", .kind = OPT_FLAG, CMD_LINT_AT(rules), .help = "list the rules instead"},
};
/* clang-format on */

/* --- what is found --- */

struct cmd_lint {
	const struct cli *c;
	struct json *files, *findings; /* --json; owned until printed */
	struct buf text;
	size_t n;
};

static void cmd_lint_text(struct cmd_lint *l, const struct dlint_finding *f)
{
	AUTO_FREE char *name = log_mask(f->file->name, strlen(f->file->name), false);
	AUTO_FREE char *message = log_mask(f->message, strlen(f->message), false);
	AUTO_FREE char *excerpt = log_mask(f->excerpt, strlen(f->excerpt), false);

	buf_printf(&l->text, "%s:%u: warning: %s: %s\n%6u | %s\n", name, f->line, f->rule, message, f->line, excerpt);
}

static void cmd_lint_json(struct cmd_lint *l, const struct dlint_finding *f)
{
	struct json *j = json_new_object();

	json_set_str(j, "rule", f->rule);
	json_set_str(j, "severity", "warning");
	json_set_str(j, "file", f->file->name);
	json_set_int(j, "line", f->line);
	json_set_str(j, "message", f->message);
	json_set_str(j, "summary", f->summary);
	json_set_str(j, "excerpt", f->excerpt);
	json_set_bool(j, "certain", !f->maybe);
	json_append(l->findings, j);
}

static void cmd_lint_emit(void *ctx, const struct dlint_finding *f)
{
	struct cmd_lint *l = ctx;

	l->n++;
	if (l->c->g.json)
		cmd_lint_json(l, f);
	else
		cmd_lint_text(l, f);
}

static int cmd_lint_print(struct cmd_lint *l, bool error, struct err *e)
{
	struct json *j;

	if (!l->c->g.json)
		return cli_print(buf_str(&l->text), l->text.n, e);
	j = json_new_object();
	json_set_bool(j, "error", error);
	json_set(j, "findings", json_ref(l->findings));
	return cli_print_json(j, e);
}

/* --- images at hand --- */

/* An image that the store happens to have says what its environment is. */
static bool cmd_lint_image(void *ctx, const struct ref *ref, struct imgconfig *out)
{
	struct store *s = ctx;
	AUTO_FREE char *name = ref_format(ref);
	AUTO_STORE_IMAGE struct store_image found = {0};
	AUTO_BUF struct buf text = BUF_INIT(CONFIG_MAX_BYTES);
	struct err e = ERR_INIT;
	bool ok = store_image_get(s, name, &found, &e) == 0 &&
		  store_blob_read(s, &found.config, CONFIG_MAX_BYTES, &text, &e) == 0 &&
		  imgconfig_parse(text.p, text.n, out, ERR_INTEGRITY, &e) == 0;

	err_release(&e);
	return ok;
}

/* NULL where there is none yet, or it cannot be opened: files are checked without. */
static struct store *cmd_lint_store(const struct cli *c)
{
	AUTO_FREE char *root = cli_store_root(c);
	struct err e = ERR_INIT;
	struct store *s = access(root, F_OK) == 0 ? store_open(root, &e) : NULL;

	err_release(&e);
	return s;
}

/* --- the command --- */

static int cmd_lint_rules(const struct cli *c, struct err *e)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	struct json *j = json_new_object(), *list = json_new_array();
	const char *name, *summary;
	bool experimental;

	for (size_t i = 0; (name = dlint_rule_name(i, &summary, &experimental)); i++) {
		struct json *rule = json_new_object();

		buf_printf(&out, "%-32s %s%s\n", name, summary, experimental ? " (experimental)" : "");
		json_set_str(rule, "name", name);
		json_set_str(rule, "summary", summary);
		json_set_bool(rule, "experimental", experimental);
		json_append(list, rule);
	}
	json_set(j, "rules", list);
	if (c->g.json)
		return cli_print_json(j, e);
	json_free(j);
	return cli_print(buf_str(&out), out.n, e);
}

static int cmd_lint_paths(const struct cli *c, const struct plan_lint_opts *o, struct err *e)
{
	struct cmd_lint l = {.c = c, .findings = json_new_array(), .text = BUF_INIT(BUF_TEXT_MAX)};
	struct err print = ERR_INIT;
	bool error = false;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < c->args.operands.n; i++) {
		bool here = false;

		rc = plan_lint_path(c->args.operands.v[i], o, cmd_lint_emit, &l, &here, e);
		error = error || here;
	}
	/* What was found before a file could not be read is worth to be seen. */
	if (cmd_lint_print(&l, error || rc, &print) && rc == 0)
		rc = err_set(e, print.code, "%s", print.msg);
	err_release(&print);
	if (rc == 0 && error) {
		err_set(e, ERR_INPUT, "%zu finding%s, and check=error=true is set", l.n, l.n == 1 ? "" : "s");
		rc = -1;
	}
	json_free(l.findings);
	buf_release(&l.text);
	return rc;
}

static int cmd_lint_look(struct cli *c, const struct cmd_lint_opts *o, const struct smap *args, struct err *e)
{
	char platform_text[100];
	struct platform platform;
	struct store *s;
	int rc;

	if (cli_platform(o->platform, &platform, e))
		return -1;
	s = cmd_lint_store(c);
	struct plan_lint_opts p = {.build_args = args,
				   .flavor_root = o->flavor_root,
				   .target_platform = platform_format(&platform, platform_text),
				   .check = o->check,
				   .experimental = o->experimental,
				   .image = s ? cmd_lint_image : NULL,
				   .image_ctx = s};
	rc = cmd_lint_paths(c, &p, e);
	if (s)
		store_close(s);
	return rc;
}

static int cmd_lint_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_lint_opts *o = opts;
	AUTO_SMAP struct smap args = SMAP_STR;

	if (o->rules)
		return cmd_lint_rules(c, e);
	if (!c->args.operands.n) {
		err_set(e, ERR_USAGE, "slct lint needs a Dockerfile, a directory or a flavor");
		return err_hint(e, "slct lint . looks at the Dockerfile here");
	}
	return build_args_map(&o->args, &args, e) ? -1 : cmd_lint_look(c, o, &args, e);
}

/* clang-format off */
const struct command cmd_lint = {
	.name = "lint",
	.group = COMMAND_BUILD,
	.summary = "check Dockerfiles and flavors",
	.usage = "[OPTIONS] FILE|CONTEXT|FLAVOR|-…",
	.about = "Looks for what builds but may not do what is meant; the rules have the names of BuildKit's build "
		 "checks, and --rules lists them. slct build and plan say the same as warnings.\n\n"
		 "A Dockerfile can have a comment \"# check=skip=RULE,RULE;error=true\" in its first lines: skip "
		 "(skip=all) leaves rules out, error=true makes a finding an error, experimental=RULE asks for a "
		 "rule that is not looked at otherwise. The same comment right before an instruction holds for "
		 "that instruction.\n\n"
		 "\"-\" is a Dockerfile on standard input. No registry is asked. Variables that a base image may set are "
		 "known if the image is in the store; "
		 "else a finding about them says so and is never an error. Of a flavor all stages are looked at.\n\n"
		 "The exit status is 0 with findings too, and 3 if a file says error=true or cannot be read.",
	.example = "slct lint Dockerfile\n"
		   "git show HEAD:Dockerfile | slct lint -\n"
		   "slct lint flavors/python-demo\n"
		   "slct lint --json --check error=true .",
	.opts = cmd_lint_options,
	.nopts = ARRAY_LEN(cmd_lint_options),
	.opts_size = sizeof(struct cmd_lint_opts),
	.max_operands = COMMAND_ANY,
	.run = cmd_lint_run,
};
/* clang-format on */
