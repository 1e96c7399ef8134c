#include "src/sandbox/cgroupfs.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "src/util/cleanup.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/num.h"
#include "src/util/sv.h"

/* --- where we are --- */

/* The n-th field of a line of words; empty if there are fewer. */
static struct sv field(struct sv line, size_t n)
{
	struct sv word = SV_NULL;

	for (size_t i = 0; i <= n; i++)
		word = line.p ? sv_cut(&line, ' ') : SV_NULL;
	return word;
}

/* Below the root of the mount, or NULL. */
static char *below_mount(struct sv path, struct sv root, struct sv mount)
{
	if (sv_eq_str(root, "/"))
		root.n = 0;
	if (!root.p || !sv_starts(mount, "/"))
		return NULL;
	if (path.n < root.n || memcmp(path.p, root.p, root.n) != 0 || (path.n > root.n && path.p[root.n] != '/'))
		return NULL;
	path = sv_sub(path, root.n, path.n);
	if (sv_eq_str(path, "/"))
		path.n = 0;
	return mem_printf("%.*s%.*s", SV_ARG(mount), SV_ARG(path));
}

char *cgroupfs_dir_in(const char *cgroup_text, const char *mountinfo_text)
{
	struct sv lines = sv_from(cgroup_text), path = SV_NULL;

	while (lines.p && !path.p) {
		struct sv line = sv_cut(&lines, '\n');

		if (sv_starts(line, "0::/"))
			path = sv_sub(line, 3, line.n);
	}
	/* "/..": of a container that cannot see its own group. */
	if (!path.p || sv_starts(path, "/.."))
		return NULL;
	lines = sv_from(mountinfo_text);
	while (lines.p) {
		struct sv line = sv_cut(&lines, '\n');
		char *dash = line.n ? memmem(line.p, line.n, " - cgroup2 ", 11) : NULL;
		char *found = dash ? below_mount(path, field(line, 3), field(line, 4)) : NULL;

		if (found)
			return found;
	}
	return NULL;
}

char *cgroupfs_own_dir(struct err *e)
{
	AUTO_BUF struct buf cgroup = BUF_INIT(CGROUPFS_TEXT_MAX), mounts = BUF_INIT(CGROUPFS_TEXT_MAX);
	char *dir;

	if (io_read_file(AT_FDCWD, "/proc/self/cgroup", &cgroup, e) < 0 ||
	    io_read_file(AT_FDCWD, "/proc/self/mountinfo", &mounts, e) < 0)
		return NULL;
	dir = cgroupfs_dir_in(buf_str(&cgroup), buf_str(&mounts));
	if (!dir) {
		err_set(e, ERR_HOST, "no control groups of version 2 can be seen here");
		err_hint(e, "mount -t cgroup2 cgroup2 /sys/fs/cgroup; " CGROUPFS_CONTAINER);
	}
	return dir;
}

/* --- files of a group --- */

bool cgroupfs_read(int dir, const char *name, struct buf *out)
{
	struct err ignored = ERR_INIT;
	bool ok = io_read_file(dir, name, out, &ignored) == 0;

	err_release(&ignored);
	return ok;
}

bool cgroupfs_has(int dir, const char *name, const char *word)
{
	AUTO_BUF struct buf text = BUF_INIT(CGROUPFS_TEXT_MAX);
	struct sv rest;

	if (!cgroupfs_read(dir, name, &text))
		return false;
	rest = sv_trim(buf_sv(&text));
	while (rest.p)
		if (sv_eq_str(sv_cut(&rest, ' '), word))
			return true;
	return false;
}

/* One write(2): the kernel takes each as a whole. */
int cgroupfs_write(int dir, const char *name, const char *text)
{
	AUTO_CLOSE int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
}

uint64_t cgroupfs_event(int dir, const char *name, const char *word)
{
	AUTO_BUF struct buf text = BUF_INIT(CGROUPFS_TEXT_MAX);
	struct sv lines;
	uint64_t value = 0;

	if (!cgroupfs_read(dir, name, &text))
		return 0;
	lines = buf_sv(&text);
	while (lines.p) {
		struct sv line = sv_cut(&lines, '\n');

		if (sv_eq_str(sv_cut(&line, ' '), word) && line.p && num_parse(line, 10, UINT64_MAX, &value) == 0)
			return value;
	}
	return 0;
}
