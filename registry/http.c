/* HTTP transport over libcurl's multi interface. */
#include "registry/http_priv.h"

#include <signal.h>

#include "src/util/clock.h"
#include "src/util/log.h"
#include "src/util/mem.h"

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
	signal(SIGPIPE, SIG_IGN); /* TLS writes to a socket that the peer has closed */
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
	buf_release(&h->system_ca);
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

/* --- requests --- */

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
	http_xfer_setup(x);
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
	http_timer_clear(h, &x->resume);
	curl_multi_remove_handle(h->multi, x->easy);
	curl_easy_cleanup(x->easy);
	curl_slist_free_all(x->fields);
	free(x->url);
	buf_release(&x->ca);
	free(x);
	h->running--;
}

/* Never from inside a callback of curl's: going on may call the next one at once. */
static void http_on_resume(void *arg)
{
	struct http_xfer *x = arg;

	curl_easy_pause(x->easy, CURLPAUSE_CONT);
}

void http_resume(struct http *h, struct http_req *r)
{
	if (!r->xfer)
		return;
	r->xfer->resume.fn = http_on_resume;
	r->xfer->resume.arg = r->xfer;
	http_timer_set(h, &r->xfer->resume, 0);
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

/* The alerts of a server that wants a client certificate, or another one; with TLS 1.3 they come after the handshake,
 * as a failure to read (RFC 8446, section 6.2). */
static bool http_cert_alert(const char *text)
{
	return strstr(text, "certificate required") || strstr(text, "alert bad certificate") ||
	       strstr(text, "alert unknown ca");
}

static enum http_fail http_class(struct http_xfer *x, CURLcode code)
{
	double connected = 0;

	if (http_cert_alert(x->text))
		return HTTP_CERT;
	if (code == CURLE_OPERATION_TIMEDOUT) {
		curl_easy_getinfo(x->easy, CURLINFO_PRETRANSFER_TIME, &connected);
		return connected > 0 ? HTTP_STALL : HTTP_CONNECT;
	}
	for (size_t i = 0; i < ARRAY_LEN(http_codes); i++)
		if (http_codes[i].code == code)
			return http_codes[i].fail;
	return HTTP_OTHER;
}

/* Names do not resolve again within seconds, certificates and protocols do not get better; the rest may. */
static bool http_worth_retry(const struct http_xfer *x, enum http_fail fail, CURLcode code, const char *text)
{
	long fresh = 1;

	/* On a connection that was used before, what is no HTTP may be the rest of an earlier answer. */
	if (fail == HTTP_NOT_HTTP)
		return !curl_easy_getinfo(x->easy, CURLINFO_NUM_CONNECTS, &fresh) && !fresh;
	if (fail == HTTP_CONNECT)
		return code != CURLE_COULDNT_RESOLVE_HOST && code != CURLE_COULDNT_RESOLVE_PROXY;
	if (fail == HTTP_TLS)
		return !strstr(text, "SSL routines"); /* OpenSSL's mark of an error of the protocol */
	return fail == HTTP_CUT || fail == HTTP_STALL;
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
	r->err.retryable = http_worth_retry(x, r->fail, code, text);
}

static void http_finish(struct http *h, CURL *easy, CURLcode code)
{
	struct http_xfer *x = NULL;
	struct http_req *r;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &x);
	r = x->r;
	if (code == CURLE_OK && r->fail == HTTP_OK)
		http_xfer_head(x);
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
