/* Does it work here? Found out by doing it in a forked child. */
#ifndef SLCT_PROBE_H
#define SLCT_PROBE_H

#include "src/util/err.h"

/* Join the user namespace (nsfd < 0: none), unshare the mount namespace and use an overlay of small directories below
 * scratch the way steps do, including the removal of a lower directory (without userxattr support that gives EIO on a
 * mount that looks well). Everything made is removed. -1 with *e (ERR_HOST) and the remedy. */
int probe_overlay(int nsfd, const char *scratch, struct err *e);
/* The same with the upper directory on a tmpfs, and layers with whiteouts by attribute where the store needs those. */
int probe_memory(int nsfd, const char *scratch, struct err *e);
/* Join the user namespace and mount a fresh proc of a new pid namespace. Steps get the host's /proc where it is
 * refused. -1 with *e (ERR_HOST) and the remedy. */
int probe_proc(int nsfd, struct err *e);
/* What tier solo needs besides: join the user namespace, record an owner in an extended attribute of a file below
 * scratch, answer a system call of another process with a descriptor (SECCOMP_ADDFD_FLAG_SEND, Linux 5.14). -1 with *e
 * (ERR_HOST) and the remedy. */
int probe_record(int nsfd, const char *scratch, struct err *e);

/* What is left where overlays are refused: join the user namespace, make a step's namespaces, mark directories. -1 with
 * *e (ERR_HOST) and the remedy. */
int probe_trees(int nsfd, const char *scratch, struct err *e);
/* What tier chroot needs: uid 0 that may make device nodes and give files away below scratch, and chroot(2). */
int probe_chroot(const char *scratch, struct err *e);
/* Whether whiteouts can be what overlays take them for (not in a store that lies on an overlay). */
bool probe_device_whiteouts(const char *scratch);

/* --- probe_notify.c, probe_tree.c, in the child --- */
int probe_notify_try(struct err *e);
int probe_tree_try(int at, bool chroot_too, struct err *e);
int probe_chroot_try(int at, struct err *e);
int probe_whiteouts_try(int dir, struct err *e);

#endif
