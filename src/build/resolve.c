/* Base images: reference → config and layers, from the store or a registry, each once per run. */
#include <string.h>
#include <unistd.h>

#include "oci/layout.h"
#include "oci/limits.h"
#include "src/dockerfile/dparse.h"
#include "src/build/opsbase.h"
#include "src/build/state.h"
#include "src/util/mem.h"
#include "src/util/nearest.h"

struct resolution {
	struct build *b;
	size_t image;
	unsigned *left;
	struct err *err; /* the first failure */
};

/* --- filling the plan --- */

static int read_manifest(struct build *b, struct plan_image *im, const struct descriptor *d, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);

	if (store_blob_read(b->s->store, &d->digest, MANIFEST_MAX_BYTES, &text, e) < 0)
		return -1;
	return manifest_parse(text.p, text.n, d->media_type, &im->manifest, ERR_REGISTRY, e);
}

static int read_config(struct build *b, struct plan_image *im, const struct digest *config, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(CONFIG_MAX_BYTES);

	if (store_blob_read(b->s->store, config, CONFIG_MAX_BYTES, &text, e) < 0 ||
	    imgconfig_parse(text.p, text.n, &im->config, ERR_REGISTRY, e) < 0)
		return -1;
	im->config_digest = *config;
	digest_list_copy(&im->diff_ids, &im->config.diff_ids);
	im->resolved = true;
	return 0;
}

static int check_layers(struct build *b, struct plan_image *im, struct err *e)
{
	if (im->manifest.nlayers == 0)
		return 0;
	if (im->place == PLAN_PLACE_LAYOUT)
		return opsbase_adopt_layers(b->s, &im->manifest, &im->config, e);
	if (im->manifest.nlayers != im->diff_ids.n)
		return err_set(e, ERR_REGISTRY, "%s: %zu layers in the manifest, %zu in the config", im->text,
			       im->manifest.nlayers, im->diff_ids.n);
	AUTO_FREE char *repo = mem_printf("%s/%s", im->ref.host, im->ref.path);

	for (size_t i = 0; i < im->diff_ids.n; i++)
		trees_learn_origin(b, &im->diff_ids.v[i], repo, &im->manifest.layers[i]);
	return 0;
}

static int check_platform(const struct plan_image *im, struct build *b)
{
	char want[100], have[100];

	if (!platform_match(&im->platform, &im->config.platform))
		session_warn(b->s, "", "%s is an image for %s, not for %s", im->text,
			     platform_format(&im->config.platform, have), platform_format(&im->platform, want));
	return 0;
}

static int fill(struct build *b, struct plan_image *im, const struct descriptor *manifest, const struct digest *config,
		struct err *e)
{
	if (digest_is_set(&manifest->digest) && read_manifest(b, im, manifest, e) < 0)
		return -1;
	if (read_config(b, im, config, e) < 0 || check_layers(b, im, e) < 0)
		return -1;
	im->manifest_digest = manifest->digest;
	return check_platform(im, b);
}

/* --- places of errors --- */

static bool copies_from(const struct dast_instr *in, const char *image)
{
	const char *from = in->kind == DAST_COPY ? dast_flag(in, "from") : NULL;

	return from && !strcmp(from, image);
}

/* The first instruction of a needed stage that wants the image. A name with variables in it is found in FROM only. */
static const struct dast_instr *wanted_by(const struct plan *p, size_t image)
{
	for (size_t i = 0; i < p->stages.n; i++) {
		const struct plan_stage *st = &p->stages.v[i];

		if (!st->needed)
			continue;
		if (st->base_image == image)
			return st->df->from;
		for (size_t k = 0; k < st->df->instrs.n; k++)
			if (copies_from(st->df->instrs.v[k], p->images.v[image].text))
				return st->df->instrs.v[k];
	}
	return NULL;
}

/* The stages of the instruction's own Dockerfile; NULL if there is none. */
static const struct dstage_list *stages_of(const struct plan *p, const struct dast_instr *in)
{
	for (size_t i = 0; in->file && i < p->sources.n; i++)
		if (p->sources.v[i]->stages.file == in->file)
			return &p->sources.v[i]->stages;
	return NULL;
}

/* A name without host, tag and digest is perhaps that of a stage which was misspelt or stands elsewhere in the file. */
static void hint_stage(const struct dstage_list *l, const struct dast_instr *in, const char *name, struct err *e)
{
	struct nearest near = NEAREST_INIT(name);
	bool above = false;

	for (size_t i = 0; l && i < l->stages.n; i++) {
		const struct dstage *st = &l->stages.v[i];

		if (!st->name)
			continue;
		nearest_offer(&near, st->name);
		if (near.best == st->name)
			above = st->from->pos.line <= in->pos.line;
	}
	if (!near.best)
		return;
	if (near.distance)
		err_hint(e, "there is no stage \"%s\" above, so it is taken for an image; did you mean the stage %s?",
			 name, near.best);
	else if (above)
		err_hint(e, "a stage cannot use itself, so \"%s\" is taken for an image", name);
	else
		err_hint(e, "the stage \"%s\" stands below, so this is taken for an image: move the stage up", name);
}

static int fail_image(const struct build *b, size_t image, struct err *e)
{
	const struct dast_instr *in = wanted_by(b->plan, image);

	if (in && !strpbrk(b->plan->images.v[image].text, "/:@"))
		hint_stage(stages_of(b->plan, in), in, b->plan->images.v[image].text, e);
	err_wrap(e, "image %s", b->plan->images.v[image].text);
	if (in && !e->place.file)
		dparse_err_in(in, in->pos, e);
	return -1;
}

/* --- from the store --- */

/* One name has one image here: where others can be had, one for another platform does not count. */
static int check_other_platform(struct build *b, const struct plan_image *im, const struct store_image *found,
				struct err *e)
{
	AUTO_IMGCONFIG struct imgconfig c;

	if (store_image_config(b->s->store, found, &c, e) < 0)
		return -1;
	return platform_match(&im->platform, &c.platform) ? 0 : err_set(e, ERR_NOT_FOUND, "it is for another platform");
}

static int from_store(struct build *b, struct plan_image *im, bool only, struct err *e)
{
	AUTO_FREE char *name = ref_format(&im->ref);
	AUTO_STORE_IMAGE struct store_image found = {0};

	int rc = store_image_get(b->s->store, name, &found, e);

	if (rc < 0 && im->place == PLAN_PLACE_STORE && e->code == ERR_NOT_FOUND) {
		/* Not a name: perhaps an id. */
		err_release(e);
		rc = store_image_get(b->s->store, im->text, &found, e);
	}
	if (rc < 0 || (!only && check_other_platform(b, im, &found, e) < 0))
		return -1;
	if (!only && b->o->pull == BUILD_PULL_AUTO && found.published)
		return err_set(e, ERR_NOT_FOUND, "its registry has it, too");
	return fill(b, im, &found.manifest, &found.config, e);
}

static int not_in_store(const struct build *b, const struct plan_image *im, struct err *e)
{
	if (e->code != ERR_NOT_FOUND)
		return -1;
	err_set(e, ERR_INPUT, "it is not in the store");
	if (im->place == PLAN_PLACE_STORE)
		return err_hint(e, "slct images lists what is there");
	if (ref_is_store_only(&im->ref))
		return err_hint(e, "make it with: slct import ROOTFS.TAR %s", im->text);
	return err_hint(e, b->o->offline ? "pull it first, or build without --offline"
					 : "pull it first, or build without --pull never");
}

/* --- from a layout directory --- */

/* Cut DIR[:TAG] in two. A tag may be a full reference and a directory's name may have colons: the longest beginning
 * that is there is the directory. NULL: no tag. */
static const char *cut_tag(char *text)
{
	for (size_t n = strlen(text); n > 0; n--) {
		char end = text[n];

		if (end && end != ':')
			continue;
		text[n] = 0;
		if (access(text, F_OK) == 0)
			return end ? text + n + 1 : NULL;
		text[n] = end;
	}
	return NULL;
}

/* Its blobs become the store's. */
static int from_layout(struct build *b, struct plan_image *im, struct err *e)
{
	AUTO_DESCRIPTOR struct descriptor manifest = {0};
	AUTO_FREE char *dir = mem_strdup(im->text);
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_MANIFEST struct manifest m = {0};
	const char *tag = cut_tag(dir);

	if (layout_load_dir(b->s->store, dir, tag, &im->platform, &manifest, NULL, e) < 0 ||
	    store_blob_read(b->s->store, &manifest.digest, MANIFEST_MAX_BYTES, &text, e) < 0 ||
	    manifest_parse(text.p, text.n, manifest.media_type, &m, ERR_INPUT, e) < 0)
		return err_wrap(e, "oci-layout");
	return fill(b, im, &manifest, &m.config.digest, e);
}

/* --- from a registry --- */

static int fetch_image(void *arg, struct worker *w, struct json **result, struct err *e)
{
	const struct resolution *r = arg;
	const struct plan_image *im = &r->b->plan->images.v[r->image];
	struct registry *reg = registry_new(&r->b->s->net, e);
	struct registry_image got = {0};
	struct descriptor manifest = {0}, config = {0};
	int rc = -1;

	(void)w;
	if (reg && registry_resolve(reg, &im->ref, &im->platform, &got, e) == 0 &&
	    store_blob_put(r->b->s->store, got.manifest_text.p, got.manifest_text.n, got.manifest.media_type, &manifest,
			   e) == 0 &&
	    store_blob_put(r->b->s->store, got.config_text.p, got.config_text.n, MEDIATYPE_OCI_CONFIG, &config, e) ==
		    0) {
		*result = json_object();
		json_set(*result, "manifest", descriptor_to_json(&manifest));
		json_set_str(*result, "config", config.digest.text);
		rc = 0;
	}
	return rc;
}

static int take_answer(struct resolution *r, const struct json *j, struct err *e)
{
	struct plan_image *im = &r->b->plan->images.v[r->image];
	AUTO_DESCRIPTOR struct descriptor manifest = {0};
	struct digest config;

	if (descriptor_from_json(json_get(j, "manifest"), &manifest, ERR_INTERNAL, e) < 0 ||
	    digest_parse(sv_from(json_get_str(j, "config")), &config, ERR_INTERNAL, e) < 0)
		return -1;
	return fill(r->b, im, &manifest, &config, e);
}

static void on_fetched(void *ctx, const struct json *result, struct err *e)
{
	struct resolution *r = ctx;

	if (!err_is_set(e))
		take_answer(r, result, e);
	if (err_is_set(e)) {
		fail_image(r->b, r->image, e);
		if (e->code == ERR_REGISTRY && !e->hint)
			err_hint(e, "to use the store's copy: --pull missing or --offline");
		if (!err_is_set(r->err))
			err_move(r->err, e);
	}
	if (--*r->left == 0)
		loop_stop(r->b->s->loop);
	free(r);
}

static int start_fetch(struct build *b, size_t image, unsigned *left, struct err *first, struct err *e)
{
	struct resolution *r = mem_new(struct resolution);

	*r = (struct resolution){.b = b, .image = image, .left = left, .err = first};
	struct worker_spec spec = {.role = "fetch",
				   .what = b->plan->images.v[image].text,
				   .fn = fetch_image,
				   .arg = r,
				   .done = on_fetched,
				   .ctx = r};

	if (!worker_start(b->s, &spec, e)) {
		free(r);
		return -1;
	}
	++*left;
	return 0;
}

/* --- all --- */

static bool is_needed(const struct plan *p, size_t image)
{
	for (size_t i = 0; i < p->stages.n; i++) {
		const struct plan_stage *st = &p->stages.v[i];

		for (size_t k = 0; st->needed && k < st->needs.n; k++)
			if (st->needs.v[k].stage == PLAN_NONE && st->needs.v[k].image == image)
				return true;
	}
	return false;
}

/* A digest means the same everywhere: what is stored of it is not asked for. An index's is, for its platform. */
static int from_pinned(struct build *b, struct plan_image *im, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_MANIFEST struct manifest m = {0};
	AUTO_DESCRIPTOR struct descriptor d = {0};

	if (!digest_is_set(&im->ref.digest) ||
	    store_blob_read(b->s->store, &im->ref.digest, MANIFEST_MAX_BYTES, &text, e) < 0 ||
	    manifest_parse(text.p, text.n, NULL, &m, ERR_INPUT, e) < 0 ||
	    !store_blob_has(b->s->store, &m.config.digest, NULL)) {
		err_release(e);
		return 0;
	}
	descriptor_set(&d, m.media_type, &im->ref.digest, text.n);
	return fill(b, im, &d, &m.config.digest, e) < 0 ? -1 : 1;
}

/* 1: filled from this machine; 0: the registry must be asked; -1: error. */
static int try_store(struct build *b, struct plan_image *im, struct err *e)
{
	if (im->place == PLAN_PLACE_LAYOUT)
		return from_layout(b, im, e) < 0 ? -1 : 1;
	int pinned = im->place == PLAN_PLACE_ANY ? from_pinned(b, im, e) : 0;

	if (pinned)
		return pinned;
	bool only = b->o->offline || b->o->pull == BUILD_PULL_NEVER || im->place == PLAN_PLACE_STORE ||
		    ref_is_store_only(&im->ref);

	if (!only && b->o->pull == BUILD_PULL_ALWAYS)
		return 0;
	if (from_store(b, im, only, e) == 0)
		return 1;
	if (only || e->code != ERR_NOT_FOUND)
		return not_in_store(b, im, e);
	err_release(e);
	return 0;
}

int resolve_images(struct build *b, struct err *e)
{
	struct err first = ERR_INIT;
	unsigned left = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < b->plan->images.n; i++) {
		struct plan_image *im = &b->plan->images.v[i];

		if (im->resolved || !is_needed(b->plan, i))
			continue;
		int found = try_store(b, im, e);

		rc = found < 0 ? fail_image(b, i, e) : found ? 0 : start_fetch(b, i, &left, &first, e);
	}
	if (left && loop_run(b->s->loop, rc < 0 ? &first : e) < 0)
		rc = -1;
	if (rc == 0 && err_is_set(&first)) {
		err_move(e, &first);
		return -1;
	}
	err_release(&first);
	return rc;
}
