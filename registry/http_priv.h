/* Inside of http.c and http_xfer.c: what libcurl holds. */
#ifndef SLCT_HTTP_PRIV_H
#define SLCT_HTTP_PRIV_H

#include <curl/curl.h>

#include "registry/http.h"

struct http {
	CURLM *multi;
	struct http_opts opts;
	uint64_t requests, uploads;
	size_t running;
	VEC_OF(struct http_timer *) timers;
	struct buf system_ca; /* the system's bundle, once it has been needed */
	bool system_ca_read;
	bool proxied; /* the environment names a proxy: peers' addresses are the proxy's */
};

/* What curl holds of a request. */
struct http_xfer {
	struct http *h;
	struct http_req *r;
	CURL *easy;
	struct curl_slist *fields;
	char *url;
	struct buf ca; /* what CAINFO_BLOB refers to */
	uint64_t sent; /* offset of the body's next byte */
	struct http_timer resume;
	size_t head_all; /* bytes of all header lines */
	bool head_seen;
	char text[CURL_ERROR_SIZE];
};

/* All options of x->easy, from x->r; the callbacks are in http_xfer.c too. */
void http_xfer_setup(struct http_xfer *x);
/* The header fields are all there: ask the request's owner whether to go on. Once; 0/-1. */
int http_xfer_head(struct http_xfer *x);

#endif
