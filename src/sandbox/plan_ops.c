/* The list of mounts of a step's root. */
#include "src/sandbox/plan_ops.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/mount.h>

#include "src/util/buf.h"
#include "src/util/mem.h"

#define PLAN_SHM_BYTES (UINT64_C(64) << 20)
#define PLAN_DEV_ATTRS (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)
#define PLAN_SHM_ATTRS (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* /dev: a tmpfs of ours, never the image's, and nodev: root may make nodes, here too, and must not open them. What is
 * bound on it has a mount of its own. Nodes of our own where they can be made; a user namespace
 * cannot, and binds the host's. */
static const struct plan_op plan_dev[] = {
	{PLAN_FS, "dev", "tmpfs", "mode=0755,size=64m", PLAN_SHM_ATTRS, NULL},
	{PLAN_NODE, "dev/null", "/dev/null", NULL, 0, NULL},
	{PLAN_NODE, "dev/zero", "/dev/zero", NULL, 0, NULL},
	{PLAN_NODE, "dev/full", "/dev/full", NULL, 0, NULL},
	{PLAN_NODE, "dev/random", "/dev/random", NULL, 0, NULL},
	{PLAN_NODE, "dev/urandom", "/dev/urandom", NULL, 0, NULL},
	{PLAN_NODE, "dev/tty", "/dev/tty", NULL, 0, NULL},
	{PLAN_LINK, "dev/fd", "/proc/self/fd", NULL, 0, NULL},
	{PLAN_LINK, "dev/stdin", "/proc/self/fd/0", NULL, 0, NULL},
	{PLAN_LINK, "dev/stdout", "/proc/self/fd/1", NULL, 0, NULL},
	{PLAN_LINK, "dev/stderr", "/proc/self/fd/2", NULL, 0, NULL},
	{PLAN_LINK, "dev/ptmx", "pts/ptmx", NULL, 0, NULL},
	{PLAN_DIR, "dev/pts", NULL, NULL, 0, NULL},
	{PLAN_DIR, "dev/shm", NULL, NULL, 0, NULL},
};

/* Terminals belong to group tty, 5 in every distribution, if the map has it. */
static const struct plan_op plan_devpts = {PLAN_FS,	   "dev/pts", "devpts", "mode=0620,ptmxmode=0666,gid=5",
					   PLAN_DEV_ATTRS, NULL};
static const struct plan_op plan_devpts_nogid = {PLAN_FS,	 "dev/pts", "devpts", "mode=0620,ptmxmode=0666",
						 PLAN_DEV_ATTRS, NULL};
#define PLAN_TTY_GID 5

/* Rule 6 of docs/security-model.md: what tells of, or reaches into, the host. */
static const struct plan_op plan_proc[] = {
	{PLAN_PROC, "proc", NULL, NULL, 0, NULL},
	{PLAN_INIT, "proc/1", NULL, NULL, 0, NULL},
	{PLAN_RO, "proc/asound", NULL, NULL, 0, NULL},
	{PLAN_RO, "proc/bus", NULL, NULL, 0, NULL},
	{PLAN_RO, "proc/fs", NULL, NULL, 0, NULL},
	{PLAN_RO, "proc/irq", NULL, NULL, 0, NULL},
	{PLAN_RO, "proc/sys", NULL, NULL, 0, NULL},
	{PLAN_RO, "proc/sysrq-trigger", NULL, NULL, 0, NULL},
	{PLAN_MASK, "proc/acpi", NULL, NULL, 0, NULL},
	{PLAN_MASK, "proc/interrupts", NULL, NULL, 0, NULL},
	{PLAN_MASK, "proc/kcore", NULL, NULL, 0, NULL},
	{PLAN_MASK, "proc/keys", NULL, NULL, 0, NULL},
	{PLAN_MASK, "proc/latency_stats", NULL, NULL, 0, NULL},
	{PLAN_MASK, "proc/sched_debug", NULL, NULL, 0, NULL},
	{PLAN_MASK, "proc/scsi", NULL, NULL, 0, NULL},
	{PLAN_MASK, "proc/timer_list", NULL, NULL, 0, NULL},
	{PLAN_MASK, "proc/timer_stats", NULL, NULL, 0, NULL},
};

/* Mode and owner of a file of /proc belong to the kernel's one table of them, not to the mount: real root in a step
 * would change them for the machine. */
static const struct plan_op plan_entries = {PLAN_ENTRIES, "proc", NULL, NULL, 0, NULL};

/* RUN --security=insecure: the kernel's file systems as they are, but for what slct hides of itself. */
static const struct plan_op plan_insecure[] = {
	{PLAN_PROC, "proc", NULL, NULL, 0, NULL},
	{PLAN_INIT, "proc/1", NULL, NULL, 0, NULL},
	{PLAN_SYS, "sys", NULL, NULL, 0, NULL},
};

static const struct plan_op plan_sys[] = {
	{PLAN_SYS, "sys", NULL, NULL, MOUNT_ATTR_RDONLY, NULL},
	{PLAN_MASK, "sys/firmware", NULL, NULL, 0, NULL},
	{PLAN_MASK, "sys/devices/virtual/powercap", NULL, NULL, 0, NULL},
};

static void add(struct plan_ops *p, const struct plan_op *op, size_t n)
{
	for (size_t i = 0; i < n; i++)
		vec_push(p, op[i]);
}

static bool has_gid(const struct tier_info *t, uint32_t gid)
{
	if (t->ngid == 0)
		return true;
	for (size_t i = 0; i < t->ngid; i++)
		if (gid >= t->gid[i].inside && gid - t->gid[i].inside < t->gid[i].count)
			return true;
	return false;
}

static void add_shm(struct plan_ops *p, uint64_t size)
{
	char *options = mem_printf("mode=1777,size=%llu", (unsigned long long)(size ? size : PLAN_SHM_BYTES));
	struct plan_op op = {PLAN_FS, "dev/shm", "tmpfs", options, PLAN_SHM_ATTRS, options};

	add(p, &op, 1);
}

/* RUN --mount at /dev/shm: it takes the place of ours. */
static bool has_own_shm(const struct sandbox_spec *s)
{
	for (size_t i = 0; i < s->nmounts; i++)
		if (strcmp(s->mounts[i].target, "/dev/shm") == 0)
			return true;
	return false;
}

/* The texts' files lie on a small tmpfs that is gone again before the step begins: it sees them only where they are
 * bound. (Of a tmpfs that is mounted nowhere no file can be bound, up to Linux 6.14.) */
static const struct plan_op plan_texts = {PLAN_FS, PLAN_TEXT_DIR, "tmpfs", "mode=0755,size=1m", PLAN_SHM_ATTRS, NULL};
static const struct plan_op plan_texts_gone = {PLAN_GONE, PLAN_TEXT_DIR, NULL, NULL, 0, NULL};

static void add_text(struct plan_ops *p, const char *path, char *text)
{
	struct plan_op op = {PLAN_TEXT, path, text, NULL, 0, text};

	add(p, &op, 1);
}

static bool is_address(const char *s)
{
	unsigned char bin[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, s, bin) == 1 || inet_pton(AF_INET6, s, bin) == 1;
}

static bool is_host_name(struct sv s)
{
	if (s.n == 0 || s.n > 253)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
		      c == '.' || c == '_'))
			return false;
	}
	return true;
}

/* "name:ip", also "name=ip", and an IPv6 address in brackets. */
static int add_host(struct buf *b, const char *line, struct err *e)
{
	size_t n = strcspn(line, ":=");
	struct sv ip = sv_from(line[n] ? line + n + 1 : "");
	AUTO_FREE char *address = NULL;

	if (ip.n > 2 && ip.p[0] == '[' && ip.p[ip.n - 1] == ']')
		ip = sv_sub(ip, 1, ip.n - 2);
	address = sv_dup(ip);
	if (!is_host_name(sv_of(line, n)) || !is_address(address)) {
		err_set(e, ERR_INPUT, "extra host \"%s\" is not NAME:ADDRESS", line);
		return err_hint(e, "for example registry.local:10.0.0.5");
	}
	buf_printf(b, "%s\t%.*s\n", address, (int)n, line);
	return 0;
}

char *plan_ops_hosts(const struct sandbox_spec *s, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);

	buf_printf(&b, "127.0.0.1\tlocalhost %s\n::1\tlocalhost ip6-localhost ip6-loopback\n",
		   s->hostname ? s->hostname : SANDBOX_HOSTNAME);
	for (size_t i = 0; i < s->nadd_hosts; i++)
		if (add_host(&b, s->add_hosts[i], e) < 0)
			return NULL;
	return buf_steal(&b);
}

int plan_ops(const struct sandbox_spec *s, const char *resolv_conf, struct plan_ops *out, struct err *e)
{
	char *hosts = plan_ops_hosts(s, e);

	if (!hosts)
		return -1;
	add(out, plan_dev, ARRAY_LEN(plan_dev));
	add(out, has_gid(s->tier, PLAN_TTY_GID) ? &plan_devpts : &plan_devpts_nogid, 1);
	add(out, &plan_texts, 1);
	add_text(out, "etc/hosts", hosts);
	add_text(out, "etc/resolv.conf", mem_strdup(resolv_conf));
	add(out, &plan_texts_gone, 1);
	if (!has_own_shm(s))
		add_shm(out, s->shm_size);
	if (s->insecure) {
		add(out, plan_insecure, ARRAY_LEN(plan_insecure));
		return 0;
	}
	add(out, plan_proc, 1);
	if (s->tier->tier == TIER_ROOT)
		add(out, &plan_entries, 1);
	add(out, plan_proc + 1, ARRAY_LEN(plan_proc) - 1);
	add(out, plan_sys, ARRAY_LEN(plan_sys));
	return 0;
}

void plan_ops_release(struct plan_ops *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i].owned);
	vec_release(p);
}
