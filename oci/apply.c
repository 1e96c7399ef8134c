/* Extraction of a hostile tar beneath a directory descriptor: what each member means. */
#include "oci/apply.h"

#include <errno.h>
#include <sys/sysmacros.h>

#include "oci/apply_path.h"
#include "oci/apply_priv.h"
#include "oci/mark.h"
#include "src/util/cleanup.h"
#include "src/util/path.h"

int apply_fail(const char *path, int sys, const char *doing, struct err *e)
{
	return err_sys(e, sys == ENAMETOOLONG || sys == EINVAL ? ERR_INPUT : ERR_HOST, sys, "%s: %s", path, doing);
}

/* --- metadata --- */

int apply_note_recorded(struct apply *a, const char *path, struct err *e)
{
	a->recorded_bytes += strlen(path) + sizeof(char *);
	if (a->recorded_bytes > OWNERS_MAX_BYTES)
		return err_set(e, ERR_INPUT, "%s: more recorded owners than %zu MiB can hold", path,
			       OWNERS_MAX_BYTES >> 20);
	strv_add(&a->recorded, *path ? path : ".");
	return 0;
}

int apply_metadata(struct apply *a, int dirfd, const char *name, const struct entry *en, struct err *e)
{
	int kept = name[0] ? apply_meta_at(dirfd, name, a->o->view, en, &a->loss, e)
			   : apply_meta_fd(dirfd, a->o->view, en, &a->loss, e);

	if (kept == OWNVIEW_RECORDED && a->o->owners)
		return apply_note_recorded(a, en->path, e);
	return kept < 0 ? -1 : 0;
}

/* Now that no member can replace another one any more. */
static int apply_list_recorded(struct apply *a, struct err *e)
{
	for (size_t i = 0; i < a->recorded.n; i++) {
		const char *path = a->recorded.v[i];
		AUTO_CLOSE int fd = path_open_nolinks(a->root, path, O_PATH | O_NOFOLLOW, 0);
		struct stat st;

		if (fd < 0 || fstat(fd, &st) < 0)
			continue;
		if (owners_note(a->o->owners, a->o->view, fd, "", st.st_mode, path, e) < 0)
			return -1;
	}
	return 0;
}

/* --- changesets --- */

/* NAME of lower layers is gone. What this layer itself has under NAME stays, but if that is a directory, nothing of
 * the lower one shows in it. */
static int apply_whiteout(const struct entry *en, const struct apply_at *at, const char *name, struct err *e)
{
	AUTO_CLOSE int fd = -1;

	if (mknodat(at->dirfd, name, S_IFCHR, makedev(0, 0)) == 0)
		return 0;
	if (errno == EPERM)
		return mark_whiteout(at->dirfd, name, e) < 0 ? err_wrap(e, "%s", en->path) : 0;
	if (errno != EEXIST)
		return apply_fail(en->path, errno, "making the whiteout", e);
	fd = openat(at->dirfd, name, APPLY_DIR_FLAGS);
	return fd < 0 ? 0 : apply_dir_set_opaque(en->path, fd, e);
}

static int apply_opaque(const struct apply *a, const struct entry *en, const struct apply_at *at, struct err *e)
{
	AUTO_CLOSE int fd = -1;

	if (at->dirfd == a->root) {
		err_set(e, ERR_INPUT, "%s: an opaque root, which would hide the whole image below, is not supported",
			en->path);
		return err_hint(e, "flatten the image with another tool, or build it from scratch");
	}
	fd = openat(at->dirfd, ".", APPLY_DIR_FLAGS);
	if (fd < 0)
		return apply_fail(en->path, errno, "opening its directory", e);
	return apply_dir_set_opaque(en->path, fd, e);
}

static int apply_change(struct apply *a, const struct entry *en, enum apply_kind kind, const char *name, struct err *e)
{
	struct apply_at at;

	if (a->o->plain)
		return err_set(e, ERR_INPUT,
			       "%s: names that begin with \".wh.\" mean removals in images and cannot be kept",
			       en->path);
	if (kind == APPLY_IGNORED)
		return 0;
	if (!en->hard && !S_ISREG(en->mode))
		return err_set(e, ERR_INPUT, "%s: a whiteout that is no regular file", en->path);
	if (apply_dir_locate(a, en->path, en->mtime, &at, e) < 0)
		return -1;
	return kind == APPLY_OPAQUE ? apply_opaque(a, en, &at, e) : apply_whiteout(en, &at, name, e);
}

/* --- the loop --- */

/* A nameless file in an archive of ADD means nothing; some archivers write one. */
static int apply_root(struct apply *a, const struct entry *en, struct err *e)
{
	AUTO_CLOSE int fd = -1;

	if (en->hard || !S_ISDIR(en->mode))
		return a->o->plain ? 0 : err_set(e, ERR_INPUT, "the tar's root is no directory");
	fd = openat(a->root, ".", APPLY_DIR_FLAGS);
	if (fd < 0)
		return err_sys(e, ERR_HOST, errno, "opening the root");
	if (apply_metadata(a, fd, "", en, e) < 0)
		return -1;
	return apply_dir_note(a, ".", en->mtime, en, e);
}

static int apply_typed(struct apply *a, const struct apply_at *at, const struct entry *en, struct err *e)
{
	static const struct {
		mode_t type;
		int (*fn)(struct apply *, const struct apply_at *, const struct entry *, struct err *);
	} table[] = {
		{S_IFREG, apply_node_file},    {S_IFDIR, apply_dir_make},    {S_IFLNK, apply_node_special},
		{S_IFIFO, apply_node_special}, {S_IFCHR, apply_node_device}, {S_IFBLK, apply_node_device},
	};

	if (en->hard)
		return apply_node_hard_link(a, at, en, e);
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].type == (en->mode & S_IFMT))
			return table[i].fn(a, at, en, e);
	apply_meta_lose(&a->loss, en->path, "a socket");
	return 0;
}

/* The owner of what it unpacks can always enter, read and remove it. */
static void apply_own(struct entry *en)
{
	en->uid = geteuid();
	en->gid = getegid();
	for (size_t i = 0; i < en->nxattrs; i++) {
		free(en->xattrs[i].name);
		free(en->xattrs[i].val);
	}
	en->nxattrs = 0;
	if (S_ISDIR(en->mode))
		en->mode |= 0700;
}

static int apply_member(struct apply *a, struct entry *en, struct err *e)
{
	char *clean = apply_path_clean(en->path, e);
	const char *name, *lost = tar_read_lost(a->t);
	bool absolute = en->path[0] == '/';
	enum apply_kind kind;
	struct apply_at at;

	if (!clean)
		return -1;
	free(en->path);
	en->path = clean;
	if (a->o->own)
		apply_own(en);
	if (!*clean)
		return apply_root(a, en, e);
	a->out->entries++;
	if (lost)
		apply_meta_lose(&a->loss, en->path, lost);
	if (apply_path_kind(clean, &kind, &name, e) < 0)
		return -1;
	/* Who writes absolute names by carelessness does not write whiteouts. */
	if (kind != APPLY_ORDINARY && absolute)
		return err_set(e, ERR_INPUT, "/%s: a whiteout by an absolute name", clean);
	if (kind != APPLY_ORDINARY)
		return apply_change(a, en, kind, name, e);
	if (apply_dir_locate(a, clean, en->mtime, &at, e) < 0)
		return -1;
	return apply_typed(a, &at, en, e);
}

static int apply_all(struct apply *a, struct err *e)
{
	AUTO_ENTRY struct entry en = {0};
	int r;

	while ((r = tar_read_next(a->t, &en, e)) > 0)
		if (apply_member(a, &en, e) < 0)
			return -1;
	return r < 0 || apply_list_recorded(a, e) < 0 ? -1 : apply_dir_finish(a, e);
}

int apply_tar(struct tar_read *t, int destfd, const struct apply_opts *o, struct apply_result *out, struct err *e)
{
	struct apply a = {.t = t, .root = destfd, .o = o, .out = out, .parent_fd = -1};
	int r;

	*out = (struct apply_result){0};
	r = apply_all(&a, e);
	apply_meta_summary(&a.loss);
	out->lossy = a.loss.n > 0;
	apply_dir_release(&a);
	strv_release(&a.recorded);
	return r;
}
