/* Small documents of a registry in memory. */
#include "registry/docget.h"

#include "src/util/mem.h"

void docget_release(struct docget *d)
{
	call_release(&d->call);
	err_release(&d->err);
	buf_release(&d->text);
	free(d->tail);
	free(d->content_type);
	free(d->link);
	*d = (struct docget){0};
}

static char *docget_type_of(struct sv field)
{
	struct sv type = sv_cut(&field, ';');

	type = sv_trim(type);
	return type.n ? sv_dup(type) : NULL;
}

/* Digest that the answer must have: the one asked for; else the one that the registry states, which protects from
 * damage on the way, not from the registry. */
static void docget_expected(const struct docget *d, struct digest *out)
{
	struct err ignored = ERR_INIT;

	*out = d->want;
	if (digest_is_set(out))
		return;
	if (digest_parse(call_field(&d->call, "Docker-Content-Digest"), out, ERR_REGISTRY, &ignored))
		*out = (struct digest){0};
	err_release(&ignored);
}

static int docget_verify(struct docget *d, struct err *e)
{
	struct buf *text = &d->call.text;
	enum hash_alg alg = HASH_SHA256;
	struct digest expected;
	AUTO_HASH struct hash *h = NULL;

	docget_expected(d, &expected);
	if (digest_is_set(&expected))
		alg = digest_alg(&expected);
	h = hash_new(alg);
	hash_add(h, buf_str(text), text->n);
	digest_from_hash(alg, h, &d->digest);
	if (digest_is_set(&expected) && !digest_eq(&expected, &d->digest))
		return err_set(e, ERR_INTEGRITY, "the %s should be %s, but what came is %s", d->what, expected.text,
			       d->digest.text);
	if (d->size && d->size != text->n)
		return err_set(e, ERR_INTEGRITY, "the %s should have %llu bytes, but %zu came", d->what,
			       (unsigned long long)d->size, text->n);
	return 0;
}

static void docget_done(void *arg)
{
	struct docget *d = arg;

	if (err_is_set(&d->call.err)) {
		err_move(&d->err, &d->call.err);
	} else if (docget_verify(d, &d->err)) {
		if (!d->retried) {
			d->retried = true;
			err_release(&d->err);
			call_again(&d->call, 0);
			return;
		}
	} else {
		buf_release(&d->text);
		d->text = d->call.text;
		d->call.text = (struct buf){0};
		d->content_type = docget_type_of(call_field(&d->call, "Content-Type"));
		d->link = call_field(&d->call, "Link").n ? sv_dup(call_field(&d->call, "Link")) : NULL;
	}
	call_release(&d->call);
	--*d->left;
}

static int docget_start(struct regsession_pool *p, struct docget *d, struct err *e)
{
	struct call *c = &d->call;

	if (regsession_call(p, d->ref, HTTP_GET, d->tail, "pull", c, e))
		return -1;
	if (d->manifest)
		strv_add(&c->headers, DOCGET_ACCEPT);
	c->max_bytes = d->max_bytes;
	c->done = docget_done;
	c->arg = d;
	call_start(c);
	return 0;
}

int docget_all(struct regsession_pool *p, struct docget *v, size_t n, struct err *e)
{
	size_t left = 0, next = 0;
	int rc = 0;

	while (!rc && (next < n || left)) {
		if (next < n && left < DOCGET_PARALLEL) {
			v[next].left = &left;
			left++;
			rc = docget_start(p, &v[next++], e);
		} else {
			rc = http_step(p->http, e);
		}
	}
	for (size_t i = 0; rc && i < n; i++)
		call_release(&v[i].call);
	return rc;
}

int docget_one(struct regsession_pool *p, struct docget *d, struct err *e)
{
	if (docget_all(p, d, 1, e))
		return -1;
	if (!err_is_set(&d->err))
		return 0;
	err_move(e, &d->err);
	return -1;
}
