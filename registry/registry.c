/* What the rest of slct asks of registries: the face of the modules beneath. */
#include "registry/registry.h"

#include "registry/blobget.h"
#include "registry/pull.h"
#include "registry/push.h"
#include "registry/regcopy.h"
#include "registry/referrers.h"
#include "registry/regdelete.h"
#include "registry/regping.h"
#include "registry/regsession.h"
#include "src/util/clock.h"
#include "src/util/mem.h"

#define REGISTRY_CONNECT_NS (15 * CLOCK_NS_PER_S)
#define REGISTRY_STALL_NS   (60 * CLOCK_NS_PER_S)

struct registry {
	struct regsession_pool pool;
};

static int registry_start(struct registry *r, const struct registry_opts *o, struct err *e)
{
	struct http_opts h = {
		.connect_timeout_ns = o->connect_timeout_ns ? o->connect_timeout_ns : REGISTRY_CONNECT_NS,
		.stall_timeout_ns = o->stall_timeout_ns ? o->stall_timeout_ns : REGISTRY_STALL_NS,
	};
	AUTO_STRV struct strv places = {0};

	r->pool.retries = o->retries ? o->retries : RETRY_DEFAULT;
	r->pool.store = o->store;
	strv_copy(&r->pool.insecure, &o->insecure);
	if (o->cert_dir)
		strv_add(&places, o->cert_dir);
	certdir_places(&places);
	r->pool.certs = certdir_new(&places, o->ca_file, e);
	if (!r->pool.certs)
		return -1;
	r->pool.conf = regconf_new();
	if (regconf_load_env(r->pool.conf, e))
		return -1;
	r->pool.creds = cred_new();
	if (cred_load_env(r->pool.creds, e))
		return -1;
	if (o->creds_host && o->username)
		cred_set_option(r->pool.creds, o->creds_host, o->username, o->password);
	for (size_t i = 0; i < o->nlogins; i++)
		cred_set_option(r->pool.creds, o->logins[i].place, o->logins[i].username, o->logins[i].password);
	r->pool.http = http_new(&h, e);
	return r->pool.http ? 0 : -1;
}

struct registry *registry_new(const struct registry_opts *o, struct err *e)
{
	static const struct registry_opts defaults;
	struct registry *r = mem_new(struct registry);

	if (!registry_start(r, o ? o : &defaults, e))
		return r;
	registry_free(r);
	return NULL;
}

void registry_free(struct registry *r)
{
	if (!r)
		return;
	regsession_pool_release(&r->pool);
	free(r);
}

void registry_counts(const struct registry *r, uint64_t *requests, uint64_t *uploads)
{
	http_counts(r->pool.http, requests, uploads);
}

void registry_image_release(struct registry_image *i)
{
	descriptor_release(&i->manifest);
	buf_release(&i->manifest_text);
	buf_release(&i->config_text);
}

int registry_resolve(struct registry *r, const struct ref *ref, const struct platform *p, struct registry_image *out,
		     struct err *e)
{
	return pull_resolve(&r->pool, ref, p, out, e);
}

int registry_fetch_blobs(struct registry *r, const struct ref *repo, const struct descriptor *const *blobs, size_t n,
			 struct store *s, const struct registry_watch *watch, struct err *e)
{
	AUTO_FREE char *name = ref_familiar(repo);
	struct blobsink sink = blobsink_of_store(s);

	if (!blobget_all(&r->pool, repo, blobs, n, &sink, watch, e))
		return 0;
	return err_wrap(e, "pulling %s", name);
}

int registry_probe_tags(struct registry *r, const struct ref *repo, struct registry_probe *probes, size_t n,
			struct err *e)
{
	return pull_probe(&r->pool, repo, probes, n, e);
}

int registry_push_image(struct registry *r, struct registry_push *p, struct store *s, registry_progress_fn *fn,
			void *arg, struct err *e)
{
	return push_image(&r->pool, p, s, fn, arg, e);
}

int registry_copy(struct registry *r, struct registry_copy *c, struct err *e)
{
	return regcopy_run(&r->pool, c, e);
}

int registry_remove(struct registry *r, const struct ref *ref, struct err *e)
{
	return regdelete_run(&r->pool, ref, e);
}

int registry_referrers(struct registry *r, const struct ref *ref, struct json **out, struct err *e)
{
	return referrers_list(&r->pool, ref, out, e);
}

int registry_some_tags(struct registry *r, const struct ref *repo, struct strv *out, bool *complete, struct err *e)
{
	return pull_tags(&r->pool, repo, out, complete, e);
}

int registry_tags(struct registry *r, const struct ref *repo, struct strv *out, struct err *e)
{
	return pull_tags(&r->pool, repo, out, NULL, e);
}

int registry_login(struct registry *r, const char *host, bool *asked, struct err *e)
{
	return regping_login(&r->pool, host, asked, e);
}
