/* slct build: Dockerfiles and flavors to images. */
#include <fcntl.h>

#include "src/build/image_ops.h"
#include "src/cli/build_args.h"
#include "src/cli/build_out.h"
#include "src/cli/cmd.h"
#include "src/cli/work.h"
#include "src/util/io.h"

struct cmd_build_opts {
	struct build_args a; /* first: its offsets are those of the table */
	struct strv outputs;
	const char *compression, *iidfile, *metadata_file;
	bool push;
	struct strv later; /* values of options that are not built yet never get here */
};

_Static_assert(offsetof(struct cmd_build_opts, a) == 0, "the rows of build_args.h count from its beginning");

#define CMD_BUILD_AT(member) .offset = offsetof(struct cmd_build_opts, member)
/* An option of the contract that is refused for now. */
#define CMD_BUILD_LATER(opt_name, placeholder, text) \
	{.name = (opt_name), .arg = (placeholder), .kind = (placeholder) != NULL ? OPT_LIST : OPT_FLAG, CMD_BUILD_AT(later), \
	 .help = (text), .later = true}

static const struct opt cmd_build_options[] = {
	{.name = "tag", .letter = 't', .arg = "NAME", .kind = OPT_LIST, BUILD_ARGS_AT(tags),
	 .help = "name of the image, with one goal only"},
	BUILD_ARGS_SELECTION,
	{.name = "cache-to", .arg = "REPO|DIR[,mode=steps|stages][,required]", .kind = OPT_LIST,
	 BUILD_ARGS_AT(cache_to), .help = "repository in which to keep what was built (directories are not built yet)"},
	BUILD_ARGS_RUNNING,
	{.name = "output", .letter = 'o', .arg = "type=T,dest=PATH", .kind = OPT_LIST, CMD_BUILD_AT(outputs),
	 .help = "also write the image: oci and docker are archives (oci with tar=false a directory), tar and local "
		 "its root file system"},
	{.name = "push", .kind = OPT_FLAG, CMD_BUILD_AT(push), .help = "push the image under the names of -t"},
	{.name = "compression", .arg = "CODEC[:LEVEL]", .kind = OPT_STRING, CMD_BUILD_AT(compression), .dflt = "gzip",
	 .help = "gzip, zstd or none, for --push and --output"},
	{.name = "iidfile", .arg = "F", .kind = OPT_STRING, CMD_BUILD_AT(iidfile),
	 .help = "file for the image's id, with one goal only"},
	{.name = "metadata-file", .arg = "F", .kind = OPT_STRING, CMD_BUILD_AT(metadata_file),
	 .help = "file for what --json prints"},
	CLI_NET_OPTIONS(struct build_args),
	CMD_BUILD_LATER("build-context", "N=SRC", "further context"),
	CMD_BUILD_LATER("secret", "id=ID[,src=F|,env=V]", "secret for RUN --mount=type=secret"),
	CMD_BUILD_LATER("ssh", "ID", "agent for RUN --mount=type=ssh"),
	CMD_BUILD_LATER("cache-ttl", "D", "age from which cache entries do not count"),
	CMD_BUILD_LATER("squash", NULL, "one layer above the base"),
	CMD_BUILD_LATER("annotation", "K=V", "annotation of the manifest"),
	CMD_BUILD_LATER("allow", "WHAT", "security.insecure, secret-in-layer"),
	CMD_BUILD_LATER("ulimit", "L", "resource limit of the steps"),
	CMD_BUILD_LATER("memory", "N", "memory of a step"),
	CMD_BUILD_LATER("cpus", "N", "processors of a step"),
	CMD_BUILD_LATER("pids-limit", "N", "processes of a step"),
	CMD_BUILD_LATER("created", "now|DATE", "time in the image's config"),
	CMD_BUILD_LATER("no-cache-filter", "STAGE", "stage to run every step of"),
	CMD_BUILD_LATER("shell-on-fail", NULL, "open a shell in a failed step"),
	CMD_BUILD_LATER("explain", NULL, "say why each step ran"),
	CMD_BUILD_LATER("report", "F", "report of the build"),
	CMD_BUILD_LATER("trace", "F", "trace of the build"),
};

static const struct opt_conflict cmd_build_conflicts[] = {
	{"file", "flavor-path"}, {"target", "goal"}, {"offline", "push"},
};

static struct json *cmd_build_json(const struct build_result *r)
{
	struct json *j = json_new_object(), *goals = json_new_array();

	json_set_int(j, "version", CLI_JSON_VERSION);
	for (size_t i = 0; i < r->n; i++) {
		const struct build_goal *g = &r->v[i];
		struct json *one = json_new_object();

		json_set_str(one, "stage", g->stage);
		json_set_str(one, "name", g->name);
		json_set_str(one, "id", g->image.text);
		json_set_str(one, "source", g->source ? g->source : "built");
		json_append(goals, one);
	}
	json_set(j, "goals", goals);
	json_set_int(j, "stages", r->counts.stages);
	json_set_int(j, "stages_cached", r->counts.stages_cached);
	json_set_int(j, "steps_run", r->counts.steps_run);
	json_set_int(j, "steps_cached", r->counts.steps_cached);
	json_set_int(j, "requests", (int64_t)r->counts.requests);
	json_set_int(j, "elapsed_ms", r->elapsed_ns / 1000000);
	json_set_str(j, "logs", r->log_dir);
	return j;
}

static int cmd_build_files(const struct cmd_build_opts *o, const struct build_result *r, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	AUTO_JSON struct json *j = NULL;

	if (o->iidfile && r->n != 1)
		return err_set(e, ERR_USAGE, "--iidfile is for one image, but there are %zu", r->n);
	if (o->iidfile && io_write_output(o->iidfile, r->v[0].image.text, strlen(r->v[0].image.text), e))
		return -1;
	if (!o->metadata_file)
		return 0;
	j = cmd_build_json(r);
	json_write_pretty(j, &text);
	buf_char_add(&text, '\n');
	return io_write_output(o->metadata_file, buf_str(&text), text.n, e);
}

/* Outputs and pushes of what was built. */
static int cmd_build_deliver(struct work *w, const struct cmd_build_opts *o, const struct build_result *r,
			     const struct layer_codec *codec, struct err *e)
{
	if (o->outputs.n && r->n != 1)
		return err_set(e, ERR_USAGE, "--output is for one image, but there are %zu", r->n);
	for (size_t i = 0; i < o->outputs.n; i++) {
		struct build_out out;
		int rc;

		if (build_out_parse(o->outputs.v[i], &out, e))
			return -1;
		rc = build_out_write(&w->session, &out, r->v[0].name ? r->v[0].name : r->v[0].image.text,
				     codec, e);
		build_out_release(&out);
		if (rc)
			return -1;
	}
	for (size_t i = 0; o->push && i < o->a.tags.n; i++) {
		struct image_ops_push_stats st;

		if (image_ops_push(&w->session, o->a.tags.v[i], NULL, codec, &st, e))
			return -1;
	}
	return 0;
}

static int cmd_build_print(const struct cli *c, const struct build_result *r, struct err *e)
{
	if (c->g.json)
		return cli_print_json(cmd_build_json(r), e);
	for (size_t i = 0; i < r->n; i++) {
		if (cli_printf(e, "%s\n", r->v[i].image.text))
			return -1;
	}
	return 0;
}

/* Whose registry --creds is for. */
static const char *cmd_build_creds_ref(const struct cmd_build_opts *o)
{
	if (o->push && o->a.tags.n)
		return o->a.tags.v[0];
	if (o->a.cache_to.n)
		return o->a.cache_to.v[0];
	return o->a.cache_from.n ? o->a.cache_from.v[0] : NULL;
}

/* What can be wrong is found before anything is built. */
static int cmd_build_check(const struct cmd_build_opts *o, struct layer_codec *codec, struct err *e)
{
	if (o->push && !o->a.tags.n)
		return err_set(e, ERR_USAGE, "--push needs the image's name: -t REGISTRY/NAME");
	for (size_t i = 0; i < o->outputs.n; i++) {
		struct build_out out;

		if (build_out_parse(o->outputs.v[i], &out, e))
			return -1;
		build_out_release(&out);
	}
	return work_codec(o->compression, codec, e);
}

static int cmd_build_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_build_opts *o = opts;
	AUTO_WORK struct work w = {0};
	struct build_opts b;
	struct build_result r = {0};
	struct layer_codec codec;
	int rc;

	build_opts_init(&b);
	rc = cmd_build_check(o, &codec, e) || build_args_fill(c, &o->a, &b, e) ||
	     work_open(&w, c, &o->a.net, cmd_build_creds_ref(o), e) ? -1 : 0;
	if (!rc && o->a.isolation)
		rc = tier_parse(o->a.isolation, &w.session.want, e);
	if (!rc)
		rc = build_run(&w.session, &b, &r, e);
	if (!rc)
		rc = cmd_build_deliver(&w, o, &r, &codec, e);
	work_close(&w);
	if (!rc)
		rc = cmd_build_files(o, &r, e);
	if (!rc)
		rc = cmd_build_print(c, &r, e);
	build_result_release(&r);
	build_opts_release(&b);
	return rc;
}

const struct command cmd_build = {
	.name = "build",
	.group = COMMAND_BUILD,
	.summary = "build images from a Dockerfile or from flavors",
	.usage = "[OPTIONS] CONTEXT|FLAVOR…",
	.about = "CONTEXT is a directory with a Dockerfile, FLAVOR a directory of several Dockerfiles that "
		 "depend on each other. All stages that the goals need are built, independent ones at the same "
		 "time; what was built before, here or in a repository of --cache-from, is taken from "
		 "there.\n\n"
		 "The id of each goal's image is printed at the end: the digest of its config. Without -t the "
		 "goal of a flavor is named FLAVOR-STAGE, and the image of a plain Dockerfile has its id "
		 "alone.\n\n"
		 "--creds is for the registry of -t with --push, else for that of the first --cache-to or "
		 "--cache-from; credentials for other registries come from the configuration files.",
	.example = "slct build -t demo:1 flavors/hello\n"
		   "slct build flavors/python-demo --goal release -j4\n"
		   "slct build -t localhost:5000/demo:1 --push --cache-to localhost:5000/cache .",
	.opts = cmd_build_options,
	.nopts = ARRAY_LEN(cmd_build_options),
	.opts_size = sizeof(struct cmd_build_opts),
	.conflicts = cmd_build_conflicts,
	.nconflicts = ARRAY_LEN(cmd_build_conflicts),
	.max_operands = COMMAND_ANY,
	.run = cmd_build_run,
};
