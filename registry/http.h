/* HTTP transport: requests that run in parallel over shared connections. libcurl is used here and nowhere else.
 *
 * One handle per process, single-threaded: http_step() waits and calls back. A request is an object of the caller; it
 * knows nothing of redirects, logins and repetitions (call.h does). HTTP/2 under TLS, up to six connections per host
 * otherwise; only http and https; no .netrc; proxies from the environment; nothing is decoded that was not asked for
 * except a Content-Encoding that a server puts on. */
#ifndef SLCT_HTTP_H
#define SLCT_HTTP_H

#include "registry/url.h"
#include "src/util/base.h"
#include "src/util/buf.h"
#include "src/util/err.h"
#include "src/util/sv.h"
#include "src/util/vec.h"

/* All header fields of one answer, its interim answers included. */
#define HTTP_HEAD_MAX_BYTES   ((size_t)256 << 10)
#define HTTP_HOST_CONNECTIONS 6
/* Below this speed for as long as the stall time-out a transfer is given up. */
#define HTTP_STALL_BYTES_PER_S 1024

/* Texts of certificates of one request. */
#define HTTP_CA_MAX 3

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE };

/* How a request failed that got no whole answer. */
enum http_fail {
	HTTP_OK,       /* an answer came, of whatever status */
	HTTP_CONNECT,  /* no connection: name, refused, unreachable, time-out */
	HTTP_TLS,      /* no TLS with this peer */
	HTTP_CERT,     /* TLS, but the certificate does not hold */
	HTTP_NOT_HTTP, /* the peer speaks something else */
	HTTP_CUT,      /* the connection ended on the way */
	HTTP_STALL,    /* too little came for too long */
	HTTP_ABORTED,  /* a callback or a limit of ours ended it: err says why */
	HTTP_OTHER,
};

struct http;
struct http_req;

struct http_opts {
	int64_t connect_timeout_ns, stall_timeout_ns; /* both > 0 */
};

/* Ignores SIGPIPE in the whole process. */
struct http *http_new(const struct http_opts *o, struct err *e);
void http_free(struct http *h); /* no request may be under way */
/* Requests sent so far: all, and those with a body. */
void http_counts(const struct http *h, uint64_t *requests, uint64_t *uploads);
/* Wait until something happens (or a timer is due) and call back; -1 only if waiting itself fails. */
int http_step(struct http *h, struct err *e);

/* Timers of the same loop. */
struct http_timer {
	int64_t due; /* clock_mono(); 0: not set */
	void (*fn)(void *arg);
	void *arg;
};
void http_timer_set(struct http *h, struct http_timer *t, int64_t delay_ns);
void http_timer_clear(struct http *h, struct http_timer *t);

/* What `read` and `data` give where the transfer is to wait for http_resume(). */
#define HTTP_WAIT (-2)

struct http_body {
	/* Up to n bytes from offset off into p; the number, or -1 with *e, or HTTP_WAIT. The same offset may be asked
	 * again, unless `once`: then the transport does not send it a second time over a new connection by itself,
	 * because what became of the first time is unknown. */
	ssize_t (*read)(void *arg, uint64_t off, void *p, size_t n, struct err *e);
	void *arg;
	uint64_t size;
	bool once;
};

struct http_xfer;

struct http_req {
	/* in; owned by the caller and unchanged until `done` */
	enum http_method method;
	const struct url *url;
	const struct strv *headers;		  /* "Name: value"; never credentials; NULL: none */
	const char *username, *password, *bearer; /* NULL: none */
	bool insecure_tls;			  /* certificates are not verified */
	struct sv ca[HTTP_CA_MAX];		  /* PEM: authorities beside those of the system; may be empty */
	const char *cert, *key;			  /* paths of the client's certificate and key; NULL: none */
	bool apart; /* a connection of its own: what waits there must not fill memory, as it would in HTTP/2's windows
		     */
	bool no_local;		      /* connections to loopback and link-local addresses are refused */
	const struct http_body *body; /* NULL: none */
	/* Status and header fields are there; before any data. -1: stop, with *e. May be NULL. */
	int (*head)(void *arg, struct err *e);
	/* HTTP_WAIT: nothing of it was taken, it comes once more. */
	int (*data)(void *arg, const void *p, size_t n, struct err *e);
	/* Once, at the end; may free or start the request again. */
	void (*done)(void *arg);
	void *arg;
	/* out */
	int status;	      /* 0: no answer */
	struct buf head_text; /* fields as "Name: value\n" */
	enum http_fail fail;
	struct err err; /* set if fail is not HTTP_OK */
	struct http_xfer *xfer;
};

const char *http_method_name(enum http_method m); /* "GET" */
/* Begin it: r and what it points to must stay until its callback or http_cancel(). It goes on in http_step(). */
void http_start(struct http *h, struct http_req *r);
/* A transfer that waits goes on; from anywhere, also from inside a callback. Fine if it does not wait. */
void http_resume(struct http *h, struct http_req *r);
/* Stop without calling back; fine if it is not under way. */
void http_cancel(struct http *h, struct http_req *r);
void http_req_release(struct http_req *r); /* what `out` owns; not under way */
/* nth field (from 0) of that name, or SV_NULL. */
struct sv http_field(const struct http_req *r, const char *name, unsigned nth);

#endif
