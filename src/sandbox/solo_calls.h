/* The handlers of calls, by file (tier solo). Each takes a request and gives a value >= 0, a negative errno,
 * SOLO_NATIVE or SOLO_SENT. */
#ifndef SLCT_SOLO_CALLS_H
#define SLCT_SOLO_CALLS_H

#include "src/sandbox/solo_req.h"

/* solo_own.c: owner and mode of what is there. */
solo_handler solo_own_chown, solo_own_chmod;
/* solo_stat.c */
solo_handler solo_stat_stat, solo_stat_statx, solo_stat_access;
/* solo_make.c: what a task makes is its own. */
solo_handler solo_make_mkdir, solo_make_mknod, solo_make_symlink, solo_make_open, solo_make_bind;
/* solo_move.c: recorded links stay recorded when they are copied up, new names are noted; chroot. `what`: the argument
 * with the new name, 0: there is none. */
solo_handler solo_move_name, solo_move_chroot;
/* solo_cred.c; `what` says which call. */
enum { SOLO_RUID, SOLO_EUID, SOLO_RGID, SOLO_EGID };
enum { SOLO_UID_SET, SOLO_UID_RE, SOLO_UID_RES, SOLO_UID_FS, SOLO_GID_SET, SOLO_GID_RE, SOLO_GID_RES, SOLO_GID_FS };
solo_handler solo_cred_get, solo_cred_get3, solo_cred_set, solo_cred_getgroups, solo_cred_setgroups, solo_cred_prctl,
	solo_cred_capget, solo_cred_capset, solo_cred_rlimit;
/* solo_exec.c */
solo_handler solo_exec_exec;
/* solo_sock.c */
solo_handler solo_sock_getsockopt, solo_sock_sendmsg;
/* solo_xattr.c */
enum { SOLO_XATTR_GET, SOLO_XATTR_SET, SOLO_XATTR_REMOVE };
solo_handler solo_xattr_named, solo_xattr_list;

#endif
