/* Which handler answers which call, and where it finds its arguments. */
#include "src/sandbox/solo_calls.h"

#include <sys/syscall.h>

#define NR_FCHMODAT2 452
#define CALLS_NR_MAX 512

#define AT(d, p, f, a)	 {d, p, f, a, 0}
#define PATH(p, a)	 {-1, p, -1, a, 0}
#define LINK(p, a)	 {-1, p, -1, a, 1}
#define FD(a)		 {0, -1, -1, a, 0}
#define OTHER		 {-1, -1, -1, 0, 0}
#define AT_LINK(d, p, f, a) {d, p, f, a, 1}

static const struct solo_call calls[] = {
#ifdef SYS_open
	{SYS_chown, solo_own_chown, PATH(0, 1), 0},
	{SYS_lchown, solo_own_chown, LINK(0, 1), 0},
	{SYS_chmod, solo_own_chmod, PATH(0, 1), 0},
	{SYS_stat, solo_stat_stat, PATH(0, 1), 0},
	{SYS_lstat, solo_stat_stat, LINK(0, 1), 0},
	{SYS_access, solo_stat_access, PATH(0, 1), 0},
	{SYS_mkdir, solo_make_mkdir, PATH(0, 1), 0},
	{SYS_mknod, solo_make_mknod, LINK(0, 1), 0},
	{SYS_symlink, solo_make_symlink, LINK(1, 0), 0},
	{SYS_open, solo_make_open, PATH(0, 1), 0},
	{SYS_creat, solo_make_open, PATH(0, 1), 1},
	{SYS_rename, solo_move_name, LINK(0, 1), 0},
	{SYS_link, solo_move_name, LINK(0, 1), 0},
#endif
	{SYS_fchown, solo_own_chown, FD(1), 0},
	{SYS_fchownat, solo_own_chown, AT(0, 1, 4, 2), 0},
	{SYS_fchmod, solo_own_chmod, FD(1), 0},
	{SYS_fchmodat, solo_own_chmod, AT(0, 1, -1, 2), 0},
	{NR_FCHMODAT2, solo_own_chmod, AT(0, 1, 3, 2), 0},
	{SYS_fstat, solo_stat_stat, FD(1), 0},
	{SYS_newfstatat, solo_stat_stat, AT(0, 1, 3, 2), 0},
	{SYS_statx, solo_stat_statx, AT(0, 1, 2, 4), 0},
	{SYS_faccessat, solo_stat_access, AT(0, 1, -1, 2), 0},
	{SYS_faccessat2, solo_stat_access, AT(0, 1, 3, 2), 0},
	{SYS_mkdirat, solo_make_mkdir, AT(0, 1, -1, 2), 0},
	{SYS_mknodat, solo_make_mknod, AT_LINK(0, 1, -1, 2), 0},
	{SYS_symlinkat, solo_make_symlink, AT_LINK(1, 2, -1, 0), 0},
	{SYS_openat, solo_make_open, AT(0, 1, -1, 2), 0},
#ifdef SYS_renameat
	{SYS_renameat, solo_move_name, AT_LINK(0, 1, -1, 2), 0},
#endif
	{SYS_renameat2, solo_move_name, AT_LINK(0, 1, -1, 2), 0},
	{SYS_linkat, solo_move_name, AT_LINK(0, 1, 4, 2), 0},
	{SYS_utimensat, solo_move_name, AT(0, 1, 3, 2), 0},
	{SYS_bind, solo_make_bind, OTHER, 0},
	{SYS_chroot, solo_move_chroot, OTHER, 0},
	{SYS_execve, solo_exec_exec, PATH(0, 1), 0},
	{SYS_execveat, solo_exec_exec, AT(0, 1, 4, 2), 0},
	{SYS_getuid, solo_cred_get, OTHER, SOLO_RUID},
	{SYS_geteuid, solo_cred_get, OTHER, SOLO_EUID},
	{SYS_getgid, solo_cred_get, OTHER, SOLO_RGID},
	{SYS_getegid, solo_cred_get, OTHER, SOLO_EGID},
	{SYS_getresuid, solo_cred_get3, OTHER, SOLO_RUID},
	{SYS_getresgid, solo_cred_get3, OTHER, SOLO_RGID},
	{SYS_setuid, solo_cred_set, OTHER, SOLO_UID_SET},
	{SYS_setreuid, solo_cred_set, OTHER, SOLO_UID_RE},
	{SYS_setresuid, solo_cred_set, OTHER, SOLO_UID_RES},
	{SYS_setfsuid, solo_cred_set, OTHER, SOLO_UID_FS},
	{SYS_setgid, solo_cred_set, OTHER, SOLO_GID_SET},
	{SYS_setregid, solo_cred_set, OTHER, SOLO_GID_RE},
	{SYS_setresgid, solo_cred_set, OTHER, SOLO_GID_RES},
	{SYS_setfsgid, solo_cred_set, OTHER, SOLO_GID_FS},
	{SYS_getgroups, solo_cred_getgroups, OTHER, 0},
	{SYS_setgroups, solo_cred_setgroups, OTHER, 0},
	{SYS_prctl, solo_cred_prctl, OTHER, 0},
	{SYS_capget, solo_cred_capget, OTHER, 0},
	{SYS_capset, solo_cred_capset, OTHER, 0},
#ifdef SYS_getrlimit
	{SYS_getrlimit, solo_cred_rlimit, OTHER, 1},
	{SYS_setrlimit, solo_cred_rlimit, OTHER, -1},
#endif
	{SYS_prlimit64, solo_cred_rlimit, OTHER, 3},
	{SYS_getsockopt, solo_sock_getsockopt, OTHER, 0},
	{SYS_getxattr, solo_xattr_named, PATH(0, 1), SOLO_XATTR_GET},
	{SYS_lgetxattr, solo_xattr_named, LINK(0, 1), SOLO_XATTR_GET},
	{SYS_fgetxattr, solo_xattr_named, FD(1), SOLO_XATTR_GET},
	{SYS_setxattr, solo_xattr_named, PATH(0, 1), SOLO_XATTR_SET},
	{SYS_lsetxattr, solo_xattr_named, LINK(0, 1), SOLO_XATTR_SET},
	{SYS_fsetxattr, solo_xattr_named, FD(1), SOLO_XATTR_SET},
	{SYS_removexattr, solo_xattr_named, PATH(0, 1), SOLO_XATTR_REMOVE},
	{SYS_lremovexattr, solo_xattr_named, LINK(0, 1), SOLO_XATTR_REMOVE},
	{SYS_fremovexattr, solo_xattr_named, FD(1), SOLO_XATTR_REMOVE},
	{SYS_listxattr, solo_xattr_list, PATH(0, 1), 0},
	{SYS_llistxattr, solo_xattr_list, LINK(0, 1), 0},
	{SYS_flistxattr, solo_xattr_list, FD(1), 0},
};

const struct solo_call *solo_req_call(int nr)
{
	static const struct solo_call *by_nr[CALLS_NR_MAX];

	if (!by_nr[calls[0].nr])
		for (size_t i = 0; i < ARRAY_LEN(calls); i++)
			by_nr[calls[i].nr] = &calls[i];
	return nr >= 0 && nr < CALLS_NR_MAX ? by_nr[nr] : NULL;
}
