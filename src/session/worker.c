#include "src/session/worker.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "src/sandbox/overlay.h"
#include "src/sandbox/userns.h"
#include "src/util/io.h"
#include "src/util/landlock.h"
#include "src/util/mem.h"
#include "src/util/proc.h"

/* For landlock_dir, where there is no descriptor: what is missing is left out. */
#define NO_SUCH_PATH "/proc/self/no-such-path"

struct worker {
	struct session *session;
	struct worker_spec spec;
	struct worker *next, *prev; /* in session.workers */
	pid_t pid;
	unsigned number; /* of those of the session, from 1 */
	int sock;
	struct loop_src *on_sock;
	struct json *result;
	struct err err;
	bool answered, killed, eof, reaped;
	bool told; /* that it is at work */
	int status;
};

/* --- in the child --- */

static void send_json(struct worker *w, const struct json *j, int flags)
{
	AUTO_BUF struct buf text = BUF_INIT(WORKER_MESSAGE_MAX);

	json_write(j, &text);
	if (text.over) {
		/* Results are sized by their makers; one that does not fit is a bug, and an error without its excerpt
		 * is better than none. */
		AUTO_JSON struct json *err = json_object();
		AUTO_JSON struct json *body = json_object();

		json_set_str(body, "code", "internal");
		json_set_str(body, "message", "result of the worker is too large");
		json_set(err, "error", json_ref(body));
		buf_clear(&text);
		text.over = false;
		json_write(err, &text);
	}
	while (send(w->sock, text.p, text.n, flags | MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

int worker_sock(const struct worker *w)
{
	return w->sock;
}

void worker_send(struct worker *w, const struct json *message)
{
	AUTO_JSON struct json *j = json_object();

	json_set(j, "message", json_deep_copy(message));
	send_json(w, j, MSG_DONTWAIT);
}

bool worker_sleep(struct worker *w)
{
	char byte;
	ssize_t n;

	do
		n = recv(w->sock, &byte, sizeof byte, 0);
	while (n < 0 && errno == EINTR);
	return n > 0;
}

static int compare_int(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void close_others(const struct worker *w)
{
	int keep[WORKER_FDS_MAX + 3] = {w->sock, store_fd(w->session->store)};
	size_t n = 2;

	if (w->session->nsfd >= 0)
		keep[n++] = w->session->nsfd;
	for (size_t i = 0; i < w->spec.nfds; i++)
		keep[n++] = w->spec.fds[i];
	qsort(keep, n, sizeof *keep, compare_int);
	io_close_from(3, keep, n);
}

static int enter(const struct worker *w, struct err *e)
{
	if (w->spec.enter == WORKER_PLAIN)
		return 0;
	if (w->spec.enter == WORKER_USERNS)
		return userns_join(w->session->nsfd, e);
	return overlay_enter(w->session->nsfd, e);
}

/* The second wall. Who unpacks, packs and removes needs the store alone (and what libraries read: /proc/self/fd names
 * descriptors by path); who scans or fetches reads what the user named and writes the store. Landlock forbids mounts:
 * who mounts confines himself afterwards. Steps have a root of their own. */
int worker_confine(const struct worker *w, const struct worker_view *v, struct err *e)
{
	const struct landlock_dir dirs[] = {
		{store_fd(w->session->store), NULL, LANDLOCK_ALL},
		{-1, "/dev/null", LANDLOCK_READ},
		{-1, v->reads_host ? "/" : "/proc/self", LANDLOCK_READ},
		{-1, "/etc", LANDLOCK_READ},
		{-1, "/usr", LANDLOCK_READ},
		{-1, "/lib", LANDLOCK_READ},
		{-1, "/lib64", LANDLOCK_READ},
		{v->writes, NO_SUCH_PATH, LANDLOCK_ALL},
		{v->reads, NO_SUCH_PATH, LANDLOCK_READ},
		{v->reads_too, NO_SUCH_PATH, LANDLOCK_READ},
	};

	return landlock_confine(dirs, ARRAY_LEN(dirs), w->spec.fetches, e);
}

static int confine(const struct worker *w, struct err *e)
{
	const struct worker_view v = {-1, -1, -1, w->spec.reads_host || w->spec.fetches};

	return w->spec.enter == WORKER_USERNS || v.reads_host ? worker_confine(w, &v, e) : 0;
}

static void reset_signals(void)
{
	static const int signos[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD, SIGWINCH};

	for (size_t i = 0; i < ARRAY_LEN(signos); i++)
		signal(signos[i], SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
}

/* A group of its own: Ctrl-C on the terminal is the scheduler's to handle. */
static ATTR_NORETURN void child(struct worker *w, pid_t parent)
{
	struct err e = ERR_INIT;
	AUTO_JSON struct json *answer = json_object();
	struct json *result = NULL;

	proc_die_with_parent(parent);
	setpgid(0, 0);
	reset_signals();
	loop_forget(w->session->loop);
	store_forget_lock(w->session->store);
	close_others(w);
	int rc = enter(w, &e);

	/* A change of credentials clears the parent-death signal. */
	proc_die_with_parent(parent);
	if (rc == 0 && confine(w, &e) == 0)
		rc = w->spec.fn(w->spec.arg, w, &result, &e);
	else
		rc = -1;
	if (rc < 0)
		json_set(answer, "error", worker_err_to_json(&e));
	else
		json_set(answer, "result", result ? result : json_new_null());
	send_json(w, answer, 0);
	_exit(0);
}

/* --- in the scheduler --- */

static void tell(struct worker *w, enum event_kind kind)
{
	struct event_sink *sink = w->session->sink;
	bool done = kind == EVENT_WORKER_DONE;

	if (sink && w->told == done)
		sink->emit(sink, &(struct event){.kind = kind,
						 .stage = "",
						 .n = w->number,
						 .text = w->spec.role,
						 .source = done ? NULL : w->spec.what,
						 .err = done && err_is_set(&w->err) ? &w->err : NULL});
	w->told = !done;
}

static void died(struct worker *w)
{
	if (w->killed)
		err_set(&w->err, ERR_CANCELLED, "%s was cancelled", w->spec.role);
	else if (WIFSIGNALED(w->status))
		err_set(&w->err, ERR_INTERNAL, "the %s worker died of signal %d (%s)", w->spec.role,
			WTERMSIG(w->status), strsignal(WTERMSIG(w->status)));
	else
		err_set(&w->err, ERR_INTERNAL, "the %s worker ended without an answer (exit status %d)", w->spec.role,
			WEXITSTATUS(w->status));
}

static void enlist(struct worker *w)
{
	w->next = w->session->workers;
	if (w->next)
		w->next->prev = w;
	w->session->workers = w;
}

static void delist(struct worker *w)
{
	if (w->next)
		w->next->prev = w->prev;
	if (w->prev)
		w->prev->next = w->next;
	else
		w->session->workers = w->next;
}

static void finish(struct worker *w)
{
	if (!w->eof || !w->reaped)
		return;
	delist(w);
	if (!w->answered)
		died(w);
	tell(w, EVENT_WORKER_DONE);
	w->spec.done(w->spec.ctx, w->result, &w->err);
	err_release(&w->err);
	json_free(w->result);
	free(w);
}

static void take(struct worker *w, const char *text, size_t n)
{
	struct err e = ERR_INIT;
	AUTO_JSON struct json *j = json_parse(text, n, WORKER_MESSAGE_MAX, ERR_INTERNAL, "message of a worker", &e);
	struct json *message = json_get(j, "message"), *error = json_get(j, "error"), *result = json_get(j, "result");

	if (!j || (!message && !error && !result) || w->answered) {
		err_release(&e);
		kill(w->pid, SIGKILL);
	} else if (message) {
		if (w->spec.serves)
			tell(w, EVENT_WORKER_DONE);
		if (w->spec.message)
			w->spec.message(w->spec.ctx, message);
	} else {
		w->answered = true;
		if (error)
			worker_err_from_json(error, &w->err);
		else if (!json_is_null(result))
			w->result = json_ref(result);
	}
}

static void on_socket(void *arg, uint32_t events)
{
	struct worker *w = arg;
	AUTO_FREE char *text = mem_alloc(WORKER_MESSAGE_MAX);
	struct err e = ERR_INIT;
	int fd = -1;
	ssize_t n = io_recv_msg(w->sock, text, WORKER_MESSAGE_MAX, &fd, &e);

	(void)events;
	if (fd >= 0)
		close(fd);
	if (n > 0) {
		take(w, text, (size_t)n);
		return;
	}
	/* A message that cannot be received. */
	if (n < 0)
		kill(w->pid, SIGKILL);
	err_release(&e);
	loop_remove(w->session->loop, w->on_sock);
	close(w->sock);
	w->eof = true;
	finish(w);
}

static void on_child(void *arg, int status)
{
	struct worker *w = arg;

	w->status = status;
	w->reaped = true;
	finish(w);
}

static void grow_socket(int fd)
{
	int n = (int)WORKER_MESSAGE_MAX * 2;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &n, sizeof n);
}

static int watch(struct worker *w, struct err *e)
{
	w->on_sock = loop_add_fd(w->session->loop, w->sock, EPOLLIN, on_socket, w, e);
	if (!w->on_sock || !loop_add_child(w->session->loop, w->pid, on_child, w, e))
		return -1;
	return 0;
}

struct worker *worker_start(struct session *s, const struct worker_spec *spec, struct err *e)
{
	pid_t parent = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		err_sys(e, ERR_HOST, errno, "socket for the %s worker", spec->role);
		return NULL;
	}
	struct worker *w = mem_new(struct worker);

	*w = (struct worker){.session = s, .spec = *spec, .number = ++s->nworkers, .sock = pair[1]};
	grow_socket(pair[1]);
	w->pid = fork();
	if (w->pid == 0)
		child(w, parent);
	close(pair[1]);
	w->sock = pair[0];
	if (w->pid > 0 && watch(w, e) == 0) {
		enlist(w);
		if (!spec->serves)
			tell(w, EVENT_WORKER_START);
		w->spec.what = NULL;
		return w;
	}
	if (w->pid < 0) {
		err_sys(e, ERR_HOST, errno, "starting the %s worker", spec->role);
	} else {
		loop_remove(s->loop, w->on_sock);
		kill(w->pid, SIGKILL);
		waitpid(w->pid, NULL, 0);
	}
	close(pair[0]);
	free(w);
	return NULL;
}

void worker_kill(struct worker *w)
{
	w->killed = true;
	kill(w->pid, SIGKILL);
}

/* One that is gone is noticed by its end of the socket. */
void worker_wake(struct worker *w, const char *what)
{
	char byte = 0;

	w->number = ++w->session->nworkers;
	w->spec.what = what;
	tell(w, EVENT_WORKER_START);
	w->spec.what = NULL;
	while (!w->eof && send(w->sock, &byte, sizeof byte, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EINTR)
		;
}

void worker_finish(struct worker *w)
{
	if (!w->eof)
		shutdown(w->sock, SHUT_WR);
}

void worker_kill_all(struct session *s)
{
	for (struct worker *w = s->workers; w; w = w->next)
		worker_kill(w);
}
