/* slct export: root file systems as archives; of a flavor, its release as EXASLCT exports it (flavors.md). */
#include <sys/stat.h>

#include "src/cli/build_args.h"
#include "src/cli/cmd.h"
#include "src/cli/image_src.h"
#include "src/cli/release.h"
#include "src/cli/work.h"
#include "src/util/mem.h"

struct cmd_export_opts {
	struct build_args a; /* first: its offsets are those of the table */
	const char *format, *output, *export_path, *release_name, *release_goal, *strategy;
};

_Static_assert(offsetof(struct cmd_export_opts, a) == 0, "the rows of build_args.h count from its beginning");

#define CMD_EXPORT_AT(member) .offset = offsetof(struct cmd_export_opts, member)

/* clang-format off */
static const struct opt cmd_export_options[] = {
	{.name = "format", .arg = "tar|tar.gz|tar.zst|dir|oci", .kind = OPT_CHOICE, CMD_EXPORT_AT(format),
	 .dflt = "tar, of a flavor tar.gz", .help = "form of the output; oci is an image layout directory"},
	{.name = "output", .letter = 'o', .arg = "PATH", .kind = OPT_STRING, CMD_EXPORT_AT(output),
	 .help = "file or directory to write, \"-\" is standard output (one image or flavor only)"},
	{.name = "export-path", .arg = "DIR", .kind = OPT_STRING, CMD_EXPORT_AT(export_path),
	 .help = "directory for archives named FLAVOR_GOAL[_NAME].tar.gz, each with a .sha512sum file"},
	{.name = "release-name", .arg = "N", .kind = OPT_STRING, CMD_EXPORT_AT(release_name),
	 .help = "last part of the archive's name"},
	{.name = "release-goal", .arg = "STAGE", .kind = OPT_STRING, CMD_EXPORT_AT(release_goal), .dflt = "release",
	 .help = "stage of the flavor to export"},
	{.name = "compression-strategy", .arg = "gzip|none", .kind = OPT_CHOICE, CMD_EXPORT_AT(strategy),
	 .dflt = "gzip", .help = "compression of a flavor's archive, as EXASLCT calls it"},
	BUILD_ARGS_SELECTION,
	BUILD_ARGS_RUNNING,
	CLI_NET_OPTIONS(struct build_args),
};

static const struct opt_conflict cmd_export_conflicts[] = {
	{"output", "export-path"}, {"format", "compression-strategy"}, {"release-goal", "goal"},
};
/* clang-format on */

static const struct release_format *cmd_export_format(const struct cmd_export_opts *o, bool flavor)
{
	if (o->format)
		return release_format(o->format);
	return o->strategy || flavor ? release_strategy(o->strategy) : release_format("tar");
}

static int cmd_export_goal(struct session *s, const struct cmd_export_opts *o, const struct build_opts *b,
			   const struct build_goal *g, struct strv *written, struct err *e)
{
	const struct release_format *f = cmd_export_format(o, true);
	AUTO_FREE char *path =
		o->output ? mem_strdup(o->output) : release_path(o->export_path, g->stage, o->release_name, f->suffix);
	AUTO_FREE char *sum = o->output || f->form != RELEASE_TAR ? NULL : mem_printf("%s.sha512sum", path);
	AUTO_FEXPORT struct fexport rules = {0};

	if (release_rules(b, g, &rules, e) || release_write(s, release_image(g), f, path, &rules, sum, e))
		return err_wrap(e, "exporting %s", g->stage);
	if (strcmp(path, "-") != 0)
		strv_add(written, path);
	return 0;
}

static int cmd_export_flavors(struct session *s, const struct cmd_export_opts *o, const struct build_opts *b,
			      struct strv *written, struct err *e)
{
	struct build_result r = {0};
	int rc = build_run(s, b, &r, e);

	if (!rc && o->output && r.n != 1)
		rc = err_set(e, ERR_USAGE, "--output is for one goal, but there are %zu: --export-path takes several",
			     r.n);
	for (size_t i = 0; !rc && i < r.n; i++)
		rc = cmd_export_goal(s, o, b, &r.v[i], written, e);
	build_result_release(&r);
	return rc;
}

/* Operands that are directories are flavors; an image has no other form than its name. */
static bool cmd_export_is_dir(const char *text)
{
	struct stat st;

	return stat(text, &st) == 0 && S_ISDIR(st.st_mode);
}

static int cmd_export_check(const struct cli *c, const struct cmd_export_opts *o, bool flavor, struct err *e)
{
	size_t n = c->args.operands.n + o->a.flavor_paths.n;

	if (!o->output && !o->export_path)
		return err_set(e, ERR_USAGE, "slct export: -o PATH or --export-path DIR is missing");
	if (!flavor && !o->output)
		return err_set(e, ERR_USAGE, "--export-path is for flavors: an image is written to -o PATH");
	if (!flavor && n > 1)
		return err_set(e, ERR_USAGE, "slct export: one image at a time");
	if (o->release_name && strchr(o->release_name, '/'))
		return err_set(e, ERR_USAGE, "--release-name: \"%s\" has a slash", o->release_name);
	return o->export_path ? release_mkdirs(o->export_path, e) : 0;
}

static int cmd_export_print(const struct cli *c, const struct strv *written, struct err *e)
{
	if (c->g.json) {
		struct json *j = json_new_object();

		json_set(j, "files", json_from_strv(written));
		return cli_print_json(j, e);
	}
	for (size_t i = 0; i < written->n; i++) {
		if (cli_printf(e, "%s\n", written->v[i]))
			return -1;
	}
	return 0;
}

static int cmd_export_any(struct cli *c, const struct cmd_export_opts *o, bool flavor, struct strv *written,
			  struct err *e)
{
	AUTO_WORK struct work w = {0};
	struct build_opts b;
	const char *image;
	int rc;

	build_opts_init(&b);
	rc = work_open(&w, c, &o->a.net, o->a.cache_from.n ? o->a.cache_from.v[0] : NULL, e);
	if (!rc)
		rc = build_args_tier(&o->a, &w.session, e);
	if (!rc && flavor) {
		rc = build_args_fill(c, &o->a, &b, e);
		if (!b.goals.n)
			strv_add(&b.goals, o->release_goal ? o->release_goal : "release");
		if (!rc)
			rc = cmd_export_flavors(&w.session, o, &b, written, e);
	} else if (!rc) {
		rc = image_src_in_store(c->args.operands.v[0], &image, e);
		if (!rc)
			rc = release_write(&w.session, image, cmd_export_format(o, false), o->output, NULL, NULL, e);
		if (!rc && strcmp(o->output, "-") != 0)
			strv_add(written, o->output);
	}
	build_opts_release(&b);
	return rc;
}

static int cmd_export_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_export_opts *o = opts;
	AUTO_STRV struct strv written = {0};
	bool flavor;

	if (!c->args.operands.n && !o->a.flavor_paths.n) {
		err_set(e, ERR_USAGE, "slct export: a flavor or image is missing");
		return err_hint(e, "usage: slct export %s", c->command->usage);
	}
	flavor = o->a.flavor_paths.n || cmd_export_is_dir(c->args.operands.v[0]);
	if (cmd_export_check(c, o, flavor, e) || cmd_export_any(c, o, flavor, &written, e))
		return -1;
	return cmd_export_print(c, &written, e);
}

const struct command cmd_export = {
	.name = "export",
	.group = COMMAND_FLAVORS,
	.summary = "write a flavor's release, or an image's root file system, as an archive",
	.usage = "[OPTIONS] FLAVOR…|IMAGE",
	.about = "An operand that is a directory is a flavor: its goal (release) is built and written as the "
		 "archive of a script-language container: without /dev, /proc and package caches, with the "
		 "links and the manifest that the database expects. The same flavor gives the same bytes. The "
		 "files written are printed.",
	.example = "slct export flavors/python-demo --export-path out\n"
		   "slct export demo:1 --format tar.zst -o rootfs.tar.zst",
	.opts = cmd_export_options,
	.nopts = ARRAY_LEN(cmd_export_options),
	.opts_size = sizeof(struct cmd_export_opts),
	.conflicts = cmd_export_conflicts,
	.nconflicts = ARRAY_LEN(cmd_export_conflicts),
	.max_operands = COMMAND_ANY,
	.run = cmd_export_run,
};
