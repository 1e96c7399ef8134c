/* Gives files to a fuzz target without a fuzzer: linked with a target, run by `make replay`.
 *
 *   replay FILE|DIRECTORY...
 *
 * Directories are read recursively. Each file is one test; at a bad one the program dies with the file's name. Closes
 * with "N passed, 0 failed". */
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/util/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Of the sanitizers' runtime, where there is one. */
void __sanitizer_set_death_callback(void (*f)(void)) __attribute__((weak));

static const char *current;
static unsigned replayed;

static void say_current(void)
{
	static const char intro[] = "replay: died of ";

	if (write(STDERR_FILENO, intro, sizeof intro - 1) < 0 || write(STDERR_FILENO, current, strlen(current)) < 0 ||
	    write(STDERR_FILENO, "\n", 1) < 0)
		_exit(3);
}

static void on_signal(int signo)
{
	say_current();
	raise(signo); /* the default action, since SA_RESETHAND */
}

static void watch(void)
{
	static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND | SA_NODEFER};

	if (__sanitizer_set_death_callback) {
		__sanitizer_set_death_callback(say_current);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		sigaction(signals[i], &sa, NULL);
}

static int replay(const char *file, const struct stat *st, int kind, struct FTW *at)
{
	size_t size = (size_t)st->st_size;
	uint8_t *data;
	FILE *f;

	(void)at;
	if (kind != FTW_F)
		return kind == FTW_NS || kind == FTW_DNR;
	/* Of exactly its size, so that a sanitizer sees a read beyond the end. */
	data = malloc(size);
	f = fopen(file, "rb");
	if (!f || (size && !data) || fread(data, 1, size, f) != size)
		return 1;
	fclose(f);
	current = file;
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	replayed++;
	return 0;
}

int main(int argc, char **argv)
{
	watch();
	for (int i = 1; i < argc; i++)
		if (nftw(argv[i], replay, 16, FTW_PHYS) != 0) {
			fprintf(stderr, "replay: %s cannot be read\n", argv[i]);
			return 2;
		}
	printf("%u passed, 0 failed\n", replayed);
	return 0;
}
