/* Removal of tags and manifests from a registry. */
#include "registry/regdelete.h"

#include "src/util/mem.h"

static void regdelete_done(void *arg)
{
	*(bool *)arg = true;
}

/* docker-registry and others take digests only; with a digest all of its tags would go. */
static int regdelete_refused(const struct ref *ref, struct err *e)
{
	if (e->http == 405 && digest_is_set(&ref->digest))
		return err_hint(e, "%s allows no deletion (docker's: storage.delete.enabled in its configuration)",
				ref->host);
	if ((e->http == 400 || e->http == 405 || e->http == 501) && !digest_is_set(&ref->digest))
		return err_hint(e,
				"%s removes no single tags; HOST/PATH@DIGEST removes the manifest with all of its tags",
				ref->host);
	return -1;
}

int regdelete_run(struct regsession_pool *p, const struct ref *ref, struct err *e)
{
	AUTO_FREE char *name = ref_familiar(ref);
	AUTO_FREE char *tail = mem_printf("manifests/%s", digest_is_set(&ref->digest) ? ref->digest.text : ref->tag);
	struct call c;
	bool done = false;
	int rc = 0;

	if (ref_is_store_only(ref))
		return err_set(e, ERR_USAGE, "%s exists only in the store: a registry on this machine needs its port",
			       name);
	if (regconf_writable(p->conf, ref, e) || regsession_call(p, ref, HTTP_DELETE, tail, "pull,push,delete", &c, e))
		return -1;
	c.done = regdelete_done;
	c.arg = &done;
	call_start(&c);
	while (!done && !rc)
		rc = http_step(p->http, e);
	if (!rc && err_is_set(&c.err)) {
		err_move(e, &c.err);
		rc = regdelete_refused(ref, e);
	}
	call_release(&c);
	return rc ? err_wrap(e, "removing %s", name) : 0;
}
