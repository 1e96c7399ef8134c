/* slct pull. One worker fetches; each layer is unpacked while it arrives. */
#include "src/image/image_ops.h"

#include <string.h>

#include "oci/limits.h"
#include "src/build/opsbase.h"
#include "src/build/treefetch.h"
#include "src/util/mem.h"

struct pull {
	struct session *s;
	const char *text; /* the reference, for messages */
	struct ref ref;
	const struct platform *platform;
	bool unpack;
	struct build b; /* where layers are unpacked; only with unpack, as the next */
	struct treefetch f;
	bool known; /* manifest and config, which fit each other: the fetch worker has told */
	struct manifest manifest;
	struct imgconfig config;
	bool unpacking; /* layers that were expected */
	bool settling;	/* the loop runs for them alone */
};

/* --- in the worker --- */

static void tell_manifest(struct worker *w, const struct descriptor *manifest)
{
	AUTO_JSON struct json *j = json_object();

	json_set(j, "manifest", descriptor_to_json(manifest));
	worker_send(w, j);
}

/* manifest: as it is in the store. */
static int fetch_rest(struct pull *p, struct registry *reg, const struct registry_image *im,
		      const struct descriptor *manifest, struct worker *w, struct err *e)
{
	AUTO_MANIFEST struct manifest m = {0};

	if (manifest_parse(im->manifest_text.p, im->manifest_text.n, im->manifest.media_type, &m, ERR_REGISTRY, e) <
		    0 ||
	    store_blob_put_as(p->s->store, im->config_text.p, im->config_text.n, &m.config.digest, e) < 0)
		return -1;
	tell_manifest(w, manifest);
	AUTO_FREE const struct descriptor **blobs = mem_array(m.nlayers + 1, sizeof *blobs);

	for (size_t i = 0; i < m.nlayers; i++)
		blobs[i] = &m.layers[i];
	p->f.w = w;
	return p->unpack ? treefetch_run(&p->f, reg, &p->ref, blobs, m.nlayers, e)
			 : registry_fetch_blobs(reg, &p->ref, blobs, m.nlayers, p->s->store, NULL, e);
}

static int fetch_all(void *arg, struct worker *w, struct json **result, struct err *e)
{
	struct pull *p = arg;
	struct registry *reg = registry_new(&p->s->net, e);
	struct registry_image im = {0};
	struct descriptor manifest = {0};

	if (!reg || registry_resolve(reg, &p->ref, p->platform, &im, e) < 0 ||
	    store_blob_put(p->s->store, im.manifest_text.p, im.manifest_text.n, im.manifest.media_type, &manifest, e) <
		    0 ||
	    fetch_rest(p, reg, &im, &manifest, w, e) < 0)
		return -1;
	*result = descriptor_to_json(&manifest);
	return 0;
}

/* --- unpacking on the way --- */

/* A failure leaves the layer as it was: it is tried again at the end, and told. */
static void on_unpacked(void *ctx, struct err *e)
{
	struct pull *p = ctx;

	err_release(e);
	p->unpacking = false;
	if (p->settling)
		loop_stop(p->s->loop);
}

/* Layers that are not here as trees: each is unpacked from the first bytes on that arrive. */
static void expect(struct pull *p)
{
	AUTO_DIGEST_LIST struct digest_list coming = {0};

	for (size_t i = 0; i < p->manifest.nlayers; i++) {
		const struct digest *diff_id = &p->config.diff_ids.v[i];
		struct tree_state *t = trees_expect(&p->b, diff_id, &p->manifest.layers[i], p->text);

		if (!t)
			continue;
		treefetch_put(&p->f, i, t);
		vec_push(&coming, *diff_id);
	}
	p->unpacking = true;
	trees_ensure(&p->b, &coming, p->text, on_unpacked, p);
}

/* Read manifest and config, once. What is wrong with them is told when all is fetched. */
static void know(struct pull *p, const struct json *manifest)
{
	AUTO_DESCRIPTOR struct descriptor d = {0};
	struct err ignored = ERR_INIT;

	if (p->known || descriptor_from_json(manifest, &d, ERR_INTERNAL, &ignored) < 0 ||
	    opsbase_read(p->s, &d, &p->manifest, &p->config, &ignored) < 0) {
		err_release(&ignored);
		return;
	}
	p->known = true;
}

static void learn(struct pull *p, const struct json *manifest)
{
	bool before = p->known;

	know(p, manifest);
	if (p->known && !before)
		expect(p);
}

static void on_message(void *ctx, const struct json *j)
{
	struct pull *p = ctx;

	if (json_get(j, "manifest"))
		learn(p, json_get(j, "manifest"));
	else
		treefetch_message(&p->f, j);
}

/* Those that have begun end before what they work with does. */
static void settle(struct pull *p)
{
	struct err ignored = ERR_INIT;

	p->settling = true;
	if (p->unpacking && loop_run(p->s->loop, &ignored) < 0)
		worker_kill_all(p->s);
	err_release(&ignored);
}

/* What is no index has one platform, whatever was asked for. */
static void warn_platform(struct pull *p, const struct json *manifest)
{
	char want[100], have[100];

	know(p, manifest);
	if (p->known && !platform_match(p->platform, &p->config.platform))
		session_warn(p->s, "", "%s is an image for %s, not for %s", p->text,
			     platform_format(&p->config.platform, have), platform_format(p->platform, want));
}

/* --- all of it --- */

static int pull(struct pull *p, const char *name, struct digest *id, struct err *e)
{
	struct worker_spec spec = {
		.role = "fetch", .fn = fetch_all, .arg = p, .message = p->unpack ? on_message : NULL, .ctx = p};
	AUTO_JSON struct json *answer = NULL;
	AUTO_DESCRIPTOR struct descriptor manifest = {0};
	AUTO_DIGEST_LIST struct digest_list diff_ids = {0};
	struct digest config = {0};
	int rc = worker_call(p->s, &spec, &answer, e);

	treefetch_end(&p->f, e);
	if (rc == 0)
		rc = descriptor_from_json(answer, &manifest, ERR_INTERNAL, e);
	if (rc == 0)
		rc = opsbase_adopt(p->s, &manifest, name ? name : p->text, &config, &diff_ids, e);
	if (rc == 0 && (!name || strcmp(name, p->text) == 0))
		rc = opsbase_published(p->s, p->text, &config, e);
	if (rc == 0 && id)
		*id = config;
	if (rc == 0)
		warn_platform(p, answer);
	if (rc == 0 && p->unpack)
		rc = opsbase_trees(&p->b, &diff_ids, p->text, e);
	return rc;
}

int image_ops_pull(struct session *s, const char *ref, const char *name, const struct platform *platform, bool unpack,
		   struct digest *id, struct err *e)
{
	struct pull p = {.s = s, .text = opsbase_reference(ref), .platform = platform, .unpack = unpack};
	int rc = ref_parse(p.text, &p.ref, e);

	if (rc < 0)
		return -1;
	if (unpack)
		rc = opsbase_init(&p.b, s, e) < 0 ? -1 : treefetch_open(&p.f, &p.b, LAYERS_MAX, e);
	if (rc == 0)
		rc = pull(&p, name, id, e);
	if (unpack) {
		settle(&p);
		opsbase_release(&p.b);
	}
	if (p.known) {
		manifest_release(&p.manifest);
		imgconfig_release(&p.config);
	}
	ref_release(&p.ref);
	return rc;
}
