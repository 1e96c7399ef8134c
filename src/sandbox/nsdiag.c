/* Why a namespace is refused. */
#include "src/sandbox/nsdiag.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/util/buf.h"
#include "src/util/cleanup.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/num.h"

#define NSDIAG_TEXT_MAX ((size_t)1 << 20)
#define NSDIAG_APPARMOR "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"

/* Switches that keep an ordinary user from making a user namespace. */
static const struct {
	const char *file;
	uint64_t refuses;
	const char *remedy;
} nsdiag_switches[] = {
	{"/proc/sys/kernel/unprivileged_userns_clone", 0, "sysctl -w kernel.unprivileged_userns_clone=1"},
	{"/proc/sys/user/max_user_namespaces", 0, "sysctl -w user.max_user_namespaces=15000"},
};

/* Limits on the number of namespaces, per user namespace; ENOSPC. */
static const struct {
	unsigned flag;
	const char *name;
} nsdiag_limits[] = {
	{CLONE_NEWUSER, "user"}, {CLONE_NEWNS, "mnt"},	{CLONE_NEWPID, "pid"},
	{CLONE_NEWIPC, "ipc"},	 {CLONE_NEWUTS, "uts"}, {CLONE_NEWNET, "net"},
};

static bool read_text(const char *file, struct buf *out)
{
	struct err ignored = ERR_INIT;
	bool ok = io_read_file(AT_FDCWD, file, out, &ignored) == 0;

	err_release(&ignored);
	return ok;
}

static bool has_value(const char *file, uint64_t wanted)
{
	AUTO_BUF struct buf text = BUF_INIT(64);
	uint64_t value = 0;

	return read_text(file, &text) && num_parse(sv_trim(buf_sv(&text)), 10, UINT64_MAX, &value) == 0 &&
	       value == wanted;
}

bool nsdiag_filtered(void)
{
	AUTO_BUF struct buf text = BUF_INIT(NSDIAG_TEXT_MAX);

	return read_text("/proc/self/status", &text) && strstr(buf_str(&text), "\nSeccomp:\t2");
}

/* A root that is nowhere among the mounts is a directory of another one. The kernel makes no user namespace there. */
static bool in_chroot(void)
{
	AUTO_BUF struct buf text = BUF_INIT(NSDIAG_TEXT_MAX);
	struct sv lines;

	if (!read_text("/proc/self/mountinfo", &text))
		return false;
	lines = buf_sv(&text);
	while (lines.p) {
		struct sv line = sv_cut(&lines, '\n');

		for (int i = 0; i < 4 && line.p; i++)
			sv_cut(&line, ' ');
		if (line.p && sv_starts(line, "/ "))
			return false;
	}
	return true;
}

/* Ubuntu 24.04: whoever makes a user namespace gets a profile without capabilities, unless his own allows it. */
static bool apparmor_refuses(struct err *e)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (!has_value(NSDIAG_APPARMOR, 1))
		return false;
	self[n > 0 ? n : 0] = '\0';
	err_wrap(e, NSDIAG_APPARMOR " is 1");
	err_hint(e,
		 "as root: printf 'abi <abi/4.0>,\\ninclude <tunables/global>\\nprofile slct %s flags=(unconfined) { "
		 "userns, }\\n' >/etc/apparmor.d/slct; apparmor_parser -r /etc/apparmor.d/slct; or for every "
		 "program: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
		 n > 0 ? self : "/usr/local/bin/slct");
	return true;
}

static bool switch_refuses(struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(nsdiag_switches); i++)
		if (has_value(nsdiag_switches[i].file, nsdiag_switches[i].refuses)) {
			err_wrap(e, "%s is %llu", nsdiag_switches[i].file,
				 (unsigned long long)nsdiag_switches[i].refuses);
			err_hint(e, "as root: %s", nsdiag_switches[i].remedy);
			return true;
		}
	return false;
}

/* The limit that is 0, else all that it may be: how many there are now is nowhere to be read. */
static int limit_refuses(unsigned flags, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(nsdiag_limits); i++) {
		AUTO_FREE char *file = mem_printf("/proc/sys/user/max_%s_namespaces", nsdiag_limits[i].name);

		if (!(flags & nsdiag_limits[i].flag) || !has_value(file, 0))
			continue;
		err_wrap(e, "%s is 0", file);
		return err_hint(e, "as root: sysctl -w user.max_%s_namespaces=15000", nsdiag_limits[i].name);
	}
	return err_hint(e, "as root, raise the limits in /proc/sys/user/max_*_namespaces");
}

static int filter_refuses(struct err *e)
{
	if (nsdiag_filtered())
		return err_hint(e, "a seccomp filter is active here, as in a container: run it with --security-opt "
				   "seccomp=unconfined (Kubernetes: seccompProfile type Unconfined)");
	if (in_chroot())
		return err_hint(e, "this is a chroot, where the kernel makes no user namespaces: leave it, or enter it "
				   "by unshare --root or pivot_root");
	return err_hint(e, "a security module (AppArmor, SELinux) or a chroot may forbid it: the kernel's log tells");
}

int nsdiag_refused(int sys, const char *call, unsigned flags, struct err *e)
{
	err_set(e, ERR_HOST, "the kernel refuses a new %snamespace (%s: %s)", flags & CLONE_NEWUSER ? "user " : "",
		call, strerror(sys));
	e->sys = sys;
	if ((flags & CLONE_NEWUSER) && switch_refuses(e))
		return -1;
	if (sys != ENOSPC && apparmor_refuses(e))
		return -1;
	return sys == ENOSPC ? limit_refuses(flags, e) : filter_refuses(e);
}

int nsdiag_mount_refused(int sys, const char *call, struct err *e)
{
	err_set(e, ERR_HOST, "mounts are refused here (%s: %s)", call, strerror(sys));
	e->sys = sys;
	if (apparmor_refuses(e))
		return -1;
	return sys == ENOSPC ? limit_refuses(CLONE_NEWNS, e) : filter_refuses(e);
}
