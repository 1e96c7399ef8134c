/* A script client in small: it reads rows, hands them to the interpreter of the language and passes on what that
 * emits.
 *
 *     exaudfclient lang=python SCRIPT < rows
 *     exaudfclient lang=none < rows              counts and adds up the rows itself */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rows.h"

#define RUNNER "/exaudf/runner.py"

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int finish(unsigned long bad_line)
{
	if (!bad_line)
		return 0;
	fprintf(stderr, "exaudfclient: row %lu is no number\n", bad_line);
	return 1;
}

static int run_none(void)
{
	struct rows rows;
	unsigned long bad = rows_read(stdin, NULL, &rows);

	if (!bad)
		printf("%lu rows, sum %lld\n", rows.n, rows.sum);
	return finish(bad);
}

static int run_python(const char *script)
{
	int p[2], status;
	unsigned long bad;
	struct rows rows;
	FILE *to;
	pid_t pid;

	if (pipe(p) || (pid = fork()) < 0)
		return fail("exaudfclient: start");
	if (!pid) {
		dup2(p[0], STDIN_FILENO);
		close(p[0]);
		close(p[1]);
		execlp("python3", "python3", RUNNER, script, (char *)NULL);
		_exit(127);
	}
	close(p[0]);
	to = fdopen(p[1], "w");
	if (!to)
		return fail("exaudfclient: pipe");
	bad = rows_read(stdin, to, &rows);
	fclose(to);
	if (waitpid(pid, &status, 0) < 0)
		return fail("exaudfclient: wait");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "exaudfclient: the script failed\n");
		return 1;
	}
	return finish(bad);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "lang=none"))
		return run_none();
	if (argc == 3 && !strcmp(argv[1], "lang=python"))
		return run_python(argv[2]);
	fprintf(stderr, "usage: exaudfclient lang=none | lang=python SCRIPT\n");
	return 2;
}
