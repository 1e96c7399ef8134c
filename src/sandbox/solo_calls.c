/* Which handler answers which call, and where it finds its arguments. */
#include "src/sandbox/solo_calls.h"

#include <sys/syscall.h>

#define NR_FCHMODAT2 452
#define CALLS_NR_MAX 512

#define AT(d, p, f, a)                                                                                                 \
	{                                                                                                              \
		d, p, f, a, 0                                                                                          \
	}
#define PATH(p, a)                                                                                                     \
	{                                                                                                              \
		-1, p, -1, a, 0                                                                                        \
	}
#define LINK(p, a)                                                                                                     \
	{                                                                                                              \
		-1, p, -1, a, 1                                                                                        \
	}
#define FD(a)                                                                                                          \
	{                                                                                                              \
		0, -1, -1, a, 0                                                                                        \
	}
#define OTHER                                                                                                          \
	{                                                                                                              \
		-1, -1, -1, 0, 0                                                                                       \
	}
#define AT_LINK(d, p, f, a)                                                                                            \
	{                                                                                                              \
		d, p, f, a, 1                                                                                          \
	}

static const struct solo_call calls[] = {
#ifdef SYS_open
	{SYS_chown, solo_own_chown, PATH(0, 1), 0, false},
	{SYS_lchown, solo_own_chown, LINK(0, 1), 0, false},
	{SYS_chmod, solo_own_chmod, PATH(0, 1), 0, false},
	{SYS_stat, solo_stat_stat, PATH(0, 1), 0, true},
	{SYS_lstat, solo_stat_stat, LINK(0, 1), 0, true},
	{SYS_access, solo_stat_access, PATH(0, 1), 0, false},
	{SYS_mkdir, solo_make_mkdir, PATH(0, 1), 0, false},
	{SYS_mknod, solo_make_mknod, LINK(0, 1), 0, false},
	{SYS_symlink, solo_make_symlink, LINK(1, 0), 0, false},
	{SYS_open, solo_make_open, PATH(0, 1), 0, false},
	{SYS_creat, solo_make_open, PATH(0, 1), 1, false},
	{SYS_rename, solo_move_name, LINK(0, 1), 1, true},
	{SYS_link, solo_move_name, LINK(0, 1), 1, true},
#endif
	{SYS_fchown, solo_own_chown, FD(1), 0, false},
	{SYS_fchownat, solo_own_chown, AT(0, 1, 4, 2), 0, false},
	{SYS_fchmod, solo_own_chmod, FD(1), 0, false},
	{SYS_fchmodat, solo_own_chmod, AT(0, 1, -1, 2), 0, false},
	{NR_FCHMODAT2, solo_own_chmod, AT(0, 1, 3, 2), 0, false},
	{SYS_fstat, solo_stat_stat, FD(1), 0, true},
	{SYS_newfstatat, solo_stat_stat, AT(0, 1, 3, 2), 0, true},
	{SYS_statx, solo_stat_statx, AT(0, 1, 2, 4), 0, true},
	{SYS_faccessat, solo_stat_access, AT(0, 1, -1, 2), 0, false},
	{SYS_faccessat2, solo_stat_access, AT(0, 1, 3, 2), 0, false},
	{SYS_mkdirat, solo_make_mkdir, AT(0, 1, -1, 2), 0, false},
	{SYS_mknodat, solo_make_mknod, AT_LINK(0, 1, -1, 2), 0, false},
	{SYS_symlinkat, solo_make_symlink, AT_LINK(1, 2, -1, 0), 0, false},
	{SYS_openat, solo_make_open, AT(0, 1, -1, 2), 0, false},
#ifdef SYS_renameat
	{SYS_renameat, solo_move_name, AT_LINK(0, 1, -1, 2), 3, true},
#endif
	{SYS_renameat2, solo_move_name, AT_LINK(0, 1, -1, 2), 3, true},
	{SYS_linkat, solo_move_name, AT_LINK(0, 1, 4, 2), 3, true},
	{SYS_utimensat, solo_move_name, AT(0, 1, 3, 2), 0, true},
	{SYS_bind, solo_make_bind, OTHER, 0, false},
	{SYS_chroot, solo_move_chroot, OTHER, 0, false},
	{SYS_execve, solo_exec_exec, PATH(0, 1), 0, false},
	{SYS_execveat, solo_exec_exec, AT(0, 1, 4, 2), 0, false},
	{SYS_getuid, solo_cred_get, OTHER, SOLO_RUID, false},
	{SYS_geteuid, solo_cred_get, OTHER, SOLO_EUID, false},
	{SYS_getgid, solo_cred_get, OTHER, SOLO_RGID, false},
	{SYS_getegid, solo_cred_get, OTHER, SOLO_EGID, false},
	{SYS_getresuid, solo_cred_get3, OTHER, SOLO_RUID, false},
	{SYS_getresgid, solo_cred_get3, OTHER, SOLO_RGID, false},
	{SYS_setuid, solo_cred_set, OTHER, SOLO_UID_SET, false},
	{SYS_setreuid, solo_cred_set, OTHER, SOLO_UID_RE, false},
	{SYS_setresuid, solo_cred_set, OTHER, SOLO_UID_RES, false},
	{SYS_setfsuid, solo_cred_set, OTHER, SOLO_UID_FS, false},
	{SYS_setgid, solo_cred_set, OTHER, SOLO_GID_SET, false},
	{SYS_setregid, solo_cred_set, OTHER, SOLO_GID_RE, false},
	{SYS_setresgid, solo_cred_set, OTHER, SOLO_GID_RES, false},
	{SYS_setfsgid, solo_cred_set, OTHER, SOLO_GID_FS, false},
	{SYS_getgroups, solo_cred_getgroups, OTHER, 0, false},
	{SYS_setgroups, solo_cred_setgroups, OTHER, 0, false},
	{SYS_prctl, solo_cred_prctl, OTHER, 0, false},
	{SYS_capget, solo_cred_capget, OTHER, 0, false},
	{SYS_capset, solo_cred_capset, OTHER, 0, false},
#ifdef SYS_getrlimit
	{SYS_getrlimit, solo_cred_rlimit, OTHER, 1, false},
	{SYS_setrlimit, solo_cred_rlimit, OTHER, -1, false},
#endif
	{SYS_prlimit64, solo_cred_rlimit, OTHER, 3, false},
	{SYS_getsockopt, solo_sock_getsockopt, OTHER, 0, false},
	{SYS_sendmsg, solo_sock_sendmsg, OTHER, 0, true},
	{SYS_getxattr, solo_xattr_named, PATH(0, 1), SOLO_XATTR_GET, true},
	{SYS_lgetxattr, solo_xattr_named, LINK(0, 1), SOLO_XATTR_GET, true},
	{SYS_fgetxattr, solo_xattr_named, FD(1), SOLO_XATTR_GET, true},
	{SYS_setxattr, solo_xattr_named, PATH(0, 1), SOLO_XATTR_SET, true},
	{SYS_lsetxattr, solo_xattr_named, LINK(0, 1), SOLO_XATTR_SET, true},
	{SYS_fsetxattr, solo_xattr_named, FD(1), SOLO_XATTR_SET, true},
	{SYS_removexattr, solo_xattr_named, PATH(0, 1), SOLO_XATTR_REMOVE, true},
	{SYS_lremovexattr, solo_xattr_named, LINK(0, 1), SOLO_XATTR_REMOVE, true},
	{SYS_fremovexattr, solo_xattr_named, FD(1), SOLO_XATTR_REMOVE, true},
	{SYS_listxattr, solo_xattr_list, PATH(0, 1), 0, true},
	{SYS_llistxattr, solo_xattr_list, LINK(0, 1), 0, true},
	{SYS_flistxattr, solo_xattr_list, FD(1), 0, true},
};

const struct solo_call *solo_req_call(int nr)
{
	static const struct solo_call *by_nr[CALLS_NR_MAX];

	if (!by_nr[calls[0].nr])
		for (size_t i = 0; i < ARRAY_LEN(calls); i++)
			by_nr[calls[i].nr] = &calls[i];
	return nr >= 0 && nr < CALLS_NR_MAX ? by_nr[nr] : NULL;
}
