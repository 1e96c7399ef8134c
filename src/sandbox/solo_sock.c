/* Who is at the other end of a UNIX socket: postgres, dbus and others trust what the kernel says of it. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/sandbox/solo_calls.h"
#include "src/util/cleanup.h"

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

/* As getsockopt(2): *len bytes at most, and the true length. */
static int64_t put_option(const struct solo_req *r, const void *value, uint32_t n, bool cut)
{
	uint32_t room;

	if (solo_req_read(r, r->args[4], &room, sizeof room) < 0)
		return -EFAULT;
	if ((int32_t)room < 0)
		return -EINVAL;
	if (room < n && !cut)
		return solo_req_write(r, r->args[4], &n, sizeof n) < 0 ? -EFAULT : -ERANGE;
	if (room < n)
		n = room;
	if (solo_req_write(r, r->args[3], value, n) < 0 || solo_req_write(r, r->args[4], &n, sizeof n) < 0)
		return -EFAULT;
	return 0;
}

int64_t solo_sock_getsockopt(struct solo_req *r)
{
	AUTO_CLOSE int sock = solo_req_getfd(r, (int)r->args[0]);
	const struct solo_id *peer;
	struct ucred u;
	socklen_t n = sizeof u;

	if (sock < 0 || getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &u, &n) < 0 || u.pid <= 0 || !solo_req_alive(r))
		return SOLO_NATIVE;
	peer = solo_req_identity(r->s, u.pid, NULL);
	if ((int)r->args[2] == SO_PEERGROUPS)
		return put_option(r, peer->groups, peer->ngroups * (uint32_t)sizeof *peer->groups, false);
	u.uid = peer->euid;
	u.gid = peer->egid;
	return put_option(r, &u, sizeof u, true);
}
