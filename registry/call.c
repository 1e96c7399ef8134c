/* One logical request. */
#include "registry/call.h"

#include "registry/regerr.h"
#include "src/util/clock.h"
#include "src/util/log.h"
#include "src/util/mem.h"
#include "src/util/num.h"

static void call_try(struct call *c);

struct sv call_field(const struct call *c, const char *name)
{
	return http_field(&c->req, name, 0);
}

/* --- the end --- */

static void call_on_timer(void *arg)
{
	struct call *c = arg;

	if (c->ended)
		c->done(c->arg);
	else
		call_try(c);
}

static void call_after(struct call *c, int64_t delay_ns)
{
	c->timer.fn = call_on_timer;
	c->timer.arg = c;
	http_timer_set(c->http, &c->timer, delay_ns);
}

/* By way of the loop, so that `done` never comes from inside call_start(). */
static void call_end(struct call *c)
{
	c->ended = true;
	call_after(c, 0);
}

static void call_end_with(struct call *c, struct err *e)
{
	err_move(&c->err, e);
	call_end(c);
}

void call_fail(struct call *c, const struct err *e)
{
	err_set(&c->err, e->code, "%s", e->msg);
	c->err.http = e->http;
	c->err.retryable = e->retryable;
	if (e->hint)
		err_hint(&c->err, "%s", e->hint);
	call_end(c);
}

/* "GET https://host/v2/...: what happened" */
static void call_wrap(struct call *c, struct err *e)
{
	AUTO_FREE char *shown = url_show(&c->at);

	err_wrap(e, "%s %s", http_method_name(c->method), shown);
}

static void call_hint(struct call *c, struct err *e)
{
	if (c->fail == HTTP_CONNECT && !c->foreign && e->retryable)
		err_hint(e, "is %s running at %s:%u?", c->policy ? "the registry" : "the server", c->at.host,
			 c->at.port);
	else if (c->fail == HTTP_CONNECT && !e->retryable) /* no such name */
		err_hint(e, "check the spelling of %s, and the network", c->at.host);
	else if (c->fail == HTTP_CERT && strstr(e->msg, "alert"))
		err_hint(e,
			 "%s wants a client certificate: NAME.cert and NAME.key in ~/.config/containers/certs.d/%s:%u",
			 c->at.host, c->at.host, c->at.port);
	else if (c->fail == HTTP_CERT)
		err_hint(e,
			 "if %s has a certificate of an own authority: --ca-file FILE, or a .crt file in "
			 "~/.config/containers/certs.d/%s:%u",
			 c->at.host, c->at.host, c->at.port);
	else if (c->fail == HTTP_TLS && c->at.tls && !c->foreign)
		err_hint(e, "if %s speaks plain http, name it as an insecure registry", c->name);
}

/* Another try after a pause, or false. */
static bool call_retry(struct call *c, const char *why)
{
	int64_t pause;
	char text[32];

	if (c->once || !retry_next(&c->retry, c->retry_after, clock_mono(), &pause))
		return false;
	log_msg(LOG_INFO, "%s: %s; trying again in %s", c->name, why, num_human_time(pause, text));
	call_after(c, pause);
	return true;
}

static void call_note_tries(struct call *c, struct err *e)
{
	char text[32];

	if (c->retry_after > RETRY_AFTER_MAX_NS)
		err_hint(e, "%s asks to wait %s before the next try", c->name, num_human_time(c->retry_after, text));
	if (c->retry.used)
		err_wrap(e, "after %u tries", c->retry.used + 1);
}

/* --- failures without an answer --- */

/* Failures that get less patience than the rest. */
static bool call_hopeless(const struct call *c)
{
	return (c->fail == HTTP_CONNECT && c->retry.used >= CALL_CONNECT_RETRIES) ||
	       (c->fail == HTTP_STALL && c->retry.used >= CALL_STALL_RETRIES);
}

static void call_on_failure(struct call *c)
{
	struct err e = ERR_INIT;

	err_move(&e, &c->req.err);
	c->fail = c->req.fail;
	if (c->fail == HTTP_ABORTED) {
		if (!c->data && !c->body) /* else the caller knows best what it was doing */
			call_wrap(c, &e);
		call_end_with(c, &e);
		return;
	}
	if (!c->foreign && c->policy && c->policy->fallback(c->policy_arg, c)) {
		err_release(&e);
		call_after(c, 0);
		return;
	}
	call_wrap(c, &e);
	call_hint(c, &e);
	if (e.retryable && !call_hopeless(c) && call_retry(c, e.msg)) {
		err_release(&e);
		return;
	}
	call_note_tries(c, &e);
	call_end_with(c, &e);
}

/* --- answers --- */

static void call_error_of_answer(struct call *c, struct err *e)
{
	AUTO_FREE char *url = url_show(&c->at);
	struct regerr r = {
		.method = http_method_name(c->method),
		.url = url,
		.host = c->foreign ? c->at.host : c->name,
		.user = c->foreign ? NULL : c->who,
		.helper = c->foreign ? NULL : c->helper,
		.status = c->status,
		.body = buf_sv(&c->text),
		.www_authenticate = call_field(c, "WWW-Authenticate"),
	};

	regerr_set(e, &r);
	if (c->foreign)
		err_hint(e, "%s redirects to %s, and no login is sent along", c->name, c->at.host);
}

static void call_send(struct call *c);

static int call_follow(struct call *c, struct err *e)
{
	struct sv location = call_field(c, "Location");
	struct url next;
	bool moves = c->method == HTTP_GET || c->method == HTTP_HEAD;

	if (!location.n)
		return err_set(e, ERR_REGISTRY, "a redirect (%d) that does not say where to", c->status);
	if (!moves)
		return err_set(e, ERR_REGISTRY, "a redirect (%d) of an upload is not followed", c->status);
	if (++c->hops > CALL_REDIRECTS_MAX)
		return err_set(e, ERR_REGISTRY, "more than %d redirects", CALL_REDIRECTS_MAX);
	if (url_redirect(&c->at, location, c->insecure, &next, e))
		return -1;
	url_release(&c->at);
	c->at = next;
	c->foreign |= !url_same_origin(&c->url, &c->at);
	call_send(c);
	return 0;
}

static void call_on_redirect(struct call *c)
{
	struct err e = ERR_INIT;

	if (!call_follow(c, &e))
		return;
	e.http = c->status;
	call_wrap(c, &e);
	call_end_with(c, &e);
}

static void call_on_challenge(struct call *c)
{
	struct err e = ERR_INIT;

	if (!c->foreign && c->policy && !c->policy->challenged(c->policy_arg, c, &e)) {
		call_try(c);
		return;
	}
	if (err_is_set(&e))
		call_wrap(c, &e);
	else
		call_error_of_answer(c, &e);
	e.http = c->status;
	call_end_with(c, &e);
}

static void call_on_status(struct call *c)
{
	struct err e = ERR_INIT;

	call_error_of_answer(c, &e);
	c->retry_after = retry_after(call_field(c, "Retry-After"), clock_wall() / CLOCK_NS_PER_S);
	if (e.retryable && call_retry(c, e.msg)) {
		err_release(&e);
		return;
	}
	call_note_tries(c, &e);
	call_end_with(c, &e);
}

static bool call_is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static void call_on_answer(struct call *c)
{
	if (!c->foreign && c->policy && c->policy->fallback(c->policy_arg, c)) {
		call_after(c, 0);
		return;
	}
	if (!c->foreign && c->policy)
		c->policy->answered(c->policy_arg, c);
	if (c->status >= 200 && c->status <= 299)
		call_end(c);
	else if (call_is_redirect(c->status))
		call_on_redirect(c);
	else if (c->status == 401)
		call_on_challenge(c);
	else
		call_on_status(c);
}

/* --- what the transport calls --- */

static bool call_success(const struct call *c)
{
	return c->req.status >= 200 && c->req.status <= 299;
}

static int call_on_head(void *arg, struct err *e)
{
	struct call *c = arg;

	return call_success(c) && c->head ? c->head(c->arg, e) : 0;
}

static int call_on_data(void *arg, const void *p, size_t n, struct err *e)
{
	struct call *c = arg;

	if (call_success(c) && c->data)
		return c->data(c->arg, p, n, e);
	buf_add(&c->text, p, n);
	if (!c->text.over)
		return 0;
	c->truncated = !call_success(c); /* enough of an error's text: its status is what counts */
	return err_set(e, ERR_REGISTRY, "the answer is longer than %zu bytes", c->text.max);
}

static void call_on_done(void *arg)
{
	struct call *c = arg;

	c->status = c->req.status;
	c->fail = c->req.fail;
	c->retry_after = RETRY_AFTER_NONE;
	if (c->req.fail == HTTP_OK || c->truncated)
		call_on_answer(c);
	else
		call_on_failure(c);
}

/* --- tries --- */

static struct sv call_ca(const struct certdir_host *h)
{
	return h ? buf_sv(&h->ca) : SV_NULL;
}

/* Authorities of the address itself and of the registry that led there (token servers and content servers of an own
 * registry have certificates of the same authority); a client certificate for its own address only. A machine of
 * loopback is verified where a certificate was laid down for it, else not. */
static int call_certs(struct call *c, struct err *e)
{
	const struct certdir_host *own, *led = NULL;
	const struct url *by = c->vouched_by ? c->vouched_by : c->foreign ? &c->url : NULL;
	struct http_req *r = &c->req;

	if (certdir_find(c->certs, c->at.host, c->at.port, &own, e) ||
	    (by && certdir_find(c->certs, by->host, by->port, &led, e)))
		return -1;
	r->ca[0] = certdir_common(c->certs);
	r->ca[1] = call_ca(own);
	r->ca[2] = call_ca(led);
	r->cert = own ? own->cert : NULL;
	r->key = own ? own->key : NULL;
	r->insecure_tls = url_plain_allowed(c->at.host, c->at.port, c->insecure);
	if ((c->strict_tls || (r->ca[1].n && url_is_loopback(c->at.host))) &&
	    !url_listed(c->at.host, c->at.port, c->insecure))
		r->insecure_tls = false;
	return 0;
}

static void call_send(struct call *c)
{
	struct http_req *r = &c->req;
	struct err e = ERR_INIT;

	buf_release(&c->text);
	c->text = BUF_INIT(c->max_bytes > REGERR_BODY_MAX ? c->max_bytes : REGERR_BODY_MAX);
	c->truncated = false;
	r->method = c->method;
	r->url = &c->at;
	r->headers = &c->headers;
	r->username = c->foreign ? NULL : c->username;
	r->password = c->foreign ? NULL : c->password;
	r->bearer = c->foreign ? NULL : c->bearer;
	r->no_local = c->no_local || (c->foreign && !url_is_loopback(c->url.host));
	r->apart = c->apart;
	r->body = c->body;
	r->head = call_on_head;
	r->data = call_on_data;
	r->done = call_on_done;
	r->arg = c;
	if (call_certs(c, &e))
		call_end_with(c, &e);
	else
		http_start(c->http, r);
}

void call_resume(struct call *c)
{
	url_release(&c->at);
	c->at = (struct url){c->url.tls, mem_strdup(c->url.host), c->url.port, mem_strdup(c->url.target)};
	c->hops = 0;
	c->foreign = false;
	call_send(c);
}

static void call_try(struct call *c)
{
	struct err e = ERR_INIT;
	enum call_go go = CALL_GO;

	c->ended = false;
	err_release(&c->err);
	if (c->attempt)
		c->attempt(c->arg);
	if (c->policy)
		go = c->policy->prepare(c->policy_arg, c, &e);
	if (go == CALL_GO)
		call_resume(c);
	else if (go == CALL_FAIL)
		call_end_with(c, &e);
}

void call_start(struct call *c)
{
	call_try(c);
}

void call_unpause(struct call *c)
{
	if (c->http)
		http_resume(c->http, &c->req);
}

void call_again(struct call *c, int64_t delay_ns)
{
	c->ended = false;
	call_after(c, delay_ns);
}

void call_release(struct call *c)
{
	if (!c->http)
		return;
	http_timer_clear(c->http, &c->timer);
	http_cancel(c->http, &c->req);
	if (c->policy)
		c->policy->forget(c->policy_arg, c);
	http_req_release(&c->req);
	url_release(&c->url);
	url_release(&c->at);
	strv_release(&c->headers);
	buf_release(&c->text);
	err_release(&c->err);
	free(c->target);
	free(c->scope);
	free(c->username);
	free(c->password);
	free(c->bearer);
	free(c->who);
	free(c->helper);
	*c = (struct call){0};
}
