/* A small HTTP server for tests: a child process that answers each request by a function, one request per connection,
 * and notes what it was asked in shared memory. */
#ifndef SLCT_FAKE_HTTP_H
#define SLCT_FAKE_HTTP_H

#include <poll.h>
#include <sys/mman.h>

#include "tests/unit/registry_util.h"

#define FAKE_LOG_MAX 200

struct fake_entry {
	char method[8], target[600], auth[400], range[64];
	size_t body;
	char text[400]; /* beginning of the body */
};

struct fake_log {
	size_t n;
	struct fake_entry v[FAKE_LOG_MAX];
	uint64_t state[8]; /* for the answering function */
};

struct fake_conn {
	int fd;
	struct fake_log *log;
	struct fake_entry *q; /* the request */
	size_t nth;	      /* requests of this method and target so far, from 0 */
	int port;
};

typedef void fake_fn(struct fake_conn *c);

struct fake {
	pid_t pid;
	int port;
	char host[32];
	struct fake_log *log;
};

/* Raw bytes; a client that has gone is its own business. */
static inline void fake_raw(struct fake_conn *c, const void *p, size_t n)
{
	const char *s = p;

	while (n) {
		ssize_t w = send(c->fd, s, n, MSG_NOSIGNAL);

		if (w <= 0)
			return;
		s += w;
		n -= (size_t)w;
	}
}

/* fields: "Name: value\r\n..." */
static inline void fake_head(struct fake_conn *c, int status, const char *fields, size_t length)
{
	AUTO_FREE char *h = mem_printf("HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n", status,
				       length, fields);

	fake_raw(c, h, strlen(h));
}

static inline void fake_answer(struct fake_conn *c, int status, const char *fields, const void *p, size_t n)
{
	fake_head(c, status, fields, n);
	if (strcmp(c->q->method, "HEAD"))
		fake_raw(c, p, n);
}

static inline void fake_status(struct fake_conn *c, int status, const char *fields)
{
	fake_answer(c, status, fields, "", 0);
}

/* End the connection by a reset. */
static inline void fake_reset(struct fake_conn *c)
{
	struct linger l = {.l_onoff = 1};

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
}

static inline void fake_field(const char *head, const char *name, char *out, size_t max)
{
	AUTO_FREE char *key = mem_printf("\r\n%s: ", name);
	const char *p = strcasestr(head, key);

	out[0] = 0;
	if (p)
		snprintf(out, max, "%.*s", (int)strcspn(p + strlen(key), "\r"), p + strlen(key));
}

/* Head, and the body by its Content-Length; false if there is no request. */
static inline bool fake_read(int fd, struct fake_entry *q)
{
	static char head[65536];
	char length[32];
	size_t n = 0, want, have;
	char *end = NULL;

	while (!end && n + 1 < sizeof(head)) {
		ssize_t r = recv(fd, head + n, sizeof(head) - 1 - n, 0);

		if (r <= 0 || head[0] == 0x16) /* TLS is not spoken here */
			return false;
		n += (size_t)r;
		head[n] = 0;
		end = strstr(head, "\r\n\r\n");
	}
	if (!end || sscanf(head, "%7s %599s", q->method, q->target) != 2)
		return false;
	end += 4;
	have = n - (size_t)(end - head);
	fake_field(head, "Authorization", q->auth, sizeof(q->auth));
	fake_field(head, "Range", q->range, sizeof(q->range));
	fake_field(head, "Content-Length", length, sizeof(length));
	want = (size_t)strtoull(length, NULL, 10);
	snprintf(q->text, sizeof(q->text), "%.*s", (int)have, end);
	while (have < want) {
		static char rest[65536];
		ssize_t r = recv(fd, rest, sizeof(rest), 0);

		if (r <= 0)
			break;
		if (have < sizeof(q->text) - 1)
			snprintf(q->text + have, sizeof(q->text) - have, "%.*s", (int)r, rest);
		have += (size_t)r;
	}
	q->body = have;
	return true;
}

static inline void fake_serve(int fd, int port, struct fake_log *log, fake_fn *fn)
{
	struct fake_conn c = {.fd = fd, .log = log, .port = port};
	struct fake_entry q = {0};
	size_t at = __atomic_load_n(&log->n, __ATOMIC_SEQ_CST);

	if (at == FAKE_LOG_MAX || !fake_read(fd, &q))
		return;
	for (size_t i = 0; i < at; i++)
		c.nth += !strcmp(log->v[i].method, q.method) && !strcmp(log->v[i].target, q.target);
	log->v[at] = q;
	__atomic_store_n(&log->n, at + 1, __ATOMIC_SEQ_CST);
	c.q = &log->v[at];
	fn(&c);
}

static inline void fake_child(int sock, int port, struct fake_log *log, fake_fn *fn, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	for (;;) {
		int fd = accept(sock, NULL, NULL);
		struct timeval t = {.tv_sec = 5};

		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
		fake_serve(fd, port, log, fn);
		shutdown(fd, SHUT_WR);
		close(fd);
	}
}

static inline struct fake fake_start(fake_fn *fn)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	struct fake f = {0};
	pid_t parent = getpid();
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	f.log = mmap(NULL, sizeof(*f.log), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_int_eq(bind(sock, (struct sockaddr *)&a, n), 0);
	ck_assert_int_eq(listen(sock, 64), 0);
	ck_assert_int_eq(getsockname(sock, (struct sockaddr *)&a, &n), 0);
	f.port = ntohs(a.sin_port);
	snprintf(f.host, sizeof(f.host), "127.0.0.1:%d", f.port);
	f.pid = fork();
	if (!f.pid)
		fake_child(sock, f.port, f.log, fn, parent);
	close(sock);
	return f;
}

static inline void fake_stop(struct fake *f)
{
	kill(f->pid, SIGKILL);
	waitpid(f->pid, NULL, 0);
	munmap(f->log, sizeof(*f->log));
}

#define FAKE(name, fn) struct fake name __attribute__((cleanup(fake_stop))) = fake_start(fn)

/* Requests with this method (NULL: any) whose target contains the text. */
static inline size_t fake_count(const struct fake *f, const char *method, const char *text)
{
	size_t n = 0;

	for (size_t i = 0; i < f->log->n; i++)
		n += (!method || !strcmp(f->log->v[i].method, method)) && strstr(f->log->v[i].target, text);
	return n;
}

static inline size_t fake_count_auth(const struct fake *f, const char *text)
{
	size_t n = 0;

	for (size_t i = 0; i < f->log->n; i++)
		n += f->log->v[i].auth[0] && strstr(f->log->v[i].auth, text);
	return n;
}

#endif
