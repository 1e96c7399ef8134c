/* Control groups of steps. */
#include "src/sandbox/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/sandbox/cgroupfs.h"
#include "src/util/buf.h"
#include "src/util/cleanup.h"
#include "src/util/mem.h"
#include "src/util/path.h"
#include "src/util/tmp.h"

#define CGROUP_STEP	 "slct-step"
#define CGROUP_SELF	 "slct-self"
#define CGROUP_PERIOD_US 100000
/* A group can be removed only a moment after its last process. */
#define CGROUP_REMOVE_TRIES    50
#define CGROUP_REMOVE_PAUSE_US 2000

static const char cgroup_delegate[] = "start it where control groups are delegated: "
				      "systemd-run --user --scope -p Delegate=yes slct build …";

bool cgroup_wanted(const struct cgroup_limits *l)
{
	return l->memory || l->cpu_milli || l->pids;
}

/* --- the controllers that the limits need --- */

struct controllers {
	const char *v[3];
	size_t n;
};

static struct controllers needed(const struct cgroup_limits *l)
{
	struct controllers c = {.n = 0};

	if (l->memory)
		c.v[c.n++] = "memory";
	if (l->cpu_milli)
		c.v[c.n++] = "cpu";
	if (l->pids)
		c.v[c.n++] = "pids";
	return c;
}

static int no_controller(const char *name, const char *dir, struct err *e)
{
	AUTO_BUF struct buf all = BUF_INIT(CGROUPFS_TEXT_MAX);
	bool known = cgroupfs_read(AT_FDCWD, "/proc/cgroups", &all) && strstr(buf_str(&all), name);

	err_set(e, ERR_HOST, "the controller \"%s\" is not there in %s", name, dir);
	if (strstr(dir, "/user@"))
		return err_hint(e, "as root: mkdir -p /etc/systemd/system/user@.service.d; printf '[Service]\\n"
				   "Delegate=cpu cpuset io memory pids\\n' >/etc/systemd/system/user@.service.d/"
				   "delegate.conf; systemctl daemon-reload; and log in anew");
	return err_hint(e, known ? "it may be bound to control groups of version 1: boot with "
				   "systemd.unified_cgroup_hierarchy=1; or it is not enabled in "
				   "cgroup.subtree_control of the groups above"
				 : "the kernel is built without it");
}

/* Make room: move this process, if it is alone, to a group of its own. 0, or -1 with errno. */
static int move_self(int dir, const char *path, char **self)
{
	AUTO_BUF struct buf procs = BUF_INIT(CGROUPFS_TEXT_MAX);
	AUTO_FREE char *mine = mem_printf("%d\n", (int)getpid());
	AUTO_FREE char *join = mem_printf("%s/cgroup.procs", CGROUP_SELF);

	if (!cgroupfs_read(dir, "cgroup.procs", &procs) || strcmp(buf_str(&procs), mine) != 0) {
		errno = EBUSY;
		return -1;
	}
	if ((mkdirat(dir, CGROUP_SELF, 0755) < 0 && errno != EEXIST) || cgroupfs_write(dir, join, "0") < 0)
		return -1;
	*self = mem_strdup(path);
	return 0;
}

static int enable(int dir, const char *path, const char *name, char **self)
{
	AUTO_FREE char *plus = mem_printf("+%s", name);

	if (cgroupfs_has(dir, "cgroup.subtree_control", name) ||
	    cgroupfs_write(dir, "cgroup.subtree_control", plus) == 0)
		return 0;
	if (errno != EBUSY || *self || move_self(dir, path, self) < 0)
		return -1;
	return cgroupfs_write(dir, "cgroup.subtree_control", plus);
}

/* --- trying a place --- */

static int refused(const char *path, const char *what, int sys, struct err *e)
{
	err_set(e, ERR_HOST, "%s: %s: %s", path, what, strerror(sys));
	e->sys = sys;
	if (sys == EROFS)
		return err_hint(e, CGROUPFS_CONTAINER);
	if (sys == EBUSY)
		return err_hint(e, "other processes are in this group: %s", cgroup_delegate);
	return err_hint(e, "%s", cgroup_delegate);
}

/* A child joins and ends. */
static int try_join(const struct cgroup *g, struct err *e)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		struct err ignored = ERR_INIT;

		_exit(cgroup_join(g->procs, &ignored) < 0 ? ignored.sys : 0);
	}
	if (child < 0)
		return err_sys(e, ERR_HOST, errno, "fork");
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (status == 0)
		return 0;
	return refused(g->name, "joining a group", WIFEXITED(status) ? WEXITSTATUS(status) : EINTR, e);
}

static int try_place(const char *path, const struct cgroup_limits *l, struct cgroup_base *out, struct err *e)
{
	AUTO_CLOSE int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct controllers c = needed(l);
	struct cgroup g;
	int rc;

	if (dir < 0)
		return refused(path, "opening it", errno, e);
	for (size_t i = 0; i < c.n; i++) {
		if (!cgroupfs_has(dir, "cgroup.controllers", c.v[i]))
			return no_controller(c.v[i], path, e);
		if (enable(dir, path, c.v[i], &out->self) < 0)
			return refused(path, "enabling a controller for groups in it", errno, e);
	}
	out->dir = mem_strdup(path);
	if (cgroup_make(out, l, &g, e) == 0) {
		rc = try_join(&g, e);
		cgroup_remove(&g);
		if (rc == 0)
			return 0;
	}
	free(out->dir);
	out->dir = NULL;
	return -1;
}

/* Below our own group, or beside it: where there are other processes in it, as in a terminal's. */
int cgroup_find(const struct cgroup_limits *l, struct cgroup_base *out, struct err *e)
{
	AUTO_FREE char *own = NULL, *parent = NULL;
	struct err second = ERR_INIT;
	int rc;

	*out = (struct cgroup_base){0};
	if (!cgroup_wanted(l))
		return 0;
	own = cgroupfs_own_dir(e);
	if (!own)
		return err_wrap(e, "limits of a step");
	if (try_place(own, l, out, e) == 0)
		return 0;
	cgroup_leave(out);
	parent = path_dir(own);
	rc = try_place(parent, l, out, &second);
	err_release(&second);
	if (rc < 0)
		return err_wrap(e, "limits of a step");
	err_release(e);
	return 0;
}

/* Whoever makes a group holds a lock on its directory until it has removed it. */
static void sweep(int base)
{
	int fd = openat(base, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSEDIR DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *ent;

	while (d && (ent = readdir(d))) {
		AUTO_CLOSE int dir = -1;

		if (strncmp(ent->d_name, CGROUP_STEP ".", strlen(CGROUP_STEP ".")) != 0)
			continue;
		dir = openat(base, ent->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir >= 0 && flock(dir, LOCK_EX | LOCK_NB) == 0)
			unlinkat(base, ent->d_name, AT_REMOVEDIR);
	}
}

void cgroup_leave(struct cgroup_base *b)
{
	AUTO_CLOSE int base = b->dir ? open(b->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	AUTO_CLOSE int dir = b->self ? open(b->self, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	static const char *const off[] = {"-memory", "-cpu", "-pids"};

	if (base >= 0)
		sweep(base);
	for (size_t i = 0; dir >= 0 && i < ARRAY_LEN(off); i++)
		cgroupfs_write(dir, "cgroup.subtree_control", off[i]);
	if (dir >= 0 && cgroupfs_write(dir, "cgroup.procs", "0") == 0)
		unlinkat(dir, CGROUP_SELF, AT_REMOVEDIR);
	free(b->self);
	free(b->dir);
	*b = (struct cgroup_base){0};
}

/* --- groups of steps --- */

static int set_limit(const struct cgroup *g, const char *file, const char *text, struct err *e)
{
	if (cgroupfs_write(g->dir, file, text) == 0)
		return 0;
	return err_sys(e, ERR_HOST, errno, "%s of the step's control group", file);
}

static int set_limits(const struct cgroup *g, const struct cgroup_limits *l, struct err *e)
{
	AUTO_FREE char *memory = mem_printf("%llu", (unsigned long long)l->memory);
	AUTO_FREE char *cpu =
		mem_printf("%llu %d", (unsigned long long)l->cpu_milli * (CGROUP_PERIOD_US / 1000), CGROUP_PERIOD_US);
	AUTO_FREE char *pids = mem_printf("%llu", (unsigned long long)l->pids);

	if (l->memory) {
		if (set_limit(g, "memory.max", memory, e) < 0)
			return -1;
		/* Both may be missing: a kernel without swap, one before 4.19. */
		cgroupfs_write(g->dir, "memory.swap.max", "0");
		cgroupfs_write(g->dir, "memory.oom.group", "1");
	}
	if (l->cpu_milli && set_limit(g, "cpu.max", cpu, e) < 0)
		return -1;
	return l->pids ? set_limit(g, "pids.max", pids, e) : 0;
}

static int make_dir(int base, const char *path, struct cgroup *g, struct err *e)
{
	AUTO_FREE char *name = NULL;

	if (tmp_dir(base, CGROUP_STEP, &name, e) < 0)
		return refused(path, "making a group in it", e->sys, e);
	snprintf(g->name, sizeof g->name, "%s", name);
	g->dir = openat(base, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (g->dir < 0 || flock(g->dir, LOCK_EX) < 0)
		return err_sys(e, ERR_HOST, errno, "%s/%s", path, name);
	return 0;
}

int cgroup_make(const struct cgroup_base *b, const struct cgroup_limits *l, struct cgroup *out, struct err *e)
{
	*out = (struct cgroup){-1, -1, -1, ""};
	if (!b->dir)
		return 0;
	out->base = open(b->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (out->base < 0)
		return err_sys(e, ERR_HOST, errno, "%s", b->dir);
	sweep(out->base);
	if (make_dir(out->base, b->dir, out, e) < 0 || set_limits(out, l, e) < 0) {
		cgroup_remove(out);
		return -1;
	}
	out->procs = openat(out->dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	if (out->procs >= 0)
		return 0;
	err_sys(e, ERR_HOST, errno, "%s/%s/cgroup.procs", b->dir, out->name);
	cgroup_remove(out);
	return -1;
}

int cgroup_join(int procs, struct err *e)
{
	if (write(procs, "0", 1) == 1)
		return 0;
	return err_sys(e, ERR_HOST, errno, "joining the step's control group");
}

void cgroup_events(const struct cgroup *g, struct cgroup_events *out)
{
	*out = (struct cgroup_events){0};
	if (g->dir < 0)
		return;
	out->oom_kills = cgroupfs_event(g->dir, "memory.events", "oom_kill");
	out->pids_refused = cgroupfs_event(g->dir, "pids.events", "max");
}

void cgroup_remove(struct cgroup *g)
{
	for (int i = 0; g->dir >= 0 && i < CGROUP_REMOVE_TRIES; i++) {
		if (unlinkat(g->base, g->name, AT_REMOVEDIR) == 0 || errno != EBUSY)
			break;
		usleep(CGROUP_REMOVE_PAUSE_US);
	}
	for (size_t i = 0; i < 3; i++) {
		int fd = i == 0 ? g->procs : i == 1 ? g->dir : g->base;

		if (fd >= 0)
			close(fd);
	}
	*g = (struct cgroup){-1, -1, -1, ""};
}
