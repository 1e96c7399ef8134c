/* What has to be mounted and made in a step's root, as a list computed in the parent and executed by the child
 * (mounts_child.h). Pure: no system calls, so that the list can be tested. */
#ifndef SLCT_PLAN_OPS_H
#define SLCT_PLAN_OPS_H

#include "src/sandbox/sandbox.h"
#include "src/util/vec.h"

#define PLAN_TEXT_DIR "dev/shm"

enum plan_op_kind {
	PLAN_FS,      /* a new file system of type arg on path */
	PLAN_PROC,    /* a new procfs, else the host's */
	PLAN_SYS,     /* a new sysfs, else the host's; read-only, or with nothing of it masked */
	PLAN_NODE,    /* a node like the host's arg, or where none can be made that one, on path */
	PLAN_DIR,     /* make a directory, mode 0755 */
	PLAN_LINK,    /* make a symbolic link to arg */
	PLAN_TEXT,    /* a file with the text arg, made in PLAN_TEXT_DIR, read-only on the existing path */
	PLAN_MASK,    /* hide path (a file or a directory of proc or sysfs) if it is there */
	PLAN_RO,      /* make path (of proc) read-only if it is there */
	PLAN_ENTRIES, /* make every entry of path (proc) read-only that is no process's */
	PLAN_GONE,    /* unmount what is on path, which is below a tmpfs of ours */
	PLAN_INIT,    /* a few harmless files in place of /proc/1, which is a process of slct */
};

struct plan_op {
	enum plan_op_kind kind;
	const char *path; /* below the root, without a leading slash */
	const char *arg;
	const char *options; /* PLAN_FS: comma-separated, as of mount(8) */
	unsigned attrs;	     /* PLAN_FS, PLAN_SYS: MOUNT_ATTR_* of mount_setattr(2) */
	char *owned;	     /* what arg or options points to if it is not static */
};

struct plan_ops {
	struct plan_op *v;
	size_t n, cap;
};

/* resolv_conf: text for /etc/resolv.conf. ERR_INPUT for a line of add_hosts that is no "name:ip". */
int plan_ops(const struct sandbox_spec *s, const char *resolv_conf, struct plan_ops *out, struct err *e);
void plan_ops_release(struct plan_ops *p);
#define AUTO_PLAN_OPS AUTO(plan_ops_release)

/* Text of /etc/hosts: loopback, the step's host name and add_hosts. NULL with *e. Caller frees. */
char *plan_ops_hosts(const struct sandbox_spec *s, struct err *e);

#endif
