/* The init of a step. */
#include "src/sandbox/init_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/sandbox/caps.h"
#include "src/sandbox/childmsg.h"
#include "src/sandbox/exec_child.h"
#include "src/sandbox/loopback.h"
#include "src/sandbox/mntns.h"
#include "src/sandbox/mountpoint.h"
#include "src/sandbox/mounts_child.h"
#include "src/sandbox/passwd.h"
#include "src/sandbox/rangewatch.h"
#include "src/sandbox/solo.h"
#include "src/sandbox/solo_names.h"
#include "src/sandbox/usermount.h"
#include "src/util/cleanup.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/path.h"

/* What ps shows in the step. */
#define INIT_NAME "slct-init"

/* The worker's death must end the step: the signal is asked for, then whether it came too late. Undumpable, so that no
 * process of the step reads this one's memory, environment or program. */
static int guard(int chan, struct err *e)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(e, ERR_HOST, errno, "prctl");
	if (childmsg_orphan(chan))
		_exit(1);
	return 0;
}

static int compare_int(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Nothing of the caller's descriptors is left but the ones that the set-up needs, all close-on-exec. */
static int close_descriptors(const struct sandbox_spec *s, int chan, struct err *e)
{
	AUTO_CLOSE int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int keep[4] = {chan, s->root.dirfd};
	size_t n = 2;

	if (null < 0)
		return err_sys(e, ERR_HOST, errno, "/dev/null");
	if (dup2(s->out_fd, 1) < 0 || dup2(s->err_fd ? s->err_fd : s->out_fd, 2) < 0 ||
	    dup2(s->in_fd ? s->in_fd : null, 0) < 0)
		return err_sys(e, ERR_HOST, errno, "standard input and output of the step");
	if (s->cgroup && s->cgroup->procs >= 0)
		keep[n++] = s->cgroup->procs;
	if (s->tier->tier == TIER_SOLO && s->owners_fd >= 0)
		keep[n++] = s->owners_fd;
	qsort(keep, n, sizeof keep[0], compare_int);
	if (keep[0] < 3 || null < 3)
		return err_set(e, ERR_INTERNAL, "descriptors of a step below 3");
	STEAL_FD(null); /* closed with the rest */
	io_close_from(3, keep, n);
	return 0;
}

/* A program of another user opens /dev/stdout anew, which asks for the pipe's owner. */
static void own_output(const struct passwd_ids *ids)
{
	struct stat st;

	for (int fd = 0; fd <= 2; fd++)
		if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) && fchown(fd, ids->uid, ids->gid) < 0)
			return; /* the step can still use its descriptors */
}

/* A terminal of the command's own, made for it: its user opens /dev/tty's other names, too. */
static void own_terminal(const struct sandbox_spec *s, const struct passwd_ids *ids)
{
	if (s->terminal && fchown(0, ids->uid, (gid_t)-1) < 0)
		return; /* it can still use its descriptors */
}

/* /dev/console is the terminal, as docker has it: under that name ttyname(3) finds it, whose own name is in the host's
 * devpts. Without it a command has still /dev/tty. */
static void attach_console(const struct sandbox_spec *s, int root)
{
	AUTO_CLOSE int place = -1, tree = -1;
	char name[64];

	/* By its name: the descriptor is of a mount of another namespace, which cannot be cloned. */
	if (!s->terminal || ttyname_r(0, name, sizeof name))
		return;
	place = path_open_nolinks(root, "dev/console", O_RDONLY | O_CREAT | O_EXCL, 0600);
	tree = place < 0 ? -1 : open_tree(AT_FDCWD, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0 || move_mount(tree, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		unlinkat(root, "dev/console", 0);
}

static int make_readonly(int root, struct err *e)
{
	struct mount_attr a = {.attr_set = MOUNT_ATTR_RDONLY};

	if (mount_setattr(root, "", AT_EMPTY_PATH, &a, sizeof a) < 0)
		return err_sys(e, ERR_HOST, errno, "making the root read-only");
	return 0;
}

/* The merged root, with the layers of mount points on top of the image's. */
static int mount_root(const struct sandbox_spec *s, struct usermounts *u, struct err *e)
{
	AUTO_FREE char *points = NULL, *targets = NULL;
	AUTO_FREE const char **lower = mem_array(s->root.nlower + 2, sizeof *lower);
	struct overlay_spec root = s->root;

	if (s->root.tree)
		return usermount_targets(s, u, &targets, e) < 0 ? -1 : overlay_mount(&s->root, e);
	if (mountpoint_upper(&s->root, e) < 0 || mountpoint_layer(&s->root, s->scratch, &points, e) < 0 ||
	    usermount_targets(s, u, &targets, e) < 0)
		return -1;
	for (size_t i = 0; i < root.nlower; i++)
		lower[i] = root.lower[i];
	lower[root.nlower++] = points;
	if (targets)
		lower[root.nlower++] = targets;
	root.lower = lower;
	return overlay_mount(&root, e);
}

static int set_identity(const struct sandbox_spec *s, struct err *e)
{
	const char *name = s->hostname ? s->hostname : SANDBOX_HOSTNAME;

	if (sethostname(name, strlen(name)) < 0)
		return err_sys(e, ERR_HOST, errno, "setting the host name");
	return s->net == SANDBOX_NET_NONE ? loopback_up(e) : 0;
}

/* What this process knows when the step's root is made. */
struct init {
	struct passwd_ids ids;
	struct solo *solo; /* NULL in other tiers */
};

/* USER is looked up before anything else is mounted in the root, so that its files can only be the image's. */
static int set_up(const struct sandbox_spec *s, const struct plan_ops *ops, int chan, struct init *in, struct err *e)
{
	AUTO_USERMOUNTS struct usermounts u = {0};
	AUTO_CLOSE int root = -1;

	if (guard(chan, e) < 0 || close_descriptors(s, chan, e) < 0)
		return -1;
	setsid();
	umask(0);
	prctl(PR_SET_NAME, INIT_NAME, 0, 0, 0);
	if (mntns_private(e) < 0 || usermount_open(s, &u, e) < 0)
		return -1;
	root = mount_root(s, &u, e);
	if (root < 0 || passwd_lookup(root, s->user ? s->user : "", &in->ids, e) < 0)
		return -1;
	own_output(&in->ids);
	own_terminal(s, &in->ids);
	if (s->tier->tier == TIER_SOLO && !(in->solo = solo_new(s, e)))
		return -1;
	for (size_t i = 0; i < u.n && in->solo; i++)
		solo_names_mount(in->solo, u.v[i].m, u.v[i].path);
	if (mounts_child_apply(root, ops, chan, e) < 0 || usermount_attach(root, &u, e) < 0)
		return -1;
	attach_console(s, root);
	if ((s->readonly && make_readonly(root, e) < 0) || mounts_child_pivot(root, e) < 0 ||
	    (in->solo && solo_enter(in->solo, e) < 0))
		return -1;
	return set_identity(s, e);
}

static void ATTR_NORETURN fail(int chan, const struct err *e)
{
	childmsg_error(chan, e);
	_exit(1);
}

/* Reap until the command has ended. Nothing is forwarded: whoever wants to end the step kills this process. */
static int wait_command(pid_t command)
{
	int status;

	for (;;) {
		pid_t pid = waitpid(-1, &status, 0);

		if (pid == command)
			return status;
		if (pid < 0 && errno != EINTR)
			return W_EXITCODE(0, SIGKILL);
	}
}

static pid_t start_command(const struct sandbox_spec *s, const struct passwd_ids *ids, int chan, int sock,
			   struct err *e)
{
	pid_t command = fork();

	if (command == 0) {
		exec_child(s, ids, sock, e);
		fail(chan, e);
	}
	if (command < 0)
		err_sys(e, ERR_HOST, errno, "fork");
	return command;
}

static int run_plain(const struct sandbox_spec *s, const struct init *in, int chan, int *status, struct err *e)
{
	pid_t command = start_command(s, &in->ids, chan, -1, e);

	if (command < 0 || caps_limit(0, e) < 0)
		return -1;
	close(s->root.dirfd);
	*status = wait_command(command);
	return 0;
}

/* Tier range: what the kernel refuses is told to the worker. */
static int run_watched(const struct sandbox_spec *s, const struct init *in, int chan, int *status, struct err *e)
{
	AUTO_CLOSE int signals = rangewatch_signals(e);
	struct rangewatch lost = {0};
	char text[SANDBOX_LOST_MAX];
	pid_t command;
	int pair[2];

	if (signals < 0 || childmsg_pair(pair, e) < 0)
		return -1;
	command = start_command(s, &in->ids, chan, pair[1], e);
	if (command < 0 || caps_limit(0, e) < 0)
		return -1;
	close(s->root.dirfd);
	if (rangewatch_serve(pair, signals, command, status, &lost, e) < 0)
		return -1;
	if (rangewatch_text(&lost, text, sizeof text))
		childmsg_lost(chan, text);
	return 0;
}

static int run_supervised(const struct sandbox_spec *s, const struct init *in, int chan, int *status, struct err *e)
{
	pid_t command;
	int pair[2];

	if (childmsg_pair(pair, e) < 0)
		return -1;
	command = start_command(s, &in->ids, chan, pair[1], e);
	if (command < 0 || caps_limit(solo_caps(), e) < 0)
		return -1;
	close(s->root.dirfd);
	return solo_serve(in->solo, pair, command, status, e) < 0 ? -1 : solo_end(in->solo, s, e);
}

void init_child(const struct sandbox_spec *s, const struct plan_ops *ops, int chan)
{
	struct err e = ERR_INIT;
	struct init in = {0};
	int status = 0;

	if (set_up(s, ops, chan, &in, &e) < 0 || (in.solo		 ? run_supervised
						  : rangewatch_wanted(s) ? run_watched
									 : run_plain)(s, &in, chan, &status, &e) < 0)
		fail(chan, &e);
	childmsg_done(chan, status);
	_exit(0);
}
