#include "src/sandbox/rangewatch.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/sandbox/seccomp.h"
#include "src/sandbox/solo_filter.h"
#include "src/util/cleanup.h"
#include "src/util/io.h"
#include "src/util/mem.h"

#ifdef __x86_64__
#define WATCH_ARCH AUDIT_ARCH_X86_64
#else
#define WATCH_ARCH AUDIT_ARCH_AARCH64
#endif

#define UNCHANGED UINT32_MAX
#define TESTS_MAX 96

/* Calls, and which argument is the uid (the gid is the next one) or the mode (the device is the next one). */
static const struct watched {
	int nr;
	uint8_t a;
	bool node;
} watched[] = {
#ifdef SYS_open
	{SYS_chown, 1, false},	{SYS_lchown, 1, false},	  {SYS_mknod, 1, true},
#endif
	{SYS_fchown, 1, false}, {SYS_fchownat, 2, false}, {SYS_mknodat, 2, true},
};

bool rangewatch_wanted(const struct sandbox_spec *s)
{
	return s->tier->tier == TIER_RANGE && !s->insecure;
}

/* --- the filter --- */

#define ARG(i)	(uint32_t)(offsetof(struct seccomp_data, args) + 8 * (size_t)(i)) /* the low half: little-endian */
#define LOAD(k) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, k)
#define NR	LOAD(offsetof(struct seccomp_data, nr))
#define TELL	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)

/* Ids inside the map are 0 to n-1 (idmap.h). */
static uint32_t map_end(const struct tier_map *m, size_t n)
{
	return n ? m[n - 1].inside + m[n - 1].count : 0;
}

/* With the number in the accumulator, and again after it. */
static size_t test_owner(struct sock_filter *f, const struct watched *c, uint32_t uids, uint32_t gids)
{
	const struct sock_filter code[] = {
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)c->nr, 0, 9),
		LOAD(ARG(c->a)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, uids, 0, 1),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, UNCHANGED, 0, 4),
		LOAD(ARG(c->a + 1)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, gids, 0, 1),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, UNCHANGED, 0, 1),
		BPF_STMT(BPF_JMP | BPF_JA, 1),
		TELL,
		NR,
	};

	memcpy(f, code, sizeof code);
	return ARRAY_LEN(code);
}

static size_t test_node(struct sock_filter *f, const struct watched *c)
{
	const struct sock_filter code[] = {
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)c->nr, 0, 6),
		LOAD(ARG(c->a)),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, S_IFMT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, S_IFCHR, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, S_IFBLK, 0, 1),
		TELL,
		NR,
	};

	memcpy(f, code, sizeof code);
	return ARRAY_LEN(code);
}

int rangewatch_program(const struct tier_info *t, const void *base, size_t base_len, void **prog, size_t *len,
		       struct err *e)
{
	struct sock_filter *f = mem_array(TESTS_MAX + base_len / sizeof *f, sizeof *f);
	size_t n = 0, jump;

	f[n++] = (struct sock_filter)LOAD(offsetof(struct seccomp_data, arch));
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, WATCH_ARCH, 1, 0);
	jump = n++;
	f[n++] = (struct sock_filter)NR;
	for (size_t i = 0; i < ARRAY_LEN(watched); i++)
		n += watched[i].node
			     ? test_node(f + n, &watched[i])
			     : test_owner(f + n, &watched[i], map_end(t->uid, t->nuid), map_end(t->gid, t->ngid));
	/* Other processors are for the profile that follows to refuse. */
	f[jump] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)(n - jump - 1));
	memcpy(f + n, base, base_len);
	*prog = f;
	*len = n * sizeof *f + base_len;
	return *len / sizeof *f > BPF_MAXINSNS ? err_set(e, ERR_INTERNAL, "seccomp: program of %zu bytes", *len) : 0;
}

int rangewatch_confine(const struct sandbox_spec *s, int sock, struct err *e)
{
	AUTO_FREE void *prog = NULL;
	AUTO_CLOSE int listener = -1;
	struct err none = ERR_INIT;
	size_t len;

	if (rangewatch_program(s->tier, s->seccomp_prog, s->seccomp_len, &prog, &len, e) < 0)
		return -1;
	listener = solo_filter_enter(prog, len, &none);
	err_release(&none);
	return listener < 0 ? seccomp_enter(s->seccomp_prog, s->seccomp_len, e)
			    : io_send_msg(sock, "n", 1, listener, e);
}

/* --- process 1 --- */

int rangewatch_signals(struct err *e)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	fd = sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -1 : signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? err_sys(e, ERR_HOST, errno, "signalfd") : fd;
}

static void count(struct rangewatch *w, const struct seccomp_data *d)
{
	for (size_t i = 0; i < ARRAY_LEN(watched); i++) {
		if (watched[i].nr != d->nr)
			continue;
		/* 0:0 is a whiteout of an overlay, which anybody may make. */
		if (watched[i].node) {
			w->nodes += d->args[watched[i].a + 1] != 0;
			return;
		}
		if (w->owners++ == 0) {
			w->uid = (uint32_t)d->args[watched[i].a];
			w->gid = (uint32_t)d->args[watched[i].a + 1];
		}
		return;
	}
}

/* A newer kernel's messages may be longer than ours. */
union message {
	struct seccomp_notif req;
	struct seccomp_notif_resp resp;
	char room[512];
};

/* false: no task is left that could tell anything. */
static bool serve_one(int listener, struct rangewatch *w)
{
	union message in = {.room = ""}, out = {.room = ""};

	memset(&in, 0, sizeof in);
	memset(&out, 0, sizeof out);
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &in) < 0)
		return errno == EINTR || errno == ENOENT; /* the task was killed meanwhile */
	count(w, &in.req.data);
	out.resp.id = in.req.id;
	out.resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &out) == 0 || errno == ENOENT;
}

/* The listener, or -1: none was to be had, or the child has failed and told why. */
static int take_listener(const int pair[2])
{
	AUTO_CLOSE int sock = pair[0];
	struct err ignored = ERR_INIT;
	int fd = -1;
	char c;

	close(pair[1]);
	if (io_recv_msg(sock, &c, 1, &fd, &ignored) < 0)
		err_release(&ignored);
	return fd;
}

/* Whether the command is among what has ended. */
static bool reap(pid_t command, int *status)
{
	bool ended = false;
	int st;
	pid_t pid;

	while ((pid = waitpid(-1, &st, WNOHANG)) > 0)
		if (pid == command) {
			*status = st;
			ended = true;
		}
	return ended;
}

int rangewatch_serve(const int pair[2], int signals, pid_t command, int *status, struct rangewatch *w, struct err *e)
{
	AUTO_CLOSE int listener = take_listener(pair);
	struct pollfd p[2] = {{.fd = signals, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
	struct signalfd_siginfo info;

	while (!reap(command, status)) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return err_sys(e, ERR_HOST, errno, "poll");
		while (p[0].revents && read(signals, &info, sizeof info) > 0)
			;
		if (p[1].revents && (!(p[1].revents & POLLIN) || !serve_one(listener, w)))
			p[1].fd = -1;
	}
	return 0;
}

bool rangewatch_text(const struct rangewatch *w, char *out, size_t size)
{
	bool group = w->uid == UNCHANGED;
	char owners[128] = "", nodes[64] = "";

	if (w->owners)
		snprintf(owners, sizeof owners, "owners outside of the map of ids (%u times, first %s %u)", w->owners,
			 group ? "group" : "user", group ? w->gid : w->uid);
	if (w->nodes)
		snprintf(nodes, sizeof nodes, "device nodes (%u times)", w->nodes);
	snprintf(out, size, "%s%s%s", owners, owners[0] && nodes[0] ? ", " : "", nodes);
	return w->owners || w->nodes;
}
