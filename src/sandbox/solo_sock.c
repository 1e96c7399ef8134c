/* Who is at the other end of a UNIX socket: postgres, dbus and others trust what the kernel says of it. And what a task
 * says of itself, as GDBus and logging do. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
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

/* --- credentials that are sent --- */

/* More than what goes with any message that has credentials. */
#define CONTROL_MAX 4096

static bool may_send(const struct solo_id *id, const struct ucred *u)
{
	bool uid = u->uid == id->ruid || u->uid == id->euid || u->uid == id->suid;
	bool gid = u->gid == id->rgid || u->gid == id->egid || u->gid == id->sgid;

	return id->effective || (uid && gid);
}

/* The kernel knows of no other ids than 0, so these are what it is given: in the task's own memory, since a call that
 * goes on to the kernel takes its arguments anew. */
static int64_t send_as_root(struct solo_req *r, uint64_t at, const struct ucred *u)
{
	static const uint32_t none[2] = {0, 0};

	if (u->uid == 0 && u->gid == 0)
		return SOLO_NATIVE;
	r->who = solo_req_identity(r->s, r->tid, &r->who_n);
	if (!may_send(r->who, u))
		return -EPERM;
	if (solo_req_alive(r))
		solo_req_write(r, at + offsetof(struct ucred, uid), none, sizeof none);
	return SOLO_NATIVE;
}

/* As CMSG_NXTHDR, on a copy: the place of the next header, or n at the end. */
static size_t next_header(const char *control, size_t at, size_t n)
{
	struct cmsghdr h;

	memcpy(&h, control + at, sizeof h);
	if (h.cmsg_len < sizeof h || h.cmsg_len > n - at || CMSG_ALIGN(h.cmsg_len) >= n - at)
		return n;
	return at + CMSG_ALIGN(h.cmsg_len);
}

int64_t solo_sock_sendmsg(struct solo_req *r)
{
	char control[CONTROL_MAX];
	struct cmsghdr h;
	struct msghdr m;
	struct ucred u;

	if (solo_req_read(r, r->args[1], &m, sizeof m) < 0 || m.msg_controllen < sizeof h ||
	    m.msg_controllen > sizeof control ||
	    solo_req_read(r, (uint64_t)(uintptr_t)m.msg_control, control, m.msg_controllen) < 0)
		return SOLO_NATIVE;
	for (size_t at = 0; at + CMSG_LEN(sizeof u) <= m.msg_controllen;
	     at = next_header(control, at, m.msg_controllen)) {
		memcpy(&h, control + at, sizeof h);
		if (h.cmsg_level != SOL_SOCKET || h.cmsg_type != SCM_CREDENTIALS || h.cmsg_len != CMSG_LEN(sizeof u))
			continue;
		memcpy(&u, control + at + CMSG_LEN(0), sizeof u);
		return send_as_root(r, (uint64_t)(uintptr_t)m.msg_control + at + CMSG_LEN(0), &u);
	}
	return SOLO_NATIVE;
}
