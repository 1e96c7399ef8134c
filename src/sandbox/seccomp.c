/* The default seccomp profile.
 *
 * libseccomp cannot say "all but": a rule with a condition has nothing but the default action where the condition does
 * not hold. So the profile is made of three programs in a row, each simple: what is never allowed, what is allowed, and
 * why the rest is refused. The default of the first two is a marker, which is then rewritten to a jump to the next. */
#include "src/sandbox/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/sandbox/seccomp_tab.h"
#include "src/util/cleanup.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/sv.h"

/* Returned by no rule of ours, so it marks where a program hands over to the next one. */
#define STAGE_NEXT     SCMP_ACT_LOG
#define STAGE_NEXT_RET UINT32_C(0x7ffc0000)
/* Personalities that a step may ask for: Linux, 32-bit, UNAME26 and the query. */
#define PERSONALITIES                                                                                                  \
	{                                                                                                              \
		0x0, 0x8, 0x20000, 0x20008, 0xffffffff                                                                 \
	}
/* Families below AF_NETLINK+1 other than the allowed ones, named singly since a rule has one comparison an argument. */
#define NETLINK_PROTOCOLS_REFUSED                                                                                      \
	{                                                                                                              \
		1, 2, 3, 4, 5, 6, 7, 8                                                                                 \
	}

static struct scmp_arg_cmp argument(unsigned index, enum scmp_compare op, scmp_datum_t a, scmp_datum_t b)
{
	return (struct scmp_arg_cmp){.arg = index, .op = op, .datum_a = a, .datum_b = b};
}

static struct scmp_arg_cmp equals(unsigned index, scmp_datum_t value)
{
	return argument(index, SCMP_CMP_EQ, value, 0);
}

static int stage_rule(scmp_filter_ctx c, uint32_t action, int nr, const struct scmp_arg_cmp *args, unsigned n)
{
	int r = seccomp_rule_add_array(c, action, nr, n, args);

	/* A call that this ABI does not have. */
	return r == -EDOM ? 0 : r;
}

/* Every call of the list; names that libseccomp or the ABI does not know are left out. */
static int stage_names(scmp_filter_ctx c, uint32_t action, const char *names)
{
	struct sv rest = sv_from(names);
	int r = 0;

	while (rest.p && r == 0) {
		AUTO_FREE char *name = sv_dup(sv_cut(&rest, ' '));
		int nr = seccomp_syscall_resolve_name(name);

		if (nr >= 0)
			r = stage_rule(c, action, nr, NULL, 0);
	}
	return r;
}

static int stage_one(scmp_filter_ctx c, uint32_t action, const char *name, struct scmp_arg_cmp cmp)
{
	int nr = seccomp_syscall_resolve_name(name);

	return nr < 0 ? 0 : stage_rule(c, action, nr, &cmp, 1);
}

static int stage_never(scmp_filter_ctx c, bool sync_is_noop)
{
	for (size_t i = 0; i < seccomp_tab_nnever; i++) {
		const struct seccomp_tab_rule *t = &seccomp_tab_never[i];
		int r = stage_one(c, SCMP_ACT_ERRNO(EPERM), t->name,
				  argument(t->index, SCMP_CMP_MASKED_EQ, t->mask, t->value));

		if (r < 0)
			return r;
	}
	return sync_is_noop ? stage_names(c, SCMP_ACT_ERRNO(0), seccomp_tab_sync) : 0;
}

/* Sockets of the families that builds need; of netlink only routing (getaddrinfo asks it for addresses). */
static int stage_sockets(scmp_filter_ctx c)
{
	static const int families[] = {AF_UNIX, AF_INET, AF_INET6};
	const struct scmp_arg_cmp route[] = {equals(0, AF_NETLINK), equals(2, NETLINK_ROUTE)};
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(families) && r == 0; i++)
		r = stage_one(c, SCMP_ACT_ALLOW, "socket", equals(0, (scmp_datum_t)families[i]));
	if (r == 0)
		r = stage_one(c, SCMP_ACT_ALLOW, "socketpair", equals(0, AF_UNIX));
	return r < 0 ? r : stage_rule(c, SCMP_ACT_ALLOW, SCMP_SYS(socket), route, ARRAY_LEN(route));
}

static int stage_allowed(scmp_filter_ctx c, bool sync_is_noop)
{
	static const scmp_datum_t personalities[] = PERSONALITIES;
	int r = stage_names(c, SCMP_ACT_ALLOW, seccomp_tab_allowed);

	(void)sync_is_noop;
	for (size_t i = 0; i < seccomp_tab_nallowed_new && r == 0; i++)
		r = stage_rule(c, SCMP_ACT_ALLOW, seccomp_tab_allowed_new[i], NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(personalities) && r == 0; i++)
		r = stage_one(c, SCMP_ACT_ALLOW, "personality", equals(0, personalities[i]));
	return r < 0 ? r : stage_sockets(c);
}

/* Audit: EINVAL, which libaudit takes for a kernel without it (useradd goes on). */
static int stage_netlink(scmp_filter_ctx c)
{
	static const scmp_datum_t refused[] = NETLINK_PROTOCOLS_REFUSED;
	struct scmp_arg_cmp args[] = {equals(0, AF_NETLINK), equals(2, NETLINK_AUDIT)};
	int r = stage_rule(c, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(socket), args, 2);

	args[1] = argument(2, SCMP_CMP_GT, NETLINK_AUDIT, 0);
	if (r == 0)
		r = stage_rule(c, SCMP_ACT_ERRNO(EPROTONOSUPPORT), SCMP_SYS(socket), args, 2);
	for (size_t i = 0; i < ARRAY_LEN(refused) && r == 0; i++) {
		args[1] = equals(2, refused[i]);
		r = stage_rule(c, SCMP_ACT_ERRNO(EPROTONOSUPPORT), SCMP_SYS(socket), args, 2);
	}
	return r;
}

static int stage_families(scmp_filter_ctx c)
{
	int r = stage_one(c, SCMP_ACT_ERRNO(EAFNOSUPPORT), "socket", argument(0, SCMP_CMP_GT, AF_NETLINK, 0));

	for (scmp_datum_t f = AF_UNSPEC; f < AF_NETLINK && r == 0; f++)
		if (f != AF_UNIX && f != AF_INET && f != AF_INET6)
			r = stage_one(c, SCMP_ACT_ERRNO(EAFNOSUPPORT), "socket", equals(0, f));
	if (r == 0)
		r = stage_one(c, SCMP_ACT_ERRNO(EAFNOSUPPORT), "socketpair", argument(0, SCMP_CMP_NE, AF_UNIX, 0));
	return r;
}

static int stage_refused(scmp_filter_ctx c, bool sync_is_noop)
{
	int r = stage_names(c, SCMP_ACT_ERRNO(EPERM), seccomp_tab_denied);

	(void)sync_is_noop;
	if (r == 0)
		r = stage_families(c);
	return r < 0 ? r : stage_netlink(c);
}

/* In the order of execution. ENOSYS at the end: a new call, or clone3, whose flags no filter can see, makes libc fall
 * back to an old one. */
static const struct {
	uint32_t otherwise;
	int (*fill)(scmp_filter_ctx c, bool sync_is_noop);
} stages[] = {
	{STAGE_NEXT, stage_never},
	{STAGE_NEXT, stage_allowed},
	{SCMP_ACT_ERRNO(ENOSYS), stage_refused},
};

struct program {
	struct sock_filter *v;
	size_t n;
};

static int stage_export(scmp_filter_ctx c, struct program *out, struct err *e)
{
	AUTO_BUF struct buf bytes = BUF_INIT(BPF_MAXINSNS * sizeof(struct sock_filter));
	AUTO_CLOSE int fd = memfd_create("seccomp", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return err_sys(e, ERR_HOST, errno, "memfd_create");
	r = seccomp_export_bpf(c, fd);
	if (r < 0)
		return err_sys(e, ERR_INTERNAL, -r, "seccomp: export");
	if (lseek(fd, 0, SEEK_SET) < 0 || io_read_all(fd, &bytes, "seccomp program", e) < 0)
		return err_is_set(e) ? -1 : err_sys(e, ERR_INTERNAL, errno, "seccomp: lseek");
	out->n = bytes.n / sizeof(struct sock_filter);
	out->v = mem_dup(bytes.p, bytes.n);
	return 0;
}

static int stage_build(size_t i, bool sync_is_noop, struct program *out, struct err *e)
{
	scmp_filter_ctx c = seccomp_init(stages[i].otherwise);
	int r;

	if (!c)
		return err_set(e, ERR_INTERNAL, "seccomp_init");
	/* A program of another ABI (i386, x32) dies at its first call instead of running past the rules. */
	r = seccomp_attr_set(c, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r == 0)
		r = seccomp_attr_set(c, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree */
	if (r == 0)
		r = stages[i].fill(c, sync_is_noop);
	if (r < 0)
		err_sys(e, ERR_INTERNAL, -r, "seccomp: rule of stage %zu", i);
	else
		r = stage_export(c, out, e);
	seccomp_release(c);
	return r < 0 ? -1 : 0;
}

/* Append, and turn the marker of the programs before into jumps to here. */
static int append(struct program *all, const struct program *p, struct err *e)
{
	for (size_t i = 0; i < all->n; i++) {
		struct sock_filter *f = &all->v[i];

		if (BPF_CLASS(f->code) == BPF_RET && f->k == STAGE_NEXT_RET)
			*f = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)(all->n - i - 1));
	}
	if (all->n + p->n > BPF_MAXINSNS)
		return err_set(e, ERR_INTERNAL, "seccomp: program of %zu instructions", all->n + p->n);
	all->v = mem_realloc(all->v, (all->n + p->n) * sizeof *all->v);
	memcpy(all->v + all->n, p->v, p->n * sizeof *p->v);
	all->n += p->n;
	return 0;
}

int seccomp_program(bool sync_is_noop, void **prog, size_t *len, struct err *e)
{
	struct program all = {0};

	for (size_t i = 0; i < ARRAY_LEN(stages); i++) {
		struct program p = {0};
		int r = stage_build(i, sync_is_noop, &p, e);

		if (r == 0)
			r = append(&all, &p, e);
		free(p.v);
		if (r < 0) {
			free(all.v);
			return -1;
		}
	}
	*prog = all.v;
	*len = all.n * sizeof *all.v;
	return 0;
}

int seccomp_enter(const void *prog, size_t len, struct err *e)
{
	AUTO_FREE struct sock_filter *copy = mem_dup(prog, len);
	struct sock_fprog p = {.len = (unsigned short)(len / sizeof *copy), .filter = copy};

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p, 0, 0) < 0)
		return err_sys(e, ERR_HOST, errno, "loading the seccomp filter");
	return 0;
}
