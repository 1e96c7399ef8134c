/* A registry's front door. */
#include "registry/regping.h"

#include "src/util/mem.h"

#define REGPING_ANSWER_MAX_BYTES ((size_t)64 << 10)

static void regping_done(void *arg)
{
	*(bool *)arg = true;
}

/* What the answer says about the login. A 404 comes from something else than a registry. */
static int regping_result(const struct call *c, const char *host, bool *asked, struct err *e)
{
	if (c->err.code == ERR_NONE) {
		*asked = c->username || c->bearer;
		return 0;
	}
	err_set(e, c->err.code == ERR_NOT_FOUND ? ERR_REGISTRY : c->err.code, "%s", c->err.msg);
	e->http = c->err.http;
	e->retryable = c->err.retryable;
	if (c->err.http == 401 || c->err.http == 403)
		return err_hint(e, "%s does not take this name and password", host);
	if (c->err.http == 404)
		return err_hint(e, "%s may not be a registry", host);
	return c->err.hint ? err_hint(e, "%s", c->err.hint) : -1;
}

int regping_login(struct regsession_pool *p, const char *host, bool *asked, struct err *e)
{
	AUTO_FREE char *name = mem_strdup(host), *path = mem_strdup("");
	const struct ref ref = {.host = name, .path = path};
	struct call c;
	bool done = false;
	int rc = 0;

	if (regsession_call(p, &ref, HTTP_GET, "", "pull", &c, e))
		return -1;
	free(c.target);
	c.target = mem_strdup("/v2/");
	free(c.scope);
	c.scope = NULL;
	c.max_bytes = REGPING_ANSWER_MAX_BYTES;
	c.done = regping_done;
	c.arg = &done;
	call_start(&c);
	while (!done && !rc)
		rc = http_step(p->http, e);
	if (!rc)
		rc = regping_result(&c, host, asked, e);
	call_release(&c);
	return rc;
}
