/* chown and chmod. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <unistd.h>

#include "src/sandbox/solo_calls.h"
#include "src/sandbox/solo_rec.h"
#include "src/util/cleanup.h"

#define PERMISSIONS 07777
#define SET_IDS	    (S_ISUID | S_ISGID)

static bool is_device(mode_t mode)
{
	return S_ISCHR(mode) || S_ISBLK(mode);
}

/* Root may do all if it has the capability; an owner may give a file to a group of his. */
static bool may_chown(const struct solo_req *r, const struct ownrec *rec, uint32_t uid, uint32_t gid)
{
	if (solo_id_owns_all(r->who))
		return solo_req_capable(r, CAP_CHOWN);
	if (r->who->fsuid != rec->uid || (uid != SOLO_ID_KEEP && uid != rec->uid))
		return false;
	return gid == SOLO_ID_KEEP || gid == rec->gid || solo_id_in_group(r->who, gid);
}

/* chown(2) takes the set-id bits of what is no directory; on disk the kernel has done it. */
static void drop_setid(struct ownrec *rec)
{
	if (rec->mode == 0 || S_ISDIR(rec->mode))
		return;
	rec->mode &= ~(mode_t)S_ISUID;
	if (rec->mode & S_IXGRP)
		rec->mode &= ~(mode_t)S_ISGID;
	if (S_ISREG(rec->mode) && !(rec->mode & SET_IDS))
		rec->mode = 0;
}

static int64_t chown_fd(const struct solo_req *r, int fd, uint32_t uid, uint32_t gid)
{
	struct ownrec rec;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	solo_rec_get(r->s, fd, &st, &rec);
	if (!may_chown(r, &rec, uid, gid))
		return -EPERM;
	if (!solo_req_alive(r))
		return -ESRCH;
	/* To the one id that there is: copies up, sets the time of change, clears set-id bits and capabilities. */
	if (fchownat(fd, "", uid == SOLO_ID_KEEP ? uid : 0, gid == SOLO_ID_KEEP ? gid : 0, AT_EMPTY_PATH) < 0)
		return -errno;
	if (uid != SOLO_ID_KEEP)
		rec.uid = uid;
	if (gid != SOLO_ID_KEEP)
		rec.gid = gid;
	drop_setid(&rec);
	return solo_rec_set(r->s, fd, &st, &rec);
}

int64_t solo_own_chown(struct solo_req *r)
{
	struct solo_where w;
	int64_t fd = solo_req_where(r, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, &w), n;

	if (fd == 0)
		fd = solo_path_open(r, &w, 0);
	if (fd < 0)
		return fd;
	n = chown_fd(r, (int)fd, (uint32_t)solo_req_arg(r, 0), (uint32_t)solo_req_arg(r, 1));
	close((int)fd);
	return n;
}

/* By the name of our descriptor: fchmod(2) refuses O_PATH. */
static int64_t chmod_here(int fd, mode_t mode)
{
	struct solo_name name;

	solo_path_of_fd(fd, &name);
	return chmod(name.text, mode) < 0 ? -errno : 0;
}

static int64_t chmod_recorded(const struct solo_req *r, int fd, const struct stat *st, struct ownrec *rec, mode_t mode)
{
	bool row = !S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode);
	int64_t n;

	if (is_device(rec->mode)) {
		n = chmod_here(fd, mode & 0777);
		rec->mode = (rec->mode & S_IFMT) | mode;
		return n < 0 ? n : solo_rec_set(r->s, fd, st, rec);
	}
	/* In a user namespace the kernel takes the set-id bits at the next write, whoever writes; root's stay. */
	if (rec->mode || (S_ISREG(st->st_mode) && (mode & SET_IDS))) {
		rec->mode = S_ISREG(st->st_mode) && (mode & SET_IDS) ? S_IFREG | mode : 0;
		n = solo_rec_set(r->s, fd, st, rec);
		if (n < 0)
			return n;
	}
	n = chmod_here(fd, rec->mode ? mode & ~(mode_t)SET_IDS : mode);
	if (n == 0 && row)
		solo_rec_keep(r->s, fd, rec);
	return n;
}

static int64_t chmod_fd(const struct solo_req *r, int fd, mode_t mode)
{
	bool all = solo_id_owns_all(r->who);
	struct ownrec rec;
	struct stat st;

	if (fstat(fd, &st) < 0 || S_ISLNK(st.st_mode))
		return SOLO_NATIVE;
	solo_rec_get(r->s, fd, &st, &rec);
	if (!all && rec.uid != r->who->fsuid)
		return -EPERM;
	if (!all && !solo_id_in_group(r->who, rec.gid))
		mode &= ~(mode_t)S_ISGID;
	return solo_req_alive(r) ? chmod_recorded(r, fd, &st, &rec, mode) : -ESRCH;
}

int64_t solo_own_chmod(struct solo_req *r)
{
	AUTO_SOLO_NAME struct solo_name name = {.fd = -1};
	struct solo_where w;
	int64_t fd = solo_req_where(r, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, &w), n;

	if (fd != 0 || solo_path_find(r, &w, &name) != 0)
		return SOLO_NATIVE;
	if (solo_id_owns_all(r->who) && !(solo_req_arg(r, 0) & SET_IDS) && !solo_rec_maybe(r->s, &name))
		return SOLO_NATIVE;
	fd = solo_path_open(r, &w, 0);
	if (fd < 0)
		return fd;
	n = chmod_fd(r, (int)fd, (mode_t)solo_req_arg(r, 0) & PERMISSIONS);
	close((int)fd);
	return n;
}
