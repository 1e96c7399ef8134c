/* Registries that this process talks to. */
#include "registry/session.h"

#include "registry/auth.h"
#include "registry/challenge.h"
#include "src/util/clock.h"
#include "src/util/log.h"
#include "src/util/mem.h"

#define SESSION_HUB "docker.io"
#define SESSION_HUB_ADDRESS "registry-1.docker.io"
/* Logins that one call may be asked for before it is given up; expired tokens are among them. */
#define SESSION_CHALLENGES_MAX 12
/* Refusals of tokens that never worked. */
#define SESSION_STRIKES_MAX 2

enum session_login { SESSION_ANONYMOUS, SESSION_BASIC, SESSION_BEARER };

struct session_token {
	struct session *s;
	char *scopes;
	char *value; /* NULL: none */
	uint64_t id; /* of the value */
	int64_t expires; /* clock_mono() */
	bool worked, fetching;
	struct call call;
	struct buf form;
	struct http_body body;
	VEC_OF(struct call *) waiting;
};

struct session {
	struct session_pool *pool;
	char *name;      /* as users write it */
	struct url base; /* scheme of the moment */
	bool has_port;
	enum { SESSION_HTTP, SESSION_HTTPS } schemes[3];
	unsigned nschemes, at;
	bool decided;
	enum session_login login;
	char *realm, *service;
	uint64_t last_id;
	VEC_OF(struct session_token *) tokens;
};

/* --- making --- */

static void session_token_free(struct session_token *t)
{
	call_release(&t->call);
	vec_release(&t->waiting);
	buf_release(&t->form);
	free(t->scopes);
	free(t->value);
	free(t);
}

static void session_free(struct session *s)
{
	for (size_t i = 0; i < s->tokens.n; i++)
		session_token_free(s->tokens.v[i]);
	vec_release(&s->tokens);
	url_release(&s->base);
	free(s->name);
	free(s->realm);
	free(s->service);
	free(s);
}

void session_pool_release(struct session_pool *p)
{
	for (size_t i = 0; i < p->sessions.n; i++)
		session_free(p->sessions.v[i]);
	vec_release(&p->sessions);
	smap_release(&p->known);
	strv_release(&p->insecure);
	cred_free(p->creds);
	http_free(p->http);
	*p = (struct session_pool){0};
}

static void session_use_scheme(struct session *s)
{
	s->base.tls = s->schemes[s->at] == SESSION_HTTPS;
	if (!s->has_port)
		s->base.port = s->base.tls ? 443 : 80;
}

static void session_choose_schemes(struct session *s)
{
	uint16_t port = s->base.port;
	bool plain = url_plain_allowed(s->base.host, port, &s->pool->insecure) ||
		     (!s->has_port && url_plain_allowed(s->base.host, 80, &s->pool->insecure));

	if (!plain) {
		s->schemes[s->nschemes++] = SESSION_HTTPS;
	} else if (url_is_loopback(s->base.host) && (port != 443 || !s->has_port)) {
		s->schemes[s->nschemes++] = SESSION_HTTP;
		s->schemes[s->nschemes++] = SESSION_HTTPS;
		s->schemes[s->nschemes++] = SESSION_HTTP; /* it was a fault after all */
	} else {
		s->schemes[s->nschemes++] = SESSION_HTTPS;
		s->schemes[s->nschemes++] = SESSION_HTTP;
	}
	session_use_scheme(s);
}

static struct session *session_new(struct session_pool *p, const char *host, struct err *e)
{
	AUTO_FREE char *text = mem_printf("https://%s/", strcmp(host, SESSION_HUB) ? host : SESSION_HUB_ADDRESS);
	struct url base;
	struct session *s;

	if (url_parse(sv_from(text), &base, e)) {
		err_wrap(e, "registry %s", host);
		return NULL;
	}
	s = mem_new(struct session);
	s->pool = p;
	s->name = mem_strdup(host);
	s->base = base;
	s->has_port = sv_rfind(sv_from(host), ':') > sv_rfind(sv_from(host), ']');
	session_choose_schemes(s);
	vec_push(&p->sessions, s);
	return s;
}

struct session *session_get(struct session_pool *p, const char *host, struct err *e)
{
	for (size_t i = 0; i < p->sessions.n; i++)
		if (!strcmp(p->sessions.v[i]->name, host))
			return p->sessions.v[i];
	return session_new(p, host, e);
}

/* --- what is known --- */

static char *session_known_key(const struct ref *ref, const struct digest *d)
{
	return mem_printf("%s/%s@%s", ref->host, ref->path, d->text);
}

void session_know(struct session_pool *p, const struct ref *ref, const struct digest *d)
{
	AUTO_FREE char *key = session_known_key(ref, d);

	smap_set(&p->known, key, NULL);
}

bool session_knows(const struct session_pool *p, const struct ref *ref, const struct digest *d)
{
	AUTO_FREE char *key = session_known_key(ref, d);

	return smap_has(&p->known, key);
}

void session_forget_known(struct session_pool *p, const struct ref *ref)
{
	AUTO_FREE char *prefix = mem_printf("%s/%s@", ref->host, ref->path);
	struct smap rest = SMAP_INIT(NULL);

	for (size_t i = 0; i < p->known.n; i++)
		if (!sv_starts(sv_from(p->known.v[i].key), prefix))
			smap_set(&rest, p->known.v[i].key, NULL);
	smap_release(&p->known);
	p->known = rest;
}

static void session_replace(char **to, const char *from)
{
	char *copy = mem_strdup_opt(from);

	free(*to);
	*to = copy;
}

/* --- tokens --- */

static struct session_token *session_token_of(struct session *s, const char *scopes)
{
	struct session_token *t;

	for (size_t i = 0; i < s->tokens.n; i++)
		if (!strcmp(s->tokens.v[i]->scopes, scopes))
			return s->tokens.v[i];
	t = mem_new(struct session_token);
	t->s = s;
	t->scopes = mem_strdup(scopes);
	vec_push(&s->tokens, t);
	return t;
}

static void session_token_drop(struct session_token *t)
{
	free(t->value);
	t->value = NULL;
}

static void session_set_bearer(struct call *c, const struct session_token *t)
{
	free(c->bearer);
	c->bearer = mem_strdup(t->value);
	c->login_id = t->id;
}

static int session_token_read(struct session_token *t, struct err *e)
{
	int64_t life;

	session_token_drop(t);
	if (err_is_set(&t->call.err)) {
		err_move(e, &t->call.err);
		/* A 404 of the token server is not one of the image. */
		if (e->code == ERR_NOT_FOUND)
			e->code = ERR_REGISTRY;
		return err_wrap(e, "asking for a token for %s", t->s->name);
	}
	if (auth_parse_token(buf_sv(&t->call.text), &t->value, &life, e))
		return err_wrap(e, "asking for a token for %s", t->s->name);
	log_add_secret(t->value);
	/* A tenth early, because it must hold until the request arrives. */
	t->expires = clock_mono() + life * CLOCK_NS_PER_S * 9 / 10;
	t->id = ++t->s->last_id;
	t->worked = false;
	return 0;
}

static void session_token_done(void *arg)
{
	struct session_token *t = arg;
	struct err e = ERR_INIT;
	int rc = session_token_read(t, &e);

	t->fetching = false;
	call_release(&t->call);
	while (t->waiting.n) {
		struct call *c = t->waiting.v[--t->waiting.n];

		if (rc) {
			call_fail(c, &e);
			continue;
		}
		session_set_bearer(c, t);
		call_resume(c);
	}
	err_release(&e);
}

static ssize_t session_form_read(void *arg, uint64_t off, void *p, size_t n, struct err *e)
{
	const struct buf *b = arg;

	(void)e;
	if (n > b->n - (size_t)off)
		n = b->n - (size_t)off;
	memcpy(p, b->p + off, n);
	return (ssize_t)n;
}

static void session_token_form(struct session_token *t, const struct cred *login)
{
	struct call *c = &t->call;

	buf_release(&t->form);
	t->form = BUF_INIT(BUF_TEXT_MAX);
	auth_refresh_form(t->s->service, t->scopes, login->identity_token, &t->form);
	t->body = (struct http_body){.read = session_form_read, .arg = &t->form, .size = t->form.n};
	c->method = HTTP_POST;
	c->body = &t->body;
	strv_add(&c->headers, "Content-Type: application/x-www-form-urlencoded");
}

/* Whose login goes to the token server: the registry's, if the registry can be believed to have named it. */
static void session_realm_login(struct session *s, const struct url *realm, const char *repo, struct cred *out)
{
	AUTO_FREE char *host = mem_printf("%s:%u", realm->host, realm->port);

	if (auth_realm_trusted(&s->base, realm))
		cred_find(s->pool->creds, s->name, repo, out);
	else
		cred_find(s->pool->creds, host, NULL, out);
}

static int session_token_fetch(struct session_token *t, const struct call *for_call, struct err *e)
{
	struct session *s = t->s;
	struct call *c = &t->call;
	AUTO_CRED struct cred login = {0};
	AUTO_URL struct url realm = {0};

	if (auth_realm(s->realm, &s->base, &s->pool->insecure, &realm, e))
		return -1;
	session_realm_login(s, &realm, for_call->repo, &login);
	*c = (struct call){.http = s->pool->http, .insecure = &s->pool->insecure, .name = s->name};
	c->no_local = !url_is_loopback(s->base.host);
	c->max_bytes = AUTH_ANSWER_MAX_BYTES;
	c->retry.max = s->pool->retries;
	c->done = session_token_done;
	c->arg = t;
	if (login.identity_token) {
		session_token_form(t, &login);
	} else {
		auth_token_query(&realm, s->service, t->scopes);
		c->username = STEAL_PTR(login.username);
		c->password = STEAL_PTR(login.password);
	}
	c->who = mem_strdup_opt(for_call->who);
	c->helper = mem_strdup_opt(for_call->helper);
	c->url = realm;
	realm = (struct url){0};
	c->at = (struct url){c->url.tls, mem_strdup(c->url.host), c->url.port, mem_strdup(c->url.target)};
	t->fetching = true;
	call_start(c);
	return 0;
}

static enum call_go session_use_token(struct session *s, struct call *c, struct err *e)
{
	AUTO_FREE char *scopes = auth_scopes(c->scope, NULL);
	struct session_token *t = session_token_of(s, scopes);

	if (t->value && t->expires > clock_mono()) {
		session_set_bearer(c, t);
		return CALL_GO;
	}
	if (!t->fetching && session_token_fetch(t, c, e)) {
		err_wrap(e, "registry %s", s->name);
		return CALL_FAIL;
	}
	vec_push(&t->waiting, c);
	return CALL_WAIT;
}

/* --- the policy of calls --- */

static void session_set_login(struct session *s, struct call *c)
{
	AUTO_CRED struct cred login = {0};

	cred_find(s->pool->creds, s->name, c->repo, &login);
	free(c->username);
	free(c->password);
	free(c->bearer);
	c->username = c->password = c->bearer = NULL;
	session_replace(&c->who, login.username);
	session_replace(&c->helper, cred_is_set(&login) ? NULL : login.helper);
	if (s->login == SESSION_BASIC) {
		c->username = STEAL_PTR(login.username);
		c->password = STEAL_PTR(login.password);
	} else if (s->login == SESSION_BEARER && login.registry_token) {
		c->bearer = STEAL_PTR(login.registry_token);
		c->login_id = 0;
	}
}

static enum call_go session_prepare(void *arg, struct call *c, struct err *e)
{
	struct session *s = arg;

	url_release(&c->url);
	c->url = (struct url){s->base.tls, mem_strdup(s->base.host), s->base.port, mem_strdup(c->target)};
	c->scheme_at = s->at;
	session_set_login(s, c);
	if (s->login == SESSION_BEARER && !c->bearer)
		return session_use_token(s, c, e);
	return CALL_GO;
}

/* The token of this call was refused: forget it, unless a newer one is there. -1: new ones are refused as well. */
static int session_token_refused(struct session *s, struct call *c)
{
	AUTO_FREE char *scopes = auth_scopes(c->scope, NULL);
	struct session_token *t = session_token_of(s, scopes);

	if (!c->login_id)
		return -1; /* a token from the configuration */
	if (t->id != c->login_id)
		return 0; /* a newer one has come since */
	session_token_drop(t);
	if (t->worked)
		return 0; /* it has expired */
	return ++c->strikes < SESSION_STRIKES_MAX ? 0 : -1;
}

static int session_on_bearer(struct session *s, struct call *c, const struct challenge *ch, struct err *e)
{
	const char *scope = challenge_param(ch, "scope");
	AUTO_URL struct url realm = {0};
	char *merged;

	if (c->bearer && session_token_refused(s, c))
		return -1;
	if (auth_realm(challenge_param(ch, "realm"), &s->base, &s->pool->insecure, &realm, e))
		return -1;
	session_replace(&s->realm, challenge_param(ch, "realm"));
	session_replace(&s->service, challenge_param(ch, "service"));
	s->login = SESSION_BEARER;
	if (scope && strlen(scope) <= AUTH_SCOPE_MAX_BYTES) {
		merged = auth_scopes(c->scope, scope);
		free(c->scope);
		c->scope = merged;
	}
	return 0;
}

static int session_on_basic(struct session *s, struct call *c)
{
	AUTO_CRED struct cred login = {0};

	cred_find(s->pool->creds, s->name, c->repo, &login);
	if (c->username || !login.username || !login.password)
		return -1;
	s->login = SESSION_BASIC;
	return 0;
}

static int session_read_challenges(struct call *c, struct challenge_list *out, struct err *e)
{
	struct sv field;

	for (unsigned i = 0; (field = http_field(&c->req, "WWW-Authenticate", i)).p; i++)
		if (challenge_parse(field, out, e))
			return -1;
	return 0;
}

static int session_challenged(void *arg, struct call *c, struct err *e)
{
	struct session *s = arg;
	AUTO_CHALLENGE_LIST struct challenge_list list = {0};
	const struct challenge *ch;

	if (++c->challenges > SESSION_CHALLENGES_MAX)
		return -1;
	if (session_read_challenges(c, &list, e))
		return -1;
	if ((ch = challenge_find(&list, "Bearer")))
		return session_on_bearer(s, c, ch, e);
	if (challenge_find(&list, "Basic"))
		return session_on_basic(s, c);
	return -1;
}

/* TLS servers of Go and nginx answer plain http with a 400 that says so. */
static bool session_wants_tls(const struct session *s, const struct call *c)
{
	return !s->base.tls && c->status == 400 && c->text.n < 1024 &&
	       (strstr(buf_str(&c->text), "HTTPS server") || strstr(buf_str(&c->text), "HTTPS port"));
}

static bool session_no_answer(const struct session *s, const struct call *c)
{
	switch (c->fail) {
	case HTTP_TLS:
	case HTTP_NOT_HTTP:
	case HTTP_CUT:
		return true;
	case HTTP_CONNECT: /* the other scheme's default port may be open */
		return !s->has_port;
	case HTTP_OK:
		return session_wants_tls(s, c);
	case HTTP_CERT:
	case HTTP_ABORTED:
	case HTTP_OTHER:
		break;
	}
	return false;
}

static bool session_fallback(void *arg, struct call *c)
{
	struct session *s = arg;

	if (!session_no_answer(s, c))
		return false;
	if (c->scheme_at != s->at)
		return true; /* another call has found out already */
	if (s->decided || s->at + 1 >= s->nschemes)
		return false;
	s->at++;
	session_use_scheme(s);
	log_msg(LOG_INFO, "%s: trying %s", s->name, s->base.tls ? "https" : "http");
	return true;
}

static void session_answered(void *arg, struct call *c)
{
	struct session *s = arg;
	AUTO_FREE char *scopes = NULL;

	if (c->scheme_at == s->at)
		s->decided = true;
	if (!c->bearer || c->status == 401)
		return;
	scopes = auth_scopes(c->scope, NULL);
	if (session_token_of(s, scopes)->id == c->login_id)
		session_token_of(s, scopes)->worked = true;
}

static void session_forget(void *arg, struct call *c)
{
	struct session *s = arg;

	for (size_t i = 0; i < s->tokens.n; i++) {
		struct session_token *t = s->tokens.v[i];

		for (size_t k = 0; k < t->waiting.n; k++)
			if (t->waiting.v[k] == c)
				t->waiting.v[k--] = t->waiting.v[--t->waiting.n];
	}
}

static const struct call_policy session_policy = {
	.prepare = session_prepare,
	.challenged = session_challenged,
	.fallback = session_fallback,
	.answered = session_answered,
	.forget = session_forget,
};

int session_call(struct session_pool *p, const struct ref *ref, enum http_method method, const char *tail,
		 const char *actions, struct call *c, struct err *e)
{
	struct session *s = session_get(p, ref->host, e);

	if (!s)
		return -1;
	*c = (struct call){
		.http = p->http,
		.policy = &session_policy,
		.policy_arg = s,
		.insecure = &p->insecure,
		.name = s->name,
		.repo = ref->path,
		.method = method,
		.target = mem_printf("/v2/%s/%s", ref->path, tail),
		.scope = auth_scope(ref->path, actions),
		.retry.max = p->retries,
	};
	return 0;
}
