/* Bearer tokens of one registry. */
#include "registry/token.h"

#include "registry/auth.h"
#include "src/util/clock.h"
#include "src/util/log.h"
#include "src/util/mem.h"

/* Refusals of tokens that never worked. */
#define TOKEN_STRIKES_MAX 2

struct token {
	struct token_source *s;
	char *scopes;
	char *value;	 /* NULL: none */
	uint64_t id;	 /* of the value */
	int64_t expires; /* clock_mono() */
	bool worked, fetching;
	struct call call;
	struct buf form;
	struct http_body body;
	VEC_OF(struct call *) waiting;
};

static void token_free(struct token *t)
{
	call_release(&t->call);
	vec_release(&t->waiting);
	buf_release(&t->form);
	free(t->scopes);
	free(t->value);
	free(t);
}

static struct token *token_of(struct token_source *s, const char *scopes)
{
	struct token *t;

	for (size_t i = 0; i < s->tokens.n; i++)
		if (!strcmp(s->tokens.v[i]->scopes, scopes))
			return s->tokens.v[i];
	t = mem_new(struct token);
	t->s = s;
	t->scopes = mem_strdup(scopes);
	vec_push(&s->tokens, t);
	return t;
}

static void token_drop(struct token *t)
{
	free(t->value);
	t->value = NULL;
}

static void token_give(struct call *c, const struct token *t)
{
	free(c->bearer);
	c->bearer = mem_strdup(t->value);
	c->login_id = t->id;
}

static int token_read(struct token *t, struct err *e)
{
	int64_t life;

	token_drop(t);
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

static void token_done(void *arg)
{
	struct token *t = arg;
	struct err e = ERR_INIT;
	int rc = token_read(t, &e);

	t->fetching = false;
	call_release(&t->call);
	while (t->waiting.n) {
		struct call *c = t->waiting.v[--t->waiting.n];

		if (rc) {
			call_fail(c, &e);
			continue;
		}
		token_give(c, t);
		call_resume(c);
	}
	err_release(&e);
}

static ssize_t token_form_read(void *arg, uint64_t off, void *p, size_t n, struct err *e)
{
	const struct buf *b = arg;

	(void)e;
	if (n > b->n - (size_t)off)
		n = b->n - (size_t)off;
	memcpy(p, b->p + off, n);
	return (ssize_t)n;
}

static void token_form(struct token *t, const struct cred *login)
{
	struct call *c = &t->call;

	buf_release(&t->form);
	t->form = BUF_INIT(BUF_TEXT_MAX);
	auth_refresh_form(t->s->service, t->scopes, login->identity_token, &t->form);
	t->body = (struct http_body){.read = token_form_read, .arg = &t->form, .size = t->form.n};
	c->method = HTTP_POST;
	c->body = &t->body;
	strv_add(&c->headers, "Content-Type: application/x-www-form-urlencoded");
}

/* Whose login goes to the token server: the registry's, if the registry can be believed to have named it. */
static void token_realm_login(struct token_source *s, const struct url *realm, const char *repo, struct cred *out)
{
	AUTO_FREE char *host = mem_printf("%s:%u", realm->host, realm->port);

	if (auth_realm_trusted(s->registry, realm))
		cred_ask(s->creds, s->name, repo, out);
	else
		cred_ask(s->creds, host, NULL, out);
}

static int token_fetch(struct token *t, const struct call *for_call, struct err *e)
{
	struct token_source *s = t->s;
	struct call *c = &t->call;
	AUTO_CRED struct cred login = {0};
	AUTO_URL struct url realm = {0};

	if (auth_realm(s->realm, s->registry, s->insecure, &realm, e))
		return -1;
	token_realm_login(s, &realm, for_call->repo, &login);
	*c = (struct call){.http = s->http, .insecure = s->insecure, .name = s->name};
	c->certs = s->certs;
	c->vouched_by = s->registry;
	c->no_local = !url_is_loopback(s->registry->host);
	c->max_bytes = AUTH_ANSWER_MAX_BYTES;
	c->retry.max = s->retries;
	c->done = token_done;
	c->arg = t;
	if (login.identity_token) {
		token_form(t, &login);
	} else {
		auth_token_query(&realm, s->service, t->scopes);
		c->username = STEAL_PTR(login.username);
		c->password = STEAL_PTR(login.password);
	}
	c->who = mem_strdup_opt(c->username ? c->username : for_call->who);
	c->helper = mem_strdup_opt(login.helper_note);
	c->url = realm;
	realm = (struct url){0};
	c->at = (struct url){c->url.tls, mem_strdup(c->url.host), c->url.port, mem_strdup(c->url.target)};
	t->fetching = true;
	call_start(c);
	return 0;
}

enum call_go token_use(struct token_source *s, struct call *c, struct err *e)
{
	AUTO_FREE char *scopes = auth_scopes(c->scope, NULL);
	struct token *t = token_of(s, scopes);

	if (t->value && t->expires > clock_mono()) {
		token_give(c, t);
		return CALL_GO;
	}
	if (!t->fetching && token_fetch(t, c, e)) {
		err_wrap(e, "registry %s", s->name);
		return CALL_FAIL;
	}
	vec_push(&t->waiting, c);
	return CALL_WAIT;
}

/* The token of this call was refused: forget it, unless a newer one is there. -1: new ones are refused as well. */
int token_refused(struct token_source *s, struct call *c)
{
	AUTO_FREE char *scopes = auth_scopes(c->scope, NULL);
	struct token *t = token_of(s, scopes);

	if (!c->login_id)
		return -1; /* a token from the configuration */
	if (t->id != c->login_id)
		return 0; /* a newer one has come since */
	token_drop(t);
	if (t->worked)
		return 0; /* it has expired */
	return ++c->strikes < TOKEN_STRIKES_MAX ? 0 : -1;
}

void token_accepted(struct token_source *s, const struct call *c)
{
	AUTO_FREE char *scopes = auth_scopes(c->scope, NULL);
	struct token *t = token_of(s, scopes);

	if (t->id == c->login_id)
		t->worked = true;
}

static void token_stop_waiting(struct token *t, const struct call *c)
{
	for (size_t k = 0; k < t->waiting.n; k++)
		if (t->waiting.v[k] == c)
			t->waiting.v[k--] = t->waiting.v[--t->waiting.n];
}

void token_forget(struct token_source *s, const struct call *c)
{
	for (size_t i = 0; i < s->tokens.n; i++)
		token_stop_waiting(s->tokens.v[i], c);
}

void token_release(struct token_source *s)
{
	for (size_t i = 0; i < s->tokens.n; i++)
		token_free(s->tokens.v[i]);
	vec_release(&s->tokens);
	free(s->realm);
	free(s->service);
	s->realm = s->service = NULL;
}

static void token_replace(char **to, const char *from)
{
	char *copy = mem_strdup_opt(from);

	free(*to);
	*to = copy;
}

int token_challenge(struct token_source *s, struct call *c, const struct challenge *ch, struct err *e)
{
	const char *scope = challenge_param(ch, "scope");
	AUTO_URL struct url realm = {0};
	char *merged;

	if (auth_realm(challenge_param(ch, "realm"), s->registry, s->insecure, &realm, e))
		return -1;
	token_replace(&s->realm, challenge_param(ch, "realm"));
	token_replace(&s->service, challenge_param(ch, "service"));
	if (scope && strlen(scope) <= AUTH_SCOPE_MAX_BYTES) {
		merged = auth_scopes(c->scope, scope);
		free(c->scope);
		c->scope = merged;
	}
	return 0;
}
