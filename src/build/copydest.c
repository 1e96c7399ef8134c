#include "src/build/copydest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "src/util/mem.h"
#include "src/util/path.h"

#define MADE_MODE 0755

int copydest_make_room(const struct copyto *c, int dirfd, const char *name, bool for_dir, struct err *e)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, ERR_HOST, errno, "%s", name);
	if (S_ISDIR(st.st_mode) && for_dir)
		return 0;
	if (c->replace)
		return path_remove_tree(dirfd, name, e);
	if (S_ISDIR(st.st_mode)) {
		err_set(e, ERR_INPUT, "cannot copy a file over the directory %s", name);
		return err_hint(e, "remove the directory in an earlier RUN, or choose another destination");
	}
	if (for_dir) {
		err_set(e, ERR_INPUT, "cannot copy a directory over %s, which is no directory", name);
		return err_hint(e, "remove it in an earlier RUN, or choose another destination");
	}
	return unlinkat(dirfd, name, 0) < 0 ? err_sys(e, ERR_HOST, errno, "replacing %s", name) : 0;
}

/* --chmod with a number also holds for the directories on the way (BuildKit 0.21). */
static mode_t made_mode(const struct copyto *c)
{
	return c->mode && c->mode->absolute ? c->mode->bits : MADE_MODE;
}

static uid_t made_uid(const struct copyto *c)
{
	return c->uid == COPYTO_KEEP ? 0 : c->uid;
}

static gid_t made_gid(const struct copyto *c)
{
	return c->gid == COPYTO_KEEP ? 0 : c->gid;
}

/* One step down from dirfd, making the directory if it is missing; a link or file in its place goes. */
static int step_down(const struct copyto *c, int dirfd, const char *name, struct err *e)
{
	int fd = openat(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (copydest_make_room(c, dirfd, name, true, e) < 0)
		return -1;
	const struct ownrec want = {made_uid(c), made_gid(c), S_IFDIR | made_mode(c), 0, 0};

	if (mkdirat(dirfd, name, 0700) < 0 || ownview_write(c->view, dirfd, name, &want) < 0)
		return err_sys(e, ERR_HOST, errno, "making directory %s", name);
	fd = openat(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, ERR_HOST, errno, "opening directory %s", name) : fd;
}

static int make_without_links(const struct copyto *c, const char *path, struct err *e)
{
	AUTO_FREE char *clean = path_clean(path);
	struct sv rest = sv_from(clean);
	AUTO_CLOSE int fd = openat(c->rootfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	while (fd >= 0 && rest.p) {
		struct sv part = sv_cut(&rest, '/');
		AUTO_FREE char *name = sv_dup(part);
		int next;

		if (!part.n)
			continue;
		next = step_down(c, fd, name, e);
		if (next < 0)
			return -1;
		close(fd);
		fd = next;
	}
	return fd < 0 ? err_sys(e, ERR_HOST, errno, "opening the root") : STEAL_FD(fd);
}

int copydest_make(const struct copyto *c, const char *path, struct err *e)
{
	if (c->link)
		return make_without_links(c, path, e);
	return path_mkdirs_as(c->rootfd, path[0] ? path : "/", made_mode(c), made_uid(c), made_gid(c), c->view, e);
}

static bool is_dir_in(int rootfd, const char *path)
{
	AUTO_CLOSE int fd = path_open_in(rootfd, path, O_PATH | O_DIRECTORY, 0);

	return fd >= 0;
}

char *copydest_of_file(const struct copyto *c, const struct source_match *m)
{
	bool slash = c->dest[strlen(c->dest) - 1] == '/';

	/* --link does not look at what is there. */
	if (!slash && (c->link || !is_dir_in(c->rootfd, c->dest)))
		return mem_strdup(c->dest);
	return mem_printf("%s%s%s", c->dest, slash ? "" : "/", path_base(m->path));
}
