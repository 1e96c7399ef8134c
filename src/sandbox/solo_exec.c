/* execve: programs with set-id bits. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "src/sandbox/solo_calls.h"
#include "src/sandbox/solo_rec.h"
#include "src/util/cleanup.h"

#define SET_IDS(mode) ((mode) & (S_ISUID | S_ISGID))

/* The kernel ignores set-id bits of scripts, and all of them under no_new_privs. */
static bool bits_count(const struct solo_req *r, int fd)
{
	struct solo_name name;
	char head[2] = "";
	AUTO_CLOSE int file = -1;

	solo_path_of_fd(fd, &name);
	file = open(name.text, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (file < 0 || read(file, head, sizeof head) != sizeof head || (head[0] == '#' && head[1] == '!'))
		return false;
	return solo_req_status(r, "NoNewPrivs:", 10, 0) == 0;
}

/* The ids that the program brings; SOLO_ID_KEEP where it brings none. */
static void program_ids(const struct solo_req *r, int fd, const struct stat *st, uint32_t *uid, uint32_t *gid)
{
	struct ownrec rec;
	mode_t mode;

	solo_rec_get(r->s, fd, st, &rec);
	mode = solo_rec_mode(&rec, st->st_mode);
	if (!SET_IDS(mode) || !bits_count(r, fd))
		return;
	if (mode & S_ISUID)
		*uid = rec.uid;
	if ((mode & S_ISGID) && (mode & S_IXGRP))
		*gid = rec.gid;
}

static bool changes(const struct solo_id *a, const struct solo_id *b)
{
	return a->euid != b->euid || a->suid != b->suid || a->fsuid != b->fsuid || a->egid != b->egid ||
	       a->sgid != b->sgid || a->fsgid != b->fsgid || a->keepcaps != b->keepcaps ||
	       a->permitted != b->permitted || a->effective != b->effective;
}

static int64_t exec_fd(struct solo_req *r, int fd)
{
	uint32_t uid = SOLO_ID_KEEP, gid = SOLO_ID_KEEP;
	struct solo_id id = *r->who;
	struct solo_file exe;
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return SOLO_NATIVE;
	program_ids(r, fd, &st, &uid, &gid);
	solo_id_exec(&id, uid, gid);
	if (!changes(&id, r->who) || !solo_req_alive(r))
		return SOLO_NATIVE;
	exe = (struct solo_file){st.st_dev, st.st_ino};
	/* More rights only once the program runs; a script's is another one, but it never brings any. */
	if (uid == SOLO_ID_KEEP && gid == SOLO_ID_KEEP)
		solo_req_become(r, &id);
	else
		solo_req_become_by_exec(r, &id, &exe);
	return SOLO_NATIVE;
}

int64_t solo_exec_exec(struct solo_req *r)
{
	AUTO_SOLO_NAME struct solo_name name = {.fd = -1};
	AUTO_CLOSE int fd = -1;
	struct solo_where w;
	struct solo_id id = *r->who;
	struct stat st;
	int64_t n;

	if (solo_req_where(r, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, &w) != 0 || solo_path_find(r, &w, &name) != 0)
		return SOLO_NATIVE;
	solo_id_exec(&id, SOLO_ID_KEEP, SOLO_ID_KEEP);
	if (!changes(&id, r->who) && !solo_rec_maybe(r->s, &name) &&
	    (fstatat(AT_FDCWD, name.text, &st, 0) < 0 || !SET_IDS(st.st_mode)))
		return SOLO_NATIVE;
	n = solo_path_open(r, &w, 0);
	if (n < 0)
		return SOLO_NATIVE;
	fd = (int)n;
	return exec_fd(r, fd);
}
