/* slct push: an image of the store to a registry. Layers that were only built here are compressed once, while they are
 * sent; those that the registry has in another repository are mounted. */
#include <string.h>

#include "oci/limits.h"
#include "src/build/opsbase.h"
#include "src/image/image_ops.h"
#include "src/session/blobs.h"
#include "src/session/blobstream.h"
#include "src/util/mem.h"

struct push {
	struct session *s;
	struct ref to;
	struct ref mount_from; /* path NULL: none */
	struct store_image *im;
	struct descriptor manifest;
	bool keep; /* a tag that is there */
	struct blobs_request layers;
	struct blobstream streams;
	struct digest_list there; /* blobs that the repository has already */
	unsigned running;	  /* workers */
};

/* Whether the store knows a repository of that registry that has the layer, and which. */
static bool layer_is_at(struct session *s, const struct digest *diff_id, const char *host, struct ref *repo)
{
	AUTO_DESCRIPTOR struct descriptor blob = {0};
	AUTO_FREE char *name = NULL;
	struct err e = ERR_INIT;
	bool there = blobs_origin_get(s->store, diff_id, &name, &blob) && ref_parse_repo(name, repo, &e) == 0;

	err_release(&e);
	if (there && strcmp(repo->host, host) == 0)
		return true;
	if (there)
		ref_release(repo);
	return false;
}

static void find_mount(struct push *p, const struct store_image *im)
{
	for (size_t i = 0; i < im->diff_ids.n; i++) {
		if (!layer_is_at(p->s, &im->diff_ids.v[i], p->to.host, &p->mount_from))
			continue;
		if (strcmp(p->mount_from.path, p->to.path) != 0)
			return;
		ref_release(&p->mount_from);
	}
}

/* Remember where the layers are now; the next push to that registry mounts them. */
static void note_places(struct push *p, const struct store_image *im)
{
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_MANIFEST struct manifest m = {0};
	AUTO_FREE char *repo = mem_printf("%s/%s", p->to.host, p->to.path);
	struct err e = ERR_INIT;

	if (store_blob_read(p->s->store, &p->manifest.digest, MANIFEST_MAX_BYTES, &text, &e) == 0)
		manifest_parse(text.p, text.n, NULL, &m, ERR_INTEGRITY, &e);
	for (size_t i = 0; i < m.nlayers && m.nlayers == im->diff_ids.n; i++) {
		struct ref known = {0};

		if (!layer_is_at(p->s, &im->diff_ids.v[i], p->to.host, &known))
			blobs_origin_put(p->s->store, &im->diff_ids.v[i], repo, &m.layers[i], &e);
		ref_release(&known);
	}
	/* Not knowing a place costs an upload, nothing else. */
	err_release(&e);
}

static struct json *push_result(const struct registry_push *push)
{
	struct json *j = json_object();

	json_set_int(j, "sent", (int64_t)push->blobs_sent);
	json_set_int(j, "mounted", (int64_t)push->blobs_mounted);
	json_set_int(j, "there", (int64_t)push->blobs_there);
	json_set_int(j, "bytes", (int64_t)push->bytes_sent);
	json_set(j, "manifest", descriptor_to_json(&push->manifest));
	return j;
}

static int push_all(void *arg, struct worker *w, struct json **result, struct err *e)
{
	struct push *p = arg;
	struct registry *reg = registry_new(&p->s->net, e);
	struct registry_push push = {.to = &p->to, .skip_existing = p->keep};

	(void)w;
	descriptor_copy(&push.manifest, &p->manifest);
	push.there = p->there.v;
	push.nthere = p->there.n;
	push.mount_from = p->mount_from.path ? &p->mount_from : NULL;
	if (!reg || registry_push_image(reg, &push, p->s->store, NULL, NULL, e) < 0)
		return -1;
	*result = push_result(&push);
	return 0;
}

/* --- layers that are packed on the way --- */

static int seal(void *arg, struct descriptor *manifest, struct err *e)
{
	struct push *p = arg;

	blobstream_take(&p->streams);
	return opsbase_compose(p->s, p->im, p->layers.out, manifest, e);
}

/* Blobs that need no packing: the config and layers that are there. */
static int list_known(const struct push *p, struct descriptor *config, const struct descriptor **known, size_t *n,
		      struct err *e)
{
	uint64_t size;

	if (!store_blob_has(p->s->store, &p->im->config, &size))
		return err_set(e, ERR_INTEGRITY, "config %s of %s is not in the store", p->im->config.text,
			       p->im->name);
	descriptor_set(config, MEDIATYPE_OCI_CONFIG, &p->im->config, size);
	known[(*n)++] = config;
	for (size_t i = 0; i < p->im->diff_ids.n; i++) {
		const struct descriptor *d = &p->layers.out[i];
		bool twice = !digest_is_set(&d->digest);

		for (size_t k = 0; k < *n && !twice; k++)
			twice = digest_eq(&known[k]->digest, &d->digest);
		if (!twice)
			known[(*n)++] = d;
	}
	return 0;
}

static int push_streams(void *arg, struct worker *w, struct json **result, struct err *e)
{
	struct push *p = arg;
	struct registry *reg = registry_new(&p->s->net, e);
	AUTO_DESCRIPTOR struct descriptor config = {0};
	AUTO_FREE const struct descriptor **known = mem_array(p->im->diff_ids.n + 1, sizeof *known);
	struct registry_push push = {.to = &p->to,
				     .streams = p->streams.streams,
				     .nstreams = p->streams.n,
				     .known = known,
				     .seal = seal,
				     .seal_arg = p};

	(void)w;
	push.mount_from = p->mount_from.path ? &p->mount_from : NULL;
	if (!reg || list_known(p, &config, known, &push.nknown, e) < 0 || blobstream_attach(&p->streams, e) < 0 ||
	    registry_push_image(reg, &push, p->s->store, NULL, NULL, e) < 0)
		return -1;
	*result = push_result(&push);
	return 0;
}

/* --- two workers at once --- */

struct side {
	struct push *p;
	struct worker *worker;
	struct side *feeds; /* waits for what this one makes: ends with it if it fails; NULL: none */
	struct json *result;
	struct err err;
};

static void on_side(void *ctx, const struct json *result, struct err *e)
{
	struct side *side = ctx;

	side->worker = NULL;
	err_move(&side->err, e);
	/* One that was killed may have told nobody. */
	if (err_is_set(&side->err) && side->feeds && side->feeds->worker)
		worker_kill(side->feeds->worker);
	if (result)
		side->result = json_deep_copy(result);
	if (--side->p->running == 0)
		loop_stop(side->p->s->loop);
}

static int start_side(struct side *side, struct worker_spec *spec, struct err *e)
{
	spec->done = on_side;
	spec->ctx = side;
	side->worker = worker_start(side->p->s, spec, e);
	if (!side->worker)
		return -1;
	side->p->running++;
	return 0;
}

/* The packing ends whatever becomes of the sending: the next try finds its blobs. */
static int wait_sides(struct push *p, struct side *pack, struct side *send, struct err *e)
{
	while (p->running) {
		if (loop_run(p->s->loop, e) < 0)
			return -1;
		if (p->running && pack->worker)
			worker_kill(pack->worker);
		if (p->running && send->worker)
			worker_kill(send->worker);
	}
	return 0;
}

static int run_sides(struct push *p, struct side *pack, struct side *send, struct err *e)
{
	struct worker_spec packing = {
		.role = "pack", .enter = WORKER_USERNS, .fn = blobstream_pack, .arg = &p->streams};
	struct worker_spec sending = {.role = "push", .fn = push_streams, .arg = p};
	int rc = start_side(pack, &packing, e);

	if (rc == 0 && start_side(send, &sending, e) < 0) {
		worker_kill(pack->worker);
		rc = -1;
	}
	if (wait_sides(p, pack, send, e) < 0 || rc < 0)
		return -1;
	/* What was packed is remembered; the cause of a failure is on that side, if both have failed. */
	if (!err_is_set(&pack->err) && blobs_take(&p->layers, pack->result, e) < 0)
		return -1;
	if (err_is_set(&pack->err) || err_is_set(&send->err)) {
		err_move(e, err_is_set(&pack->err) ? &pack->err : &send->err);
		return -1;
	}
	return 0;
}

static int push_packing(struct push *p, struct json **answer, struct err *e)
{
	struct side send = {.p = p}, pack = {.p = p, .feeds = &send};
	int rc = blobstream_open(&p->streams, &p->layers, NULL, e);

	if (rc == 0)
		rc = session_need_tier(p->s, e);
	if (rc == 0)
		rc = run_sides(p, &pack, &send, e);
	blobstream_close(&p->streams);
	*answer = send.result;
	json_free(pack.result);
	err_release(&pack.err);
	err_release(&send.err);
	return rc;
}

/* --- layers that are in the registry and not here --- */

/* The layer's blob by its place in a repository of the destination's registry: the same one for all layers, since
 * mounts have one source. */
static bool take_origin(struct push *p, size_t i)
{
	AUTO_FREE char *name = NULL;
	AUTO_REF struct ref at = {0};
	struct descriptor *out = &p->layers.out[i];
	struct err e = ERR_INIT;
	bool ok = blobs_origin_get(p->s->store, &p->im->diff_ids.v[i], &name, out) &&
		  ref_parse_repo(name, &at, &e) == 0 && strcmp(at.host, p->to.host) == 0;

	err_release(&e);
	if (ok && strcmp(at.path, p->to.path) == 0)
		vec_push(&p->there, out->digest);
	else if (ok && !p->mount_from.path)
		ref_copy(&p->mount_from, &at);
	else
		ok = ok && strcmp(at.path, p->mount_from.path) == 0;
	return ok;
}

/* A manifest of blobs that the registry has, as a remote cache left them: no layer passes through this machine. False
 * where some layer is neither here nor there. */
static bool is_elsewhere(struct push *p)
{
	size_t elsewhere = 0;
	bool ok = true;

	p->layers = (struct blobs_request){.s = p->s, .diff_ids = &p->im->diff_ids, .codec = {CODEC_GZIP, 0}};
	p->layers.out = mem_zalloc((p->im->diff_ids.n + 1) * sizeof *p->layers.out);
	if (blobs_known(&p->layers) == 0)
		return false;
	for (size_t i = 0; ok && i < p->im->diff_ids.n; i++) {
		if (digest_is_set(&p->layers.out[i].digest))
			continue;
		ok = take_origin(p, i);
		elsewhere++;
	}
	return ok && elsewhere;
}

/* 1: done; 0: the ordinary way, which fetches what is missing here. */
static int push_elsewhere(struct push *p, struct json **answer)
{
	struct worker_spec spec = {.role = "push", .fn = push_all, .arg = p};
	struct err e = ERR_INIT;
	int done = is_elsewhere(p) && opsbase_compose(p->s, p->im, p->layers.out, &p->manifest, &e) == 0 &&
		   worker_call(p->s, &spec, answer, &e) == 0;

	opsbase_layers_release(&p->layers);
	digest_list_release(&p->there);
	if (!done)
		descriptor_release(&p->manifest);
	err_release(&e);
	return done;
}

/* --- the whole --- */

static int take_answer(struct push *p, const struct json *j, struct image_ops_push_stats *st, struct err *e)
{
	st->blobs_sent = (uint64_t)json_get_int(j, "sent", 0);
	st->blobs_mounted = (uint64_t)json_get_int(j, "mounted", 0);
	st->blobs_there = (uint64_t)json_get_int(j, "there", 0);
	st->bytes_sent = (uint64_t)json_get_int(j, "bytes", 0);
	descriptor_release(&p->manifest);
	if (descriptor_from_json(json_get(j, "manifest"), &p->manifest, ERR_INTERNAL, e) < 0)
		return -1;
	st->manifest = p->manifest.digest;
	return 0;
}

static int push_known(struct push *p, const struct layer_codec *codec, struct json **answer, struct err *e)
{
	struct worker_spec spec = {.role = "push", .fn = push_all, .arg = p};

	if (opsbase_manifest(p->s, p->im, codec, &p->manifest, e) < 0)
		return -1;
	return worker_call(p->s, &spec, answer, e);
}

static int push_run(struct push *p, const struct layer_codec *codec, struct image_ops_push_stats *st, struct err *e)
{
	AUTO_JSON struct json *answer = NULL;
	int rc;
	bool pack;

	/* The image keeps no manifest of blobs that are not here. */
	if (!codec && !p->keep && push_elsewhere(p, &answer))
		return take_answer(p, answer, st, e);
	rc = opsbase_layers(p->s, p->im, codec, &p->layers, e);
	pack = rc > 0 && !p->keep && blobs_known(&p->layers) > 0;

	if (rc < 0)
		return -1;
	rc = pack ? push_packing(p, &answer, e) : push_known(p, codec, &answer, e);
	if (rc < 0 || take_answer(p, answer, st, e) < 0)
		return -1;
	if (pack && opsbase_adopt_manifest(p->s, p->im, &p->manifest, e) < 0)
		return -1;
	note_places(p, p->im);
	return 0;
}

/* Pushed under the name that it has here. */
static int note_published(const struct push *p, struct err *e)
{
	AUTO_FREE char *to = ref_format(&p->to);

	return strcmp(to, p->im->name) == 0 ? opsbase_published(p->s, to, &p->im->config, e) : 0;
}

static int push_image(struct session *s, const char *name, const char *dest, const struct layer_codec *codec, bool keep,
		      struct image_ops_push_stats *st, struct err *e)
{
	AUTO_STORE_IMAGE struct store_image im = {0};
	struct push p = {.s = s, .keep = keep, .im = &im};
	const char *to = opsbase_reference(dest ? dest : name);
	int rc;

	if (ref_parse(to, &p.to, e) < 0)
		return err_wrap(e, "destination");
	if (ref_is_store_only(&p.to)) {
		err_set(e, ERR_USAGE, "%s names an image of the store, not of a registry", to);
		err_hint(e, "name the destination: HOST[:PORT]/PATH[:TAG]");
		ref_release(&p.to);
		return -1;
	}
	rc = opsbase_image(s, name, &im, NULL, e);
	if (rc == 0) {
		find_mount(&p, &im);
		rc = push_run(&p, codec, st, e);
	}
	if (rc == 0)
		rc = note_published(&p, e);
	opsbase_layers_release(&p.layers);
	ref_release(&p.mount_from);
	descriptor_release(&p.manifest);
	ref_release(&p.to);
	return rc;
}

int image_ops_push(struct session *s, const char *name, const char *dest, const struct layer_codec *codec,
		   struct image_ops_push_stats *st, struct err *e)
{
	return push_image(s, name, dest, codec, false, st, e);
}

int image_ops_push_new(struct session *s, const char *name, struct image_ops_push_stats *st, struct err *e)
{
	return push_image(s, name, NULL, NULL, true, st, e);
}
