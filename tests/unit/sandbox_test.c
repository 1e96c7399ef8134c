/* Steps in the sandbox, on a busybox root: as uid 0 in tier root, then again in tier range as an ordinary user with
 * subordinate ids, if the machine has one. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "src/sandbox/passwd.h"
#include "src/sandbox/sandbox.h"
#include "src/sandbox/userns.h"
#include "src/util/buf.h"
#include "src/util/cleanup.h"
#include "src/util/clock.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/path.h"
#include "src/util/proc.h"

#define BUSYBOX	   "/bin/busybox"
#define OUTPUT_MAX ((size_t)1 << 20)

/* Of the whole program: the tier under test, its namespace and its seccomp programs. */
static struct tier_info tier;
static int nsfd = -1;
static char busybox[] = "/tmp/slct-busybox-test.XXXXXX";
static void *prog;
static size_t prog_len;

/* What a step gave, as its worker saw it. */
struct outcome {
	int ok; /* sandbox_run returned 0 */
	struct sandbox_result r;
	enum err_code code;
	char msg[512], hint[512];
	char out[4096];
};

/* A fresh directory with one layer "base", and the step to be run in it. */
struct box {
	char dir[64];
	int fd;
	struct sandbox_spec s;
	struct outcome o;
	unsigned steps;
	bool dies_with_parent;
	bool in_chroot; /* the worker runs with the box as its root directory */
	char upper[32], work[32];
	const char *lower[4];
};

static const char *const applets[] = {"sh",	 "true",     "id",   "cat",	 "ls",	  "rm",	  "mkdir", "touch",
				      "chown",	 "chmod",    "stat", "kill",	 "sleep", "echo", "wc",	   "mount",
				      "unshare", "hostname", "grep", "readlink", "mknod", "dd",	  "ln",	   "umask",
				      "env",	 "pwd",	     "ip",   "head",	 "nproc"};

static void put(int dir, const char *path, const char *text, mode_t mode)
{
	AUTO_CLOSE int fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	ck_assert_int_eq(fchmod(fd, mode), 0);
}

static void put_busybox(int dir)
{
	ck_assert_int_eq(linkat(AT_FDCWD, busybox, dir, "base/bin/busybox", 0), 0);
	for (size_t i = 0; i < ARRAY_LEN(applets); i++) {
		AUTO_FREE char *path = mem_printf("base/bin/%s", applets[i]);

		ck_assert_int_eq(symlinkat("busybox", dir, path), 0);
	}
}

static void box_open(struct box *b)
{
	*b = (struct box){0};
	umask(022);
	snprintf(b->dir, sizeof b->dir, "/tmp/slct-sandbox-test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(b->dir));
	b->fd = open(b->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(mkdirat(b->fd, "base", 0755), 0);
	ck_assert_int_eq(mkdirat(b->fd, "base/bin", 0755), 0);
	ck_assert_int_eq(mkdirat(b->fd, "points", 0700), 0);
	put_busybox(b->fd);
	b->lower[0] = "base";
	b->s = (struct sandbox_spec){.tier = &tier,
				     .nsfd = nsfd,
				     .scratch = "points",
				     .seccomp_prog = prog,
				     .seccomp_len = prog_len,
				     .owners_fd = -1};
	b->s.root = (struct overlay_spec){b->fd, b->lower, 1, NULL, b->upper, b->work, NULL};
	b->s.timeout_ns = 20 * CLOCK_NS_PER_S;
}

static void box_etc(struct box *b)
{
	ck_assert_int_eq(mkdirat(b->fd, "base/etc", 0755), 0);
	put(b->fd, "base/etc/passwd", "root:x:0:0::/root:/bin/sh\nwww:x:33:34::/var/www:/bin/sh\n", 0644);
	put(b->fd, "base/etc/group", "root:x:0:\nwww:x:34:\nstaff:x:50:www\ntape:x:51:root,www\n", 0644);
}

/* Run fn in a process that has joined the tier's namespace; its return value. */
static int inside(int (*fn)(struct box *b, void *arg), struct box *b, void *arg)
{
	struct err e = ERR_INIT;
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(userns_join(nsfd, &e) < 0 ? 99 : fn(b, arg));
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

static int remove_box(struct box *b, void *arg)
{
	struct err e = ERR_INIT;

	(void)arg;
	return path_remove_tree(AT_FDCWD, b->dir, &e) < 0;
}

static void box_close(struct box *b)
{
	ck_assert_int_eq(inside(remove_box, b, NULL), 0);
	close(b->fd);
}

static void worker(const struct sandbox_spec *s, int report)
{
	struct outcome o = {0};
	struct err e = ERR_INIT;

	o.ok = sandbox_run(s, &o.r, &e) == 0;
	o.code = e.code;
	snprintf(o.msg, sizeof o.msg, "%s", e.msg ? e.msg : "");
	snprintf(o.hint, sizeof o.hint, "%s", e.hint ? e.hint : "");
	_exit(write(report, &o, sizeof o) != sizeof o);
}

/* A root directory that is no mount point, with what slct needs of the host; the mounts go with the worker. */
static void enter_chroot(const struct box *b)
{
	static const char *const dirs[] = {"/proc", "/dev"};

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		_exit(90);
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		AUTO_FREE char *at = mem_printf("%s%s", b->dir, dirs[i]);

		if (mkdir(at, 0755) < 0 || mount(dirs[i], at, NULL, MS_BIND | MS_REC, NULL) < 0)
			_exit(91);
	}
	if (chroot(b->dir) < 0 || chdir("/") < 0)
		_exit(92);
}

static void new_upper(struct box *b)
{
	snprintf(b->upper, sizeof b->upper, "upper%u", b->steps);
	snprintf(b->work, sizeof b->work, "work%u", b->steps++);
	ck_assert_int_eq(mkdirat(b->fd, b->upper, 0700), 0);
	ck_assert_int_eq(mkdirat(b->fd, b->work, 0700), 0);
}

/* Start the step in a worker; its output and its report are read from *out and *report. */
static pid_t box_start(struct box *b, char *const *argv, int *out, int *report)
{
	static char *const no_env[] = {NULL};
	int o[2], r[2];
	pid_t pid;

	new_upper(b);
	b->s.argv = argv;
	if (!b->s.env)
		b->s.env = no_env;
	ck_assert_int_eq(pipe2(o, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(r, O_CLOEXEC), 0);
	b->s.out_fd = o[1];
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0 && b->dies_with_parent)
		proc_die_with_parent(getppid());
	if (pid == 0 && b->in_chroot)
		enter_chroot(b);
	if (pid == 0)
		worker(&b->s, r[1]);
	close(o[1]);
	close(r[1]);
	*out = o[0];
	*report = r[0];
	return pid;
}

/* Run argv; waits for the end of its output too, which comes only when nobody holds the pipe. */
static struct outcome *box_exec(struct box *b, char *const *argv)
{
	AUTO_BUF struct buf text = BUF_INIT(OUTPUT_MAX);
	struct err e = ERR_INIT;
	int out, report;
	pid_t pid = box_start(b, argv, &out, &report);

	ck_assert_int_eq(io_read_all(out, &text, "output", &e), 0);
	ck_assert_int_eq(read(report, &b->o, sizeof b->o), sizeof b->o);
	waitpid(pid, NULL, 0);
	close(out);
	close(report);
	snprintf(b->o.out, sizeof b->o.out, "%s", buf_str(&text));
	return &b->o;
}

static struct outcome *box_sh(struct box *b, const char *script)
{
	char sh[] = "/bin/sh", c[] = "-c", *text = mem_strdup(script);
	char *argv[] = {sh, c, text, NULL};
	struct outcome *o = box_exec(b, argv);

	free(text);
	return o;
}

/* The script must succeed; its output. */
static const char *box_out(struct box *b, const char *script)
{
	struct outcome *o = box_sh(b, script);

	ck_assert_msg(o->ok, "%s: %s", script, o->msg);
	ck_assert_msg(o->r.exit_status == 0 && o->r.signo == 0, "%s: status %d signal %d: %s", script, o->r.exit_status,
		      o->r.signo, o->out);
	return o->out;
}

struct look {
	const char *path;
	struct stat st;
	bool opaque;
	int report;
};

static int look_inside(struct box *b, void *arg)
{
	struct look *l = arg;
	AUTO_FREE char *path = mem_printf("%s/%s", b->upper, l->path);
	AUTO_CLOSE int fd = -1;
	char mark[8];

	if (fstatat(b->fd, path, &l->st, AT_SYMLINK_NOFOLLOW) < 0)
		return 1;
	if (S_ISDIR(l->st.st_mode)) {
		fd = openat(b->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		l->opaque = fgetxattr(fd, "user.overlay.opaque", mark, sizeof mark) == 1 && mark[0] == 'y';
	}
	return write(l->report, l, sizeof *l) != sizeof *l;
}

/* What the last step left in its upper directory, with ids as in the image; false if there is nothing. */
static bool upper_look(struct box *b, const char *path, struct look *l)
{
	int p[2];
	bool found;

	ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
	*l = (struct look){.path = path, .report = p[1]};
	found = inside(look_inside, b, l) == 0;
	close(p[1]);
	ck_assert(!found || read(p[0], l, sizeof *l) == sizeof *l);
	close(p[0]);
	return found;
}

static int used_inside(struct box *b, void *arg)
{
	AUTO_CLOSE int fd = openat(b->fd, b->upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)arg;
	return overlay_upper_used(fd);
}

#define assert_upper_empty(b) ck_assert_int_eq(inside(used_inside, (b), NULL), 0)

START_TEST(test_true_leaves_nothing)
{
	struct box b;

	box_open(&b);
	ck_assert_str_eq(box_out(&b, "true"), "");
	assert_upper_empty(&b);
	box_etc(&b);
	box_out(&b, "cat /etc/resolv.conf /etc/hosts >/dev/null; ls -la / /etc /dev /proc /sys > /dev/null");
	assert_upper_empty(&b);
	box_close(&b);
}
END_TEST

START_TEST(test_etc_metadata)
{
	struct box b;
	const struct timespec t[2] = {{1000000000, 0}, {1000000000, 0}};

	box_open(&b);
	box_etc(&b);
	ck_assert_int_eq(fchmodat(b.fd, "base/etc", 02711, 0), 0);
	ck_assert_int_eq(utimensat(b.fd, "base/etc", t, 0), 0);
	ck_assert_str_eq(box_out(&b, "stat -c '%a %Y' /etc; ls /etc"),
			 "2711 1000000000\ngroup\nhosts\npasswd\nresolv.conf\n");
	box_close(&b);
}
END_TEST

/* Of the layer of mount points, the only entry of scratch. */
START_TEST(test_etc_attributes)
{
	struct box b;
	char value[8] = "";

	box_open(&b);
	box_etc(&b);
	AUTO_FREE char *etc = mem_printf("%s/base/etc", b.dir), *points = mem_printf("%s/points", b.dir);
	ck_assert_int_eq(setxattr(etc, "user.k", "v", 1, 0), 0);
	ck_assert_int_eq(setxattr(etc, "user.overlay.opaque", "y", 1, 0), 0);
	box_out(&b, "true");
	box_out(&b, "true"); /* shares the layer */
	AUTO_CLOSEDIR DIR *d = opendir(points);
	const struct dirent *ent;
	unsigned seen = 0;
	while ((ent = readdir(d))) {
		if (ent->d_name[0] == '.')
			continue;
		AUTO_FREE char *copy = mem_printf("%s/%s/etc", points, ent->d_name);
		seen++;
		ck_assert_int_eq(getxattr(copy, "user.k", value, sizeof value), 1);
		ck_assert_str_eq(value, "v");
		ck_assert_int_eq(getxattr(copy, "user.overlay.opaque", value, sizeof value), -1);
	}
	ck_assert_uint_eq(seen, 1);
	box_close(&b);
}
END_TEST

static const struct {
	const char *user, *out;
} users[] = {
	{NULL, "uid=0(root) gid=0(root) groups=51(tape)\n/root\n"},
	{"root", "uid=0(root) gid=0(root) groups=51(tape)\n/root\n"},
	{"www", "uid=33(www) gid=34(www) groups=50(staff),51(tape)\n/var/www\n"},
	{"33", "uid=33(www) gid=34(www) groups=50(staff),51(tape)\n/var/www\n"},
	{"www:staff", "uid=33(www) gid=50(staff)\n/var/www\n"},
	{"33:7", "uid=33(www) gid=7\n/var/www\n"},
	{"4242", "uid=4242 gid=0(root)\n/\n"},
	{"4242:4243", "uid=4242 gid=4243\n/\n"},
};

START_TEST(test_user)
{
	struct box b;

	box_open(&b);
	box_etc(&b);
	b.s.user = users[_i].user;
	box_out(&b, "id; echo $HOME; echo again > /dev/stdout");
	ck_assert_msg(strncmp(b.o.out, users[_i].out, strlen(users[_i].out)) == 0, "%s", b.o.out);
	ck_assert_str_eq(b.o.out + strlen(users[_i].out), "again\n");
	assert_upper_empty(&b);
	box_close(&b);
}
END_TEST

START_TEST(test_owner_and_mode_kept)
{
	struct box b;
	struct look l;

	box_open(&b);
	box_out(&b,
		"echo x > /f; chown 33:44 /f; chmod 4755 /f; mkdir /d; chown 65534:1 /d; ln -s f /l; chown -h 5:6 /l");
	ck_assert(upper_look(&b, "f", &l));
	ck_assert_int_eq(l.st.st_uid, 33);
	ck_assert_int_eq(l.st.st_gid, 44);
	ck_assert_int_eq(l.st.st_mode, S_IFREG | 04755);
	ck_assert(upper_look(&b, "d", &l) && l.st.st_uid == 65534 && l.st.st_gid == 1);
	ck_assert(upper_look(&b, "l", &l) && l.st.st_uid == 5 && l.st.st_gid == 6 && S_ISLNK(l.st.st_mode));
	box_close(&b);
}
END_TEST

START_TEST(test_whiteout_and_opaque)
{
	struct box b;
	struct look l;

	box_open(&b);
	ck_assert_int_eq(mkdirat(b.fd, "base/d", 0755), 0);
	put(b.fd, "base/d/below", "x", 0644);
	put(b.fd, "base/f", "x", 0644);
	box_out(&b, "rm /f; rm -r /d; mkdir /d; echo y > /d/new; ls /d");
	ck_assert_str_eq(b.o.out, "new\n");
	ck_assert(upper_look(&b, "f", &l) && S_ISCHR(l.st.st_mode) && l.st.st_rdev == 0);
	ck_assert(upper_look(&b, "d", &l) && l.opaque);
	ck_assert(!upper_look(&b, "d/below", &l));
	/* The next step sees them through its lower directories. */
	b.lower[1] = "upper0";
	b.s.root.nlower = 2;
	ck_assert_str_eq(box_out(&b, "ls /d; ls -d /f 2>/dev/null || true"), "new\n");
	assert_upper_empty(&b);
	box_close(&b);
}
END_TEST

START_TEST(test_removed_etc)
{
	struct box b;

	box_open(&b);
	box_etc(&b);
	box_out(&b, "rm /etc/passwd; rm /etc/group; rm /etc/hosts 2>/dev/null || echo busy");
	ck_assert_str_eq(b.o.out, "busy\n");
	b.lower[1] = "upper0";
	b.s.root.nlower = 2;
	ck_assert_str_eq(box_out(&b, "ls /etc"), "hosts\nresolv.conf\n");
	assert_upper_empty(&b);
	box_close(&b);
}
END_TEST

static const struct {
	const char *script;
	int status, signo;
} ends[] = {{"exit 0", 0, 0},
	    {"exit 3", 3, 0},
	    {"exit 255", 255, 0},
	    {"kill -KILL $$", 0, SIGKILL},
	    {"kill -TERM $$", 0, SIGTERM}};

START_TEST(test_status)
{
	struct box b;
	struct outcome *o;

	box_open(&b);
	o = box_sh(&b, ends[_i].script);
	ck_assert_msg(o->ok, "%s", o->msg);
	ck_assert_int_eq(o->r.exit_status, ends[_i].status);
	ck_assert_int_eq(o->r.signo, ends[_i].signo);
	ck_assert(!o->r.timed_out);
	box_close(&b);
}
END_TEST

START_TEST(test_timeout)
{
	bool begun = false;

	/* What was written before is kept; on a busy machine a short time is over before that. */
	for (int64_t t = CLOCK_NS_PER_S / 5; t < 30 * CLOCK_NS_PER_S && !begun; t *= 2) {
		struct outcome *o;
		struct box b;

		box_open(&b);
		b.s.timeout_ns = t;
		o = box_sh(&b, "echo begun; sleep 1000 & sleep 1000");
		ck_assert(o->ok && o->r.timed_out);
		begun = strcmp(o->out, "begun\n") == 0;
		ck_assert(begun || !*o->out);
		box_close(&b);
	}
	ck_assert(begun);
}
END_TEST

START_TEST(test_background_is_killed)
{
	struct box b;

	box_open(&b);
	/* Orphaned, in a session of its own, holding the output: box_exec would wait for its end. */
	ck_assert_str_eq(box_out(&b, "(trap '' HUP TERM; sleep 1000 & ) ; echo done"), "done\n");
	box_close(&b);
}
END_TEST

START_TEST(test_dies_with_worker)
{
	struct box b;
	char sh[] = "sh", c[] = "-c", text[] = "trap '' TERM; sleep 1000 & echo begun; sleep 1000", rest[16];
	char *argv[] = {sh, c, text, NULL};
	int out, report;
	pid_t pid;

	box_open(&b);
	pid = box_start(&b, argv, &out, &report);
	ck_assert_int_eq(read(out, rest, 6), 6);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ck_assert_int_eq(read(out, rest, sizeof rest), 0); /* nobody holds it any more */
	close(out);
	close(report);
	box_close(&b);
}
END_TEST

/* The worker's own death signal must outlive its change of credentials when it joins the namespace. */
START_TEST(test_dies_with_scheduler)
{
	char sh[] = "sh", c[] = "-c", text[] = "echo begun; sleep 1000", rest[16];
	char *argv[] = {sh, c, text, NULL};
	int out, report, p[2];
	struct box b;
	pid_t pid;

	box_open(&b);
	ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		b.dies_with_parent = true;
		box_start(&b, argv, &out, &report);
		ck_assert_int_eq(read(out, rest, 6), 6);
		ck_assert_int_eq(write(p[1], "x", 1), 1);
		pause();
	}
	close(p[1]);
	ck_assert_int_eq(read(p[0], rest, 1), 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ck_assert_int_eq(read(p[0], rest, 1), 0); /* the worker and its fork held the other end */
	close(p[0]);
	b.steps = 1;
	box_close(&b);
}
END_TEST

START_TEST(test_network_none)
{
	struct box b;

	box_open(&b);
	b.s.net = SANDBOX_NET_NONE;
	ck_assert_str_eq(
		box_out(&b, "grep -c : /proc/net/dev; ip -o link show up | grep -c LOOPBACK; head -1 /etc/hosts"),
		"1\n1\n127.0.0.1\tlocalhost " SANDBOX_HOSTNAME "\n");
	box_close(&b);
}
END_TEST

START_TEST(test_hosts)
{
	struct box b;
	static const char *const more[] = {"a.example:10.0.0.1", "b=::2"};
	static const char *const bad[] = {"no-address"};

	box_open(&b);
	b.s.hostname = "builder";
	b.s.add_hosts = more;
	b.s.nadd_hosts = 2;
	ck_assert_str_eq(box_out(&b, "hostname; cat /etc/hosts"),
			 "builder\n127.0.0.1\tlocalhost builder\n::1\tlocalhost ip6-localhost ip6-loopback\n"
			 "10.0.0.1\ta.example\n::2\tb\n");
	b.s.add_hosts = bad;
	b.s.nadd_hosts = 1;
	ck_assert(!box_sh(&b, "true")->ok && b.o.code == ERR_INPUT);
	box_close(&b);
}
END_TEST

static void link_etc(struct box *b, const char *target)
{
	box_etc(b);
	ck_assert_int_eq(symlinkat(target, b->fd, "base/etc/resolv.conf"), 0);
}

static void resolv_file(struct box *b)
{
	box_etc(b);
	put(b->fd, "base/etc/resolv.conf", "nameserver 192.0.2.1\n", 0644);
}

static void resolv_dangling(struct box *b)
{
	link_etc(b, "../run/systemd/resolve/stub-resolv.conf");
}

static void resolv_absolute(struct box *b)
{
	link_etc(b, "/etc/passwd");
}

static void resolv_loop(struct box *b)
{
	link_etc(b, "resolv.conf");
}

static void resolv_directory(struct box *b)
{
	box_etc(b);
	ck_assert_int_eq(mkdirat(b->fd, "base/etc/resolv.conf", 0755), 0);
}

static void resolv_missing(struct box *b)
{
	(void)b;
}

static void (*const resolvs[])(struct box *) = {resolv_file, resolv_dangling,  resolv_absolute,
						resolv_loop, resolv_directory, resolv_missing};

START_TEST(test_resolv_conf)
{
	AUTO_BUF struct buf host = BUF_INIT(OUTPUT_MAX);
	struct err e = ERR_INIT;
	struct box b;

	ck_assert_int_eq(io_read_file(AT_FDCWD, "/etc/resolv.conf", &host, &e), 0);
	box_open(&b);
	resolvs[_i](&b);
	ck_assert_str_eq(
		box_out(&b, "cat /etc/resolv.conf; (echo x > /etc/resolv.conf) 2>/dev/null && echo written; true"),
		buf_str(&host));
	assert_upper_empty(&b);
	box_close(&b);
}
END_TEST

/* Where /etc itself is a link, what it holds must stay visible; nothing is followed out of the root. */
START_TEST(test_etc_is_link)
{
	struct box b;

	box_open(&b);
	box_etc(&b);
	ck_assert_int_eq(renameat(b.fd, "base/etc", b.fd, "base/conf"), 0);
	ck_assert_int_eq(symlinkat("/conf", b.fd, "base/etc"), 0);
	put(b.fd, "base/conf/hosts", "old\n", 0644);
	b.s.user = "www";
	ck_assert_str_eq(box_out(&b, "id -u; head -1 /etc/hosts; ls /etc"),
			 "33\n127.0.0.1\tlocalhost " SANDBOX_HOSTNAME "\ngroup\nhosts\npasswd\n");
	assert_upper_empty(&b);
	box_close(&b);
}
END_TEST

/* /dev, /proc and /sys of the image are links to where a mount would do harm. */
START_TEST(test_kernel_dirs_are_links)
{
	struct box b;

	box_open(&b);
	ck_assert_int_eq(symlinkat("/bin", b.fd, "base/dev"), 0);
	ck_assert_int_eq(symlinkat("/bin", b.fd, "base/proc"), 0);
	put(b.fd, "base/sys", "a file", 0644);
	ck_assert_str_eq(box_out(&b, "ls -d /bin/sh /dev/null /proc/self /sys/class; echo $$"),
			 "/bin/sh\n/dev/null\n/proc/self\n/sys/class\n2\n");
	assert_upper_empty(&b);
	box_close(&b);
}
END_TEST

static const char *const denied[] = {
	"echo x > /proc/sys/kernel/hostname",
	"echo b > /proc/sysrq-trigger",
	"touch /sys/x",
	"test -s /proc/kcore",
	"cat /proc/1/environ",
	"ls /proc/1/fd",
	"readlink /proc/1/exe",
	"ls /sys/firmware/*",
	"ls /sys/fs/cgroup/*",
	"mount -t tmpfs none /bin",
	"unshare -U true",
	"unshare -m true",
	"hostname other",
	"echo x > /etc/hosts",
	"rm /etc/resolv.conf",
	"cat /dev/mem",
	"cat < /dev/tty",
	"mknod /n c 1 3 && head -c1 /n && test -c /n && dd if=/dev/zero of=/n count=1",
	"test -s /dev/stdin",
	"kill -KILL 1; sleep 0.1; exit 1",
};

START_TEST(test_denied)
{
	struct box b;
	struct outcome *o;

	box_open(&b);
	o = box_sh(&b, denied[_i]);
	ck_assert_msg(o->ok && o->r.signo == 0 && o->r.exit_status != 0, "%s: %s%s", denied[_i], o->out, o->msg);
	box_close(&b);
}
END_TEST

static const struct {
	const char *script, *out;
} allowed[] = {
	{"ls /proc/self/fd | wc -l", "4\n"}, /* 0, 1, 2 and the directory */
	{"echo $$", "2\n"},
	{"umask", "0022\n"},
	{"pwd", "/\n"},
	{"cat", ""},
	{"grep -E 'NoNewPrivs|Seccomp:|Groups' /proc/self/status", "Groups:\t \nNoNewPrivs:\t0\nSeccomp:\t2\n"},
	{"stat -c %F:%t,%T /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty",
	 "character special file:1,3\ncharacter special file:1,5\ncharacter special file:1,7\n"
	 "character special file:1,8\ncharacter special file:1,9\ncharacter special file:5,0\n"},
	{"for f in fd stdin stdout stderr ptmx; do readlink /dev/$f; done; ls /dev/pts",
	 "/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx\nptmx\n"},
	{"echo x > /dev/shm/x; cat /dev/shm/x; ls /dev/shm; stat -c %a /dev/shm", "x\nx\n1777\n"},
	{"touch /dev/here; ls /dev/here", "/dev/here\n"},
	{"ls /proc/1", "cmdline\ncomm\nstat\nstatm\nstatus\n"},
	{"grep -c . /proc/1/stat; cat /proc/1/comm", "1\nslct-init\n"},
	{"stat -c %a:%u:%g /", "755:0:0\n"},
};

START_TEST(test_allowed)
{
	struct box b;

	box_open(&b);
	ck_assert_str_eq(box_out(&b, allowed[_i].script), allowed[_i].out);
	box_close(&b);
}
END_TEST

/* What the caller ignores and blocks is no matter of the step. */
START_TEST(test_plain_process)
{
	char grep[] = "grep", e[] = "-E", what[] = "Sig(Blk|Ign|Cgt)", file[] = "/proc/self/status", env[] = "env";
	char *signals[] = {grep, e, what, file, NULL}, *environment[] = {env, NULL};
	struct box b;
	sigset_t block;

	sigfillset(&block);
	box_open(&b);
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &block, NULL);
	ck_assert(box_exec(&b, signals)->ok);
	sigprocmask(SIG_UNBLOCK, &block, NULL);
	ck_assert_str_eq(b.o.out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000000000\n");
	ck_assert(box_exec(&b, environment)->ok);
	ck_assert_str_eq(b.o.out, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nHOME=/\n");
	box_close(&b);
}
END_TEST

START_TEST(test_capabilities)
{
	const char *want = tier.tier == TIER_ROOT ? "CapInh:\t0000000000000000\nCapPrm:\t00000000a80425fb\n"
						    "CapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb\n"
						    "CapAmb:\t0000000000000000\n"
						  : "CapInh:\t0000000000000000\nCapPrm:\t00000000800405fb\n"
						    "CapEff:\t00000000800405fb\nCapBnd:\t00000000800405fb\n"
						    "CapAmb:\t0000000000000000\n";
	struct box b;

	box_open(&b);
	ck_assert_str_eq(box_out(&b, "grep ^Cap /proc/self/status"), want);
	box_etc(&b);
	b.s.user = "www";
	ck_assert_str_eq(box_out(&b, "grep -E '^Cap(Eff|Prm)' /proc/self/status"),
			 "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n");
	box_close(&b);
}
END_TEST

START_TEST(test_device_nodes)
{
	struct box b;
	struct outcome *o;
	struct look l;

	box_open(&b);
	o = box_sh(&b, "mknod /n c 1 3");
	ck_assert(o->ok);
	ck_assert_int_eq(o->r.exit_status == 0, tier.tier == TIER_ROOT);
	ck_assert_int_eq(upper_look(&b, "n", &l), tier.tier == TIER_ROOT);
	box_close(&b);
}
END_TEST

START_TEST(test_environment_and_workdir)
{
	char path[] = "PATH=/tools", home[] = "HOME=/h", name[] = "hello", relative[] = "./hello";
	char *env[] = {path, home, NULL}, *argv[] = {name, NULL}, *argv2[] = {relative, NULL};
	struct box b;

	box_open(&b);
	ck_assert_int_eq(mkdirat(b.fd, "base/tools", 0755), 0);
	put(b.fd, "base/tools/hello", "#!/bin/sh -e\necho $PATH $HOME; /bin/pwd\n", 0755);
	ck_assert_int_eq(symlinkat("/tools", b.fd, "base/link"), 0);
	b.s.env = env;
	b.s.workdir = "/link/.";
	ck_assert(box_exec(&b, argv)->ok);
	ck_assert_str_eq(b.o.out, "/tools /h\n/tools\n");
	ck_assert(box_exec(&b, argv2)->ok);
	ck_assert_str_eq(b.o.out, "/tools /h\n/tools\n");
	/* one that the image names and lacks is made, with its parents */
	b.s.workdir = "/new/place";
	ck_assert(box_exec(&b, argv)->ok);
	ck_assert_str_eq(b.o.out, "/tools /h\n/new/place\n");
	box_close(&b);
}
END_TEST

static const struct {
	const char *argv0, *user, *workdir, *msg;
} refused[] = {
	{"missing", NULL, NULL, "command \"missing\" is not in the image"},
	{"/no/such", NULL, NULL, "command \"/no/such\" is not in the image"},
	{"/plain", NULL, NULL, "cannot be executed: Permission denied"},
	{"/text", NULL, NULL, "no program for this machine"},
	{"/orphan", NULL, NULL, "not its interpreter"},
	{"/bin", NULL, NULL, "cannot be executed"},
	{"/proc/self/exe", NULL, NULL, "cannot be executed"},
	{"/evil", NULL, NULL, "cannot be executed"},
	{"/script", NULL, NULL, "cannot be executed"},
	{"true", "nobody-here", NULL, "user \"nobody-here\" is not in /etc/passwd"},
	{"true", "0:nogroup-here", NULL, "group \"nogroup-here\" is not in /etc/group"},
	{"true", "4294967296", NULL, "out of range"},
	{"true", "4294967295", NULL, "out of range"},
	{"true", NULL, "/plain", "working directory /plain"},
	{"true", NULL, "relative", "not absolute"},
	{"true", NULL, "/proc/self/cwd", "working directory /proc/self/cwd"},
	{"true", NULL, "/proc/self/fd/3", "working directory /proc/self/fd/3"},
};

START_TEST(test_refused)
{
	char *argv[] = {mem_strdup(refused[_i].argv0), NULL};
	struct outcome *o;
	struct box b;

	box_open(&b);
	put(b.fd, "base/plain", "text", 0644);
	put(b.fd, "base/text", "echo no interpreter\n", 0755);
	put(b.fd, "base/orphan", "#!/no/interpreter\n", 0755);
	put(b.fd, "base/script", "#! /proc/self/exe x\n", 0755);
	ck_assert_int_eq(symlinkat("/proc/self/exe", b.fd, "base/evil"), 0);
	b.s.user = refused[_i].user;
	b.s.workdir = refused[_i].workdir;
	o = box_exec(&b, argv);
	ck_assert_msg(!o->ok, "%s ran", refused[_i].argv0);
	ck_assert_msg(strstr(o->msg, refused[_i].msg) != NULL, "%s", o->msg);
	ck_assert_msg(o->code == ERR_INPUT, "%s: code %d", o->msg, o->code);
	assert_upper_empty(&b);
	free(argv[0]);
	box_close(&b);
}
END_TEST

START_TEST(test_id_outside_map)
{
	struct box b;
	struct outcome *o;

	box_open(&b);
	b.s.user = "2000000000:2000000000";
	o = box_sh(&b, "id -u");
	ck_assert_int_eq(o->ok, tier.tier == TIER_ROOT);
	if (tier.tier == TIER_RANGE)
		ck_assert_msg(o->code == ERR_HOST && strstr(o->hint, "/etc/subuid"), "%s: %s", o->msg, o->hint);
	box_close(&b);
}
END_TEST

START_TEST(test_inside_chroot)
{
	struct box b;

	box_open(&b);
	b.in_chroot = true;
	if (tier.tier == TIER_ROOT)
		ck_assert_str_eq(box_out(&b, "ls /; cd /..; ls /; cat /proc/1/comm"),
				 "bin\ndev\netc\nproc\nsys\nbin\ndev\netc\nproc\nsys\nslct-init\n");
	box_close(&b);
}
END_TEST

START_TEST(test_no_mounts_left)
{
	AUTO_BUF struct buf before = BUF_INIT(OUTPUT_MAX), after = BUF_INIT(OUTPUT_MAX);
	struct err e = ERR_INIT;
	struct box b;

	ck_assert_int_eq(io_read_file(AT_FDCWD, "/proc/self/mounts", &before, &e), 0);
	box_open(&b);
	box_out(&b, "true");
	box_close(&b);
	ck_assert_int_eq(io_read_file(AT_FDCWD, "/proc/self/mounts", &after, &e), 0);
	ck_assert_str_eq(buf_str(&before), buf_str(&after));
}
END_TEST

/* Solo needs nothing of the machine but a kernel; none needs nothing at all. */
START_TEST(test_tier_probes)
{
	struct tier_info t;
	enum tier parsed;
	struct err e = ERR_INIT;

	ck_assert_msg(tier_probe(TIER_SOLO, false, "/tmp", &t, &e) == 0, "%s", e.msg);
	ck_assert(t.tier == TIER_SOLO && t.nuid == 1 && t.ngid == 1);
	ck_assert(t.uid[0].inside == 0 && t.uid[0].outside == geteuid() && t.uid[0].count == 1);
	ck_assert_str_eq(t.form, "rec");
	tier_release(&t);
	ck_assert_int_eq(tier_probe(TIER_NONE, false, "/tmp", &t, &e), 0);
	ck_assert(t.tier == TIER_NONE);
	ck_assert_str_eq(t.form, "plain");
	tier_release(&t);
	if (geteuid() == 0) {
		ck_assert_msg(tier_probe(TIER_CHROOT, false, "/tmp", &t, &e) == 0, "%s", e.msg);
		ck_assert(t.tier == TIER_CHROOT && t.trees);
		ck_assert_str_eq(t.form, "real");
		tier_release(&t);
	} else {
		ck_assert_int_eq(tier_probe(TIER_CHROOT, false, "/tmp", &t, &e), -1);
		ck_assert(e.code == ERR_HOST && strstr(e.msg, "not uid 0"));
		err_release(&e);
	}
	ck_assert(tier_parse("range", &parsed, &e) == 0 && parsed == TIER_RANGE);
	ck_assert(tier_parse("rootless", &parsed, &e) == -1 && e.code == ERR_USAGE);
	err_release(&e);
}
END_TEST

START_TEST(test_mounts)
{
	static const char *const stack[] = {"base"};
	struct box b;

	box_open(&b);
	ck_assert_int_eq(mkdirat(b.fd, "base/d", 0750), 0);
	ck_assert_int_eq(symlinkat("/d", b.fd, "base/link"), 0);
	ck_assert_int_eq(mkdirat(b.fd, "given", 0755), 0);
	ck_assert_int_eq(mkdirat(b.fd, "empty", 0755), 0);
	put(b.fd, "given/f", "given", 0644);
	/* clang-format off */
	struct sandbox_mount m[] = {
		{.kind = SANDBOX_FILE, .target = "/link/a/secret", .readonly = true, .mode = 0440, .data = "text", .len = 4},
		{.kind = SANDBOX_TMPFS, .target = "/d/t/in"},
		{.kind = SANDBOX_TMPFS, .target = "/d/t", .size = 1 << 20},
		{.kind = SANDBOX_BIND, .target = "/g", .source = "given"},
		{.kind = SANDBOX_BIND, .target = "/one", .source = "given/f", .readonly = true},
		{.kind = SANDBOX_STACK, .target = "/dev/s", .source = "link", .readonly = true,
		 .stack = {.dirfd = b.fd, .lower = stack, .nlower = 1, .empty = "empty"}},
	};
	/* clang-format on */

	b.s.mounts = m;
	b.s.nmounts = ARRAY_LEN(m);
	ck_assert_str_eq(box_out(&b,
				 "cat /d/a/secret; stat -c %a /d/a/secret /d; ls /d /d/t; cat /g/f /one; "
				 "echo new > /g/n; touch /d/t/in/x; "
				 "for i in /one /d/a/secret /dev/s/x; do touch $i 2>/dev/null && echo wrote $i; done; "
				 "stat -c %a /dev/s"),
			 "text440\n750\n/d:\na\nt\n\n/d/t:\nin\ngivengiven750\n");
	assert_upper_empty(&b);
	ck_assert_int_eq(faccessat(b.fd, "given/n", F_OK, 0), 0);
	box_close(&b);
}
END_TEST

static const struct {
	struct sandbox_mount m;
	const char *msg;
} bad_mounts[] = {
	{{.kind = SANDBOX_TMPFS, .target = "/proc/x"}, "/proc"},
	{{.kind = SANDBOX_TMPFS, .target = "/up"}, "root of the image"},
	{{.kind = SANDBOX_TMPFS, .target = "/bin/busybox"}, "the target is a file"},
	{{.kind = SANDBOX_TMPFS, .target = "/bin/busybox/x"}, "cannot be reached"},
	{{.kind = SANDBOX_TMPFS, .target = "/loop/x"}, "cannot be reached"},
	{{.kind = SANDBOX_FILE, .target = "/bin", .data = "", .len = 0}, "the target is a directory"},
	{{.kind = SANDBOX_BIND, .target = "/x", .source = "missing"}, "No such file"},
};

START_TEST(test_mounts_refused)
{
	struct box b;

	box_open(&b);
	ck_assert_int_eq(symlinkat("../..", b.fd, "base/up"), 0);
	ck_assert_int_eq(symlinkat("loop", b.fd, "base/loop"), 0);
	b.s.mounts = &bad_mounts[_i].m;
	b.s.nmounts = 1;
	static char program[] = "/bin/true";
	char *const argv[] = {program, NULL};
	struct outcome *o = box_exec(&b, argv);

	ck_assert(!o->ok);
	ck_assert_int_eq(o->code, ERR_INPUT);
	ck_assert_msg(strstr(o->msg, bad_mounts[_i].msg) != NULL, "%s", o->msg);
	box_close(&b);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create(tier_name(tier.tier));
	TCase *t = tcase_create("steps");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, test_true_leaves_nothing);
	tcase_add_test(t, test_etc_metadata);
	tcase_add_test(t, test_etc_attributes);
	tcase_add_loop_test(t, test_user, 0, ARRAY_LEN(users));
	tcase_add_test(t, test_owner_and_mode_kept);
	tcase_add_test(t, test_whiteout_and_opaque);
	tcase_add_test(t, test_removed_etc);
	tcase_add_loop_test(t, test_status, 0, ARRAY_LEN(ends));
	tcase_add_test(t, test_timeout);
	tcase_add_test(t, test_background_is_killed);
	tcase_add_test(t, test_dies_with_worker);
	tcase_add_test(t, test_dies_with_scheduler);
	tcase_add_test(t, test_network_none);
	tcase_add_test(t, test_hosts);
	tcase_add_loop_test(t, test_resolv_conf, 0, ARRAY_LEN(resolvs));
	tcase_add_test(t, test_etc_is_link);
	tcase_add_test(t, test_kernel_dirs_are_links);
	tcase_add_loop_test(t, test_denied, 0, ARRAY_LEN(denied));
	tcase_add_loop_test(t, test_allowed, 0, ARRAY_LEN(allowed));
	tcase_add_test(t, test_plain_process);
	tcase_add_test(t, test_capabilities);
	tcase_add_test(t, test_device_nodes);
	tcase_add_test(t, test_environment_and_workdir);
	tcase_add_loop_test(t, test_refused, 0, ARRAY_LEN(refused));
	tcase_add_test(t, test_id_outside_map);
	tcase_add_test(t, test_inside_chroot);
	tcase_add_test(t, test_no_mounts_left);
	tcase_add_test(t, test_mounts);
	tcase_add_loop_test(t, test_mounts_refused, 0, ARRAY_LEN(bad_mounts));
	tcase_add_test(t, test_tier_probes);
	suite_add_tcase(s, t);
	return s;
}

/* A copy of busybox that is the tier's user's, to be linked into each root. */
static void copy_busybox(void)
{
	struct err e = ERR_INIT;
	AUTO_CLOSE int in = open(BUSYBOX, O_RDONLY | O_CLOEXEC), out = mkstemp(busybox);

	if (in < 0 || out < 0 || fchmod(out, 0755) < 0 || io_copy(in, out, UINT64_MAX, NULL, BUSYBOX, &e) < 0)
		exit(1);
}

static int run_suite(void)
{
	SRunner *r = srunner_create(suite());
	int failed;

	copy_busybox();
	srunner_run_all(r, CK_NORMAL);
	unlink(busybox);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed > 0;
}

static int run_tier(enum tier want)
{
	struct err e = ERR_INIT;
	int r;

	if (tier_probe(want, false, "/tmp", &tier, &e) < 0) {
		printf("SKIP sandbox_test, tier %s: %s\n", tier_name(want), e.msg);
		err_release(&e);
		return 0;
	}
	if (want == TIER_RANGE && (nsfd = userns_open(&tier, &e)) < 0) {
		printf("%s\n", e.msg);
		return 1;
	}
	if (sandbox_seccomp(true, &prog, &prog_len, &e) < 0) {
		printf("%s\n", e.msg);
		return 1;
	}
	r = run_suite();
	free(prog);
	tier_release(&tier);
	return r;
}

/* The first ordinary user with a line in /etc/subuid. */
static const struct passwd *ordinary_user(void)
{
	AUTO_BUF struct buf text = BUF_INIT(OUTPUT_MAX);
	struct err e = ERR_INIT;
	struct sv rest;

	if (io_read_file(AT_FDCWD, "/etc/subuid", &text, &e) < 0)
		err_release(&e);
	rest = buf_sv(&text);
	while (rest.p) {
		struct sv line = sv_cut(&rest, '\n');
		AUTO_FREE char *name = sv_dup(sv_cut(&line, ':'));
		const struct passwd *pw = getpwnam(name);

		if (pw && pw->pw_uid != 0)
			return pw;
	}
	return NULL;
}

/* In a child that gives up uid 0; dumpable again, or /proc/PID would not be the user's and newuidmap refuse. */
static int run_as_ordinary_user(void)
{
	const struct passwd *pw = ordinary_user();
	int status;
	pid_t pid;

	if (!pw) {
		printf("SKIP sandbox_test, tier range: no ordinary user has subordinate ids\n");
		return 0;
	}
	pid = fork();
	if (pid == 0) {
		if (initgroups(pw->pw_name, pw->pw_gid) < 0 || setgid(pw->pw_gid) < 0 || setuid(pw->pw_uid) < 0)
			_exit(1);
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
		exit(run_tier(TIER_RANGE));
	}
	waitpid(pid, &status, 0);
	return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

int main(void)
{
	int r = 0;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (access(BUSYBOX, X_OK) < 0) {
		printf("SKIP sandbox_test: no %s (busybox-static)\n", BUSYBOX);
		return 0;
	}
	if (geteuid() != 0)
		return run_tier(TIER_RANGE);
	r = run_as_ordinary_user();
	return run_tier(TIER_ROOT) || r;
}
