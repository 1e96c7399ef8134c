/* Habits from other builders. */
#include "src/cli/foreign.h"

#include <string.h>

#include "src/util/base.h"

/* clang-format off */
static const struct {
	const char *option, *hint;
} foreign_options[] = {
	{"attest",          "slct makes no attestations; leave it out"},
	{"authfile",        "REGISTRY_AUTH_FILE or DOCKER_CONFIG name the file with credentials, --creds gives them"},
	{"builder",         "slct builds by itself, there are no builders to choose from; leave it out"},
	{"call",            "slct lint CONTEXT checks a Dockerfile, slct plan CONTEXT shows what a build would do"},
	{"cgroup-parent",   "steps run below slct's own control group; --memory, --cpus and --pids-limit limit them"},
	{"check",           "slct lint CONTEXT checks a Dockerfile"},
	{"cpu-quota",       "--cpus limits the processors of a step"},
	{"cpu-shares",      "--cpus limits the processors of a step"},
	{"cpuset-cpus",     "--cpus limits the processors of a step; taskset chooses those of slct"},
	{"dest-tls-verify", "--insecure-registry HOST allows plain http and unverified certificates"},
	{"format",          "--json prints results for jq; images are OCI images, -o type=docker,dest=FILE writes docker's"},
	{"layers",          "every step is kept in the cache; --no-cache does without it"},
	{"memory-swap",     "--memory is a limit without swap"},
	{"security-opt",    "--allow security.insecure is for RUN --security=insecure"},
	{"source-date-epoch", "times of new files are the same in every build already (--timestamps)"},
	{"src-tls-verify",  "--insecure-registry HOST allows plain http and unverified certificates"},
	{"timestamp",       "times of new files are the same in every build already (--timestamps)"},
	{"tls-verify",      "--insecure-registry HOST allows plain http and unverified certificates"},
	{"userns",          "slct chooses the user namespace itself; --isolation says how steps are kept apart"},
	{"volume",          "RUN --mount=type=bind,from=NAME with --build-context NAME=DIR gives a step a directory"},
};
/* clang-format on */

const char *foreign_option(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(foreign_options); i++)
		if (strcmp(foreign_options[i].option, name) == 0)
			return foreign_options[i].hint;
	return NULL;
}
