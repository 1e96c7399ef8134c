/* A file from any http or https server. */
#include "registry/urlget.h"

#include <errno.h>
#include <unistd.h>

#include "registry/call.h"
#include "src/util/clock.h"
#include "src/util/io.h"
#include "src/util/mem.h"

#define URLGET_CONNECT_NS (15 * CLOCK_NS_PER_S)
#define URLGET_STALL_NS	  (60 * CLOCK_NS_PER_S)

struct urlget_run {
	struct urlget *g;
	struct call call;
	struct err broken; /* of the file, found where no error can be returned */
	bool done;
};

void urlget_release(struct urlget *g)
{
	free(g->last_modified);
	free(g->etag);
	free(g->disposition);
	g->last_modified = g->etag = g->disposition = NULL;
}

/* Each try begins anew. */
static void urlget_attempt(void *arg)
{
	struct urlget_run *r = arg;

	r->g->size = 0;
	if (!err_is_set(&r->broken) && (ftruncate(r->g->fd, 0) < 0 || lseek(r->g->fd, 0, SEEK_SET) < 0))
		err_sys(&r->broken, ERR_HOST, errno, "the file for a download");
}

static int urlget_data(void *arg, const void *p, size_t n, struct err *e)
{
	struct urlget_run *r = arg;

	if (err_is_set(&r->broken)) {
		err_move(e, &r->broken);
		return -1;
	}
	r->g->size += n;
	if (r->g->size > URLGET_MAX_BYTES)
		return err_set(e, ERR_REGISTRY, "more than %llu bytes", (unsigned long long)URLGET_MAX_BYTES);
	return io_write_all(r->g->fd, p, n, "the file for a download", e);
}

static void urlget_done(void *arg)
{
	struct urlget_run *r = arg;

	r->done = true;
}

static char *urlget_field(const struct call *c, const char *name)
{
	struct sv v = call_field(c, name);

	return v.n ? sv_dup(v) : NULL;
}

static void urlget_condition(const struct urlget *g, struct strv *headers)
{
	if (g->if_etag)
		strv_printf(headers, "If-None-Match: %s", g->if_etag);
	if (g->if_modified)
		strv_printf(headers, "If-Modified-Since: %s", g->if_modified);
}

static int urlget_result(struct urlget_run *r, struct err *e)
{
	struct call *c = &r->call;

	if (c->err.http == 304 && (r->g->if_etag || r->g->if_modified)) {
		r->g->unchanged = true;
		return 0;
	}

	if (c->err.code == ERR_NONE) {
		r->g->last_modified = urlget_field(c, "Last-Modified");
		r->g->etag = urlget_field(c, "ETag");
		r->g->disposition = urlget_field(c, "Content-Disposition");
		return 0;
	}
	err_move(e, &c->err);
	/* The hints of registries speak of logins to them. */
	if (e->http == 401 || e->http == 403)
		err_hint(e, "logins for downloads are not supported: fetch the file before the build");
	return -1;
}

static struct certdir *urlget_certs(const struct urlget *g, struct err *e)
{
	AUTO_STRV struct strv places = {0};

	if (g->cert_dir)
		strv_add(&places, g->cert_dir);
	certdir_places(&places);
	return certdir_new(&places, g->ca_file, e);
}

int urlget_file(struct urlget *g, struct err *e)
{
	static const struct http_opts opts = {URLGET_CONNECT_NS, URLGET_STALL_NS};
	struct urlget_run r = {.g = g};
	struct certdir *certs;
	struct http *http;
	int rc = 0;

	r.call = (struct call){.method = HTTP_GET, .insecure = g->insecure, .retry.max = RETRY_DEFAULT};
	if (url_parse(sv_from(g->url), &r.call.url, e))
		return -1;
	r.call.certs = urlget_certs(g, e);
	http = r.call.certs ? http_new(&opts, e) : NULL;
	if (!http) {
		url_release(&r.call.url);
		certdir_free(r.call.certs);
		return -1;
	}
	r.call.http = http;
	r.call.name = r.call.url.host;
	r.call.attempt = urlget_attempt;
	r.call.data = urlget_data;
	r.call.done = urlget_done;
	r.call.arg = &r;
	urlget_condition(g, &r.call.headers);
	call_start(&r.call);
	while (!r.done && !rc)
		rc = http_step(http, e);
	if (!rc)
		rc = urlget_result(&r, e);
	certs = r.call.certs;
	call_release(&r.call);
	err_release(&r.broken);
	http_free(http);
	certdir_free(certs);
	return rc;
}
