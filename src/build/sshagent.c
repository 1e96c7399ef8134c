/* Agents for key files. */
#include "src/build/sshagent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/util/buf.h"
#include "src/util/cleanup.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/proc.h"
#include "src/util/vec.h"

#define READY	  "slct: ready\n"
#define WORDS_MAX ((size_t)64 << 10)
#define START_MS  20000
#define NAME	  "agent"

/* The agent ends with this command, which ends with its standard input. Keys are given by standard input, so that their
 * file's mode does not matter, as it does not to the reference. */
static const char script[] = "for key; do ssh-add -q - <\"$key\" || { kill \"$SSH_AGENT_PID\"; exit 1; }; done\n"
			     "echo slct: ready\n"
			     "cat >/dev/null\n"
			     "kill \"$SSH_AGENT_PID\"\n";

static void fill_argv(const struct strv *keys, struct strv *argv)
{
	static const char *const before[] = {"ssh-agent", "-a", "./" NAME, "/bin/sh", "-c", script, "ssh"};

	for (size_t i = 0; i < ARRAY_LEN(before); i++)
		strv_add(argv, before[i]);
	strv_copy(argv, keys);
}

/* No terminal, no window that asks for a passphrase. */
static void fill_env(struct strv *env)
{
	const char *path = getenv("PATH"), *home = getenv("HOME");

	strv_printf(env, "PATH=%s", path ? path : "/usr/local/bin:/usr/bin:/bin");
	strv_printf(env, "HOME=%s", home ? home : "/");
	strv_add(env, "LC_ALL=C");
	strv_add(env, "SSH_ASKPASS_REQUIRE=never");
}

static void ATTR_NORETURN child(const char *dir, const struct strv *keys, int in, int out)
{
	AUTO_STRV struct strv argv = {0}, env = {0};
	sigset_t none;

	fill_argv(keys, &argv);
	fill_env(&env);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (setsid() < 0 || chdir(dir) < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(126);
	io_close_from(3, NULL, 0);
	umask(0177);
	execvpe(argv.v[0], strv_argv(&argv), strv_argv(&env));
	_exit(127);
}

/* True when the agent has its keys; false when it has ended, or says too much or nothing for too long. */
static bool wait_ready(int fd, struct buf *words)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char part[4096];

	while (!strstr(buf_str(words), READY)) {
		ssize_t n;

		if (poll(&p, 1, START_MS) <= 0)
			return false;
		n = read(fd, part, sizeof part);
		if (n <= 0 || words->n + (size_t)n > WORDS_MAX)
			return false;
		buf_add(words, part, (size_t)n);
	}
	return true;
}

static int not_started(struct sshagent *a, const struct buf *words, struct err *e)
{
	struct sv text = sv_trim(buf_sv(words));
	int status = 0;

	kill(-a->pid, SIGKILL);
	while (waitpid(a->pid, &status, 0) < 0 && errno == EINTR)
		;
	a->pid = -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
		err_set(e, ERR_HOST, "--ssh %s: a key file needs ssh-agent and ssh-add, which are not installed",
			a->id);
		return err_hint(e, "install openssh-client, or give the socket of a running agent");
	}
	err_set(e, ERR_INPUT, "--ssh %s: the key cannot be used: %.*s", a->id, SV_ARG(text));
	return err_hint(e, "a key with a passphrase is used by way of an agent: ssh-add it, then --ssh %s", a->id);
}

static int start(struct sshagent *a, const char *dir, const struct strv *keys, struct err *e)
{
	AUTO_BUF struct buf words = BUF_INIT(WORDS_MAX + 1);
	int in[2] = {-1, -1}, out[2] = {-1, -1}, rc = 0;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || (a->pid = fork()) < 0)
		rc = err_sys(e, ERR_HOST, errno, "starting ssh-agent");
	else if (a->pid == 0)
		child(dir, keys, in[0], out[1]);
	a->hold = in[1];
	if (in[0] >= 0)
		close(in[0]);
	if (out[1] >= 0)
		close(out[1]);
	if (rc == 0 && !wait_ready(out[0], &words))
		rc = not_started(a, &words, e);
	if (out[0] >= 0)
		close(out[0]);
	return rc;
}

static int add(const struct session *s, const char *dir, const struct build_secret *given, struct sshagents *out,
	       struct err *e)
{
	AUTO_FREE char *own = mem_printf("%s/%s/ssh.%zu", store_root(s->store), dir, out->n);
	struct sshagent a = {.id = given->id, .pid = -1, .hold = -1};
	int rc = mkdir(own, 0700) < 0 ? err_sys(e, ERR_HOST, errno, "%s", own) : start(&a, own, &given->keys, e);

	a.socket = mem_printf("%s/" NAME, own);
	vec_push(out, a);
	return rc;
}

int sshagent_start(const struct session *s, const struct build_opts *o, const char *dir, struct sshagents *out,
		   struct err *e)
{
	for (size_t i = 0; i < o->ssh.n; i++)
		if (o->ssh.v[i].keys.n && add(s, dir, &o->ssh.v[i], out, e) < 0)
			return -1;
	return 0;
}

const char *sshagent_socket(const struct sshagents *a, const struct build_secret_list *given, const char *id)
{
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i].id, id) == 0)
			return a->v[i].socket;
	for (size_t i = 0; i < given->n; i++)
		if (strcmp(given->v[i].id, id) == 0)
			return given->v[i].file;
	return NULL;
}

void sshagent_release(struct sshagents *a)
{
	for (size_t i = 0; i < a->n; i++) {
		if (a->v[i].hold >= 0)
			close(a->v[i].hold);
		while (a->v[i].pid > 0 && waitpid(a->v[i].pid, NULL, 0) < 0 && errno == EINTR)
			;
		free(a->v[i].socket);
	}
	vec_release(a);
}
