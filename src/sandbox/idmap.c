/* Subordinate ids and the maps made of them. */
#include "src/sandbox/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/util/buf.h"
#include "src/util/clock.h"
#include "src/util/hash.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/num.h"
#include "src/util/proc.h"
#include "src/util/vec.h"

/* The last id that may stand in a map: 2^32-1 means "no change" to chown(2). */
#define ID_MAX		    UINT64_C(4294967294)
#define NEWIDMAP_TIMEOUT_NS (10 * CLOCK_NS_PER_S)
/* What one ordinary image needs: ids up to 65534 (nobody). */
#define IDS_USUAL 65536

void idmap_user_self(struct idmap_user *u)
{
	const struct passwd *pw = getpwuid(getuid());

	*u = (struct idmap_user){.uid = getuid(), .gid = getgid(), .name = mem_strdup_opt(pw ? pw->pw_name : NULL)};
}

void idmap_user_release(struct idmap_user *u)
{
	free(u->name);
	*u = (struct idmap_user){0};
}

static bool is_user(struct sv field, const struct idmap_user *u)
{
	uint64_t id;

	if (u->name && sv_eq_str(field, u->name))
		return true;
	return num_parse(field, 10, ID_MAX, &id) == 0 && id == u->uid;
}

/* "owner:start:count"; whether the line is u's and sound. */
static bool parse_line(struct sv line, const struct idmap_user *u, struct tier_map *m)
{
	struct sv rest = line, owner = sv_cut(&rest, ':'), start, count;
	uint64_t from, n;

	if (!rest.p || !is_user(owner, u))
		return false;
	start = sv_cut(&rest, ':');
	count = sv_trim(rest);
	if (num_parse(start, 10, ID_MAX, &from) < 0 || num_parse(count, 10, ID_MAX, &n) < 0)
		return false;
	if (n == 0 || from + n - 1 > ID_MAX)
		return false;
	*m = (struct tier_map){.outside = (uint32_t)from, .count = (uint32_t)n};
	return true;
}

/* The kernel refuses a map whose ranges overlap; a user often has the same range by name and by number. */
static bool is_taken(const struct tier_map *m, const struct tier_map *maps, int n)
{
	for (int i = 1; i < n; i++)
		if (m->outside < (uint64_t)maps[i].outside + maps[i].count &&
		    maps[i].outside < (uint64_t)m->outside + m->count)
			return true;
	return false;
}

int idmap_parse(struct sv text, const struct idmap_user *u, uint32_t own, struct tier_map out[TIER_MAPS_MAX],
		struct err *e)
{
	uint64_t inside = 1;
	int n = 1;

	out[0] = (struct tier_map){.inside = 0, .outside = own, .count = 1};
	while (text.p) {
		struct tier_map m;

		if (!parse_line(sv_cut(&text, '\n'), u, &m) || is_taken(&m, out, n))
			continue;
		if (n == TIER_MAPS_MAX)
			return err_set(e, ERR_HOST, "more than %d ranges of subordinate ids", TIER_MAPS_MAX - 1);
		if (inside + m.count - 1 > ID_MAX)
			return err_set(e, ERR_HOST, "more subordinate ids than a map can hold");
		m.inside = (uint32_t)inside;
		inside += m.count;
		out[n++] = m;
	}
	return n;
}

/* The remedy where a user has no range. 100000 is what useradd begins with; an administrator sees at once if it is
 * taken. */
static int no_range(const char *file, const struct idmap_user *u, struct err *e)
{
	AUTO_FREE char *who = u->name ? mem_strdup(u->name) : mem_printf("%u", (unsigned)u->uid);

	err_set(e, ERR_HOST, "%s has no range of subordinate ids for %s", file, who);
	return err_hint(
		e, "as root, add the line `%s:100000:%d` to /etc/subuid and to /etc/subgid (any free range will do)",
		who, IDS_USUAL);
}

static int load_file(const char *file, const struct idmap_user *u, uint32_t own, struct tier_map out[TIER_MAPS_MAX],
		     size_t *n, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(IDMAP_FILE_MAX);
	int got;

	if (io_read_file(AT_FDCWD, file, &text, e) < 0) {
		if (e->code != ERR_NOT_FOUND)
			return -1;
		err_release(e);
	}
	got = idmap_parse(buf_sv(&text), u, own, out, e);
	if (got < 0)
		return err_wrap(e, "%s", file);
	if (got == 1)
		return no_range(file, u, e);
	*n = (size_t)got;
	return 0;
}

static int load_both(struct tier_info *t, const struct idmap_user *u, struct err *e)
{
	if (load_file("/etc/subuid", u, u->uid, t->uid, &t->nuid, e) < 0)
		return -1;
	return load_file("/etc/subgid", u, u->gid, t->gid, &t->ngid, e);
}

int idmap_load(struct tier_info *t, struct err *e)
{
	struct idmap_user u;
	int r;

	idmap_user_self(&u);
	r = load_both(t, &u, e);
	idmap_user_release(&u);
	if (r == 0)
		idmap_form(t, t->form);
	return r;
}

static void maps_text(struct buf *b, const char *key, const struct tier_map *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%s %u %u %u\n", key, m[i].inside, m[i].outside, m[i].count);
}

void idmap_form(const struct tier_info *t, char form[80])
{
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	uint8_t sum[HASH_MAX_BYTES];
	char hex[17];

	maps_text(&text, "uid", t->uid, t->nuid);
	maps_text(&text, "gid", t->gid, t->ngid);
	hash_bytes(HASH_SHA256, text.p, text.n, sum);
	hash_hex(sum, 8, hex);
	snprintf(form, 80, "map-%s", hex);
}

static bool no_new_privs(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

/* newuidmap wants the caller to have the group of its entry in /etc/passwd. */
static bool other_group(struct err *e)
{
	const struct passwd *pw = getpwuid(getuid());

	if (!pw || pw->pw_gid == getgid())
		return false;
	err_hint(e,
		 "newuidmap serves a user only in the group of its entry in /etc/passwd, which for %s is %u and here "
		 "is %u: setpriv --regid %u --init-groups slct …, or newgrp",
		 pw->pw_name, (unsigned)pw->pw_gid, (unsigned)getgid(), (unsigned)pw->pw_gid);
	return true;
}

static int helper_failed(const char *program, int status, struct buf *text, struct err *e)
{
	struct sv why = sv_trim(buf_sv(text));

	if (WIFSIGNALED(status))
		return err_set(e, ERR_HOST, "%s died of signal %d", program, WTERMSIG(status));
	err_set(e, ERR_HOST, "%s refused the id map: %.*s", program, SV_ARG(why));
	if (other_group(e))
		return -1;
	if (no_new_privs())
		return err_hint(
			e,
			"this process runs with no_new_privs, so that %s has no privileges: in a container, allow "
			"privilege escalation",
			program);
	return err_hint(e,
			"%s must be setuid root (or have file capabilities) and its file system not be nosuid: "
			"`apt-get install --reinstall uidmap`",
			program);
}

static int run_helper(const char *program, pid_t pid, const struct tier_map *m, size_t n, struct err *e)
{
	AUTO_STRV struct strv args = {0};
	AUTO_BUF struct buf text = BUF_INIT(4096);
	struct proc_io io = {.errout = &text, .timeout_ns = NEWIDMAP_TIMEOUT_NS, .setid = true};
	int status;

	strv_add(&args, program);
	strv_printf(&args, "%d", (int)pid);
	for (size_t i = 0; i < n; i++) {
		strv_printf(&args, "%u", m[i].inside);
		strv_printf(&args, "%u", m[i].outside);
		strv_printf(&args, "%u", m[i].count);
	}
	if (proc_run(strv_argv(&args), &io, &status, e) < 0) {
		if (e->code != ERR_NOT_FOUND)
			return -1;
		err_set(e, ERR_HOST, "%s is not installed", program);
		return err_hint(e, "`apt-get install uidmap` (Debian, Ubuntu) or install shadow-utils");
	}
	return status == 0 ? 0 : helper_failed(program, status, &text, e);
}

void idmap_solo(struct tier_info *t)
{
	t->uid[0] = (struct tier_map){0, geteuid(), 1};
	t->gid[0] = (struct tier_map){0, getegid(), 1};
	t->nuid = t->ngid = 1;
	snprintf(t->form, sizeof t->form, "rec");
}

static int write_proc(pid_t pid, const char *file, const char *text, struct err *e)
{
	AUTO_FREE char *path = mem_printf("/proc/%d/%s", (int)pid, file);
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text))
		return 0;
	err_sys(e, ERR_HOST, errno, "%s", path);
	return err_hint(e, "/proc must be mounted and writable, and no security module forbid user namespaces");
}

/* setgroups is given up first: without it the kernel gives an ordinary user no map of groups (CVE-2014-8989). */
static int write_own(const struct tier_info *t, pid_t pid, struct err *e)
{
	AUTO_FREE char *uid = mem_printf("0 %u 1", t->uid[0].outside), *gid = mem_printf("0 %u 1", t->gid[0].outside);

	if (write_proc(pid, "setgroups", "deny", e) < 0 || write_proc(pid, "uid_map", uid, e) < 0)
		return -1;
	return write_proc(pid, "gid_map", gid, e);
}

int idmap_write(const struct tier_info *t, pid_t pid, struct err *e)
{
	if (t->nuid == 1 && t->ngid == 1)
		return write_own(t, pid, e);
	if (run_helper("newuidmap", pid, t->uid, t->nuid, e) < 0)
		return -1;
	return run_helper("newgidmap", pid, t->gid, t->ngid, e);
}
