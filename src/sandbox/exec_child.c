/* Become the step's command. */
#include "src/sandbox/exec_child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/sandbox/caps.h"
#include "src/sandbox/rangewatch.h"
#include "src/sandbox/seccomp.h"
#include "src/sandbox/solo.h"
#include "src/sandbox/spec.h"
#include "src/sandbox/ulimit.h"
#include "src/util/cleanup.h"
#include "src/util/landlock.h"
#include "src/util/mem.h"
#include "src/util/path.h"
#include "src/util/sv.h"

/* Scripts whose interpreter is a script, as deep as the kernel goes. */
#define INTERPRETERS_MAX 5
#define SHEBANG_MAX	 256

/* Dispositions that are "ignore" survive exec, and the scheduler ignores and blocks some. glibc's posix_spawn() (make,
 * shells) leaves its own signal 32 ignored, and its sigaction() refuses to touch that one: hence the system call. An
 * action of zeroes is the default in every architecture's layout of struct sigaction. */
static void reset_signals(void)
{
	static const long action[8];
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		syscall(SYS_rt_sigaction, sig, action, NULL, (size_t)(NSIG - 1) / 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The step's own /dev/null in place of the host's. */
static int reset_stdin(const struct sandbox_spec *s, struct err *e)
{
	AUTO_CLOSE int fd = -1;

	if (s->terminal && ioctl(0, TIOCSCTTY, 0) < 0)
		return err_sys(e, ERR_HOST, errno, "the command's terminal");
	if (s->in_fd)
		return 0;
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || dup2(fd, 0) < 0)
		return err_sys(e, ERR_HOST, errno, "standard input");
	return 0;
}

/* One that a base image names and does not have is made, as runtimes do. */
static int open_workdir(int root, const char *workdir, struct err *e)
{
	int fd = path_open_in(root, workdir, O_PATH | O_DIRECTORY, 0);

	return fd < 0 && errno == ENOENT ? path_mkdirs_in(root, workdir, 0755, 0, 0, e) : fd;
}

/* By descriptor and without magic links: a working directory of /proc/self/fd/N must not lead out (CVE-2024-21626). */
static int enter_workdir(int root, const char *workdir, struct err *e)
{
	AUTO_CLOSE int fd = open_workdir(root, workdir, e);
	char cwd[PATH_MAX];

	if (err_is_set(e))
		return -1;

	if (fd < 0 || fchdir(fd) < 0) {
		err_sys(e, ERR_INPUT, errno, "working directory %s", workdir);
		e->code = ERR_INPUT;
		return errno == ENOTDIR ? err_hint(e, "it is no directory in the image") : -1;
	}
	if (!getcwd(cwd, sizeof cwd) || cwd[0] != '/')
		return err_set(e, ERR_INPUT, "working directory %s is outside the image", workdir);
	return 0;
}

static int become(const struct passwd_ids *ids, struct err *e)
{
	if (setgroups(ids->ngroups, ids->groups) < 0 || setresgid(ids->gid, ids->gid, ids->gid) < 0 ||
	    setresuid(ids->uid, ids->uid, ids->uid) < 0) {
		int sys = errno;

		err_sys(e, ERR_HOST, sys, "becoming uid %u, gid %u", (unsigned)ids->uid, (unsigned)ids->gid);
		if (sys == EINVAL)
			err_hint(e, "the id is outside the user namespace's map: give the user a larger range in "
				    "/etc/subuid "
				    "and /etc/subgid");
		return -1;
	}
	return 0;
}

/* 1 and the interpreter's path in *interpreter, 0 if the file begins otherwise. */
static int read_shebang(int fd, char **interpreter)
{
	char head[SHEBANG_MAX + 1];
	ssize_t n = pread(fd, head, sizeof head - 1, 0);
	struct sv line;

	if (n < 2 || head[0] != '#' || head[1] != '!')
		return 0;
	head[n] = '\0';
	line = sv_trim(sv_of(head + 2, strcspn(head + 2, "\n")));
	*interpreter = mem_strndup(line.p, strcspn(line.p, " \t\n") < line.n ? strcspn(line.p, " \t\n") : line.n);
	return 1;
}

/* 0 if root/file is a program and neither it nor what interprets it is reached through a magic link; else -1 with
 * errno. Asked as uid 0: what even that may not read cannot be vouched for. */
static int check_program(int root, const char *file, unsigned depth)
{
	AUTO_CLOSE int fd = path_open_in(root, file, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	AUTO_FREE char *interpreter = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111)) {
		errno = EACCES;
		return -1;
	}
	if (read_shebang(fd, &interpreter) == 0 || depth == INTERPRETERS_MAX)
		return 0;
	/* A missing interpreter is for execve to tell. */
	return check_program(root, interpreter, depth + 1) == 0 || errno == ENOENT ? 0 : -1;
}

static int not_found(const char *name, int sys, const char *path, struct err *e)
{
	if (sys == ENOENT || sys == ENOTDIR)
		err_set(e, ERR_INPUT, "the command \"%s\" is not in the image", name);
	else
		err_set(e, ERR_INPUT, "the command \"%s\" cannot be executed: %s", name, strerror(sys));
	e->sys = sys;
	if (path)
		return err_hint(e, "looked for in PATH: %s", path);
	if (strcmp(name, "/bin/sh") == 0)
		return err_hint(e,
				"an image without a shell takes the JSON form alone: [\"PROGRAM\", \"ARGUMENT\", …]");
	return -1;
}

static void find_in_path(int root, const char *name, const char *path, struct strv *out, int *sys)
{
	struct sv rest = sv_from(path);

	while (rest.p) {
		struct sv dir = sv_cut(&rest, ':');
		AUTO_FREE char *at = NULL;

		/* An empty or relative entry means the working directory, which is no place to look for programs. */
		if (dir.n == 0 || dir.p[0] != '/')
			continue;
		at = mem_printf("%.*s/%s", SV_ARG(dir), name);
		if (check_program(root, at, 0) == 0)
			strv_take(out, STEAL_PTR(at));
		else if (errno != ENOENT && errno != ENOTDIR)
			*sys = errno;
	}
}

int exec_child_find(int root, const char *name, const char *path, struct strv *out, struct err *e)
{
	int sys = ENOENT;

	if (!strchr(name, '/')) {
		find_in_path(root, name, path, out, &sys);
		return out->n > 0 ? 0 : not_found(name, sys, path, e);
	}
	if (name[0] == '/') {
		strv_add(out, name);
	} else {
		AUTO_FREE char *cwd = getcwd(NULL, 0);

		strv_printf(out, "%s/%s", cwd ? cwd : "", name);
	}
	return check_program(root, out->v[0], 0) == 0 ? 0 : not_found(name, errno, NULL, e);
}

static int exec_failed(const char *name, const char *file, int sys, struct err *e)
{
	if (sys == ENOEXEC) {
		err_set(e, ERR_INPUT, "the command \"%s\" is no program for this machine", file);
		e->sys = sys; /* the caller may know why */
		return err_hint(
			e,
			"a script must begin with #! and its interpreter; a program must be built for this platform");
	}
	if (sys == ENOENT)
		return err_set(e, ERR_INPUT, "the command \"%s\" is there, but not its interpreter or dynamic loader",
			       file);
	return not_found(name, sys, NULL, e);
}

/* As execvp: the first that the step's user may execute. */
static int start(const struct sandbox_spec *s, const struct strv *files, struct strv *env, struct err *e)
{
	size_t i;

	for (i = 0; i < files->n; i++) {
		execve(files->v[i], s->argv, strv_argv(env));
		if (errno != EACCES)
			break;
	}
	return exec_failed(s->argv[0], files->v[i < files->n ? i : i - 1], errno, e);
}

/* Before the capabilities go: root may set limits above its own, and Landlock asks for no no_new_privs. */
static int limit(const struct sandbox_spec *s, struct err *e)
{
	if (s->cgroup && s->cgroup->procs >= 0 && cgroup_join(s->cgroup->procs, e) < 0)
		return -1;
	if (landlock_scope_sockets(e) < 0)
		return -1;
	return ulimit_apply(s->ulimits, s->nulimits, e);
}

static int load_filter(const struct sandbox_spec *s, int sock, struct err *e)
{
	if (sock < 0)
		return seccomp_enter(s->seccomp_prog, s->seccomp_len, e);
	return rangewatch_wanted(s) ? rangewatch_confine(s, sock, e) : solo_confine(s, sock, e);
}

/* The filter is loaded while there is CAP_SYS_ADMIN, so that no_new_privs can stay off; it allows what follows. */
static int confine(const struct sandbox_spec *s, int sock, struct err *e)
{
	uint64_t caps = caps_of_tier(s->tier->tier) & ~s->drop_caps;

	if (s->insecure)
		return sock < 0 ? 0 : solo_confine(s, sock, e);
	if (caps_bound(caps, e) < 0)
		return -1;
	/* Tier chroot: without CAP_SYS_ADMIN it would take no_new_privs, and setuid programs would not work. */
	if (s->tier->tier == TIER_CHROOT)
		return caps_limit(caps, e);
	if (load_filter(s, sock, e) < 0)
		return -1;
	return caps_limit(caps, e);
}

int exec_child(const struct sandbox_spec *s, const struct passwd_ids *ids, int sock, struct err *e)
{
	AUTO_CLOSE int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_STRV struct strv env = {0}, files = {0};

	if (root < 0 || setsid() < 0)
		return err_sys(e, ERR_HOST, errno, "new session");
	reset_signals();
	if (reset_stdin(s, e) < 0 || enter_workdir(root, s->workdir ? s->workdir : "/", e) < 0)
		return -1;
	spec_environment(s, ids->home, &env);
	if (exec_child_find(root, s->argv[0], spec_getenv(strv_argv(&env), "PATH"), &files, e) < 0)
		return -1;
	if (limit(s, e) < 0 || confine(s, sock, e) < 0 || become(ids, e) < 0)
		return -1;
	umask(022);
	return start(s, &files, &env, e);
}
