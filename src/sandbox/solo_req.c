/* A task's memory, identity and arguments. */
#include "src/sandbox/solo_req.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "src/sandbox/solo_filter.h"
#include "src/util/buf.h"
#include "src/util/cleanup.h"
#include "src/util/io.h"
#include "src/util/num.h"

/* Identity n is the soft limit SOLO_REQ_BASE + n; 0 leaves the limit as it is. */
#define SOLO_REQ_BASE	    (UINT64_C(1) << 40)
#define SOLO_REQ_PAGE	    4096
#define SOLO_REQ_FIRST	    256 /* most paths are shorter */
#define SOLO_REQ_STATUS_MAX ((size_t)64 << 10)

/* The kernel waits interruptibly for its lock, and for the task to take a descriptor, which cannot be asked for twice:
 * so no signal may come. */
int solo_req_ioctl(const struct solo *s, unsigned long request, void *arg)
{
	sigset_t all, before;
	int r, sys;

	if (request != SECCOMP_IOCTL_NOTIF_ADDFD) {
		do
			r = ioctl(s->notify, request, arg);
		while (r < 0 && errno == EINTR);
		return r;
	}
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	r = ioctl(s->notify, request, arg);
	sys = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	errno = sys;
	return r;
}

bool solo_req_alive(const struct solo_req *r)
{
	uint64_t id = r->cookie;

	return solo_req_ioctl(r->s, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

static void *at_task(uint64_t at)
{
	return (void *)(uintptr_t)at;
}

int solo_req_read(const struct solo_req *r, uint64_t at, void *to, size_t n)
{
	struct iovec l = {to, n}, f = {at_task(at), n};

	return n == 0 || process_vm_readv(r->tid, &l, 1, &f, 1, 0) == (ssize_t)n ? 0 : -EFAULT;
}

int solo_req_write(const struct solo_req *r, uint64_t at, const void *from, size_t n)
{
	struct iovec l = {(void *)(uintptr_t)from, n}, t = {at_task(at), n};

	return n == 0 || process_vm_writev(r->tid, &l, 1, &t, 1, 0) == (ssize_t)n ? 0 : -EFAULT;
}

/* Never across the end of a page at once: the next one need not be there. */
int solo_req_string(const struct solo_req *r, uint64_t at, char *to, size_t max)
{
	size_t have = 0;

	while (have < max) {
		size_t n = SOLO_REQ_PAGE - (size_t)((at + have) % SOLO_REQ_PAGE), most = have ? max : SOLO_REQ_FIRST;
		const char *end;

		n = n > most - have ? most - have : n;
		n = n > max - have ? max - have : n;
		if (solo_req_read(r, at + have, to + have, n) < 0)
			return -EFAULT;
		end = memchr(to + have, '\0', n);
		if (end)
			return (int)(end - to);
		have += n;
	}
	return -ENAMETOOLONG;
}

uint64_t solo_req_arg(const struct solo_req *r, unsigned i)
{
	return r->args[(unsigned)r->call->shape.arg + i];
}

int64_t solo_req_where(const struct solo_req *r, int flags_known, struct solo_where *out)
{
	const struct solo_shape *sh = &r->call->shape;
	int flags = sh->flags < 0 ? 0 : (int)r->args[sh->flags];

	out->dirfd = sh->dirfd < 0 ? AT_FDCWD : (int)r->args[sh->dirfd];
	out->nofollow = sh->nofollow || (flags & AT_SYMLINK_NOFOLLOW);
	out->empty = sh->path < 0;
	out->path[0] = '\0';
	if (flags & ~flags_known)
		return SOLO_NATIVE;
	if (out->empty)
		return 0;
	/* Linux 6.11 takes NULL for "". */
	if (r->args[sh->path] != 0 && solo_req_string(r, r->args[sh->path], out->path, sizeof out->path) < 0)
		return SOLO_NATIVE;
	if (out->path[0])
		return 0;
	if (!(flags & AT_EMPTY_PATH))
		return SOLO_NATIVE;
	out->empty = true;
	return 0;
}

/* --- identity --- */

static int set_number(pid_t tid, uint32_t n, const struct rlimit *unused)
{
	struct rlimit l = *unused;

	if (n)
		l.rlim_cur = SOLO_REQ_BASE + n;
	return prlimit(tid, SOLO_FILTER_RLIMIT, &l, NULL) < 0 ? -errno : 0;
}

static uint32_t get_number(pid_t tid)
{
	struct rlimit l;

	if (prlimit(tid, SOLO_FILTER_RLIMIT, NULL, &l) < 0 || l.rlim_cur < SOLO_REQ_BASE ||
	    l.rlim_cur >= SOLO_REQ_BASE + SOLO_ID_MAX)
		return 0;
	return (uint32_t)(l.rlim_cur - SOLO_REQ_BASE);
}

static bool runs(const struct solo *s, pid_t tid, const struct solo_file *exe)
{
	char name[32];
	struct stat st;

	snprintf(name, sizeof name, "%d/exe", (int)tid);
	return fstatat(s->proc, name, &st, 0) == 0 && st.st_dev == exe->dev && st.st_ino == exe->ino;
}

const struct solo_id *solo_req_identity(struct solo *s, pid_t tid, uint32_t *number)
{
	uint32_t n = get_number(tid), before, after;
	struct solo_file exe;
	const struct solo_id *id;

	if (solo_id_tab_exec(s->ids, n, &before, &after, &exe)) {
		bool done = runs(s, tid, &exe);

		n = done ? after : before;
		/* Before, the call may still be under way in another thread. */
		if (done)
			set_number(tid, n, &s->unused);
	}
	id = solo_id_tab_get(s->ids, n);
	if (number)
		*number = id ? n : 0;
	return id ? id : solo_id_tab_get(s->ids, 0);
}

int64_t solo_req_become(struct solo_req *r, const struct solo_id *id)
{
	int n = solo_id_tab_put(r->s->ids, id);

	return n < 0 ? n : set_number(r->tid, (uint32_t)n, &r->s->unused);
}

int64_t solo_req_become_by_exec(struct solo_req *r, const struct solo_id *id, const struct solo_file *exe)
{
	int n = solo_id_tab_put(r->s->ids, id);

	if (n >= 0)
		n = solo_id_tab_put_exec(r->s->ids, r->who_n, (uint32_t)n, exe);
	return n < 0 ? n : set_number(r->tid, (uint32_t)n, &r->s->unused);
}

uint64_t solo_req_status(const struct solo_req *r, const char *key, unsigned base, uint64_t otherwise)
{
	AUTO_BUF struct buf text = BUF_INIT(SOLO_REQ_STATUS_MAX);
	struct err ignored = ERR_INIT;
	char name[32];
	struct sv rest, line;
	uint64_t v;

	snprintf(name, sizeof name, "%d/status", (int)r->tid);
	if (io_read_file(r->s->proc, name, &text, &ignored) < 0) {
		err_release(&ignored);
		return otherwise;
	}
	for (rest = buf_sv(&text); rest.p;) {
		line = sv_cut(&rest, '\n');
		if (sv_starts(line, key) &&
		    num_parse(sv_trim(sv_sub(line, strlen(key), line.n)), base, UINT64_MAX, &v) == 0)
			return v;
	}
	return otherwise;
}

bool solo_req_capable(const struct solo_req *r, unsigned cap)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, r->tid};
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3] = {0};

	return syscall(SYS_capget, &h, d) == 0 && (d[cap / 32].effective >> (cap % 32) & 1);
}

int solo_req_getfd(const struct solo_req *r, int fd)
{
	pid_t leader = (pid_t)solo_req_status(r, "Tgid:", 10, (uint64_t)r->tid);
	AUTO_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, leader, 0);
	int got = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	return got < 0 ? -errno : got;
}

int64_t solo_req_serve(struct solo *s, int nr, pid_t tid, uint64_t cookie, const uint64_t args[6])
{
	struct solo_req r = {.s = s, .call = solo_req_call(nr), .tid = tid, .cookie = cookie, .args = args};

	if (!r.call)
		return SOLO_NATIVE;
	if (!r.call->nobody)
		r.who = solo_req_identity(s, tid, &r.who_n);
	return r.call->fn(&r);
}
