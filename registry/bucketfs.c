#include "registry/bucketfs.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "registry/call.h"
#include "registry/certdir.h"
#include "src/util/clock.h"
#include "src/util/mem.h"
#include "src/util/num.h"

#define BUCKETFS_CONNECT_NS (15 * CLOCK_NS_PER_S)
/* BucketFS answers a PUT when it has the whole file on disk. */
#define BUCKETFS_STALL_NS (300 * CLOCK_NS_PER_S)

struct bucketfs_run {
	struct bucketfs *b;
	struct http *http;
	struct certdir *certs;
	struct strv insecure;
	struct call call;
	bool done;
};

static ssize_t bucketfs_read(void *arg, uint64_t off, void *p, size_t n, struct err *e)
{
	const struct bucketfs *b = arg;
	ssize_t got;

	do
		got = pread(b->fd, p, n, (off_t)off);
	while (got < 0 && errno == EINTR);
	return got < 0 ? err_sys(e, ERR_HOST, errno, "the file to upload") : got;
}

static void bucketfs_done(void *arg)
{
	struct bucketfs_run *r = arg;

	r->done = true;
}

static const char *bucketfs_hint(int status)
{
	static const struct {
		int status;
		const char *hint;
	} hints[] = {
		{400, "is it http or https at this port?"},
		{401, "the server does not take this user name and password for writing"},
		{403, "the user may not write there; for BucketFS the user for writing is mostly w"},
		{404, "is the bucket's name right?"},
		{405, "the server takes no PUT there: is this the port of the BucketFS?"},
		{409, "is the directory in the bucket there? some servers do not make it"},
		{413, "the server refuses files of this size"},
		{507, "the server has no room left"},
	};

	for (size_t i = 0; i < ARRAY_LEN(hints); i++)
		if (hints[i].status == status)
			return hints[i].hint;
	return NULL;
}

static int bucketfs_failed(struct call *c, struct err *e)
{
	const char *hint;

	err_move(e, &c->err);
	hint = bucketfs_hint(e->http);
	if (c->fail == HTTP_CERT)
		hint = "--ssl-cert-path FILE names the authority to trust; --no-use-ssl-cert-validation trusts anybody";
	else if (c->fail == HTTP_TLS || c->fail == HTTP_NOT_HTTP)
		hint = "is it http or https at this port?";
	else if (c->fail == HTTP_CONNECT)
		hint = "are host and port those of the BucketFS, and is it running?";
	if (hint)
		err_hint(e, "%s", hint);
	return -1;
}

static int bucketfs_call(struct bucketfs_run *r, enum http_method method, const struct http_body *body, struct err *e)
{
	const struct bucketfs *b = r->b;
	struct call *c = &r->call;

	*c = (struct call){.http = r->http,
			   .method = method,
			   .insecure = &r->insecure,
			   .strict_tls = true,
			   .certs = r->certs,
			   .body = body,
			   .retry.max = b->retries ? b->retries : RETRY_DEFAULT,
			   .max_bytes = 64 << 10,
			   .username = mem_strdup_opt(b->username),
			   .password = mem_strdup_opt(b->password),
			   .done = bucketfs_done,
			   .arg = r};
	r->done = false;
	if (url_parse(sv_from(b->url), &c->url, e))
		return -1;
	c->name = c->url.host;
	if (body)
		strv_add(&c->headers, "Content-Type: application/octet-stream");
	call_start(c);
	while (!r->done) {
		if (http_step(r->http, e))
			return -1;
	}
	return c->err.code == ERR_NONE ? 0 : bucketfs_failed(c, e);
}

/* Servers that do not answer HEAD, or ask for another password for reading, are believed. */
static int bucketfs_verify(struct bucketfs_run *r, struct err *e)
{
	struct err ignored = ERR_INIT;
	uint64_t size;
	int rc = bucketfs_call(r, HTTP_HEAD, NULL, &ignored);
	bool gone = ignored.http == 404;
	bool said = !rc && !num_parse(call_field(&r->call, "Content-Length"), 10, INT64_MAX, &size);

	err_release(&ignored);
	if (gone)
		return err_set(e, ERR_INTEGRITY, "the server took the file and does not have it");
	if (!said)
		return 0;
	if (size != r->b->size)
		return err_set(e, ERR_INTEGRITY, "the server has %llu bytes of %llu", (unsigned long long)size,
			       (unsigned long long)r->b->size);
	r->b->read_back = true;
	return 0;
}

static int bucketfs_certs(struct bucketfs_run *r, struct err *e)
{
	AUTO_STRV struct strv none = {0};

	r->certs = certdir_new(&none, r->b->ca_file, e);
	return r->certs ? 0 : -1;
}

static int bucketfs_open(struct bucketfs_run *r, struct err *e)
{
	static const struct http_opts opts = {BUCKETFS_CONNECT_NS, BUCKETFS_STALL_NS};
	AUTO_URL struct url url = {0};

	if (url_parse(sv_from(r->b->url), &url, e))
		return -1;
	if (r->b->insecure)
		strv_printf(&r->insecure, "%s:%u", url.host, url.port);
	if (bucketfs_certs(r, e))
		return -1;
	r->http = http_new(&opts, e);
	return r->http ? 0 : -1;
}

static void bucketfs_close(struct bucketfs_run *r)
{
	call_release(&r->call);
	http_free(r->http);
	certdir_free(r->certs);
	strv_release(&r->insecure);
}

int bucketfs_put(struct bucketfs *b, struct err *e)
{
	struct http_body body = {.read = bucketfs_read, .arg = b, .size = b->size};
	struct bucketfs_run r = {.b = b};
	int rc = bucketfs_open(&r, e);

	b->read_back = false;
	if (!rc)
		rc = bucketfs_call(&r, HTTP_PUT, &body, e);
	call_release(&r.call);
	if (!rc)
		rc = bucketfs_verify(&r, e);
	bucketfs_close(&r);
	return rc;
}

int bucketfs_is_there(struct bucketfs *b, bool *there, struct err *e)
{
	struct bucketfs_run r = {.b = b};
	uint64_t size;
	int rc = bucketfs_open(&r, e);

	if (!rc)
		rc = bucketfs_call(&r, HTTP_HEAD, NULL, e);
	*there = !rc && !num_parse(call_field(&r.call, "Content-Length"), 10, INT64_MAX, &size) && size == b->size;
	if (rc && e->http == 404) {
		err_release(e);
		rc = 0;
	}
	bucketfs_close(&r);
	return rc;
}
