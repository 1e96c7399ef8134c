/* The end of a step: what its table says becomes what a layer tree holds.
 *
 * A device that the step made is a socket as long as the step runs. In a tree it is an empty regular file with the
 * record on itself, as those of an image are. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/sandbox/solo.h"
#include "src/sandbox/solo_req.h"
#include "src/util/cleanup.h"
#include "src/util/mem.h"
#include "src/util/path.h"
#include "src/util/vec.h"

/* The first new name of a device, for its other hard links. */
struct placed {
	struct owntab_key key;
	char *path;
};

struct ending {
	struct solo *s;
	struct strv dirs; /* still to be read, relative to the upper directory */
	VEC_OF(struct placed) placed;
};

static void ending_release(struct ending *d)
{
	strv_release(&d->dirs);
	for (size_t i = 0; i < d->placed.n; i++)
		free(d->placed.v[i].path);
	vec_release(&d->placed);
}

static bool is_device(const struct ownrec *rec)
{
	return S_ISCHR(rec->mode) || S_ISBLK(rec->mode);
}

static bool has_devices(const struct owntab *t)
{
	struct owntab_key k;
	struct ownrec rec;

	for (size_t pos = 0; owntab_next(t, &pos, &k, &rec);)
		if (is_device(&rec))
			return true;
	return false;
}

static const char *placed_path(const struct ending *d, const struct owntab_key *k)
{
	for (size_t i = 0; i < d->placed.n; i++)
		if (memcmp(&d->placed.v[i].key, k, sizeof *k) == 0)
			return d->placed.v[i].path;
	return NULL;
}

static int place_file(int dir, const char *name, const struct statx *x, const struct ownrec *rec)
{
	const struct timespec times[2] = {{x->stx_atime.tv_sec, x->stx_atime.tv_nsec},
					  {x->stx_mtime.tv_sec, x->stx_mtime.tv_nsec}};
	AUTO_CLOSE int fd = -1;

	if (unlinkat(dir, name, 0) < 0)
		return -1;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, rec->mode & 0777);
	return fd < 0 || ownrec_set(fd, rec) < 0 || futimens(fd, times) < 0 ? -1 : 0;
}

static int place_link(struct ending *d, int dir, const char *name, const char *first)
{
	return unlinkat(dir, name, 0) < 0 || linkat(d->s->upper, first, dir, name, 0) < 0 ? -1 : 0;
}

static int end_socket(struct ending *d, int dir, const char *in, const char *name)
{
	struct ownrec rec;
	struct owntab_key k;
	struct statx x;
	const char *first;

	if (statx(dir, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &x) < 0)
		return -1;
	k = owntab_key_of(&x);
	if (!owntab_get(d->s->made, &k, &rec) || !is_device(&rec))
		return 0;
	first = placed_path(d, &k);
	if (first)
		return place_link(d, dir, name, first);
	if (place_file(dir, name, &x, &rec) < 0)
		return -1;
	vec_push(&d->placed, (struct placed){k, mem_printf("%s/%s", in, name)});
	return 0;
}

/* By paths from the top, so that depth needs no descriptors. */
static int end_dir(struct ending *d, const char *path)
{
	int fd = path_open_nolinks(d->s->upper, path, O_RDONLY | O_DIRECTORY, 0), r = 0;
	AUTO_CLOSEDIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *ent;

	while (dir && r == 0 && (ent = readdir(dir))) {
		if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
			continue;
		if (ent->d_type == DT_DIR)
			strv_printf(&d->dirs, "%s/%s", path, ent->d_name);
		if (ent->d_type == DT_SOCK)
			r = end_socket(d, dirfd(dir), path, ent->d_name);
	}
	return dir ? r : -1;
}

static int end_devices(struct solo *s, struct err *e)
{
	AUTO(ending_release) struct ending d = {.s = s};
	struct ownrec rec;
	struct owntab_key k;

	strv_add(&d.dirs, ".");
	for (size_t i = 0; i < d.dirs.n; i++)
		if (end_dir(&d, d.dirs.v[i]) < 0)
			return err_sys(e, ERR_HOST, errno, "device nodes below /%s", d.dirs.v[i]);
	for (size_t i = 0; i < d.placed.n; i++)
		owntab_del(s->made, &d.placed.v[i].key);
	/* Those that the step has removed again. */
	for (size_t pos = 0; owntab_next(s->made, &pos, &k, &rec);)
		if (is_device(&rec) && owntab_del(s->made, &k))
			pos = 0;
	return 0;
}

int solo_end(struct solo *s, const struct sandbox_spec *spec, struct err *e)
{
	/* Everything else in the pid namespace: nothing may change any more. */
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	if (has_devices(s->made) && end_devices(s, e) < 0)
		return -1;
	return spec->owners_fd < 0 ? 0 : owntab_save(s->made, spec->owners_fd, e);
}
