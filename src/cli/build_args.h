/* Options that build, plan and export have in common, and what they become. */
#ifndef SLCT_BUILD_ARGS_H
#define SLCT_BUILD_ARGS_H

#include "src/build/build.h"
#include "src/cli/cli.h"

/* First member of the option struct of each of these commands, so that the offsets below hold. */
struct build_args {
	const char *file, *target, *platform, *network, *pull, *timestamps, *isolation, *upper, *output_directory,
		*flavor_root;
	struct strv secrets, ssh, allow;
	struct strv contexts, goals, tags, args, labels, cache_from, cache_to, force_from, add_hosts, flavor_paths;
	bool offline, no_cache, force_rebuild, keep_going;
	int64_t jobs, step_timeout;
	uint64_t shm_size, memory;
	int64_t pids_limit;
	const char *cpus;
	struct strv ulimits, no_cache_filter, cache_ttl;
	struct cli_net net;
};

#define BUILD_ARGS_AT(member) .offset = offsetof(struct build_args, member)

/* Rows: what is built, and from what. */
/* clang-format off */
#define BUILD_ARGS_SELECTION \
	{.name = "file", .letter = 'f', .arg = "FILE", .kind = OPT_STRING, BUILD_ARGS_AT(file), \
	 .dflt = "CONTEXT/Dockerfile", \
	 .help = "Dockerfile of a single context, \"-\" is standard input; of an archive or repository, a path in it"}, \
	{.name = "goal", .arg = "STAGE", .kind = OPT_LIST, BUILD_ARGS_AT(goals), .dflt = "the flavor's own goals", \
	 .help = "stage to build, also FLAVOR-DIR:STAGE"}, \
	{.name = "target", .arg = "STAGE", .kind = OPT_STRING, BUILD_ARGS_AT(target), .dflt = "the last", \
	 .help = "stage of a single Dockerfile to build"}, \
	{.name = "build-arg", .arg = "K[=V]", .kind = OPT_LIST, BUILD_ARGS_AT(args), \
	 .help = "value of an ARG; without =V from the environment"}, \
	{.name = "build-context", .arg = "NAME=SRC", .kind = OPT_LIST, BUILD_ARGS_AT(contexts), \
	 .help = "what FROM, COPY --from and RUN --mount=from mean by NAME, before any stage or image: a directory, " \
		 "docker-image://REF, store:NAME, oci-layout://DIR[:TAG], an http or https URL (a tar is unpacked), a git " \
		 "repository with #REF:DIRECTORY"}, \
	{.name = "label", .arg = "K=V", .kind = OPT_LIST, BUILD_ARGS_AT(labels), .help = "label of the image"}, \
	{.name = "platform", .arg = "P", .kind = OPT_STRING, BUILD_ARGS_AT(platform), .dflt = "this machine's", \
	 .help = "os/arch[/variant] of the images"}, \
	{.name = "flavor-path", .arg = "DIR", .kind = OPT_LIST, BUILD_ARGS_AT(flavor_paths), \
	 .help = "a flavor, as an operand is"}, \
	{.name = "flavor-root", .arg = "DIR", .kind = OPT_STRING, BUILD_ARGS_AT(flavor_root), \
	 .dflt = "the directory that holds flavors/", .help = "what a flavor's mapped paths are relative to"}, \
	{.name = "pull", .arg = "auto|always|missing|never", .kind = OPT_CHOICE, BUILD_ARGS_AT(pull), .dflt = "auto", \
	 .bare = "always", \
	 .help = "when a base image's tag is looked up in its registry; auto: always, unless the store's image of that name " \
		 "was made here (built, imported, loaded, tagged) and is not in its registry; without a value always"}, \
	{.name = "offline", .kind = OPT_FLAG, BUILD_ARGS_AT(offline), .help = "ask no registry"}, \
	{.name = "cache-from", .arg = "REPO|DIR[,stage=NAME][,required]", .kind = OPT_LIST, BUILD_ARGS_AT(cache_from), \
	 .help = "repository or directory (an OCI image layout) in which to look for what was built elsewhere, of several " \
		 "the first that has it; nothing is written there; stage (repeatable): only for these stages; required: " \
		 "if it cannot be asked, the build fails"}, \
	{.name = "cache-ttl", .arg = "[STAGE=]D", .kind = OPT_LIST, BUILD_ARGS_AT(cache_ttl), .dflt = "none", \
	 .help = "age from which cache entries do not count, here and elsewhere, of one stage or of all that are not " \
		 "named, 0s is none; what stands on a stage that is named counts only if that one does; --cache-to " \
		 "replaces them"}, \
	{.name = "no-cache-filter", .arg = "STAGE", .kind = OPT_LIST, BUILD_ARGS_AT(no_cache_filter), \
	 .help = "stage to run every step of; what depends on it is run where its result is another one"}, \
	{.name = "no-cache", .kind = OPT_FLAG, BUILD_ARGS_AT(no_cache), .help = "run every step"}, \
	{.name = "force-rebuild", .kind = OPT_FLAG, BUILD_ARGS_AT(force_rebuild), \
	 .help = "run every step of the goals' stages, or of those named by --force-rebuild-from and what depends " \
		 "on them"}, \
	{.name = "force-rebuild-from", .arg = "STAGE", .kind = OPT_LIST, BUILD_ARGS_AT(force_from), \
	 .help = "stage to rebuild with everything that depends on it"}, \
	{.name = "timestamps", .arg = "logical|real", .kind = OPT_CHOICE, BUILD_ARGS_AT(timestamps), \
	 .dflt = "logical", \
	 .help = "times of new files: the same in every build of the same inputs, or those of the clock"}, \
	{.name = "add-host", .arg = "H:IP", .kind = OPT_LIST, BUILD_ARGS_AT(add_hosts), \
	 .help = "line for /etc/hosts"}, \
	{.name = "shm-size", .arg = "N", .kind = OPT_SIZE, BUILD_ARGS_AT(shm_size), .dflt = "64m", \
	 .help = "size of /dev/shm"}, \
	{.name = "ulimit", .arg = "NAME=SOFT[:HARD]", .kind = OPT_LIST, BUILD_ARGS_AT(ulimits), \
	 .help = "resource limit of the steps as docker names them, -1 is none: nofile, nproc, fsize, core, …"}, \
	{.name = "network", .arg = "host|none|default", .kind = OPT_CHOICE, BUILD_ARGS_AT(network), .dflt = "host", \
	 .help = "network of the steps"}

#define BUILD_ARGS_UPPER \
	{.name = "upper", .arg = "store|tmpfs[:SIZE]", .kind = OPT_STRING, BUILD_ARGS_AT(upper), .dflt = "store", \
	 .help = "where what a step changes lies until it is a layer: in the store, or in memory, where the store's file " \
		 "system takes no overlay or the disk is to be spared; SIZE: of a step at most, by default half of the " \
		 "memory that is free; beyond it the step finds no space left"}

/* Rows: how it is run. */
#define BUILD_ARGS_RUNNING \
	{.name = "jobs", .letter = 'j', .arg = "N", .kind = OPT_INT, BUILD_ARGS_AT(jobs), .min = 1, .max = 1024, \
	 .dflt = "number of processors", .help = "steps that run at the same time"}, \
	{.name = "isolation", .arg = "auto|root|range|solo|chroot|none", .kind = OPT_CHOICE, BUILD_ARGS_AT(isolation), \
	 .dflt = "auto", .help = "tier of isolation of the steps; slct doctor says which work here"}, \
	BUILD_ARGS_UPPER, \
	{.name = "keep-going", .kind = OPT_FLAG, BUILD_ARGS_AT(keep_going), \
	 .help = "after a failure go on with what does not depend on it"}, \
	{.name = "step-timeout", .arg = "D", .kind = OPT_DURATION, BUILD_ARGS_AT(step_timeout), .dflt = "none", \
	 .help = "time after which a step is ended and has failed"}, \
	{.name = "secret", .arg = "id=ID[,src=F|,env=V]", .kind = OPT_LIST, BUILD_ARGS_AT(secrets), \
	 .help = "secret for RUN --mount=type=secret: a file, or a variable of the environment"}, \
	{.name = "ssh", .arg = "ID[=SOCKET|=KEY[,KEY]]", .kind = OPT_LIST, BUILD_ARGS_AT(ssh), \
	 .help = "ssh agent for RUN --mount=type=ssh; the id is mostly default, the socket that of SSH_AUTH_SOCK; for " \
		 "files of private keys an agent is started for the time of the build"}, \
	{.name = "allow", .arg = "WHAT", .kind = OPT_LIST, BUILD_ARGS_AT(allow), \
	 .help = "secret-in-layer: a layer may hold a secret's bytes; security.insecure: RUN --security=insecure may have " \
		 "every right that slct has"}, \
	{.name = "memory", .letter = 'm', .arg = "N", .kind = OPT_SIZE, BUILD_ARGS_AT(memory), .dflt = "none", \
	 .help = "memory of a step, without swap; needs control groups of version 2 that slct may write, as --cpus " \
		 "and --pids-limit do"}, \
	{.name = "cpus", .arg = "N", .kind = OPT_STRING, BUILD_ARGS_AT(cpus), .dflt = "all", \
	 .help = "processors of a step, also 0.5"}, \
	{.name = "pids-limit", .arg = "N", .kind = OPT_INT, BUILD_ARGS_AT(pids_limit), .min = -1, .max = INT32_MAX, \
	 .dflt = "none", .help = "processes and threads of a step"}, \
	{.name = "output-directory", .arg = "D", .kind = OPT_STRING, BUILD_ARGS_AT(output_directory), \
	 .dflt = "logs/ of the store", .help = "where the steps' logs go"}
/* clang-format on */

/* Values of --build-arg: "K=V", or "K" with the value from the environment. ERR_USAGE. */
int build_args_map(const struct strv *from, struct smap *to, struct err *e);
/* Check the values and fill in the options of a build of the command's operands. ERR_USAGE, ERR_INPUT. */
int build_args_fill(const struct cli *c, const struct build_args *a, struct build_opts *o, struct err *e);
/* The same where the one operand ("." if there is none) is a GOAL and not a context: it becomes its directory. */
int build_args_fill_goal(struct cli *c, const struct build_args *a, struct build_opts *o, struct err *e);

/* --isolation and --upper, for the session that is open. ERR_USAGE. */
int build_args_tier(const struct build_args *a, struct session *s, struct err *e);

/* Values of --annotation, K=V or manifest:K=V. ERR_USAGE. */
int build_args_annotations(const struct strv *list, struct build_opts *o, struct err *e);

#endif
