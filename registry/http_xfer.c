/* One transfer: its options and callbacks. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "registry/http_priv.h"
#include "src/util/clock.h"
#include "src/util/io.h"
#include "src/util/log.h"

#define HTTP_CA_MAX_BYTES ((size_t)8 << 20)

/* --- the answer --- */

static int http_xfer_abort(struct http_req *r)
{
	r->fail = HTTP_ABORTED;
	return -1;
}

/* "HTTP/1.1 200 OK": a new head begins (after a 100 or 103, say), earlier fields are forgotten. */
static void http_xfer_status_line(struct http_xfer *x)
{
	long status = 0;

	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	x->r->status = (int)status;
	buf_clear(&x->r->head_text);
}

static size_t http_xfer_on_header(char *p, size_t size, size_t n, void *arg)
{
	struct http_xfer *x = arg;
	struct sv line = sv_of(p, size * n);

	x->head_all += line.n;
	if (x->head_all > HTTP_HEAD_MAX_BYTES) {
		err_set(&x->r->err, ERR_REGISTRY, "the header of the answer is longer than %zu KiB",
			HTTP_HEAD_MAX_BYTES >> 10);
		http_xfer_abort(x->r);
		return 0;
	}
	if (sv_starts(line, "HTTP/")) {
		http_xfer_status_line(x);
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
int http_xfer_head(struct http_xfer *x)
{
	struct http_req *r = x->r;

	if (x->head_seen)
		return 0;
	x->head_seen = true;
	if (r->head && r->head(r->arg, &r->err))
		return http_xfer_abort(r);
	return 0;
}

static size_t http_xfer_on_data(char *p, size_t size, size_t n, void *arg)
{
	struct http_xfer *x = arg;
	struct http_req *r = x->r;
	int rc;

	if (http_xfer_head(x))
		return 0;
	rc = r->data ? r->data(r->arg, p, size * n, &r->err) : 0;
	if (rc == HTTP_WAIT)
		return CURL_WRITEFUNC_PAUSE;
	if (!rc)
		return size * n;
	http_xfer_abort(r);
	return 0;
}

static size_t http_xfer_on_read(char *p, size_t size, size_t n, void *arg)
{
	struct http_xfer *x = arg;
	const struct http_body *b = x->r->body;
	uint64_t left = b->size - x->sent;
	ssize_t got;

	if (!left)
		return 0;
	got = b->read(b->arg, x->sent, p, left < size * n ? (size_t)left : size * n, &x->r->err);
	if (got == HTTP_WAIT)
		return CURL_READFUNC_PAUSE;
	if (got <= 0) {
		if (!got)
			err_set(&x->r->err, ERR_INTEGRITY, "what is sent is shorter than its size says");
		http_xfer_abort(x->r);
		return CURL_READFUNC_ABORT;
	}
	x->sent += (uint64_t)got;
	return (size_t)got;
}

/* curl rewinds a body when it sends a request again over a new connection. */
static int http_xfer_on_seek(void *arg, curl_off_t off, int origin)
{
	struct http_xfer *x = arg;

	if (x->r->body->once && x->sent)
		return CURL_SEEKFUNC_FAIL;
	if (origin != SEEK_SET || off < 0 || (uint64_t)off > x->r->body->size)
		return CURL_SEEKFUNC_CANTSEEK;
	x->sent = (uint64_t)off;
	return CURL_SEEKFUNC_OK;
}

/* --- addresses --- */

static bool http_xfer_local4(uint32_t a)
{
	return a >> 24 == 127 || a >> 24 == 0 || a >> 16 == 0xa9fe;
}

static bool http_xfer_local_address(const struct sockaddr *sa)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	uint32_t last;

	if (sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		return http_xfer_local4(ntohl(in.sin_addr.s_addr));
	}
	if (sa->sa_family != AF_INET6)
		return true;
	memcpy(&in6, sa, sizeof(in6));
	memcpy(&last, in6.sin6_addr.s6_addr + 12, sizeof(last));
	if (!memcmp(in6.sin6_addr.s6_addr, mapped, sizeof(mapped)))
		return http_xfer_local4(ntohl(last));
	return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr) || IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr) ||
	       IN6_IS_ADDR_UNSPECIFIED(&in6.sin6_addr);
}

/* Where a name leads is known only here, after the look-up. */
static curl_socket_t http_xfer_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct http_xfer *x = arg;

	(void)purpose;
	if (x->r->no_local && !x->h->proxied && http_xfer_local_address(&a->addr)) {
		if (!err_is_set(&x->r->err))
			err_set(&x->r->err, ERR_REGISTRY, "%s leads to an address of this machine: refused",
				x->r->url->host);
		http_xfer_abort(x->r);
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* --- the request --- */

static void http_xfer_set_method(struct http_xfer *x)
{
	const struct http_req *r = x->r;
	CURL *c = x->easy;

	if (r->method == HTTP_HEAD)
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	else if (r->method != HTTP_GET)
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, http_method_name(r->method));
	if (r->body) {
		curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->body->size);
		curl_easy_setopt(c, CURLOPT_READFUNCTION, http_xfer_on_read);
		curl_easy_setopt(c, CURLOPT_READDATA, x);
		curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, http_xfer_on_seek);
		curl_easy_setopt(c, CURLOPT_SEEKDATA, x);
		curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10);
	} else if (r->method == HTTP_POST || r->method == HTTP_PUT || r->method == HTTP_PATCH) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, ""); /* Content-Length: 0 */
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, 0L);
	}
}

static void http_xfer_set_fields(struct http_xfer *x)
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

static void http_xfer_set_login(struct http_xfer *x)
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

/* The bundle that would be used otherwise: a text of our own replaces it. */
static struct sv http_xfer_system_ca(struct http_xfer *x)
{
	struct http *h = x->h;
	const char *file = getenv("SSL_CERT_FILE");
	char *dflt = NULL;
	struct err e = ERR_INIT;

	if (h->system_ca_read)
		return buf_sv(&h->system_ca);
	h->system_ca_read = true;
	h->system_ca = BUF_INIT(HTTP_CA_MAX_BYTES);
	if (!file || !*file) {
		curl_easy_getinfo(x->easy, CURLINFO_CAINFO, &dflt);
		file = dflt;
	}
	/* Without it the directory of certificates may still do. */
	if (file && io_read_file(AT_FDCWD, file, &h->system_ca, &e)) {
		log_msg(LOG_DEBUG, "%s", e.msg);
		err_release(&e);
	}
	return buf_sv(&h->system_ca);
}

static void http_xfer_set_ca(struct http_xfer *x)
{
	struct curl_blob blob;

	x->ca = BUF_INIT((HTTP_CA_MAX + 1) * HTTP_CA_MAX_BYTES);
	for (size_t i = 0; i < HTTP_CA_MAX; i++)
		buf_sv_add(&x->ca, x->r->ca[i]);
	if (!x->ca.n)
		return;
	buf_sv_add(&x->ca, http_xfer_system_ca(x));
	blob = (struct curl_blob){.data = x->ca.p, .len = x->ca.n, .flags = CURL_BLOB_NOCOPY};
	curl_easy_setopt(x->easy, CURLOPT_CAINFO_BLOB, &blob);
}

static void http_xfer_set_tls(struct http_xfer *x)
{
	const char *file = getenv("SSL_CERT_FILE"), *dir = getenv("SSL_CERT_DIR");
	/* Both mean up to 1.3, but libcurl gives a connection that idles only to transfers with the same range:
	 * otherwise what could share one of HTTP/2 would take those of HTTP/1.1 that were made for transfers apart. */
	long range =
		CURL_SSLVERSION_TLSv1_2 | (x->r->apart ? CURL_SSLVERSION_MAX_TLSv1_3 : CURL_SSLVERSION_MAX_DEFAULT);
	CURL *c = x->easy;

	curl_easy_setopt(c, CURLOPT_SSLVERSION, range);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, x->r->insecure_tls ? 0L : 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, x->r->insecure_tls ? 0L : 2L);
	if (file && *file)
		curl_easy_setopt(c, CURLOPT_CAINFO, file);
	if (dir && *dir)
		curl_easy_setopt(c, CURLOPT_CAPATH, dir);
	if (x->r->cert) {
		curl_easy_setopt(c, CURLOPT_SSLCERT, x->r->cert);
		curl_easy_setopt(c, CURLOPT_SSLKEY, x->r->key);
	}
	if (!x->r->insecure_tls)
		http_xfer_set_ca(x);
	if (x->r->url->tls && !x->r->apart)
		curl_easy_setopt(c, CURLOPT_PIPEWAIT, 1L); /* rather share a connection than open one more */
}

static void http_xfer_set_transport(struct http_xfer *x)
{
	const struct http_opts *o = &x->h->opts;
	long stall_s = (long)((o->stall_timeout_ns + CLOCK_NS_PER_S - 1) / CLOCK_NS_PER_S);
	CURL *c = x->easy;

	curl_easy_setopt(c, CURLOPT_URL, x->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)(x->r->apart ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS));
	curl_easy_setopt(c, CURLOPT_USERAGENT, "slct/" SLCT_VERSION);
	/* Also makes curl undo an encoding that the server applies although nobody asked. */
	curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "identity");
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)(o->connect_timeout_ns / 1000000));
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)HTTP_STALL_BYTES_PER_S);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, stall_s);
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 256L << 10);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, http_xfer_open_socket);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, x);
	if (url_is_loopback(x->r->url->host))
		curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
}

static void http_xfer_set_answer(struct http_xfer *x)
{
	curl_easy_setopt(x->easy, CURLOPT_PRIVATE, x);
	curl_easy_setopt(x->easy, CURLOPT_ERRORBUFFER, x->text);
	curl_easy_setopt(x->easy, CURLOPT_HEADERFUNCTION, http_xfer_on_header);
	curl_easy_setopt(x->easy, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, http_xfer_on_data);
	curl_easy_setopt(x->easy, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(x->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

void http_xfer_setup(struct http_xfer *x)
{
	x->url = url_format(x->r->url);
	http_xfer_set_transport(x);
	http_xfer_set_tls(x);
	http_xfer_set_method(x);
	http_xfer_set_fields(x);
	http_xfer_set_login(x);
	http_xfer_set_answer(x);
}
