/* slct build: Dockerfiles and flavors to images. */
#include <unistd.h>

#include "src/build/cacheopt.h"
#include "src/cli/build_args.h"
#include "src/cli/build_deliver.h"
#include "src/cli/cmd.h"
#include "src/cli/observe.h"
#include "src/cli/report.h"
#include "src/cli/runargs.h"
#include "src/cli/runjob.h"
#include "src/cli/work.h"

struct cmd_build_opts {
	struct build_args a; /* first: its offsets are those of the table */
	struct strv outputs, annotations;
	const char *compression, *iidfile, *metadata_file, *trace, *report, *created;
	const char *provenance, *sbom;
	bool push, squash, explain, shell_on_fail, load, rm;
};

_Static_assert(offsetof(struct cmd_build_opts, a) == 0, "the rows of build_args.h count from its beginning");

#define CMD_BUILD_AT(member) .offset = offsetof(struct cmd_build_opts, member)

/* clang-format off */
static const struct opt cmd_build_options[] = {
	{.name = "tag", .letter = 't', .arg = "NAME", .kind = OPT_LIST, BUILD_ARGS_AT(tags),
	 .help = "name of the image, with one goal only"},
	BUILD_ARGS_SELECTION,
	{.name = "cache-to",
	 .arg = "REPO|DIR[,mode=steps|stages][,stage=NAME][,compression=CODEC[:LEVEL]][,why][,required]",
	 .kind = OPT_LIST, BUILD_ARGS_AT(cache_to),
	 .help = "repository or directory (an OCI image layout) in which to keep what was built: every step, or with "
		 "mode=stages the last of each stage; stage (repeatable): only of these stages; compression: gzip (the "
		 "default), zstd or none, with a level, for layers that were not pulled; why: also what the steps were "
		 "made of, for slct why and --explain on other machines; required: if it cannot be written, the build "
		 "fails, else there is a warning"},
	BUILD_ARGS_RUNNING,
	{.name = "output", .letter = 'o', .arg = "type=T,dest=PATH", .kind = OPT_LIST, CMD_BUILD_AT(outputs),
	 .help = "also write the image: oci and docker are archives (oci with tar=false a directory), tar and local "
		 "its root file system (an existing directory is merged into), image gives further names by name=N "
		 "and sends them with push=true; dest=- is standard output, PATH alone type=local"},
	{.name = "push", .kind = OPT_FLAG, CMD_BUILD_AT(push),
	 .help = "push the image under the names of -t and name="},
	{.name = "squash", .kind = OPT_FLAG, CMD_BUILD_AT(squash),
	 .help = "give the image one layer above its base; the cache keeps the steps' own"},
	{.name = "explain", .kind = OPT_FLAG, CMD_BUILD_AT(explain),
	 .help = "say why each step runs: what differs from the last time (see slct why)"},
	{.name = "trace", .arg = "FILE", .kind = OPT_STRING, CMD_BUILD_AT(trace),
	 .help = "write when stages, steps and transfers began and ended, for chrome://tracing or Perfetto"},
	{.name = "report", .arg = "FILE", .kind = OPT_STRING, CMD_BUILD_AT(report),
	 .help = "write a web page about the build: stages as a graph, what ran when and why, the critical path, sizes, what "
		 "went wrong; one file that needs no other, written also if the build fails"},
	{.name = "shell-on-fail", .kind = OPT_FLAG, CMD_BUILD_AT(shell_on_fail),
	 .help = "if a RUN fails, open a shell in the state before it, with its user and environment; needs a terminal"},
	{.name = "compression", .arg = "CODEC[:LEVEL]", .kind = OPT_STRING, CMD_BUILD_AT(compression), .dflt = "gzip",
	 .help = "gzip, zstd or none, for --push and --output; layers of pulled images stay as they are"},
	{.name = "annotation", .arg = "K=V", .kind = OPT_LIST, CMD_BUILD_AT(annotations),
	 .help = "annotation of the image's manifest, as --push, --output and later push and save write it"},
	{.name = "iidfile", .arg = "F", .kind = OPT_STRING, CMD_BUILD_AT(iidfile),
	 .help = "file for the image's id, with one goal only; one that is there is removed first"},
	{.name = "metadata-file", .arg = "F", .kind = OPT_STRING, CMD_BUILD_AT(metadata_file),
	 .help = "file for what --json prints, with docker's containerimage.digest and the like"},
	{.name = "created", .arg = "now|DATE", .kind = OPT_STRING, CMD_BUILD_AT(created), .dflt = "the last step's logical time",
	 .help = "when the image was made, as it says of itself: 2026-01-31, 2026-01-31T12:00:00Z or seconds since 1970. Files, "
		 "history and cache stay as they are, but steps of an image that is built FROM this one have later times, and "
		 "run again when its date changes"},
	{.name = "load", .kind = OPT_FLAG, CMD_BUILD_AT(load),
	 .help = "nothing, for docker's command lines: the image is in the store in any case"},
	{.name = "rm", .kind = OPT_FLAG, CMD_BUILD_AT(rm),
	 .help = "nothing, for docker's command lines: no containers remain"},
	{.name = "force-rm", .kind = OPT_FLAG, CMD_BUILD_AT(rm), .help = "as --rm"},
	{.name = "provenance", .arg = "false", .kind = OPT_CHOICE, CMD_BUILD_AT(provenance),
	 .help = "for docker's command lines: attestations are not made"},
	{.name = "sbom", .arg = "false", .kind = OPT_CHOICE, CMD_BUILD_AT(sbom), .help = "as --provenance"},
	CLI_NET_OPTIONS(struct build_args),
};

static const struct opt_conflict cmd_build_conflicts[] = {
	{"file", "flavor-path"}, {"target", "goal"}, {"offline", "push"},
};
/* clang-format on */

/* Whose registry --creds is for. */
static const char *cmd_build_creds_ref(const struct build_opts *b, const struct build_deliver *d)
{
	if (d->push.n)
		return d->push.v[0];
	for (size_t i = 0; i < b->cache_to.n; i++)
		if (!cacheopt_is_dir(sv_from(b->cache_to.v[i])))
			return b->cache_to.v[i];
	for (size_t i = 0; i < b->cache_from.n; i++)
		if (!cacheopt_is_dir(sv_from(b->cache_from.v[i])))
			return b->cache_from.v[i];
	return NULL;
}

/* The build's own error stays the command's. */
static void cmd_build_shell(struct cli *c, struct work *w, const struct build_opts *b, const struct build_result *r,
			    struct err *e)
{
	struct err own = ERR_INIT;

	runargs_quiet(w);
	report_error(e, c->color, false);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		err_set(&own, ERR_USAGE, "--shell-on-fail: there is no terminal for a shell");
		err_hint(&own, "slct shell GOAL@N takes commands from standard input");
	} else {
		cli_printf(&own, "A shell in the state before %s. Leave it with exit.\n", r->failed.step);
		runjob_failed(c, w, &r->failed, b, &own);
	}
	if (err_is_set(&own))
		report_error(&own, c->color, false);
	err_release(&own);
}

static int cmd_build_images(struct cli *c, struct work *w, const struct cmd_build_opts *o, const struct build_opts *b,
			    struct build_deliver *d, struct build_result *r, struct err *e)
{
	if (build_run(&w->session, b, r, e)) {
		if (o->shell_on_fail && r->failed.step && e->code != ERR_CANCELLED)
			cmd_build_shell(c, w, b, r, e);
		return -1;
	}
	return build_deliver_images(d, &w->session, r, e);
}

static int cmd_build_work(struct cli *c, const struct cmd_build_opts *o, const struct build_opts *b,
			  struct observe *obs, struct build_deliver *d, struct build_result *r, struct err *e)
{
	AUTO_WORK struct work w = {0};
	int rc;

	if (work_open(&w, c, &o->a.net, cmd_build_creds_ref(b, d), e))
		return -1;
	if (build_args_tier(&o->a, &w.session, e))
		return -1;
	observe_attach(obs, &w.session, o->explain);
	rc = cmd_build_images(c, &w, o, b, d, r, e);
	observe_detach(obs);
	return rc;
}

/* What was observed is written also of a build that failed; then the build's error is the one that counts. */
static int cmd_build_observed(struct cli *c, const struct cmd_build_opts *o, struct build_opts *b,
			      struct build_deliver *d, struct build_result *r, struct err *e)
{
	AUTO_OBSERVE struct observe obs;
	AUTO_FREE char *store = cli_store_root(c);
	struct err own = ERR_INIT;
	int rc;

	if (observe_init(&obs, o->trace, o->report, e))
		return -1;
	b->facts = observe_wants_facts(&obs);
	b->explain = o->explain || b->facts;
	rc = cmd_build_work(c, o, b, &obs, d, r, e);
	if (observe_write(&obs, r, e, store, rc ? &own : e))
		rc = -1;
	if (err_is_set(&own))
		report_error(&own, c->color, false);
	err_release(&own);
	return rc;
}

static int cmd_build_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_build_opts *o = opts;
	const struct build_deliver_opts want = {&o->outputs, &o->a.tags,       o->compression,
						o->iidfile,  o->metadata_file, o->push};
	struct build_deliver d = {0};
	struct build_opts b;
	struct build_result r = {0};
	int rc;

	build_opts_init(&b);
	rc = build_args_fill(c, &o->a, &b, e);
	b.squash = o->squash;
	if (!rc)
		rc = build_args_annotations(&o->annotations, &b, e);
	if (!rc && o->created)
		rc = work_created(o->created, &b.created, e);
	if (!rc)
		rc = build_deliver_prepare(&d, &want, &b.tags, e);
	if (!rc)
		rc = cmd_build_observed(c, o, &b, &d, &r, e);
	if (!rc)
		rc = build_deliver_files(&d, &r, e);
	if (!rc)
		rc = build_deliver_print(&d, c, &r, e);
	build_deliver_release(&d);
	build_result_release(&r);
	build_opts_release(&b);
	return rc;
}

/* clang-format off */
const struct command cmd_build = {
	.name = "build",
	.group = COMMAND_BUILD,
	.summary = "build images from a Dockerfile or from flavors",
	.usage = "[OPTIONS] CONTEXT|FLAVOR…",
	.about = "CONTEXT is a directory with a Dockerfile; \"-\" is a tar (also compressed) or a lone Dockerfile on "
		 "standard input, an http or https URL one of the same, a git URL (git@HOST:PATH, ssh://, git://, "
		 "https://….git) with #REF:DIRECTORY a repository, checked out by git. FLAVOR a directory of several Dockerfiles that "
		 "depend on each other. All stages that the goals need are built, independent ones at the same "
		 "time; what was built before, here or in a repository of --cache-from, is taken from "
		 "there.\n\n"
		 "The id of each goal's image is printed at the end: the digest of its config. Without -t the "
		 "goal of a flavor is named FLAVOR-STAGE, and the image of a plain Dockerfile has its id "
		 "alone. With an output to standard output the ids are not printed.\n\n"
		 "--creds is for the registry of -t with --push, else for that of the first --cache-to or "
		 "--cache-from; credentials for other registries come from the configuration files.",
	.example = "slct build -t demo:1 flavors/hello\n"
		   "tar cz . | slct build -f docker/Dockerfile -\n"
		   "slct build https://git.example.com/app.git#v1.2:docker\n"
		   "slct build flavors/python-demo --goal release -j4\n"
		   "slct build -o type=docker,dest=- -t demo:1 flavors/hello | docker load\n"
		   "slct build -t localhost:5000/demo:1 --push --cache-to localhost:5000/cache .",
	.opts = cmd_build_options,
	.nopts = ARRAY_LEN(cmd_build_options),
	.opts_size = sizeof(struct cmd_build_opts),
	.conflicts = cmd_build_conflicts,
	.nconflicts = ARRAY_LEN(cmd_build_conflicts),
	.max_operands = COMMAND_ANY,
	.run = cmd_build_run,
};
/* clang-format on */
