#include "src/image/imgcopy.h"

#include "oci/layout_dir.h"
#include "oci/limits.h"
#include "src/build/opsbase.h"
#include "src/image/imgbring.h"
#include "src/image/imggive.h"
#include "src/image/imgplace.h"
#include "src/util/log.h"

/* --- past the store, in a worker: between registries and layout directories --- */

struct direct {
	struct session *s;
	const struct imgplace *from, *target;
	struct ref from_ref, to;
	const struct imgcopy_opts *o;
};

static int direct_run(struct direct *d, struct layout_dir *dir, struct registry_copy *c, struct err *e)
{
	struct registry *reg;

	if (d->from->kind == IMGPLACE_OCI) {
		if (layout_dir_open(dir, d->from->name, e) < 0)
			return -1;
		c->dir = dir;
		c->root = imgplace_find(dir, d->from, e);
		if (!c->root)
			return -1;
	} else {
		c->from = &d->from_ref;
	}
	if (d->target->kind == IMGPLACE_OCI) {
		c->out = d->target->name;
		c->name = d->target->tag;
	} else {
		c->to = &d->to;
	}
	reg = registry_new(&d->s->net, e); /* ends with the worker */
	return reg ? registry_copy(reg, c, e) : -1;
}

static int direct_work(void *arg, struct worker *w, struct json **result, struct err *e)
{
	struct direct *d = arg;
	struct registry_copy c = {.platform = d->o->platform, .referrers = d->o->referrers};
	AUTO_LAYOUT_DIR struct layout_dir dir = LAYOUT_DIR_INIT;
	int rc = direct_run(d, &dir, &c, e);

	(void)w;
	if (rc < 0)
		return -1;
	log_msg(LOG_INFO, "blobs: %llu sent, %llu mounted, %llu there; %llu referrers", (unsigned long long)c.sent,
		(unsigned long long)c.mounted, (unsigned long long)c.there, (unsigned long long)c.referrers_copied);
	*result = json_object();
	json_set_str(*result, "digest", c.digest.text);
	return 0;
}

static int direct(struct session *s, const struct imgplace *from, const struct imgplace *to,
		  const struct imgcopy_opts *o, struct digest *digest, struct err *e)
{
	struct direct d = {.s = s, .from = from, .target = to, .o = o};
	struct worker_spec spec = {.role = "copy", .fn = direct_work, .arg = &d};
	AUTO_JSON struct json *answer = NULL;
	int rc = to->kind == IMGPLACE_DOCKER ? ref_parse(to->name, &d.to, e) : 0;

	if (rc == 0 && from->kind == IMGPLACE_DOCKER)
		rc = ref_parse(from->name, &d.from_ref, e);
	if (rc == 0)
		rc = worker_call(s, &spec, &answer, e);
	if (rc == 0)
		rc = digest_parse(sv_from(json_get_str(answer, "digest")), digest, ERR_INTERNAL, e);
	ref_release(&d.to);
	ref_release(&d.from_ref);
	return rc;
}

/* --- both --- */

/* The manifest for a platform, where an index cannot be kept. */
static int one_manifest(struct session *s, const struct descriptor *root, const struct platform *p,
			struct descriptor *out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_INDEX struct index x = {0};
	const struct descriptor *one;

	if (store_blob_read(s->store, &root->digest, MANIFEST_MAX_BYTES, &text, e) < 0)
		return -1;
	if (manifest_detect(text.p, text.n, root->media_type) != MEDIATYPE_INDEX) {
		descriptor_copy(out, root);
		return 0;
	}
	if (index_parse(text.p, text.n, root->media_type, &x, ERR_INPUT, e) < 0)
		return -1;
	one = index_select(&x, p, e);
	return one ? one_manifest(s, one, p, out, e) : -1;
}

static int copy(struct session *s, const struct imgplace *from, const struct imgplace *to, const struct imgcopy_opts *o,
		struct digest *digest, struct err *e)
{
	bool one = to->kind == IMGPLACE_STORE || to->kind == IMGPLACE_DOCKER_ARCHIVE;
	const struct platform *platform = o->platform;
	AUTO_DESCRIPTOR struct descriptor root = {0}, chosen = {0};
	struct platform host;

	if ((to->kind == IMGPLACE_DOCKER || to->kind == IMGPLACE_OCI) &&
	    (from->kind == IMGPLACE_DOCKER || from->kind == IMGPLACE_OCI))
		return direct(s, from, to, o, digest, e);
	platform_host(&host);
	if (one && !platform)
		platform = &host;
	if (imgbring(s, from, platform, false, &root, e) < 0)
		return -1;
	if ((one ? one_manifest(s, &root, platform, &chosen, e) : (descriptor_copy(&chosen, &root), 0)) < 0)
		return -1;
	*digest = chosen.digest;
	return imggive(s, &chosen, to, e);
}

int imgcopy(struct session *s, const char *from, const char *to, const struct imgcopy_opts *o, struct digest *digest,
	    struct err *e)
{
	AUTO_IMGPLACE struct imgplace a = {0}, b = {0};

	if (imgplace_parse(from, &a, e) < 0 || imgplace_parse(to, &b, e) < 0)
		return -1;
	if (o->referrers && (a.kind != IMGPLACE_DOCKER || b.kind != IMGPLACE_DOCKER))
		return err_set(e, ERR_USAGE, "referrers are copied from a registry to a registry only");
	if (copy(s, &a, &b, o, digest, e) < 0)
		return err_wrap(e, "copying %s to %s", from, to);
	return 0;
}
