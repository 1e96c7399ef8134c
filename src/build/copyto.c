#include "src/build/copyto.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "oci/linkmap.h"
#include "src/build/copydest.h"
#include "src/build/copyfile.h"
#include "src/build/copylink.h"
#include "src/util/mem.h"
#include "src/util/path.h"

struct job {
	struct copyto *c;
	const struct source_match *m;
	int destfd;   /* directory that entries' paths are relative to */
	char *parent; /* last directory opened below it, and its descriptor */
	int parentfd;
	bool *kept;	      /* by index of the match's entries: passages that were there before */
	struct linkmap links; /* inode → where it was copied to, relative to destfd */
};

/* --- places --- */

static char *dir_part(const char *rel)
{
	const char *slash = strrchr(rel, '/');

	return mem_strndup(rel, slash ? (size_t)(slash - rel) : 0);
}

/* Nothing on the way is a link, because we made or checked it, but for what an archive only implies. */
static int open_below(const struct job *j, const char *dir)
{
	if (!j->c->from_archive)
		return path_open_nolinks(j->destfd, dir, O_PATH | O_DIRECTORY, 0);
	AUTO_FREE char *path = mem_printf("%s/%s", j->c->dest, dir);

	return path_open_in(j->c->rootfd, path, O_PATH | O_DIRECTORY, 0);
}

/* Directory that holds `rel`; the descriptor stays ours. */
static int open_parent(struct job *j, const char *rel, struct err *e)
{
	AUTO_FREE char *dir = dir_part(rel);

	if (!dir[0])
		return j->destfd;
	if (j->parent && strcmp(j->parent, dir) == 0)
		return j->parentfd;
	int fd = open_below(j, dir);

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

/* --- entries --- */

/* Where another name of this file was copied to, or NULL; then this place is remembered. */
static const char *find_link(struct job *j, const struct source_entry *en, const char *rel)
{
	if (en->st.st_nlink < 2 || !S_ISREG(en->st.st_mode))
		return NULL;
	return linkmap_first(&j->links, &en->st, rel);
}

static int make_file(struct job *j, const struct source_entry *en, int dirfd, const char *name,
		     uint8_t sum[STATIDX_SUM_BYTES], struct err *e)
{
	AUTO_CLOSE int in = source_open(j->c->src, en, e);

	if (in < 0)
		return -1;
	if (copyfile_content(in, dirfd, name, j->c->sum ? sum : NULL, e) < 0)
		return -1;
	return copyfile_inherit(j->c, dirfd, name, S_IFREG, e);
}

/* A device that cannot be made is recorded on an empty file; so is 0:0, which would be a whiteout. */
static bool is_recorded(const struct source_entry *en)
{
	return S_ISCHR(en->st.st_mode) && en->st.st_rdev == 0;
}

static int make_placeholder(int dirfd, const char *name, struct err *e)
{
	AUTO_CLOSE int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? err_sys(e, ERR_HOST, errno, "making %s", name) : 0;
}

static int make_special(const struct source_entry *en, int dirfd, const char *name, struct err *e)
{
	bool device = S_ISCHR(en->st.st_mode) || S_ISBLK(en->st.st_mode);

	if (is_recorded(en))
		return make_placeholder(dirfd, name, e);
	if (mknodat(dirfd, name, (en->st.st_mode & S_IFMT) | 0600, en->st.st_rdev) == 0)
		return 0;
	if (device && errno == EPERM)
		return make_placeholder(dirfd, name, e);
	return err_sys(e, ERR_HOST, errno, "making %s", name);
}

static int make_entry(struct job *j, const struct source_entry *en, int dirfd, const char *name,
		      uint8_t sum[STATIDX_SUM_BYTES], struct err *e)
{
	if (copydest_make_room(j->c, dirfd, name, false, e) < 0)
		return -1;
	if (S_ISREG(en->st.st_mode))
		return make_file(j, en, dirfd, name, sum, e);
	if (S_ISLNK(en->st.st_mode))
		return symlinkat(en->target, dirfd, name) < 0 ? err_sys(e, ERR_HOST, errno, "making link %s", name) : 0;
	return make_special(en, dirfd, name, e);
}

/* A further name of a file that was copied already. Its content is hashed for the sum like any other. */
static int link_again(struct job *j, const char *first, const struct source_entry *en, int dirfd, const char *name,
		      uint8_t sum[STATIDX_SUM_BYTES], struct err *e)
{
	AUTO_CLOSE int in = j->c->sum ? source_open(j->c->src, en, e) : -1;

	if ((j->c->sum && (in < 0 || treesum_file(in, en->open_path, sum, e) < 0)) ||
	    copydest_make_room(j->c, dirfd, name, false, e) < 0)
		return -1;
	if (linkat(j->destfd, first, dirfd, name, 0) < 0)
		return err_sys(e, ERR_HOST, errno, "linking %s", name);
	return 0;
}

/* 1: it will be linked from its tree, 0: it must be copied, -1 with *e. */
static int link_from_tree(struct job *j, const struct source_entry *en, int dirfd, const char *name,
			  const struct copyfile_meta *m, bool again, struct err *e)
{
	if (!j->c->links || !S_ISREG(en->st.st_mode))
		return 0;
	if (copydest_make_room(j->c, dirfd, name, false, e) < 0)
		return -1;
	return copylink_add(j->c->links, en, m, dirfd, name, again, e);
}

static int put_other(struct job *j, const struct source_entry *en, const char *rel, int dirfd,
		     const struct copyfile_meta *m, uint8_t sum[STATIDX_SUM_BYTES], struct err *e)
{
	const char *name = leaf_of(rel);
	const char *first = find_link(j, en, rel);

	if (!first && j->c->from_root && copyfile_is_same(j->c, en, dirfd, name, m, sum))
		return 0;
	int linked = link_from_tree(j, en, dirfd, name, m, first != NULL, e);

	if (linked)
		return linked < 0 ? -1 : 0;
	if (first)
		return link_again(j, first, en, dirfd, name, sum, e);
	if (make_entry(j, en, dirfd, name, sum, e) < 0)
		return -1;
	return copyfile_set_meta(j->c, dirfd, name, m, S_ISLNK(en->st.st_mode), e);
}

/* A passage is only made where it is missing; an archive's may be a link inside the root. */
static bool use_passage(const struct job *j, const char *rel, int dirfd)
{
	struct stat st;

	if (j->c->from_archive) {
		AUTO_CLOSE int fd = open_below(j, rel);

		return fd >= 0;
	}
	return fstatat(dirfd, leaf_of(rel), &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static int put_dir(struct job *j, const struct source_entry *en, const char *rel, int dirfd, struct err *e)
{
	const char *name = leaf_of(rel);

	if (en->passage && use_passage(j, rel, dirfd)) {
		j->kept[en - j->m->entries.v] = true;
		return 0;
	}
	if (copydest_make_room(j->c, dirfd, name, true, e) < 0)
		return -1;
	if (mkdirat(dirfd, name, 0700) == 0)
		return copyfile_inherit(j->c, dirfd, name, S_IFDIR, e);
	return errno == EEXIST ? 0 : err_sys(e, ERR_HOST, errno, "making directory %s", name);
}

/* As the scan of a context does it: a file's attributes are folded into its sum. */
static void add_to_sum(const struct copyto *c, const struct source_entry *en, const struct source_xattrs *x,
		       uint8_t *sum)
{
	bool file = S_ISREG(en->st.st_mode);

	if (!c->sum)
		return;
	if (file && x && !c->from_root)
		treesum_fold(sum, x);
	treesum_entry(c->sum, en, file && !c->from_root ? NULL : x, file ? sum : NULL);
}

static int put_entry(struct job *j, const struct source_entry *en, const char *rel, struct err *e)
{
	uint8_t sum[STATIDX_SUM_BYTES];
	struct copyfile_meta m = {0};
	int dirfd, rc = -1;

	if (S_ISSOCK(en->st.st_mode))
		return 0;
	dirfd = open_parent(j, rel, e);
	copyfile_meta(j->c, en, &m);
	if (dirfd >= 0 && source_xattrs_get(j->c->src, en, &m.xattrs, e) == 0)
		rc = S_ISDIR(en->st.st_mode) ? put_dir(j, en, rel, dirfd, e) : put_other(j, en, rel, dirfd, &m, sum, e);
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
	int dirfd = open_parent(j, rel, e), rc = -1;

	copyfile_meta(j->c, en, &m);
	if (dirfd >= 0 && source_xattrs_get(j->c->src, en, &m.xattrs, e) == 0)
		rc = copyfile_set_meta(j->c, dirfd, leaf_of(rel), &m, false, e);
	source_xattrs_release(&m.xattrs);
	return rc;
}

/* --- one match --- */

/* The directory that a match names gives only its content: it is made like those on the way, and keeps its metadata if
 * it was there (as the reference does). */
static int copy_tree(struct job *j, const struct source_match *m, struct err *e)
{
	add_to_sum(j->c, &m->entries.v[0], NULL, NULL);
	for (size_t i = 1; i < m->entries.n; i++)
		if (put_entry(j, &m->entries.v[i], m->entries.v[i].rel, e) < 0)
			return -1;
	for (size_t i = m->entries.n; i-- > 1;) {
		const struct source_entry *en = &m->entries.v[i];

		if (S_ISDIR(en->st.st_mode) && !j->kept[i] && finish_dir(j, en, en->rel, e) < 0)
			return -1;
	}
	return 0;
}

static void job_release(struct job *j)
{
	linkmap_release(&j->links);
	free(j->parent);
	if (j->parentfd >= 0)
		close(j->parentfd);
}

static int copy_dir(struct copyto *c, const struct source_match *m, struct err *e)
{
	AUTO_CLOSE int destfd = copydest_make(c, c->dest, e);
	AUTO_FREE bool *kept = mem_zalloc(m->entries.n);
	struct job j = {.c = c, .m = m, .destfd = destfd, .parentfd = -1, .kept = kept};

	if (destfd < 0)
		return -1;
	int rc = copy_tree(&j, m, e);

	job_release(&j);
	return rc;
}

/* An archive counts by its own bytes. */
static int sum_archive(const struct copyto *c, const struct source_entry *en, struct err *e)
{
	uint8_t sum[STATIDX_SUM_BYTES];
	struct source_xattrs attrs = {0};
	AUTO_CLOSE int fd = source_open(c->src, en, e);
	int rc = fd < 0 ? -1 : treesum_file(fd, en->open_path, sum, e);

	if (rc == 0)
		rc = source_xattrs_get(c->src, en, &attrs, e);
	if (rc == 0)
		add_to_sum(c, en, &attrs, sum);
	source_xattrs_release(&attrs);
	return rc;
}

static int copy_file(struct copyto *c, const struct source_match *m, struct err *e)
{
	const struct source_entry *en = &m->entries.v[0];
	AUTO_FREE char *dest = copydest_of_file(c, m);
	AUTO_FREE char *dir = path_dir(dest);

	if (c->unpack && S_ISREG(en->st.st_mode)) {
		int rc = c->unpack(c->unpack_arg, en, c->dest, e);

		if (rc)
			return rc < 0 ? -1 : sum_archive(c, en, e);
	}
	AUTO_CLOSE int destfd = copydest_make(c, dir, e);
	struct job j = {.c = c, .m = m, .destfd = destfd, .parentfd = -1};

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
