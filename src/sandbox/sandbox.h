/* One RUN step in namespaces of its own (sandbox.md "A step's set-up").
 *
 * sandbox_run() is called in a worker forked for the step, in the caller's original namespaces. It joins the user
 * namespace, makes mount, pid, ipc and uts namespaces (net if asked), mounts the overlay, /proc, /dev, /sys,
 * resolv.conf and hosts, runs argv under an init of ours and returns when everything in the pid namespace has ended. */
#ifndef SLCT_SANDBOX_H
#define SLCT_SANDBOX_H

#include "src/sandbox/cgroup.h"
#include "src/sandbox/overlay.h"
#include "src/sandbox/tier.h"
#include "src/util/buf.h"
#include "src/util/err.h"
#include "src/util/nameset.h"
#include "src/util/owntab.h"

#define SANDBOX_HOSTNAME "buildkitsandbox" /* what the reference shows */

enum sandbox_net { SANDBOX_NET_HOST, SANDBOX_NET_NONE };

enum sandbox_mount_kind {
	SANDBOX_BIND,  /* source: a path below root.dirfd, or an absolute one of the host */
	SANDBOX_HOST,  /* source: a path of the host that the user has named, links followed, with what is mounted below
			  it */
	SANDBOX_STACK, /* source: a path inside the root that `stack` is, links followed inside it */
	SANDBOX_TMPFS,
	SANDBOX_FILE, /* data in a file of a tmpfs of its own */
};

/* A mount of a step (RUN --mount). */
struct sandbox_mount {
	enum sandbox_mount_kind kind;
	const char *target; /* absolute; links on the way are followed inside the root. Missing mount points are made,
			     * and are not seen in the upper directory */
	bool readonly;
	bool unlisted; /* may hold records of owners that nobody has listed (a cache) */
	const char *source;
	struct overlay_spec stack;
	uint64_t size;		 /* TMPFS: bytes, 0: the kernel's default */
	uint32_t mode, uid, gid; /* FILE */
	const void *data;	 /* FILE */
	size_t len;
};

struct sandbox_spec {
	const struct tier_info *tier;
	int nsfd; /* of userns_open, -1 in tier root */
	struct overlay_spec root;
	const char
		*scratch;  /* directory of ours on the same file system (relative to root.dirfd), where the mount points
			    * are made; best one for all steps of a run, which then share them. Removed by the caller */
	char *const *argv; /* looked up by the env's PATH inside the root */
	char *const *env;
	const char *workdir;  /* absolute inside the root; made by WORKDIR's own step, here only entered */
	const char *user;     /* USER text, looked up inside the root */
	const char *hostname; /* NULL: SANDBOX_HOSTNAME */
	enum sandbox_net net;
	const char *const *add_hosts; /* "name:ip" lines */
	size_t nadd_hosts;
	const struct sandbox_mount *mounts;
	size_t nmounts;
	int hold_fd;		    /* chroot: kept open until no process of the step is left; 0: none */
	int notify_fd;		    /* chroot: of chrootout_notify(); 0: one is made and closed */
	const char *points;	    /* chroot: file of points.h, relative to root.dirfd */
	uint64_t drop_caps;	    /* chroot: what else a step does not get; set by sandbox_run */
	int out_fd;		    /* standard output and error of the step */
	int err_fd;		    /* standard error apart from that; 0: out_fd */
	int in_fd;		    /* standard input; 0: /dev/null */
	bool terminal;		    /* in_fd is a terminal, and becomes the command's controlling one */
	bool readonly;		    /* the root itself cannot be written to (mounts can); not in tier chroot */
	bool joined;		    /* the caller is in the user namespace already */
	int64_t timeout_ns;	    /* 0: none */
	uint64_t shm_size;	    /* bytes of /dev/shm, 0: 64 MiB */
	const char *const *ulimits; /* as ulimit.h has them */
	size_t nulimits;
	const struct cgroup *cgroup; /* that the command joins; NULL: none */
	/* Tier solo: recorded owners of links, fifos and sockets. */
	const struct owntab *owners; /* of all layers of the stack; NULL: none */
	int owners_fd; /* process 1 writes the rows that the step made to this file at its end; -1: nowhere */
	struct nameset
		*names; /* last names of all that is recorded in the stack, the step's own are added; NULL: unknown */
	bool sync_is_noop; /* fsync family answered without syncing */
	bool insecure;	   /* every capability that the tier's namespace has, no filter of system calls, nothing of
			    * /proc and /sys hidden or read-only */
	const void *seccomp_prog; /* sandbox_seccomp(); not loaded if insecure */
	size_t seccomp_len;
};

#define SANDBOX_LOST_MAX 256

struct sandbox_result {
	int exit_status; /* of the command, 0-255 */
	int signo;	 /* it died of this signal, else 0 */
	bool timed_out;
	char lost[SANDBOX_LOST_MAX]; /* what the tier refused the step and root would not be refused; "": nothing */
	int64_t cpu_ns;
};

/* Default seccomp profile as a BPF program (security.md rule 5); made once by the scheduler, inherited by workers.
 * *prog is malloc'ed; *len in bytes. */
int sandbox_seccomp(bool sync_is_noop, void **prog, size_t *len, struct err *e);

/* Text for the step's resolv.conf: the host's. out has room for SANDBOX_RESOLV_MAX. */
#define SANDBOX_RESOLV_MAX ((size_t)64 << 10)
int sandbox_resolv_conf(struct buf *out, struct err *e);

/* 0 if the command ran (whatever its status), -1 with *e if it could not be started: ERR_HOST for set-up, ERR_INPUT for
 * an unknown USER, a WORKDIR that is no directory, or a command that is not there (like a shell: exit status 127 is
 * not used for it). HOME is set from the user's entry unless env has it. */
int sandbox_run(const struct sandbox_spec *s, struct sandbox_result *r, struct err *e);

#endif
