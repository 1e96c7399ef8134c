/* rename, link and utimensat copy a link, fifo or socket of a layer up, which gives it another inode; they give names;
 * chroot. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <unistd.h>

#include "src/sandbox/solo_calls.h"
#include "src/sandbox/solo_names.h"
#include "src/sandbox/solo_rec.h"
#include "src/util/cleanup.h"

/* Copied up before the call and recorded under its new inode; then the kernel does the call as ever. */
int64_t solo_move_name(struct solo_req *r)
{
	AUTO_SOLO_NAME struct solo_name name = {.fd = -1};
	AUTO_CLOSE int fd = -1;
	struct solo_where w;
	struct ownrec rec;
	struct stat st;
	int64_t n;

	if (r->call->what)
		solo_names_move(r);
	if (!owntab_len(r->s->owners))
		return SOLO_NATIVE;
	if (solo_req_where(r, AT_SYMLINK_NOFOLLOW | AT_SYMLINK_FOLLOW | AT_EMPTY_PATH, &w) != 0)
		return SOLO_NATIVE;
	n = solo_path_open(r, &w, 0);
	if (n < 0)
		return SOLO_NATIVE;
	fd = (int)n;
	if (fstat(fd, &st) < 0 || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || !solo_rec_get(r->s, fd, &st, &rec))
		return SOLO_NATIVE;
	if (solo_req_alive(r) && fchownat(fd, "", SOLO_ID_KEEP, SOLO_ID_KEEP, AT_EMPTY_PATH) == 0)
		solo_rec_keep(r->s, fd, &rec);
	return SOLO_NATIVE;
}

/* From now on roots are compared. */
int64_t solo_move_chroot(struct solo_req *r)
{
	if (!r->who->effective)
		return -EPERM;
	r->s->chrooted = true;
	return SOLO_NATIVE;
}
