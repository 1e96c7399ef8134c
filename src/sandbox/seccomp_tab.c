/* Tables of the default seccomp profile. The allowed calls are those of Docker's default profile for the capabilities
 * that a step has. */
#include "src/sandbox/seccomp_tab.h"

#include <sched.h>
#include <sys/ioctl.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

/* The kernel takes the request of ioctl(2) as 32 bits: the upper half must not matter here (CVE-2019-10063). A flag is
 * refused alone and among others. CLONE_NEWTIME is a signal number to clone(2), so only unshare(2) has it. */
const struct seccomp_tab_rule seccomp_tab_never[] = {
	{"ioctl", 1, UINT32_MAX, TIOCSTI},
	{"ioctl", 1, UINT32_MAX, TIOCLINUX},
	{"clone", 0, CLONE_NEWNS, CLONE_NEWNS},
	{"clone", 0, CLONE_NEWCGROUP, CLONE_NEWCGROUP},
	{"clone", 0, CLONE_NEWUTS, CLONE_NEWUTS},
	{"clone", 0, CLONE_NEWIPC, CLONE_NEWIPC},
	{"clone", 0, CLONE_NEWUSER, CLONE_NEWUSER},
	{"clone", 0, CLONE_NEWPID, CLONE_NEWPID},
	{"clone", 0, CLONE_NEWNET, CLONE_NEWNET},
	{"unshare", 0, CLONE_NEWNS, CLONE_NEWNS},
	{"unshare", 0, CLONE_NEWCGROUP, CLONE_NEWCGROUP},
	{"unshare", 0, CLONE_NEWUTS, CLONE_NEWUTS},
	{"unshare", 0, CLONE_NEWIPC, CLONE_NEWIPC},
	{"unshare", 0, CLONE_NEWUSER, CLONE_NEWUSER},
	{"unshare", 0, CLONE_NEWPID, CLONE_NEWPID},
	{"unshare", 0, CLONE_NEWNET, CLONE_NEWNET},
	{"unshare", 0, CLONE_NEWTIME, CLONE_NEWTIME},
};
const size_t seccomp_tab_nnever = ARRAY_LEN(seccomp_tab_never);

const char seccomp_tab_allowed[] =
	"accept accept4 access adjtimex alarm arch_prctl bind brk capget capset chdir chmod chown chown32 chroot "
	"clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 "
	"clock_nanosleep clock_nanosleep_time64 clone close close_range connect copy_file_range creat dup dup2 "
	"dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait "
	"epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 "
	"fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchown fchown32 fchownat fcntl fcntl64 "
	"fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs "
	"fstatfs64 fsync ftruncate ftruncate64 futex futex_time64 futex_waitv futimesat get_robust_list "
	"get_thread_area getcpu getcwd getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 "
	"getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom "
	"getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid getsockname getsockopt gettid "
	"gettimeofday getuid getuid32 getxattr inotify_add_watch inotify_init inotify_init1 inotify_rm_watch "
	"io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioctl "
	"ioprio_get ioprio_set ipc kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown "
	"lchown32 lgetxattr link linkat listen listxattr llistxattr _llseek lremovexattr lseek lsetxattr lstat "
	"lstat64 madvise membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 "
	"mlockall mmap mmap2 modify_ldt mprotect mq_getsetattr mq_notify mq_open mq_timedreceive "
	"mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap msgctl msgget msgrcv msgsnd "
	"msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat _newselect open openat openat2 "
	"pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll "
	"ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease process_vm_readv process_vm_writev "
	"pselect6 pselect6_time64 ptrace pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recv "
	"recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages removexattr rename renameat renameat2 "
	"restart_syscall riscv_flush_icache rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo "
	"rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo "
	"sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam "
	"sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr "
	"sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop "
	"semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto set_robust_list set_thread_area "
	"set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer "
	"setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 "
	"setrlimit setsid setsockopt setuid setuid32 setxattr shmat shmctl shmdt shmget shutdown sigaltstack "
	"signalfd signalfd4 sigprocmask sigreturn splice stat stat64 statfs statfs64 statx symlink symlinkat "
	"sync sync_file_range sync_file_range2 syncfs sysinfo tee tgkill time timer_create timer_delete "
	"timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create "
	"timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill truncate truncate64 "
	"ugetrlimit umask uname unlink unlinkat unshare utime utimensat utimensat_time64 utimes vfork vmsplice "
	"wait4 waitid waitpid write writev";

/* Linux 6.5 to 6.13; libseccomp 2.5 has no names for them: cachestat, fchmodat2, map_shadow_stack, futex_wake,
 * futex_wait, futex_requeue, mseal, setxattrat, getxattrat, listxattrat, removexattrat. */
const int seccomp_tab_allowed_new[] = {451, 452, 453, 454, 455, 456, 462, 463, 464, 465, 466};
const size_t seccomp_tab_nallowed_new = ARRAY_LEN(seccomp_tab_allowed_new);

/* Not msync: it is also how a mapping's changes become visible to others. */
const char seccomp_tab_sync[] = "fsync fdatasync sync syncfs sync_file_range sync_file_range2";

const char seccomp_tab_denied[] =
	"_sysctl acct add_key bpf clock_settime clock_settime64 create_module delete_module fanotify_init "
	"finit_module fsconfig fsmount fsopen fspick get_kernel_syms get_mempolicy init_module io_uring_enter "
	"io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load kexec_load keyctl lookup_dcookie "
	"mbind migrate_pages mount mount_setattr move_mount move_pages nfsservctl open_by_handle_at open_tree "
	"perf_event_open personality pidfd_getfd pivot_root process_madvise query_module quotactl quotactl_fd "
	"reboot request_key set_mempolicy set_mempolicy_home_node setdomainname sethostname setns settimeofday "
	"stime swapoff swapon sysfs syslog umount umount2 uselib userfaultfd ustat vhangup vm86 vm86old";
