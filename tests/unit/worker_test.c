/* Workers: results, errors, deaths and messages. Everything runs in the caller's own namespaces. */
#include "src/session/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "src/util/landlock.h"
#include "tests/unit/cache_util.h"

static void begin(struct session *s, const struct unit_dir *d)
{
	AUTO_FREE char *root = mem_printf("%s/store", d->path);
	struct err e = ERR_INIT;

	unit_ok(session_open(s, root, NULL, &e), e);
}

#define AUTO_SESSION AUTO(session_close)

static int call(struct session *s, worker_fn *fn, void *arg, struct json **result, struct err *e)
{
	struct worker_spec spec = {.role = "scan", .fn = fn, .arg = arg};

	return worker_call(s, &spec, result, e);
}

/* --- results --- */

static int add_one(void *arg, struct worker *w, struct json **result, struct err *e)
{
	int *n = arg;

	(void)w;
	(void)e;
	*n += 1; /* of the child's copy */
	*result = json_new_int(*n);
	return 0;
}

static int nothing(void *arg, struct worker *w, struct json **result, struct err *e)
{
	(void)arg;
	(void)w;
	(void)result;
	(void)e;
	return 0;
}

START_TEST(a_result)
{
	UNIT_DIR(d);
	AUTO_SESSION struct session s;
	AUTO_JSON struct json *j = NULL, *none = NULL;
	struct err e = ERR_INIT;
	int n = 41;

	begin(&s, &d);
	unit_ok(call(&s, add_one, &n, &j, &e), e);
	ck_assert_int_eq(json_int(j, 0), 42);
	ck_assert_int_eq(n, 41);
	unit_ok(call(&s, nothing, NULL, &none, &e), e);
	ck_assert_ptr_null(none);
	unit_ok(call(&s, add_one, &n, NULL, &e), e); /* a result that nobody wants */
}
END_TEST

/* --- errors --- */

static void full_error(struct err *e)
{
	err_set(e, ERR_REGISTRY, "pulling %s", "x");
	err_hint(e, "log in");
	err_at(e, "Dockerfile", 7, 3);
	err_excerpt(e, "line one\nline two");
	e->sys = 5;
	e->http = 401;
	e->retryable = true;
}

static void same_error(const struct err *e)
{
	ck_assert_int_eq(e->code, ERR_REGISTRY);
	ck_assert_str_eq(e->msg, "pulling x");
	ck_assert_str_eq(e->hint, "log in");
	ck_assert_str_eq(e->excerpt, "line one\nline two");
	ck_assert_str_eq(e->place.file, "Dockerfile");
	ck_assert_uint_eq(e->place.line, 7);
	ck_assert_uint_eq(e->place.col, 3);
	ck_assert_int_eq(e->sys, 5);
	ck_assert_int_eq(e->http, 401);
	ck_assert(e->retryable);
}

static int fails(void *arg, struct worker *w, struct json **result, struct err *e)
{
	(void)arg;
	(void)w;
	(void)result;
	full_error(e);
	return -1;
}

START_TEST(an_error)
{
	UNIT_DIR(d);
	AUTO_SESSION struct session s;
	AUTO_JSON struct json *j = NULL;
	struct err e = ERR_INIT;

	begin(&s, &d);
	ck_assert_int_lt(call(&s, fails, NULL, &j, &e), 0);
	ck_assert_ptr_null(j);
	same_error(&e);
	err_release(&e);
}
END_TEST

START_TEST(errors_as_json)
{
	struct err e = ERR_INIT, back = ERR_INIT;
	AUTO_JSON struct json *j = NULL, *bare = json_object();

	full_error(&e);
	j = worker_err_to_json(&e);
	worker_err_from_json(j, &back);
	same_error(&back);
	err_release(&e);
	err_release(&back);
	err_set(&e, ERR_INPUT, "no more");
	json_free(j);
	j = worker_err_to_json(&e);
	worker_err_from_json(j, &back);
	ck_assert_int_eq(back.code, ERR_INPUT);
	ck_assert_ptr_null(back.hint);
	ck_assert_ptr_null(back.excerpt);
	ck_assert_ptr_null(back.place.file);
	err_release(&e);
	/* a worker's nonsense is an error all the same */
	worker_err_from_json(bare, &back);
	unit_failed(back, ERR_INTERNAL, "unknown error of a worker");
	json_set_str(bare, "code", "none");
	worker_err_from_json(bare, &back);
	ck_assert(err_is_set(&back));
	err_release(&back);
}
END_TEST

/* --- deaths --- */

static int dies(void *arg, struct worker *w, struct json **result, struct err *e)
{
	(void)w;
	(void)result;
	(void)e;
	if (*(int *)arg)
		raise(*(int *)arg);
	_exit(3);
}

START_TEST(deaths)
{
	UNIT_DIR(d);
	AUTO_SESSION struct session s;
	struct err e = ERR_INIT;
	int signo = SIGKILL;

	begin(&s, &d);
	ck_assert_int_lt(call(&s, dies, &signo, NULL, &e), 0);
	unit_failed(e, ERR_INTERNAL, "the scan worker died of signal 9 (Killed)");
	signo = 0;
	ck_assert_int_lt(call(&s, dies, &signo, NULL, &e), 0);
	unit_failed(e, ERR_INTERNAL, "the scan worker ended without an answer (exit status 3)");
}
END_TEST

static int sleeps(void *arg, struct worker *w, struct json **result, struct err *e)
{
	(void)arg;
	(void)w;
	(void)result;
	(void)e;
	while (pause() < 0)
		;
	return 0;
}

struct killing {
	struct session *s;
	struct worker *w;
	struct err err;
	unsigned done;
};

static void killed(void *ctx, const struct json *result, struct err *e)
{
	struct killing *k = ctx;

	ck_assert_ptr_null(result);
	err_move(&k->err, e);
	k->done++;
	loop_stop(k->s->loop);
}

START_TEST(kill_one)
{
	UNIT_DIR(d);
	AUTO_SESSION struct session s;
	struct killing k = {.s = &s};
	struct worker_spec spec = {.role = "run", .fn = sleeps, .done = killed, .ctx = &k};
	struct err e = ERR_INIT;

	begin(&s, &d);
	k.w = worker_start(&s, &spec, &e);
	ck_assert_ptr_nonnull(k.w);
	worker_kill(k.w);
	unit_ok(loop_run(s.loop, &e), e);
	ck_assert_uint_eq(k.done, 1);
	unit_failed(k.err, ERR_CANCELLED, "run was cancelled");
	/* reaped */
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

static void stop_soon(void *arg)
{
	loop_stop(((struct session *)arg)->loop);
}

/* As a signal's handler does: the call comes back with the worker dead, not still at work on the caller's stack. */
START_TEST(a_stopped_loop_cancels_a_call)
{
	UNIT_DIR(d);
	AUTO_SESSION struct session s;
	struct err e = ERR_INIT;

	begin(&s, &d);
	struct loop_src *t = loop_add_timer(s.loop, 1, 0, stop_soon, &s, &e);

	ck_assert_ptr_nonnull(t);
	ck_assert_int_lt(call(&s, sleeps, NULL, NULL, &e), 0);
	unit_failed(e, ERR_CANCELLED, "scan was cancelled");
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	loop_remove(s.loop, t);
}
END_TEST

/* --- messages --- */

static int talks(void *arg, struct worker *w, struct json **result, struct err *e)
{
	(void)e;
	for (int i = 0; i < *(int *)arg; i++) {
		AUTO_JSON struct json *j = json_new_int(i);

		worker_send(w, j);
	}
	*result = json_new_str("end");
	return 0;
}

static void count_in_order(void *ctx, const struct json *message)
{
	int *n = ctx;

	ck_assert_int_eq(json_int(message, -1), *n);
	++*n;
}

START_TEST(messages_come_before_the_result)
{
	UNIT_DIR(d);
	AUTO_SESSION struct session s;
	AUTO_JSON struct json *j = NULL;
	struct err e = ERR_INIT;
	int send = 5, seen = 0;
	struct worker_spec spec = {.role = "fetch", .fn = talks, .arg = &send, .message = count_in_order, .ctx = &seen};

	begin(&s, &d);
	unit_ok(worker_call(&s, &spec, &j, &e), e);
	ck_assert_str_eq(json_str(j), "end");
	ck_assert_int_eq(seen, 5);
	/* without a listener they are dropped */
	unit_ok(call(&s, talks, &send, NULL, &e), e);
}
END_TEST

static int large(void *arg, struct worker *w, struct json **result, struct err *e)
{
	size_t n = *(size_t *)arg;
	AUTO_FREE char *text = mem_alloc(n + 1);

	(void)w;
	(void)e;
	memset(text, 'x', n);
	text[n] = '\0';
	*result = json_new_str(text);
	return 0;
}

START_TEST(sizes_of_results)
{
	UNIT_DIR(d);
	AUTO_SESSION struct session s;
	AUTO_JSON struct json *j = NULL;
	struct err e = ERR_INIT;
	size_t fits = WORKER_MESSAGE_MAX - 100, not = WORKER_MESSAGE_MAX;

	begin(&s, &d);
	unit_ok(call(&s, large, &fits, &j, &e), e);
	ck_assert_uint_eq(strlen(json_str(j)), fits);
	ck_assert_int_lt(call(&s, large, &not, NULL, &e), 0);
	unit_failed(e, ERR_INTERNAL, "result of the worker is too large");
}
END_TEST

/* Messages around our protocol: the only socket that a worker has beside the standard descriptors. */
static int own_socket(void)
{
	for (int fd = 3; fd < 1024; fd++) {
		int type;
		socklen_t n = sizeof type;

		if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_SEQPACKET)
			return fd;
	}
	_exit(9);
}

static int sends_raw(void *arg, struct worker *w, struct json **result, struct err *e)
{
	const char *text = arg;
	int fd = own_socket();

	ck_assert_int_gt(send(fd, text, strlen(text), 0), 0);
	return sleeps(NULL, w, result, e);
}

START_TEST(nonsense_ends_the_worker)
{
	static const char *const rows[] = {"nonsense", "{}", "[]", "\"x\"", "{\"answer\":1}", "{\"result\":1"};
	UNIT_DIR(d);
	AUTO_SESSION struct session s;

	begin(&s, &d);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_FREE char *text = mem_strdup(rows[i]);
		struct err e = ERR_INIT;

		ck_assert_int_lt(call(&s, sends_raw, text, NULL, &e), 0);
		unit_failed(e, ERR_INTERNAL, "scan worker");
	}
}
END_TEST

static int sends_too_much(void *arg, struct worker *w, struct json **result, struct err *e)
{
	AUTO_FREE char *text = mem_alloc(WORKER_MESSAGE_MAX + 1);
	int fd = own_socket();

	(void)arg;
	memset(text, ' ', WORKER_MESSAGE_MAX + 1);
	ck_assert_int_gt(send(fd, text, WORKER_MESSAGE_MAX + 1, 0), 0);
	return sleeps(NULL, w, result, e);
}

START_TEST(an_oversized_message_ends_the_worker)
{
	UNIT_DIR(d);
	AUTO_SESSION struct session s;
	struct err e = ERR_INIT;

	begin(&s, &d);
	ck_assert_int_lt(call(&s, sends_too_much, NULL, NULL, &e), 0);
	unit_failed(e, ERR_INTERNAL, "scan worker");
}
END_TEST

/* --- what a worker has --- */

static int lists_fds(void *arg, struct worker *w, struct json **result, struct err *e)
{
	int *fds = arg, open = 0;

	(void)w;
	(void)e;
	for (int fd = 3; fd < 1024; fd++)
		open += fcntl(fd, F_GETFD) >= 0;
	*result = json_object();
	json_set_int(*result, "open", open);
	json_set_bool(*result, "kept", fcntl(fds[0], F_GETFD) >= 0);
	json_set_bool(*result, "other", fcntl(fds[1], F_GETFD) >= 0);
	json_set_bool(*result, "own group", getpgid(0) == getpid());
	return 0;
}

START_TEST(descriptors)
{
	UNIT_DIR(d);
	AUTO_SESSION struct session s;
	AUTO_JSON struct json *j = NULL;
	struct err e = ERR_INIT;
	int fds[2];

	begin(&s, &d);
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	struct worker_spec spec = {.role = "run", .fn = lists_fds, .arg = fds, .fds = {fds[0]}, .nfds = 1};

	unit_ok(worker_call(&s, &spec, &j, &e), e);
	ck_assert(json_get_bool(j, "kept", false));
	ck_assert(!json_get_bool(j, "other", true));
	ck_assert(json_get_bool(j, "own group", false));
	/* its socket, the store, the one handed over */
	ck_assert_int_eq(json_get_int(j, "open", 0), 3);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

/* --- what a worker can reach --- */

static bool can_write(const char *dir)
{
	AUTO_FREE char *path = mem_printf("%s/written", dir);
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT, 0600);

	return fd >= 0;
}

static bool can_read(const char *file)
{
	AUTO_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC);

	return fd >= 0;
}

/* To a port of loopback where nobody listens: refused by who is there, or not let out. */
static bool can_connect(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons(1)};
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && (connect(fd, (const struct sockaddr *)&a, sizeof a) == 0 || errno == ECONNREFUSED);
}

struct reach {
	const char *outside, *opened; /* directories */
	bool confine;
	int store;
};

static int look_around(void *arg, struct worker *w, struct json **result, struct err *e)
{
	const struct reach *r = arg;
	AUTO_CLOSE int opened = open(r->opened, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_FREE char *store = mem_printf("/proc/self/fd/%d/tmp", r->store);
	AUTO_FREE char *file = mem_printf("%s/file", r->outside);

	if (r->confine && worker_confine(w, &(struct worker_view){opened, -1, -1, false}, e) < 0)
		return -1;
	*result = json_object();
	json_set_bool(*result, "store", can_write(store));
	json_set_bool(*result, "opened", can_write(r->opened));
	json_set_bool(*result, "outside", can_write(r->outside));
	json_set_bool(*result, "reads", can_read(file));
	json_set_bool(*result, "tcp", can_connect());
	return 0;
}

START_TEST(reach_of_roles)
{
	static const struct {
		struct worker_spec spec;
		bool confine, opened, reads, tcp;
	} rows[] = {
		{{.role = "copy"}, true, true, false, false},
		{{.role = "scan", .reads_host = true}, false, false, true, false},
		{{.role = "fetch", .fetches = true}, false, false, true, true},
	};
	UNIT_DIR(d);
	UNIT_DIR(outside);
	UNIT_DIR(opened);
	AUTO_SESSION struct session s;
	struct err e = ERR_INIT;

	begin(&s, &d);
	ck_assert(mkdirat(outside.fd, "file", 0700) == 0);
	for (size_t i = 0; landlock_abi() >= 4 && i < ARRAY_LEN(rows); i++) {
		struct reach r = {outside.path, opened.path, rows[i].confine, store_fd(s.store)};
		struct worker_spec spec = rows[i].spec;
		AUTO_JSON struct json *j = NULL;

		spec.fn = look_around;
		spec.arg = &r;
		unit_ok(worker_call(&s, &spec, &j, &e), e);
		ck_assert_msg(json_get_bool(j, "store", false), "%s: store", spec.role);
		ck_assert_msg(!json_get_bool(j, "outside", true), "%s: outside", spec.role);
		ck_assert_msg(json_get_bool(j, "opened", false) == rows[i].opened, "%s: opened", spec.role);
		ck_assert_msg(json_get_bool(j, "reads", false) == rows[i].reads, "%s: reads", spec.role);
		ck_assert_msg(json_get_bool(j, "tcp", false) == rows[i].tcp, "%s: tcp", spec.role);
	}
}
END_TEST

UNIT_MAIN("worker", a_result, an_error, errors_as_json, deaths, kill_one, a_stopped_loop_cancels_a_call,
	  messages_come_before_the_result, sizes_of_results, nonsense_ends_the_worker,
	  an_oversized_message_ends_the_worker, descriptors, reach_of_roles)
