/* slct run, slct shell: a command on a throw-away copy of an image or of a stage's result. */
#include <unistd.h>

#include "src/cli/build_args.h"
#include "src/cli/cmd.h"
#include "src/cli/runargs.h"
#include "src/cli/runjob.h"
#include "src/util/mem.h"

struct cmd_run_opts {
	struct build_args a; /* first: its offsets are those of the table */
	struct strv volumes, mounts, env, env_files;
	const char *user, *workdir, *entrypoint, *network;
	bool interactive, tty, readonly, rm;
	int64_t timeout;
};

_Static_assert(offsetof(struct cmd_run_opts, a) == 0, "the rows of build_args.h count from its beginning");

#define CMD_RUN_AT(member) .offset = offsetof(struct cmd_run_opts, member)

/* What is in the sandbox. */
/* clang-format off */
#define CMD_RUN_SANDBOX \
	{.name = "volume", .letter = 'v', .arg = "SRC:DST[:ro]", .kind = OPT_LIST, CMD_RUN_AT(volumes), \
	 .help = "bind a file or directory of this machine; DST alone is an empty tmpfs"}, \
	{.name = "mount", .arg = "type=bind|tmpfs,source=S,target=D[,readonly]", .kind = OPT_LIST, CMD_RUN_AT(mounts), \
	 .help = "the same in docker's longer form"}, \
	{.name = "env", .letter = 'e', .arg = "K[=V]", .kind = OPT_LIST, CMD_RUN_AT(env), \
	 .help = "variable; without =V that of the environment"}, \
	{.name = "env-file", .arg = "FILE", .kind = OPT_LIST, CMD_RUN_AT(env_files), .help = "variables, one a line"}, \
	{.name = "user", .letter = 'u', .arg = "USER[:GROUP]", .kind = OPT_STRING, CMD_RUN_AT(user), \
	 .dflt = "the image's", .help = "name or number, looked up in the image"}, \
	{.name = "workdir", .letter = 'w', .arg = "DIR", .kind = OPT_STRING, CMD_RUN_AT(workdir), \
	 .dflt = "the image's", .help = "working directory, made if it is missing"}, \
	{.name = "network", .arg = "default|none|host", .kind = OPT_CHOICE, CMD_RUN_AT(network), .dflt = "host", \
	 .help = "none is a network namespace of its own with loopback alone"}, \
	{.name = "read-only", .kind = OPT_FLAG, CMD_RUN_AT(readonly), \
	 .help = "the root cannot be written to; binds, tmpfs and /dev/shm can"}, \
	{.name = "timeout", .arg = "D", .kind = OPT_DURATION, CMD_RUN_AT(timeout), .dflt = "none", \
	 .help = "time after which the command is killed"}, \
	{.name = "memory", .letter = 'm', .arg = "N", .kind = OPT_SIZE, BUILD_ARGS_AT(memory), .dflt = "none", \
	 .help = "memory of the command, without swap"}, \
	{.name = "cpus", .arg = "N", .kind = OPT_STRING, BUILD_ARGS_AT(cpus), .dflt = "all", \
	 .help = "processors of the command, also 0.5"}, \
	{.name = "pids-limit", .arg = "N", .kind = OPT_INT, BUILD_ARGS_AT(pids_limit), .min = -1, .max = INT32_MAX, \
	 .dflt = "none", .help = "processes and threads"}, \
	{.name = "ulimit", .arg = "NAME=SOFT[:HARD]", .kind = OPT_LIST, BUILD_ARGS_AT(ulimits), \
	 .help = "resource limit"}, \
	{.name = "shm-size", .arg = "N", .kind = OPT_SIZE, BUILD_ARGS_AT(shm_size), .dflt = "64m", \
	 .help = "size of /dev/shm"}, \
	{.name = "add-host", .arg = "H:IP", .kind = OPT_LIST, BUILD_ARGS_AT(add_hosts), \
	 .help = "line for /etc/hosts"}

/* How a goal is built. */
#define CMD_RUN_BUILD \
	{.name = "isolation", .arg = "auto|root|range|solo|chroot|none", .kind = OPT_CHOICE, BUILD_ARGS_AT(isolation), \
	 .dflt = "auto", .help = "tier of isolation"}, \
	BUILD_ARGS_UPPER, \
	{.name = "build-arg", .arg = "K[=V]", .kind = OPT_LIST, BUILD_ARGS_AT(args), \
	 .help = "for a goal: value of an ARG"}, \
	{.name = "platform", .arg = "P", .kind = OPT_STRING, BUILD_ARGS_AT(platform), .dflt = "this machine's", \
	 .help = "for a goal or docker://: os/arch[/variant]"}, \
	{.name = "pull", .arg = "auto|always|missing|never", .kind = OPT_CHOICE, BUILD_ARGS_AT(pull), .dflt = "auto", \
	 .bare = "always", \
	 .help = "for a goal: when a base image's tag is looked up"}, \
	{.name = "offline", .kind = OPT_FLAG, BUILD_ARGS_AT(offline), .help = "ask no registry"}, \
	{.name = "cache-from", .arg = "REPO|DIR[,stage=NAME][,required]", .kind = OPT_LIST, BUILD_ARGS_AT(cache_from), \
	 .help = "for a goal: where to look for what was built elsewhere"}, \
	{.name = "flavor-root", .arg = "DIR", .kind = OPT_STRING, BUILD_ARGS_AT(flavor_root), \
	 .dflt = "the directory that holds flavors/", .help = "what a flavor's mapped paths are relative to"}, \
	CLI_NET_OPTIONS(struct build_args)

static const struct opt cmd_run_options[] = {
	{.name = "interactive", .letter = 'i', .kind = OPT_FLAG, CMD_RUN_AT(interactive),
	 .help = "pass standard input on; without it the command has an empty one"},
	{.name = "tty", .letter = 't', .kind = OPT_FLAG, CMD_RUN_AT(tty),
	 .help = "give the command a terminal of its own"},
	{.name = "entrypoint", .arg = "PROGRAM", .kind = OPT_STRING, CMD_RUN_AT(entrypoint), .dflt = "the image's",
	 .help = "program that CMD is for; \"\" is none. The image's CMD does not count then"},
	{.name = "rm", .kind = OPT_FLAG, CMD_RUN_AT(rm), .help = "accepted: the copy is always removed"},
	CMD_RUN_SANDBOX,
	CMD_RUN_BUILD,
};
/* clang-format on */

static const struct opt cmd_shell_options[] = {CMD_RUN_SANDBOX, CMD_RUN_BUILD};

/* build_args_fill takes the contexts from the operands, which here are something else. */
static int cmd_run_fill(struct cli *c, const struct build_args *a, struct build_opts *b, struct err *e)
{
	struct strv operands = c->args.operands;
	char dot[] = ".", *one[] = {dot};
	int rc;

	c->args.operands = (struct strv){one, 1, 1};
	rc = build_args_fill(c, a, b, e);
	c->args.operands = operands;
	strv_release(&b->paths);
	return rc;
}

static int cmd_run_command(const struct cmd_run_opts *o, const struct imgconfig *config, struct runimg_cmd *cmd,
			   struct err *e)
{
	cmd->user = mem_strdup_opt(o->user);
	cmd->workdir = mem_strdup_opt(o->workdir);
	runargs_defaults(config, cmd);
	cmd->readonly = o->readonly;
	cmd->timeout_ns = o->timeout;
	if (o->workdir && o->workdir[0] != '/')
		return err_set(e, ERR_USAGE, "--workdir: \"%s\" is not absolute", o->workdir);
	for (size_t i = 0; i < o->env_files.n; i++)
		if (runargs_env_file(o->env_files.v[i], &cmd->env, e))
			return -1;
	for (size_t i = 0; i < o->env.n; i++)
		if (runargs_env(o->env.v[i], &cmd->env, e))
			return -1;
	for (size_t i = 0; i < o->volumes.n; i++)
		if (runargs_volume(o->volumes.v[i], &cmd->mounts, e))
			return -1;
	for (size_t i = 0; i < o->mounts.n; i++)
		if (runargs_mount(o->mounts.v[i], &cmd->mounts, e))
			return -1;
	return 0;
}

static int cmd_run_any(struct cli *c, const struct cmd_run_opts *o, struct build_opts *b, bool shell, struct err *e)
{
	AUTO_WORK struct work w = {0};
	AUTO_STORE_IMAGE struct store_image im = {0};
	AUTO_IMGCONFIG struct imgconfig config;
	AUTO(runimg_cmd_release) struct runimg_cmd cmd = {.name = mem_strdup(c->args.operands.v[0])};
	AUTO_STRV struct strv given = {0};
	bool tty = shell ? isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) : o->tty;
	bool none = o->network && strcmp(o->network, "none") == 0;

	imgconfig_init(&config, NULL);
	for (size_t i = 1; i < c->args.operands.n; i++)
		strv_add(&given, c->args.operands.v[i]);
	if (cmd_run_fill(c, &o->a, b, e) || work_open(&w, c, &o->a.net, NULL, e) ||
	    build_args_tier(&o->a, &w.session, e))
		return -1;
	imgconfig_release(&config);
	if (runargs_image(&w, c->args.operands.v[0], b, shell, &im, &config, e)) {
		imgconfig_init(&config, NULL);
		return -1;
	}
	digest_list_copy(&cmd.stack, &im.diff_ids);
	if (cmd_run_command(o, &config, &cmd, e))
		return -1;
	if (shell)
		runjob_shell(&cmd.argv);
	if (!shell && runargs_argv(&config, o->entrypoint, &given, &cmd.argv, e))
		return -1;
	return runjob_run(c, &w, &cmd, b, none, shell || o->interactive, tty, e);
}

static int cmd_run_run(struct cli *c, const void *opts, struct err *e)
{
	struct build_opts b;

	build_opts_init(&b);
	int rc = cmd_run_any(c, opts, &b, false, e);

	build_opts_release(&b);
	return rc;
}

static int cmd_shell_run(struct cli *c, const void *opts, struct err *e)
{
	struct build_opts b;

	build_opts_init(&b);
	int rc = cmd_run_any(c, opts, &b, true, e);

	build_opts_release(&b);
	return rc;
}

/* clang-format off */
#define CMD_RUN_STATUS \
	"The exit status is that of the command, 128 and the signal's number if one ended it, 127 if the program is not " \
	"in the image and 126 if it cannot be executed. If slct itself fails before that, it is slct's own status."

const struct command cmd_run = {
	.name = "run",
	.group = COMMAND_RUN,
	.flags = COMMAND_PREFIX,
	.summary = "run a command in an image",
	.usage = "[OPTIONS] IMAGE|GOAL [CMD…]",
	.about = "The command runs in a sandbox as a build's steps do, on a copy of the image that is thrown away "
		 "afterwards. IMAGE is a name or id in the store, docker://REF, which is pulled first, or oci:DIR[:TAG], "
		 "oci-archive:FILE[:TAG] or docker-archive:FILE[:TAG]. GOAL is a "
		 "directory (\".\" or with a slash in it) with :STAGE behind it, or a stage of the flavor in the "
		 "current directory; it is built first if that is needed. Entrypoint, command, environment, user and "
		 "directory are the image's by docker's rules. Options end at the image: what follows is the "
		 "command's.\n\n" CMD_RUN_STATUS,
	.example = "slct run demo:1 python3 -V\n"
		   "slct run -it -v \"$PWD:/work\" -w /work flavors/python-demo:release bash",
	.opts = cmd_run_options,
	.nopts = ARRAY_LEN(cmd_run_options),
	.opts_size = sizeof(struct cmd_run_opts),
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.run = cmd_run_run,
};

const struct command cmd_shell = {
	.name = "shell",
	.group = COMMAND_RUN,
	.summary = "open a shell in a stage",
	.usage = "[OPTIONS] GOAL[@N]",
	.about = "GOAL is [FLAVOR-DIR:]STAGE, an inner stage STAGE:NAME, or a directory with a Dockerfile; with @N it "
		 "is the state before step N, as in [stage n/m]; what it needs is built first. Images have a transport in "
		 "front: store:NAME, docker://REF, oci:DIR and so on. The shell (bash, else "
		 "sh) works on a copy that is thrown away afterwards, and has the terminal if there is one; else "
		 "commands come from standard input.\n\n" CMD_RUN_STATUS,
	.example = "slct shell flavors/python-demo:build_run\nslct shell .@4\necho 'ls /' | slct shell .",
	.opts = cmd_shell_options,
	.nopts = ARRAY_LEN(cmd_shell_options),
	.opts_size = sizeof(struct cmd_run_opts),
	.min_operands = 1,
	.max_operands = 1,
	.run = cmd_shell_run,
};
/* clang-format on */
