/* WWW-Authenticate. */
#include "registry/challenge.h"

#include "src/util/buf.h"
#include "src/util/mem.h"
#include "src/util/vec.h"

void challenge_list_release(struct challenge_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].scheme);
		smap_release(&l->v[i].params);
	}
	vec_release(l);
}

static bool challenge_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* Cut a token off the front; empty if there is none. */
static struct sv challenge_token(struct sv *s)
{
	size_t n = 0;
	struct sv t;

	while (n < s->n && challenge_token_char(s->p[n]))
		n++;
	t = sv_sub(*s, 0, n);
	*s = sv_sub(*s, n, s->n);
	return t;
}

static bool challenge_space(struct sv *s)
{
	size_t n = 0;

	while (n < s->n && (s->p[n] == ' ' || s->p[n] == '\t'))
		n++;
	*s = sv_sub(*s, n, s->n);
	return n > 0;
}

/* White space and the empty list elements that RFC 9110, section 5.6.1.2 tells recipients to accept. */
static void challenge_commas(struct sv *s)
{
	while (challenge_space(s) || (s->n && s->p[0] == ','))
		if (s->n && s->p[0] == ',')
			*s = sv_sub(*s, 1, s->n);
}

static int challenge_quoted(struct sv *s, struct buf *out, struct err *e)
{
	size_t i = 1;

	for (; i < s->n && s->p[i] != '"'; i++) {
		if (s->p[i] == '\\' && i + 1 < s->n)
			i++;
		if (((unsigned char)s->p[i] < 0x20 && s->p[i] != '\t') || s->p[i] == 0x7f)
			return err_set(e, ERR_REGISTRY, "WWW-Authenticate: a control character in a quoted string");
		buf_char_add(out, s->p[i]);
	}
	if (i >= s->n)
		return err_set(e, ERR_REGISTRY, "WWW-Authenticate: a quoted string without end");
	*s = sv_sub(*s, i + 1, s->n);
	return 0;
}

static int challenge_value(struct sv *s, struct buf *out, struct err *e)
{
	struct sv t;

	if (s->n && s->p[0] == '"')
		return challenge_quoted(s, out, e);
	t = challenge_token(s);
	if (!t.n)
		return err_set(e, ERR_REGISTRY, "WWW-Authenticate: a parameter without value");
	buf_sv_add(out, t);
	return 0;
}

/* "name = value" with s just behind name and its spaces. */
static int challenge_set_param(struct challenge *c, struct sv name, struct sv *s, struct err *e)
{
	AUTO_BUF struct buf value = BUF_INIT(CHALLENGE_MAX_BYTES);
	AUTO_FREE char *key = sv_dup(name);

	*s = sv_sub(*s, 1, s->n);
	challenge_space(s);
	if (challenge_value(s, &value, e))
		return -1;
	for (char *p = key; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 'a' - 'A');
	if (smap_has(&c->params, key))
		return err_set(e, ERR_REGISTRY, "WWW-Authenticate: \"%s\" is there twice", key);
	smap_set_str(&c->params, key, buf_str(&value));
	return 0;
}

/* Skip a token68 ("Negotiate YII...=="), which no scheme that is used here has. */
static bool challenge_token68(struct sv *s)
{
	size_t n = 0;
	struct sv rest;

	while (n < s->n && (challenge_token_char(s->p[n]) || s->p[n] == '/'))
		n++;
	if (!n)
		return false;
	while (n < s->n && s->p[n] == '=')
		n++;
	rest = sv_sub(*s, n, s->n);
	challenge_space(&rest);
	if (rest.n && rest.p[0] != ',')
		return false;
	*s = rest;
	return true;
}

static struct challenge *challenge_add(struct challenge_list *l, struct sv scheme)
{
	vec_push(l, (struct challenge){.scheme = sv_dup(scheme), .params = SMAP_STR});
	return &l->v[l->n - 1];
}

/* One list element: a new scheme (with its first parameter) or one more parameter of the current one. */
static int challenge_element(struct sv *s, struct challenge_list *out, size_t first, struct err *e)
{
	struct sv name = challenge_token(s), after;
	struct challenge *c;
	bool space = challenge_space(s);

	if (!name.n)
		return err_set(e, ERR_REGISTRY, "WWW-Authenticate: neither a scheme nor a parameter");
	if (s->n && s->p[0] == '=') {
		if (out->n == first)
			return err_set(e, ERR_REGISTRY, "WWW-Authenticate: a parameter before any scheme");
		return challenge_set_param(&out->v[out->n - 1], name, s, e);
	}
	if (out->n >= CHALLENGE_MAX)
		return err_set(e, ERR_REGISTRY, "WWW-Authenticate: too many challenges");
	c = challenge_add(out, name);
	if (!s->n || s->p[0] == ',')
		return 0;
	if (!space)
		return err_set(e, ERR_REGISTRY, "WWW-Authenticate: \"%c\" behind a scheme", s->p[0]);
	after = *s;
	if (challenge_token68(&after)) {
		*s = after;
		return 0;
	}
	name = challenge_token(s);
	challenge_space(s);
	if (!name.n || !s->n || s->p[0] != '=')
		return err_set(e, ERR_REGISTRY, "WWW-Authenticate: bad parameter of %s", c->scheme);
	return challenge_set_param(c, name, s, e);
}

int challenge_parse(struct sv field, struct challenge_list *out, struct err *e)
{
	struct sv s = field;
	size_t first = out->n;

	if (field.n > CHALLENGE_MAX_BYTES)
		return err_set(e, ERR_REGISTRY, "WWW-Authenticate: longer than %zu bytes", CHALLENGE_MAX_BYTES);
	for (challenge_commas(&s); s.n; challenge_commas(&s)) {
		if (challenge_element(&s, out, first, e))
			return -1;
		challenge_space(&s);
		if (s.n && s.p[0] != ',')
			return err_set(e, ERR_REGISTRY, "WWW-Authenticate: a comma is missing");
	}
	return 0;
}

const struct challenge *challenge_find(const struct challenge_list *l, const char *scheme)
{
	for (size_t i = 0; i < l->n; i++)
		if (sv_ieq_str(sv_from(l->v[i].scheme), scheme))
			return &l->v[i];
	return NULL;
}

const char *challenge_param(const struct challenge *c, const char *name)
{
	return smap_get(&c->params, name);
}
