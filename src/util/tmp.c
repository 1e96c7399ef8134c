/* Names that nobody else has, and publication by rename. */
#include "src/util/tmp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "src/util/cleanup.h"
#include "src/util/mem.h"

/* 64 random bits meet an existing name only by somebody's design. */
#define TMP_TRIES 16

static char *tmp_name(const char *prefix)
{
	uint64_t r;

	if (getrandom(&r, sizeof(r), 0) != (ssize_t)sizeof(r))
		abort(); /* cannot be for 8 bytes on Linux */
	return mem_printf("%s.%016llx", prefix, (unsigned long long)r);
}

int tmp_dir(int dirfd, const char *prefix, char **name, struct err *e)
{
	for (int i = 0; i < TMP_TRIES; i++) {
		AUTO_FREE char *n = tmp_name(prefix);

		if (mkdirat(dirfd, n, 0700) == 0) {
			*name = STEAL_PTR(n);
			return 0;
		}
		if (errno != EEXIST)
			break;
	}
	return err_sys(e, ERR_HOST, errno, "cannot make a temporary directory %s.*", prefix);
}

int tmp_file(int dirfd, const char *prefix, char **name, struct err *e)
{
	for (int i = 0; i < TMP_TRIES; i++) {
		AUTO_FREE char *n = tmp_name(prefix);
		int fd = openat(dirfd, n, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

		if (fd >= 0) {
			*name = STEAL_PTR(n);
			return fd;
		}
		if (errno != EEXIST)
			break;
	}
	return err_sys(e, ERR_HOST, errno, "cannot make a temporary file %s.*", prefix);
}

/* The directory that holds path below dirfd, made durable. */
static int tmp_sync_parent(int dirfd, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *parent = slash ? mem_strndup(path, (size_t)(slash - path + 1)) : mem_strdup(".");
	AUTO_CLOSE int fd = openat(dirfd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return err_sys(e, ERR_HOST, errno, "cannot write the directory of %s to the disk", path);
	return 0;
}

int tmp_publish(int fromdir, const char *from, int todir, const char *to, bool fast, struct err *e)
{
	if (renameat(fromdir, from, todir, to) < 0)
		return err_sys(e, ERR_HOST, errno, "cannot rename %s to %s", from, to);
	return fast ? 0 : tmp_sync_parent(todir, to, e);
}
