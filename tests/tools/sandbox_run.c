/* Run a command in the sandbox by hand, or many times to measure it.
 *
 *   sandbox_run [-i ISOLATION] [-u USER] [-w DIR] [-e NAME=VALUE]... [-n] [-s] [-t SECONDS] [-c COUNT] LOWER SCRATCH
 * CMD...
 *
 * LOWER is a root directory, SCRATCH a directory where upper, work and mount points are made (upper is kept). -n: no
 * network, -s: fsync does nothing, -c: repeat and print the median of the time. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/sandbox/sandbox.h"
#include "src/sandbox/userns.h"
#include "src/util/cleanup.h"
#include "src/util/clock.h"
#include "src/util/mem.h"
#include "src/util/path.h"
#include "src/util/vec.h"

static void ATTR_NORETURN die(const struct err *e)
{
	fprintf(stderr, "sandbox_run: %s\n", e->msg ? e->msg : "?");
	if (e->hint)
		fprintf(stderr, "  hint: %s\n", e->hint);
	exit(125);
}

/* Fresh upper, work and scratch directories beside each other. */
static void fresh(int dir)
{
	static const char *const names[] = {"upper", "work"};
	struct err e = ERR_INIT;

	if (mkdirat(dir, "points", 0700) < 0 && errno != EEXIST)
		err_sys(&e, ERR_HOST, errno, "points");

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (path_remove_tree(dir, names[i], &e) < 0 || mkdirat(dir, names[i], 0700) < 0)
			die(&e);
}

/* In a process of its own, as a worker would. */
static int run_once(const struct sandbox_spec *s)
{
	struct sandbox_result r;
	struct err e = ERR_INIT;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (sandbox_run(s, &r, &e) < 0)
			die(&e);
		if (r.timed_out)
			fprintf(stderr, "sandbox_run: timed out\n");
		_exit(r.signo ? 128 + r.signo : r.exit_status);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The trees belong to ids of the namespace, so they are made and removed in a process that has joined it. */
static void prepare(int nsfd, int dir)
{
	struct err e = ERR_INIT;
	pid_t pid = fork();

	if (pid == 0) {
		if (userns_join(nsfd, &e) < 0)
			die(&e);
		fresh(dir);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static int measure(const struct sandbox_spec *s, int count)
{
	int64_t *ns = mem_array((size_t)count, sizeof *ns);
	int status = 0;

	for (int i = 0; i < count; i++) {
		int64_t from;

		prepare(s->nsfd, s->root.dirfd);
		from = clock_mono();
		status = run_once(s);
		ns[i] = clock_mono() - from;
	}
	qsort(ns, (size_t)count, sizeof *ns, compare);
	if (count > 1)
		fprintf(stderr, "%d runs: least %.0f us, median %.0f us\n", count, (double)ns[0] / 1e3,
			(double)ns[count / 2] / 1e3);
	free(ns);
	return status;
}

int main(int argc, char **argv)
{
	struct sandbox_spec s = {.root.upper = "upper",
				 .root.work = "work",
				 .scratch = "points",
				 .nsfd = -1,
				 .out_fd = 1,
				 .owners_fd = -1};
	struct strv env = {0};
	struct tier_info tier;
	struct err e = ERR_INIT;
	enum tier want = TIER_AUTO;
	int opt, count = 1;
	void *prog;
	const char *lower;

	while ((opt = getopt(argc, argv, "+i:u:w:e:nst:c:")) != -1) {
		if (opt == 'i' && tier_parse(optarg, &want, &e) < 0)
			die(&e);
		if (opt == 'u')
			s.user = optarg;
		if (opt == 'w')
			s.workdir = optarg;
		if (opt == 'e')
			strv_add(&env, optarg);
		if (opt == 'n')
			s.net = SANDBOX_NET_NONE;
		if (opt == 's')
			s.sync_is_noop = true;
		if (opt == 't')
			s.timeout_ns = strtol(optarg, NULL, 10) * CLOCK_NS_PER_S;
		if (opt == 'c')
			count = (int)strtol(optarg, NULL, 10);
		if (opt == '?')
			return 2;
	}
	if (argc - optind < 3)
		return 2;
	lower = argv[optind];
	s.root.lower = &lower;
	s.root.nlower = 1;
	s.root.dirfd = open(argv[optind + 1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s.argv = argv + optind + 2;
	s.env = strv_argv(&env);
	if (tier_probe(want, false, argv[optind + 1], &tier, &e) < 0)
		die(&e);
	s.tier = &tier;
	if (tier.tier != TIER_ROOT && (s.nsfd = userns_open(&tier, &e)) < 0)
		die(&e);
	if (sandbox_seccomp(s.sync_is_noop, &prog, &s.seccomp_len, &e) < 0)
		die(&e);
	s.seccomp_prog = prog;
	fprintf(stderr, "sandbox_run: isolation %s, form %s\n", tier_name(tier.tier), tier.form);
	return measure(&s, count);
}
