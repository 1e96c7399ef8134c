/* Registries that this process talks to. */
#include "registry/regsession.h"

#include "registry/auth.h"
#include "registry/challenge.h"
#include "registry/token.h"
#include "src/util/log.h"
#include "src/util/mem.h"

#define SESSION_HUB	    "docker.io"
#define SESSION_HUB_ADDRESS "registry-1.docker.io"
/* Logins that one call may be asked for before it is given up; expired tokens are among them. */
#define SESSION_CHALLENGES_MAX 12

enum regsession_login { SESSION_ANONYMOUS, SESSION_BASIC, SESSION_BEARER };

struct regsession {
	struct regsession_pool *pool;
	char *name;	   /* as users write it */
	bool insecure;	   /* by the configuration */
	struct strv plain; /* hosts where plain http and unverified TLS are fine */
	struct url base;   /* scheme of the moment */
	bool has_port;
	enum { SESSION_HTTP, SESSION_HTTPS } schemes[3];
	unsigned nschemes, at;
	bool decided;
	enum regsession_login login;
	struct token_source tokens;
};

/* --- making --- */

static void regsession_free(struct regsession *s)
{
	token_release(&s->tokens);
	url_release(&s->base);
	strv_release(&s->plain);
	free(s->name);
	free(s);
}

void regsession_pool_release(struct regsession_pool *p)
{
	for (size_t i = 0; i < p->sessions.n; i++)
		regsession_free(p->sessions.v[i]);
	vec_release(&p->sessions);
	smap_release(&p->known);
	strv_release(&p->insecure);
	cred_free(p->creds);
	certdir_free(p->certs);
	regconf_free(p->conf);
	http_free(p->http);
	*p = (struct regsession_pool){0};
}

static void regsession_use_scheme(struct regsession *s)
{
	s->base.tls = s->schemes[s->at] == SESSION_HTTPS;
	if (!s->has_port)
		s->base.port = s->base.tls ? 443 : 80;
}

static void regsession_choose_schemes(struct regsession *s)
{
	uint16_t port = s->base.port;
	bool plain = url_plain_allowed(s->base.host, port, &s->plain) ||
		     (!s->has_port && url_plain_allowed(s->base.host, 80, &s->plain));

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
	regsession_use_scheme(s);
}

static struct regsession *regsession_new(struct regsession_pool *p, const char *host, bool insecure, struct err *e)
{
	AUTO_FREE char *text = mem_printf("https://%s/", strcmp(host, SESSION_HUB) ? host : SESSION_HUB_ADDRESS);
	struct url base;
	struct regsession *s;

	if (url_parse(sv_from(text), &base, e)) {
		err_wrap(e, "registry %s", host);
		return NULL;
	}
	s = mem_new(struct regsession);
	s->pool = p;
	s->name = mem_strdup(host);
	s->base = base;
	s->has_port = sv_rfind(sv_from(host), ':') > sv_rfind(sv_from(host), ']');
	s->insecure = insecure;
	strv_copy(&s->plain, &p->insecure);
	if (insecure && s->has_port)
		strv_printf(&s->plain, "%s:%u", base.host, base.port);
	else if (insecure)
		strv_add(&s->plain, base.host);
	regsession_choose_schemes(s);
	s->tokens = (struct token_source){.http = p->http, .creds = p->creds, .insecure = &s->plain};
	s->tokens.certs = p->certs;
	s->tokens.registry = &s->base;
	s->tokens.name = s->name;
	s->tokens.retries = p->retries;
	vec_push(&p->sessions, s);
	return s;
}

struct regsession *regsession_get(struct regsession_pool *p, const struct ref *ref, struct err *e)
{
	bool insecure = regconf_insecure(p->conf, ref->host, ref->path);

	for (size_t i = 0; i < p->sessions.n; i++)
		if (p->sessions.v[i]->insecure == insecure && !strcmp(p->sessions.v[i]->name, ref->host))
			return p->sessions.v[i];
	return regsession_new(p, ref->host, insecure, e);
}

/* --- what is known --- */

static char *regsession_known_key(const struct ref *ref, const struct digest *d)
{
	return mem_printf("%s/%s@%s", ref->host, ref->path, d->text);
}

void regsession_know(struct regsession_pool *p, const struct ref *ref, const struct digest *d)
{
	AUTO_FREE char *key = regsession_known_key(ref, d);

	smap_set(&p->known, key, NULL);
}

bool regsession_knows(const struct regsession_pool *p, const struct ref *ref, const struct digest *d)
{
	AUTO_FREE char *key = regsession_known_key(ref, d);

	return smap_has(&p->known, key);
}

void regsession_forget_known(struct regsession_pool *p, const struct ref *ref)
{
	AUTO_FREE char *prefix = mem_printf("%s/%s@", ref->host, ref->path);
	struct smap rest = SMAP_INIT(NULL);

	for (size_t i = 0; i < p->known.n; i++)
		if (!sv_starts(sv_from(p->known.v[i].key), prefix))
			smap_set(&rest, p->known.v[i].key, NULL);
	smap_release(&p->known);
	p->known = rest;
}

static void regsession_replace(char **to, const char *from)
{
	char *copy = mem_strdup_opt(from);

	free(*to);
	*to = copy;
}

/* --- the policy of calls --- */

static void regsession_set_login(struct regsession *s, struct call *c)
{
	AUTO_CRED struct cred login = {0};

	cred_find(s->pool->creds, s->name, c->repo, &login);
	free(c->username);
	free(c->password);
	free(c->bearer);
	c->username = c->password = c->bearer = NULL;
	regsession_replace(&c->who, login.username);
	regsession_replace(&c->helper, login.helper_note);
	if (s->login == SESSION_BASIC) {
		c->username = STEAL_PTR(login.username);
		c->password = STEAL_PTR(login.password);
	} else if (s->login == SESSION_BEARER && login.registry_token) {
		c->bearer = STEAL_PTR(login.registry_token);
		c->login_id = 0;
	}
}

static enum call_go regsession_prepare(void *arg, struct call *c, struct err *e)
{
	struct regsession *s = arg;

	url_release(&c->url);
	c->url = (struct url){s->base.tls, mem_strdup(s->base.host), s->base.port, mem_strdup(c->target)};
	c->scheme_at = s->at;
	regsession_set_login(s, c);
	if (s->login == SESSION_BEARER && !c->bearer)
		return token_use(&s->tokens, c, e);
	return CALL_GO;
}

static int regsession_on_basic(struct regsession *s, struct call *c)
{
	AUTO_CRED struct cred login = {0};

	cred_ask(s->pool->creds, s->name, c->repo, &login);
	regsession_replace(&c->helper, login.helper_note);
	if (c->username || !login.username || !login.password)
		return -1;
	s->login = SESSION_BASIC;
	return 0;
}

static int regsession_read_challenges(struct call *c, struct challenge_list *out, struct err *e)
{
	struct sv field;

	for (unsigned i = 0; (field = http_field(&c->req, "WWW-Authenticate", i)).p; i++)
		if (challenge_parse(field, out, e))
			return -1;
	return 0;
}

static int regsession_challenged(void *arg, struct call *c, struct err *e)
{
	struct regsession *s = arg;
	AUTO_CHALLENGE_LIST struct challenge_list list = {0};
	const struct challenge *ch;

	if (++c->challenges > SESSION_CHALLENGES_MAX)
		return -1;
	if (regsession_read_challenges(c, &list, e))
		return -1;
	if ((ch = challenge_find(&list, "Bearer"))) {
		if (c->bearer && token_refused(&s->tokens, c))
			return -1;
		if (token_challenge(&s->tokens, c, ch, e))
			return -1;
		s->login = SESSION_BEARER;
		return 0;
	}
	if (challenge_find(&list, "Basic"))
		return regsession_on_basic(s, c);
	return -1;
}

/* TLS servers of Go and nginx answer plain http with a 400 that says so, except to a HEAD, which gets no text. */
static bool regsession_wants_tls(const struct regsession *s, const struct call *c)
{
	const char *text = buf_str(&c->text);

	if (s->base.tls || c->status != 400)
		return false;
	return c->method == HTTP_HEAD || strstr(text, "HTTPS server") || strstr(text, "HTTPS port");
}

static bool regsession_no_answer(const struct regsession *s, const struct call *c)
{
	switch (c->fail) {
	case HTTP_TLS:
	case HTTP_NOT_HTTP:
	case HTTP_CUT:
		return true;
	case HTTP_CONNECT: /* the other scheme's default port may be open */
		return !s->has_port;
	case HTTP_OK:
		return regsession_wants_tls(s, c);
	case HTTP_CERT:
	case HTTP_STALL:
	case HTTP_ABORTED:
	case HTTP_OTHER:
		break;
	}
	return false;
}

static bool regsession_fallback(void *arg, struct call *c)
{
	struct regsession *s = arg;

	if (!regsession_no_answer(s, c))
		return false;
	if (c->scheme_at != s->at)
		return true; /* another call has found out already */
	if (s->decided || s->at + 1 >= s->nschemes)
		return false;
	s->at++;
	if (c->fail == HTTP_OK) /* the peer has said that it wants TLS: what fails from now on is a matter of TLS */
		s->nschemes = s->at + 1;
	regsession_use_scheme(s);
	log_msg(LOG_INFO, "%s: trying %s", s->name, s->base.tls ? "https" : "http");
	return true;
}

static void regsession_answered(void *arg, struct call *c)
{
	struct regsession *s = arg;

	if (c->scheme_at == s->at)
		s->decided = true;
	if (c->bearer && c->status != 401)
		token_accepted(&s->tokens, c);
}

static void regsession_forget(void *arg, struct call *c)
{
	struct regsession *s = arg;

	token_forget(&s->tokens, c);
}

static const struct call_policy regsession_policy = {
	.prepare = regsession_prepare,
	.challenged = regsession_challenged,
	.fallback = regsession_fallback,
	.answered = regsession_answered,
	.forget = regsession_forget,
};

int regsession_call(struct regsession_pool *p, const struct ref *ref, enum http_method method, const char *tail,
		    const char *actions, struct call *c, struct err *e)
{
	struct regsession *s = regsession_get(p, ref, e);

	if (!s)
		return -1;
	*c = (struct call){
		.http = p->http,
		.policy = &regsession_policy,
		.policy_arg = s,
		.insecure = &s->plain,
		.certs = p->certs,
		.name = s->name,
		.repo = ref->path,
		.method = method,
		.target = mem_printf("/v2/%s/%s", ref->path, tail),
		.scope = auth_scope(ref->path, actions),
		.retry.max = p->retries,
	};
	return 0;
}
