/* HTTP transport over libcurl's multi interface. */
#include "registry/http.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "src/util/clock.h"
#include "src/util/log.h"
#include "src/util/mem.h"

struct http {
	CURLM *multi;
	struct http_opts opts;
	uint64_t requests, uploads;
	size_t running;
	VEC_OF(struct http_timer *) timers;
	bool proxied; /* the environment names a proxy: peers' addresses are the proxy's */
};

/* What curl holds of a request. */
struct http_xfer {
	struct http *h;
	struct http_req *r;
	CURL *easy;
	struct curl_slist *fields;
	char *url;
	uint64_t sent;   /* offset of the body's next byte */
	size_t head_all; /* bytes of all header lines */
	bool head_seen;
	char text[CURL_ERROR_SIZE];
};

static const char *const http_methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};

const char *http_method_name(enum http_method m)
{
	return http_methods[m];
}

static bool http_env_proxy(void)
{
	static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (getenv(names[i]) && *getenv(names[i]))
			return true;
	return false;
}

struct http *http_new(const struct http_opts *o, struct err *e)
{
	struct http *h;
	CURLM *multi;

	if (curl_global_init(CURL_GLOBAL_DEFAULT)) {
		err_set(e, ERR_HOST, "the HTTP library could not be started");
		return NULL;
	}
	multi = curl_multi_init();
	if (!multi) {
		err_set(e, ERR_HOST, "the HTTP library could not be started");
		return NULL;
	}
	curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)HTTP_HOST_CONNECTIONS);
	h = mem_new(struct http);
	*h = (struct http){.multi = multi, .opts = *o, .proxied = http_env_proxy()};
	return h;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	curl_multi_cleanup(h->multi);
	curl_global_cleanup();
	vec_release(&h->timers);
	free(h);
}

void http_counts(const struct http *h, uint64_t *requests, uint64_t *uploads)
{
	*requests = h->requests;
	*uploads = h->uploads;
}

/* --- timers --- */

void http_timer_set(struct http *h, struct http_timer *t, int64_t delay_ns)
{
	http_timer_clear(h, t);
	t->due = clock_mono() + delay_ns;
	vec_push(&h->timers, t);
}

void http_timer_clear(struct http *h, struct http_timer *t)
{
	if (!t->due)
		return;
	t->due = 0;
	for (size_t i = 0; i < h->timers.n; i++) {
		if (h->timers.v[i] != t)
			continue;
		h->timers.v[i] = h->timers.v[--h->timers.n];
		return;
	}
}

static struct http_timer *http_first_timer(struct http *h)
{
	struct http_timer *first = NULL;

	for (size_t i = 0; i < h->timers.n; i++)
		if (!first || h->timers.v[i]->due < first->due)
			first = h->timers.v[i];
	return first;
}

/* Milliseconds until the first timer, rounded up; at most a second. */
static int http_wait_ms(struct http *h)
{
	const struct http_timer *t = http_first_timer(h);
	int64_t left = t ? t->due - clock_mono() : CLOCK_NS_PER_S;

	if (left <= 0)
		return 0;
	return left >= CLOCK_NS_PER_S ? 1000 : (int)((left + 999999) / 1000000);
}

static void http_run_timers(struct http *h)
{
	int64_t now = clock_mono();
	struct http_timer *t;

	while ((t = http_first_timer(h)) && t->due <= now) {
		http_timer_clear(h, t);
		t->fn(t->arg);
	}
}

/* --- the answer --- */

static int http_abort(struct http_req *r)
{
	r->fail = HTTP_ABORTED;
	return -1;
}

/* "HTTP/1.1 200 OK": a new head begins (after a 100 or 103, say), earlier fields are forgotten. */
static void http_status_line(struct http_xfer *x)
{
	long status = 0;

	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	x->r->status = (int)status;
	buf_clear(&x->r->head_text);
}

static size_t http_on_header(char *p, size_t size, size_t n, void *arg)
{
	struct http_xfer *x = arg;
	struct sv line = sv_of(p, size * n);

	x->head_all += line.n;
	if (x->head_all > HTTP_HEAD_MAX_BYTES) {
		err_set(&x->r->err, ERR_REGISTRY, "the header of the answer is longer than %zu KiB",
			HTTP_HEAD_MAX_BYTES >> 10);
		http_abort(x->r);
		return 0;
	}
	if (sv_starts(line, "HTTP/")) {
		http_status_line(x);
		return size * n;
	}
	line = sv_trim(line);
	if (line.n && !x->head_seen) {
		buf_sv_add(&x->r->head_text, line);
		buf_char_add(&x->r->head_text, '\n');
	}
	return size * n;
}

/* The head is whole when the first byte of the body comes, or at the end. */
static int http_head_done(struct http_xfer *x)
{
	struct http_req *r = x->r;

	if (x->head_seen)
		return 0;
	x->head_seen = true;
	if (r->head && r->head(r->arg, &r->err))
		return http_abort(r);
	return 0;
}

static size_t http_on_data(char *p, size_t size, size_t n, void *arg)
{
	struct http_xfer *x = arg;
	struct http_req *r = x->r;

	if (http_head_done(x))
		return 0;
	if (r->data && r->data(r->arg, p, size * n, &r->err)) {
		http_abort(r);
		return 0;
	}
	return size * n;
}

static size_t http_on_read(char *p, size_t size, size_t n, void *arg)
{
	struct http_xfer *x = arg;
	const struct http_body *b = x->r->body;
	uint64_t left = b->size - x->sent;
	ssize_t got;

	if (!left)
		return 0;
	got = b->read(b->arg, x->sent, p, left < size * n ? (size_t)left : size * n, &x->r->err);
	if (got <= 0) {
		if (!got)
			err_set(&x->r->err, ERR_INTEGRITY, "what is sent is shorter than its size says");
		http_abort(x->r);
		return CURL_READFUNC_ABORT;
	}
	x->sent += (uint64_t)got;
	return (size_t)got;
}

/* curl rewinds a body when it sends a request again over a new connection. */
static int http_on_seek(void *arg, curl_off_t off, int origin)
{
	struct http_xfer *x = arg;

	if (origin != SEEK_SET || off < 0 || (uint64_t)off > x->r->body->size)
		return CURL_SEEKFUNC_CANTSEEK;
	x->sent = (uint64_t)off;
	return CURL_SEEKFUNC_OK;
}

struct sv http_field(const struct http_req *r, const char *name, unsigned nth)
{
	struct sv rest = buf_sv(&r->head_text), line;
	size_t n = strlen(name);

	while (rest.p) {
		line = sv_cut(&rest, '\n');
		if (line.n > n && line.p[n] == ':' && sv_ieq_str(sv_sub(line, 0, n), name) && !nth--)
			return sv_trim(sv_sub(line, n + 1, line.n));
	}
	return SV_NULL;
}

/* --- addresses --- */

static bool http_local4(uint32_t a)
{
	return a >> 24 == 127 || a >> 24 == 0 || a >> 16 == 0xa9fe;
}

static bool http_local_address(const struct sockaddr *sa)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	uint32_t last;

	if (sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		return http_local4(ntohl(in.sin_addr.s_addr));
	}
	if (sa->sa_family != AF_INET6)
		return true;
	memcpy(&in6, sa, sizeof(in6));
	memcpy(&last, in6.sin6_addr.s6_addr + 12, sizeof(last));
	if (!memcmp(in6.sin6_addr.s6_addr, mapped, sizeof(mapped)))
		return http_local4(ntohl(last));
	return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr) || IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr) ||
	       IN6_IS_ADDR_UNSPECIFIED(&in6.sin6_addr);
}

/* Where a name leads is known only here, after the look-up. */
static curl_socket_t http_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct http_xfer *x = arg;

	(void)purpose;
	if (x->r->no_local && !x->h->proxied && http_local_address(&a->addr)) {
		if (!err_is_set(&x->r->err))
			err_set(&x->r->err, ERR_REGISTRY, "%s leads to an address of this machine: refused",
				x->r->url->host);
		http_abort(x->r);
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* --- the request --- */

static void http_set_method(struct http_xfer *x)
{
	const struct http_req *r = x->r;
	CURL *c = x->easy;

	if (r->method == HTTP_HEAD)
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	else if (r->method != HTTP_GET)
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, http_methods[r->method]);
	if (r->body) {
		curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->body->size);
		curl_easy_setopt(c, CURLOPT_READFUNCTION, http_on_read);
		curl_easy_setopt(c, CURLOPT_READDATA, x);
		curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, http_on_seek);
		curl_easy_setopt(c, CURLOPT_SEEKDATA, x);
		curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10);
	} else if (r->method == HTTP_POST || r->method == HTTP_PUT || r->method == HTTP_PATCH) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, ""); /* Content-Length: 0 */
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, 0L);
	}
}

static void http_set_fields(struct http_xfer *x)
{
	const struct strv *own = x->r->headers;
	struct curl_slist *l = NULL;
	bool typed = false;

	for (size_t i = 0; own && i < own->n; i++) {
		l = curl_slist_append(l, own->v[i]);
		typed |= sv_starts(sv_from(own->v[i]), "Content-Type:");
	}
	/* A pause of up to a second at registries that do not answer it; the session was just opened anyway. */
	l = curl_slist_append(l, "Expect:");
	if (!typed)
		l = curl_slist_append(l, "Content-Type:");
	x->fields = l;
	curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, l);
}

static void http_set_login(struct http_xfer *x)
{
	const struct http_req *r = x->r;

	if (r->bearer) {
		curl_easy_setopt(x->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		curl_easy_setopt(x->easy, CURLOPT_XOAUTH2_BEARER, r->bearer);
	} else if (r->username) {
		curl_easy_setopt(x->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(x->easy, CURLOPT_USERNAME, r->username);
		curl_easy_setopt(x->easy, CURLOPT_PASSWORD, r->password ? r->password : "");
	}
}

static void http_set_tls(struct http_xfer *x)
{
	const char *file = getenv("SSL_CERT_FILE"), *dir = getenv("SSL_CERT_DIR");
	CURL *c = x->easy;

	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, x->r->insecure_tls ? 0L : 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, x->r->insecure_tls ? 0L : 2L);
	if (file && *file)
		curl_easy_setopt(c, CURLOPT_CAINFO, file);
	if (dir && *dir)
		curl_easy_setopt(c, CURLOPT_CAPATH, dir);
	if (x->r->url->tls)
		curl_easy_setopt(c, CURLOPT_PIPEWAIT, 1L); /* rather share a connection than open one more */
}

static void http_set_transport(struct http_xfer *x)
{
	const struct http_opts *o = &x->h->opts;
	CURL *c = x->easy;

	curl_easy_setopt(c, CURLOPT_URL, x->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "slct/" SLCT_VERSION);
	/* Also makes curl undo an encoding that the server applies although nobody asked. */
	curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "identity");
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)(o->connect_timeout_ns / 1000000));
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)HTTP_STALL_BYTES_PER_S);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)((o->stall_timeout_ns + CLOCK_NS_PER_S - 1) / CLOCK_NS_PER_S));
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 256L << 10);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, http_open_socket);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, x);
	if (url_is_loopback(x->r->url->host))
		curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
}

static void http_set_answer(struct http_xfer *x)
{
	curl_easy_setopt(x->easy, CURLOPT_PRIVATE, x);
	curl_easy_setopt(x->easy, CURLOPT_ERRORBUFFER, x->text);
	curl_easy_setopt(x->easy, CURLOPT_HEADERFUNCTION, http_on_header);
	curl_easy_setopt(x->easy, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, http_on_data);
	curl_easy_setopt(x->easy, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(x->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

void http_start(struct http *h, struct http_req *r)
{
	struct http_xfer *x = mem_new(struct http_xfer);
	AUTO_FREE char *shown = url_show(r->url);

	http_req_release(r);
	r->head_text = BUF_INIT(HTTP_HEAD_MAX_BYTES);
	r->status = 0;
	r->fail = HTTP_OK;
	x->h = h;
	x->r = r;
	r->xfer = x;
	x->easy = curl_easy_init();
	x->url = url_format(r->url);
	http_set_transport(x);
	http_set_tls(x);
	http_set_method(x);
	http_set_fields(x);
	http_set_login(x);
	http_set_answer(x);
	h->requests++;
	h->uploads += r->body && r->body->size;
	log_msg(LOG_DEBUG, "%s %s", http_methods[r->method], shown);
	curl_multi_add_handle(h->multi, x->easy);
	h->running++;
}

static void http_end(struct http *h, struct http_req *r)
{
	struct http_xfer *x = r->xfer;

	r->xfer = NULL;
	curl_multi_remove_handle(h->multi, x->easy);
	curl_easy_cleanup(x->easy);
	curl_slist_free_all(x->fields);
	free(x->url);
	free(x);
	h->running--;
}

void http_cancel(struct http *h, struct http_req *r)
{
	if (r->xfer)
		http_end(h, r);
}

void http_req_release(struct http_req *r)
{
	buf_release(&r->head_text);
	err_release(&r->err);
}

/* --- how it ended --- */

static const struct {
	CURLcode code;
	enum http_fail fail;
} http_codes[] = {
	{CURLE_COULDNT_RESOLVE_HOST, HTTP_CONNECT},
	{CURLE_COULDNT_RESOLVE_PROXY, HTTP_CONNECT},
	{CURLE_COULDNT_CONNECT, HTTP_CONNECT},
	{CURLE_PROXY, HTTP_CONNECT},
	{CURLE_PEER_FAILED_VERIFICATION, HTTP_CERT},
	{CURLE_SSL_CACERT_BADFILE, HTTP_CERT},
	{CURLE_SSL_CONNECT_ERROR, HTTP_TLS},
	{CURLE_UNSUPPORTED_PROTOCOL, HTTP_NOT_HTTP},
	{CURLE_WEIRD_SERVER_REPLY, HTTP_NOT_HTTP},
	{CURLE_PARTIAL_FILE, HTTP_CUT},
	{CURLE_GOT_NOTHING, HTTP_CUT},
	{CURLE_SEND_ERROR, HTTP_CUT},
	{CURLE_RECV_ERROR, HTTP_CUT},
	{CURLE_SEND_FAIL_REWIND, HTTP_CUT},
	{CURLE_HTTP2, HTTP_CUT},
	{CURLE_HTTP2_STREAM, HTTP_CUT},
	{CURLE_UPLOAD_FAILED, HTTP_CUT},
};

static enum http_fail http_class(struct http_xfer *x, CURLcode code)
{
	double connected = 0;

	if (code == CURLE_OPERATION_TIMEDOUT) {
		curl_easy_getinfo(x->easy, CURLINFO_PRETRANSFER_TIME, &connected);
		return connected > 0 ? HTTP_CUT : HTTP_CONNECT;
	}
	for (size_t i = 0; i < ARRAY_LEN(http_codes); i++)
		if (http_codes[i].code == code)
			return http_codes[i].fail;
	return HTTP_OTHER;
}

/* Names do not resolve again within seconds, certificates and protocols do not get better; the rest may. */
static bool http_worth_retry(enum http_fail fail, CURLcode code, const char *text)
{
	if (fail == HTTP_CONNECT)
		return code != CURLE_COULDNT_RESOLVE_HOST && code != CURLE_COULDNT_RESOLVE_PROXY;
	if (fail == HTTP_TLS)
		return !strstr(text, "SSL routines"); /* OpenSSL's mark of an error of the protocol */
	return fail == HTTP_CUT;
}

static void http_set_failure(struct http_xfer *x, CURLcode code)
{
	struct http_req *r = x->r;
	const char *text = x->text[0] ? x->text : curl_easy_strerror(code);
	AUTO_FREE char *masked = log_mask(text, strlen(text), false);
	long sys = 0;

	curl_easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &sys);
	r->fail = http_class(x, code);
	err_set(&r->err, ERR_REGISTRY, "%s", masked);
	r->err.sys = (int)sys;
	r->err.retryable = http_worth_retry(r->fail, code, text);
}

static void http_finish(struct http *h, CURL *easy, CURLcode code)
{
	struct http_xfer *x = NULL;
	struct http_req *r;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &x);
	r = x->r;
	if (code == CURLE_OK && r->fail == HTTP_OK)
		http_head_done(x);
	else if (r->fail != HTTP_ABORTED)
		http_set_failure(x, code);
	http_end(h, r);
	r->done(r->arg);
}

int http_step(struct http *h, struct err *e)
{
	int running, left;
	CURLMsg *m;
	CURLMcode rc = curl_multi_perform(h->multi, &running);

	while ((m = curl_multi_info_read(h->multi, &left)))
		if (m->msg == CURLMSG_DONE)
			http_finish(h, m->easy_handle, m->data.result);
	http_run_timers(h);
	if (rc == CURLM_OK && ((size_t)running == h->running || !h->running))
		rc = curl_multi_poll(h->multi, NULL, 0, h->running || h->timers.n ? http_wait_ms(h) : 0, NULL);
	if (rc != CURLM_OK)
		return err_set(e, ERR_INTERNAL, "waiting for the network: %s", curl_multi_strerror(rc));
	return 0;
}
