#include "src/build/clockundo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/build/updir.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/path.h"
#include "src/util/smap.h"

#define NOTE_MAX ((size_t)1 << 30)

/* --- before the step --- */

/* "INODE SECONDS NANOSECONDS PATH" with a NUL. */
static int note(int upper, const char *path, struct buf *out, struct err *e)
{
	AUTO_CLOSE int fd = path_open_nolinks(upper, path, O_PATH | O_NOFOLLOW, 0);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, ERR_HOST, errno, "/%s", path);
	buf_printf(out, "%llu %lld %ld %s", (unsigned long long)st.st_ino, (long long)st.st_ctim.tv_sec,
		   st.st_ctim.tv_nsec, path);
	buf_char_add(out, '\0');
	return 0;
}

/* Each directory once, before what it holds. */
static int note_dirs(int upper, const char *path, struct smap *seen, struct buf *out, struct err *e)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		AUTO_FREE char *dir = mem_strndup(path, (size_t)(slash - path));

		if (smap_has(seen, dir))
			continue;
		smap_set(seen, dir, (void *)(uintptr_t)seen);
		if (note(upper, dir, out, e) < 0)
			return -1;
	}
	return 0;
}

int clockundo_note(const struct step_job *j, const struct strv *files, struct err *e)
{
	AUTO_FREE char *name = mem_printf("%s/touched", j->dir);
	AUTO_CLOSE int upper = updir_open(j);
	AUTO_SMAP struct smap seen = SMAP_INIT(NULL);
	AUTO_BUF struct buf out = BUF_INIT(NOTE_MAX);

	if (upper < 0)
		return err_sys(e, ERR_HOST, errno, "%s/upper", j->dir);
	for (size_t i = 0; i < files->n; i++)
		if (note_dirs(upper, files->v[i], &seen, &out, e) < 0 || note(upper, files->v[i], &out, e) < 0)
			return -1;
	if (out.over)
		return err_set(e, ERR_HOST, "more than %zu bytes of file names", NOTE_MAX);
	return io_write_file_atomic(store_fd(j->b->s->store), name, out.p, out.n, 0600, e);
}

/* --- after it --- */

/* The directory that holds path, if no link has come in between; -1: something is different. */
static int open_parent(int upper, const char *path)
{
	AUTO_FREE char *dir = path_dir(path);

	return path_open_nolinks(upper, dir, O_PATH | O_DIRECTORY, 0);
}

/* Path of an unchanged entry, else NULL. */
static const char *unchanged(int upper, const char *entry, bool *is_dir)
{
	unsigned long long ino;
	long long sec;
	long nsec;
	int at = 0;
	struct stat st;

	if (sscanf(entry, "%llu %lld %ld %n", &ino, &sec, &nsec, &at) != 3 || !at)
		return NULL;
	AUTO_CLOSE int dir = open_parent(upper, entry + at);

	if (dir < 0 || fstatat(dir, path_base(entry + at), &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_ino != ino ||
	    st.st_ctim.tv_sec != sec || st.st_ctim.tv_nsec != nsec)
		return NULL;
	*is_dir = S_ISDIR(st.st_mode);
	return entry + at;
}

static int take_out(int upper, const char *path, bool is_dir, struct err *e)
{
	AUTO_CLOSE int dir = open_parent(upper, path);

	if (dir < 0 || unlinkat(dir, path_base(path), is_dir ? AT_REMOVEDIR : 0) < 0)
		return is_dir && errno == ENOTEMPTY ? 0 : err_sys(e, ERR_HOST, errno, "taking out /%s", path);
	return 0;
}

struct found {
	const char *path;
	bool is_dir;
};

int clockundo_run(const struct step_job *j, struct err *e)
{
	AUTO_FREE char *name = mem_printf("%s/touched", j->dir);
	AUTO_CLOSE int upper = updir_open(j);
	AUTO_BUF struct buf text = BUF_INIT(NOTE_MAX);
	VEC_OF(struct found) all = {0};
	int rc = 0;

	if (upper < 0)
		return err_sys(e, ERR_HOST, errno, "%s/upper", j->dir);
	if (io_read_file(store_fd(j->b->s->store), name, &text, e) < 0) {
		if (e->code != ERR_NOT_FOUND)
			return -1;
		err_release(e);
		return 0;
	}
	/* All are looked at first: taking out changes the directories. */
	for (const char *p = buf_str(&text); p < buf_str(&text) + text.n; p += strlen(p) + 1) {
		struct found f = {0};

		f.path = unchanged(upper, p, &f.is_dir);
		if (f.path)
			vec_push(&all, f);
	}
	for (size_t i = all.n; rc == 0 && i-- > 0;)
		rc = take_out(upper, all.v[i].path, all.v[i].is_dir, e);
	vec_release(&all);
	return rc;
}
