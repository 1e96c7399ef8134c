#include "src/build/copyto.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "src/build/copyfile.h"
#include "src/util/mem.h"
#include "src/util/path.h"

struct copied_link {
	dev_t dev;
	ino_t ino;
	char *path; /* at the destination, relative to the match's directory */
};

struct job {
	struct copyto *c;
	int destfd;        /* directory that entries' paths are relative to */
	char *parent;      /* last directory opened below it, and its descriptor */
	int parentfd;
	bool created;      /* the match's own directory was made now */
	VEC_OF(struct copied_link) links;
};

/* --- places --- */

static char *dir_part(const char *rel)
{
	const char *slash = strrchr(rel, '/');

	return mem_strndup(rel, slash ? (size_t)(slash - rel) : 0);
}

/* Directory that holds `rel`; the descriptor stays ours. Nothing on the way is a link: we made or checked it. */
static int open_parent(struct job *j, const char *rel, struct err *e)
{
	AUTO_FREE char *dir = dir_part(rel);

	if (!dir[0])
		return j->destfd;
	if (j->parent && strcmp(j->parent, dir) == 0)
		return j->parentfd;
	int fd = path_open_nolinks(j->destfd, dir, O_PATH | O_DIRECTORY, 0);

	if (fd < 0)
		return err_sys(e, ERR_INPUT, errno, "%s at the destination", dir);
	if (j->parentfd >= 0)
		close(j->parentfd);
	free(j->parent);
	j->parent = STEAL_PTR(dir);
	return j->parentfd = fd;
}

static const char *leaf_of(const char *rel)
{
	const char *slash = strrchr(rel, '/');

	return slash ? slash + 1 : rel;
}

static uid_t made_uid(const struct copyto *c)
{
	return c->uid == COPYTO_KEEP ? 0 : c->uid;
}

static gid_t made_gid(const struct copyto *c)
{
	return c->gid == COPYTO_KEEP ? 0 : c->gid;
}

static int make_dirs(const struct copyto *c, const char *path, struct err *e)
{
	return path_mkdirs_in(c->rootfd, path[0] ? path : "/", 0755, made_uid(c), made_gid(c), e);
}

/* --- entries --- */

static int make_room(int dirfd, const char *name, bool for_dir, struct err *e)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, ERR_HOST, errno, "%s", name);
	if (S_ISDIR(st.st_mode) && for_dir)
		return 0;
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

static const struct copied_link *find_link(const struct job *j, const struct source_entry *en)
{
	for (size_t i = 0; en->st.st_nlink > 1 && i < j->links.n; i++)
		if (j->links.v[i].ino == en->st.st_ino && j->links.v[i].dev == en->st.st_dev)
			return &j->links.v[i];
	return NULL;
}

static int make_file(struct job *j, const struct source_entry *en, int dirfd, const char *name,
		     uint8_t sum[STATIDX_SUM_BYTES], struct err *e)
{
	AUTO_CLOSE int in = source_open(j->c->src, en, e);

	if (in < 0)
		return -1;
	return copyfile_content(in, dirfd, name, sum, e);
}

static int make_special(const struct source_entry *en, int dirfd, const char *name, struct err *e)
{
	mode_t mode = en->st.st_mode & (S_IFMT | 0777);

	if (mknodat(dirfd, name, mode, en->st.st_rdev) == 0)
		return 0;
	if (errno == EPERM) {
		err_set(e, ERR_HOST, "%s: a device node cannot be made here", name);
		return err_hint(e, "build as root, or leave the node out");
	}
	return err_sys(e, ERR_HOST, errno, "making %s", name);
}

static int make_entry(struct job *j, const struct source_entry *en, int dirfd, const char *name,
		      uint8_t sum[STATIDX_SUM_BYTES], struct err *e)
{
	if (make_room(dirfd, name, false, e) < 0)
		return -1;
	if (S_ISREG(en->st.st_mode))
		return make_file(j, en, dirfd, name, sum, e);
	if (S_ISLNK(en->st.st_mode))
		return symlinkat(en->target, dirfd, name) < 0 ? err_sys(e, ERR_HOST, errno, "making link %s", name) : 0;
	return make_special(en, dirfd, name, e);
}

/* A further name of a file that was copied already. Its content is hashed for the sum like any other. */
static int link_again(struct job *j, const struct copied_link *l, const struct source_entry *en, int dirfd,
		      const char *name, uint8_t sum[STATIDX_SUM_BYTES], struct err *e)
{
	AUTO_CLOSE int in = source_open(j->c->src, en, e);

	if (in < 0 || treesum_file(in, en->open_path, sum, e) < 0 || make_room(dirfd, name, false, e) < 0)
		return -1;
	if (linkat(j->destfd, l->path, dirfd, name, 0) < 0)
		return err_sys(e, ERR_HOST, errno, "linking %s", name);
	return 0;
}

static int put_other(struct job *j, const struct source_entry *en, const char *rel, int dirfd,
		     const struct copyfile_meta *m, uint8_t sum[STATIDX_SUM_BYTES], struct err *e)
{
	const char *name = leaf_of(rel);
	const struct copied_link *l = find_link(j, en);

	if (l)
		return link_again(j, l, en, dirfd, name, sum, e);
	if (j->c->from_root && copyfile_is_same(j->c, en, dirfd, name, m, sum))
		return 0;
	if (make_entry(j, en, dirfd, name, sum, e) < 0)
		return -1;
	if (en->st.st_nlink > 1 && S_ISREG(en->st.st_mode))
		vec_push(&j->links, (struct copied_link){en->st.st_dev, en->st.st_ino, mem_strdup(rel)});
	return copyfile_set_meta(dirfd, name, m, S_ISLNK(en->st.st_mode), e);
}

static int put_dir(const char *rel, int dirfd, struct err *e)
{
	const char *name = leaf_of(rel);

	if (make_room(dirfd, name, true, e) < 0)
		return -1;
	if (mkdirat(dirfd, name, 0700) < 0 && errno != EEXIST)
		return err_sys(e, ERR_HOST, errno, "making directory %s", name);
	return 0;
}

static void add_to_sum(const struct copyto *c, const struct source_entry *en, const struct source_xattrs *x,
		       const uint8_t *sum)
{
	if (c->sum)
		treesum_entry(c->sum, en, x, S_ISREG(en->st.st_mode) ? sum : NULL);
}

static int put_entry(struct job *j, const struct source_entry *en, const char *rel, struct err *e)
{
	uint8_t sum[STATIDX_SUM_BYTES];
	struct copyfile_meta m = {0};
	int dirfd = open_parent(j, rel, e), rc = -1;

	if (S_ISSOCK(en->st.st_mode))
		return 0;
	copyfile_meta(j->c, en, &m);
	if (dirfd >= 0 && source_xattrs_get(j->c->src, en, &m.xattrs, e) == 0)
		rc = S_ISDIR(en->st.st_mode) ? put_dir(rel, dirfd, e) : put_other(j, en, rel, dirfd, &m, sum, e);
	if (rc == 0)
		add_to_sum(j->c, en, &m.xattrs, sum);
	source_xattrs_release(&m.xattrs);
	return rc < 0 ? err_wrap(e, "%s", en->open_path) : 0;
}

/* Directories get their metadata last and from the inside out: what is made in them changes their times, and a mode
 * without write permission must not get in the way. */
static int finish_dir(struct job *j, const struct source_entry *en, const char *rel, struct err *e)
{
	struct copyfile_meta m = {0};
	int dirfd = rel[0] ? open_parent(j, rel, e) : j->destfd, rc = -1;

	copyfile_meta(j->c, en, &m);
	if (dirfd >= 0 && source_xattrs_get(j->c->src, en, &m.xattrs, e) == 0)
		rc = copyfile_set_meta(dirfd, rel[0] ? leaf_of(rel) : ".", &m, false, e);
	source_xattrs_release(&m.xattrs);
	return rc;
}

/* --- one match --- */

static int copy_tree(struct job *j, const struct source_match *m, struct err *e)
{
	add_to_sum(j->c, &m->entries.v[0], NULL, NULL);
	for (size_t i = 1; i < m->entries.n; i++)
		if (put_entry(j, &m->entries.v[i], m->entries.v[i].rel, e) < 0)
			return -1;
	for (size_t i = m->entries.n; i-- > 0;) {
		const struct source_entry *en = &m->entries.v[i];

		/* A directory that was there before keeps its own metadata, as the reference does. */
		if (!S_ISDIR(en->st.st_mode) || (i == 0 && !j->created))
			continue;
		if (finish_dir(j, en, en->rel, e) < 0)
			return -1;
	}
	return 0;
}

static bool exists_in(int rootfd, const char *path, bool *is_dir)
{
	AUTO_CLOSE int fd = path_open_in(rootfd, path, O_PATH, 0);
	struct stat st;

	*is_dir = fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
	return fd >= 0;
}

static void job_release(struct job *j)
{
	for (size_t i = 0; i < j->links.n; i++)
		free(j->links.v[i].path);
	vec_release(&j->links);
	free(j->parent);
	if (j->parentfd >= 0)
		close(j->parentfd);
}

static int copy_dir(struct copyto *c, const struct source_match *m, struct err *e)
{
	bool is_dir, there = exists_in(c->rootfd, c->dest, &is_dir);
	AUTO_CLOSE int destfd = make_dirs(c, c->dest, e);
	struct job j = {.c = c, .destfd = destfd, .parentfd = -1, .created = !there};

	if (destfd < 0)
		return -1;
	int rc = copy_tree(&j, m, e);

	job_release(&j);
	return rc;
}

/* "dest/" or an existing directory: the file goes into it under its own name. */
static char *file_dest(const struct copyto *c, const struct source_match *m)
{
	size_t n = strlen(c->dest);
	bool is_dir, into = c->dest[n - 1] == '/' || c->list->matches.n > 1;

	if (!into)
		into = exists_in(c->rootfd, c->dest, &is_dir) && is_dir;
	return into ? mem_printf("%s%s%s", c->dest, c->dest[n - 1] == '/' ? "" : "/", path_base(m->path))
		    : mem_strdup(c->dest);
}

/* An archive counts by its own bytes. */
static int sum_archive(const struct copyto *c, const struct source_entry *en, struct err *e)
{
	uint8_t sum[STATIDX_SUM_BYTES];
	AUTO_CLOSE int fd = source_open(c->src, en, e);

	if (fd < 0 || treesum_file(fd, en->open_path, sum, e) < 0)
		return -1;
	add_to_sum(c, en, NULL, sum);
	return 0;
}

static int copy_file(struct copyto *c, const struct source_match *m, struct err *e)
{
	const struct source_entry *en = &m->entries.v[0];
	AUTO_FREE char *dest = file_dest(c, m);
	AUTO_FREE char *dir = path_dir(dest);

	if (c->unpack && S_ISREG(en->st.st_mode)) {
		int rc = c->unpack(c->unpack_arg, en, c->dest, e);

		if (rc)
			return rc < 0 ? -1 : sum_archive(c, en, e);
	}
	AUTO_CLOSE int destfd = make_dirs(c, dir, e);
	struct job j = {.c = c, .destfd = destfd, .parentfd = -1};

	if (destfd < 0)
		return -1;
	int rc = put_entry(&j, en, path_base(dest), e);

	job_release(&j);
	return rc;
}

int copyto_run(struct copyto *c, struct err *e)
{
	for (size_t i = 0; i < c->list->matches.n; i++) {
		const struct source_match *m = &c->list->matches.v[i];

		if (c->sum)
			treesum_match(c->sum, m);
		if ((S_ISDIR(m->entries.v[0].st.st_mode) ? copy_dir(c, m, e) : copy_file(c, m, e)) < 0)
			return -1;
	}
	return 0;
}
