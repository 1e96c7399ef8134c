/* Deleting manifests. */
#include "registry/regdelete.h"

#include "src/util/mem.h"

#define REGDELETE_ANSWER_MAX_BYTES ((size_t)64 << 10)

static void regdelete_done(void *arg)
{
	*(bool *)arg = true;
}

static int regdelete_result(const struct call *c, struct err *e)
{
	if (!err_is_set(&c->err) || c->err.http == 404)
		return 0;
	err_set(e, ERR_REGISTRY, "%s", c->err.msg);
	e->http = c->err.http;
	if (c->err.http == 405)
		return err_hint(e, "the registry allows no deletion (docker's: storage.delete.enabled in its configuration)");
	return c->err.hint ? err_hint(e, "%s", c->err.hint) : -1;
}

int regdelete_manifest(struct regsession_pool *p, const struct ref *repo, const struct digest *d, struct err *e)
{
	AUTO_FREE char *tail = mem_printf("manifests/%s", d->text);
	struct call c;
	bool done = false;
	int rc = 0;

	if (regsession_call(p, repo, HTTP_DELETE, tail, "pull,push,delete", &c, e))
		return -1;
	c.max_bytes = REGDELETE_ANSWER_MAX_BYTES;
	c.done = regdelete_done;
	c.arg = &done;
	call_start(&c);
	while (!done && !rc)
		rc = http_step(p->http, e);
	if (!rc)
		rc = regdelete_result(&c, e);
	call_release(&c);
	return rc ? err_wrap(e, "deleting %s/%s@%s", repo->host, repo->path, d->text) : 0;
}
