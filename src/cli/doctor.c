/* Examination of the host. */
#include "src/cli/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "src/sandbox/cgroup.h"
#include "src/sandbox/probe.h"
#include "src/sandbox/userns.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/num.h"

/* mount_setattr: Linux 5.12; overlays in user namespaces: 5.11. */
#define DOCTOR_KERNEL_MAJOR 5
#define DOCTOR_KERNEL_MINOR 12
#define DOCTOR_PORTS	    "/proc/sys/net/ipv4/ip_unprivileged_port_start"

const char *doctor_state_name(enum doctor_state s)
{
	static const char *const names[] = {
		[DOCTOR_OK] = "ok",
		[DOCTOR_NOTE] = "note",
		[DOCTOR_WARNING] = "warning",
		[DOCTOR_REFUSED] = "refused",
	};

	return names[s];
}

void doctor_add(struct doctor *d, enum doctor_state state, const char *group, const char *name, const char *remedy,
		const char *fmt, ...)
{
	struct doctor_finding f = {
		.state = state, .group = group, .name = mem_strdup(name), .remedy = mem_strdup_opt(remedy)};
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&f.text, fmt, ap) < 0)
		f.text = mem_strdup("");
	va_end(ap);
	vec_push(&d->v, f);
}

void doctor_add_err(struct doctor *d, enum doctor_state state, const char *group, const char *name, struct err *e)
{
	doctor_add(d, state, group, name, e->hint, "%s", e->msg);
	err_release(e);
}

void doctor_release(struct doctor *d)
{
	for (size_t i = 0; i < d->v.n; i++) {
		free(d->v.v[i].name);
		free(d->v.v[i].text);
		free(d->v.v[i].remedy);
	}
	vec_release(&d->v);
	tier_release(&d->tier);
	err_release(&d->why);
}

/* --- isolation --- */

/* The finding has the tier's name already. */
static const char *doctor_without_tier(const char *msg, enum tier t)
{
	AUTO_FREE char *prefix = mem_printf("isolation \"%s\": ", tier_name(t));
	size_t n = strlen(prefix);

	return strncmp(msg, prefix, n) == 0 ? msg + n : msg;
}

static void doctor_tier(struct doctor *d, enum tier t, const char *scratch)
{
	struct err e = ERR_INIT;
	struct tier_info info = {0};

	if (tier_probe(t, false, scratch, &info, &e) == 0)
		doctor_add(d, DOCTOR_OK, "isolation", tier_name(t), NULL, "works%s (form of layers: %s)",
			   d->can_build && d->tier.tier == t ? ", and builds take it" : "", info.form);
	else
		doctor_add(d, d->can_build ? DOCTOR_NOTE : DOCTOR_REFUSED, "isolation", tier_name(t), e.hint, "%s",
			   doctor_without_tier(e.msg, t));
	err_release(&e);
	tier_release(&info);
}

static void doctor_isolation(struct doctor *d, const struct store *s)
{
	AUTO_FREE char *scratch = mem_printf("%s/tmp", store_root(s));

	d->can_build = tier_probe(TIER_AUTO, false, scratch, &d->tier, &d->why) == 0 && d->tier.tier != TIER_NONE;
	if (d->tier.tier == TIER_NONE) {
		err_set(&d->why, ERR_HOST, "no isolation for RUN steps works here: %s", d->tier.why);
		err_hint(&d->why, "%s", d->tier.hint);
	}
	for (enum tier t = TIER_ROOT; t <= TIER_CHROOT; t++)
		doctor_tier(d, t, scratch);
}

static void doctor_proc(struct doctor *d)
{
	struct err e = ERR_INIT;
	int ns = -1;

	if ((d->tier.tier == TIER_RANGE || d->tier.tier == TIER_SOLO) && (ns = userns_open(&d->tier, &e)) < 0) {
		err_release(&e);
		return; /* it has just worked */
	}
	if (probe_proc(ns, &e) == 0)
		doctor_add(d, DOCTOR_OK, "isolation", "proc", NULL, "steps get a /proc of their own");
	else
		doctor_add_err(d, DOCTOR_NOTE, "isolation", "proc", &e);
	if (ns >= 0)
		close(ns);
}

/* The right to them is one over the host's network namespace. */
static void doctor_ports(struct doctor *d)
{
	AUTO_BUF struct buf text = BUF_INIT(64);
	struct err e = ERR_INIT;
	uint64_t first;

	if (d->tier.tier != TIER_RANGE && d->tier.tier != TIER_SOLO)
		return;
	if (io_read_file(AT_FDCWD, DOCTOR_PORTS, &text, &e) == 0 &&
	    num_parse(sv_trim(buf_sv(&text)), 10, UINT16_MAX, &first) == 0 && first > 0)
		doctor_add(d, DOCTOR_NOTE, "isolation", "ports",
			   "RUN --network=none gives a step a network of its own; or, for all users of this machine, "
			   "`sysctl "
			   "net.ipv4.ip_unprivileged_port_start=0`",
			   "steps cannot listen on ports below %llu of the host's network", (unsigned long long)first);
	err_release(&e);
}

/* --- host --- */

static void doctor_kernel(struct doctor *d)
{
	struct utsname u;
	unsigned major = 0, minor = 0;
	bool old;

	if (uname(&u) < 0)
		return;
	old = sscanf(u.release, "%u.%u", &major, &minor) == 2 &&
	      (major < DOCTOR_KERNEL_MAJOR || (major == DOCTOR_KERNEL_MAJOR && minor < DOCTOR_KERNEL_MINOR));
	doctor_add(d, old ? DOCTOR_WARNING : DOCTOR_OK, "host", "kernel", old ? "Linux 5.12 or later" : NULL,
		   "%s %s %s", u.sysname, u.release, u.machine);
}

static void doctor_userns(struct doctor *d)
{
	struct err e = ERR_INIT;

	if (userns_try(&e) == 0)
		doctor_add(d, DOCTOR_OK, "host", "user namespaces", NULL, "the kernel gives uid %u one",
			   (unsigned)geteuid());
	else
		doctor_add_err(d, d->can_build ? DOCTOR_NOTE : DOCTOR_REFUSED, "host", "user namespaces", &e);
}

/* All three limits at once: where one controller lacks, its name is told. */
static void doctor_groups(struct doctor *d)
{
	const struct cgroup_limits all = {.memory = UINT64_C(64) << 20, .cpu_milli = 1000, .pids = 100};
	struct cgroup_base base;
	struct err e = ERR_INIT;

	if (cgroup_find(&all, &base, &e) == 0)
		doctor_add(d, DOCTOR_OK, "host", "control groups", NULL,
			   "--memory, --cpus and --pids-limit work, below %s", base.dir);
	else
		doctor_add(d, DOCTOR_NOTE, "host", "control groups", e.hint,
			   "--memory, --cpus and --pids-limit are refused: %s", e.msg);
	cgroup_leave(&base);
	err_release(&e);
}

/* --- programs --- */

static const struct {
	const char *name, *use, *remedy;
	bool range_only; /* root does not need it */
} doctor_programs[] = {
	{"newuidmap", "isolation \"range\"", "`apt-get install uidmap` (Debian, Ubuntu) or install shadow-utils", true},
	{"newgidmap", "isolation \"range\"", "`apt-get install uidmap` (Debian, Ubuntu) or install shadow-utils", true},
	{"git", "contexts and ADD of git repositories", "install git", false},
};

/* Caller frees; NULL if it is not in PATH. */
static char *doctor_which(const char *name)
{
	struct sv rest = sv_from(getenv("PATH"));

	while (rest.p) {
		struct sv dir = sv_cut(&rest, ':');
		char *path = mem_printf("%.*s/%s", SV_ARG(dir), name);

		if (dir.n && access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

static void doctor_program(struct doctor *d, size_t i)
{
	AUTO_FREE char *path = doctor_which(doctor_programs[i].name);
	bool needed = !doctor_programs[i].range_only || geteuid() != 0;

	if (path)
		doctor_add(d, DOCTOR_OK, "programs", doctor_programs[i].name, NULL, "%s", path);
	else
		doctor_add(d, needed ? DOCTOR_WARNING : DOCTOR_NOTE, "programs", doctor_programs[i].name,
			   doctor_programs[i].remedy, "not installed: needed for %s", doctor_programs[i].use);
}

void doctor_examine(struct doctor *d, struct store *s, struct err *no_store)
{
	if (s) {
		doctor_isolation(d, s);
		if (d->can_build)
			doctor_proc(d);
		doctor_ports(d);
	}
	doctor_kernel(d);
	doctor_userns(d);
	doctor_groups(d);
	if (s) {
		doctor_store_examine(d, s);
	} else {
		doctor_add(d, DOCTOR_REFUSED, "store", "directory", no_store->hint, "%s", no_store->msg);
		err_move(&d->why, no_store);
	}
	for (size_t i = 0; i < ARRAY_LEN(doctor_programs); i++)
		doctor_program(d, i);
}
