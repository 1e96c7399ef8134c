#include "src/image/imgcopy.h"

#include <string.h>
#include <unistd.h>

#include "oci/indexfile.h"
#include "oci/layout.h"
#include "oci/layout_dir.h"
#include "oci/limits.h"
#include "src/build/opsbase.h"
#include "src/image/imgindex.h"
#include "src/util/log.h"
#include "src/util/mem.h"
#include "src/util/path.h"

/* Indexes in indexes: as deep as loading goes. */
#define DEPTH_MAX 4
/* Of the names of a layout, in a hint. */
#define NAMES_SHOWN_BYTES 200

/* --- places --- */

static const struct {
	const char *prefix;
	enum imgcopy_kind kind;
} transports[] = {{"docker://", IMGCOPY_DOCKER},
		  {"store:", IMGCOPY_STORE},
		  {"oci:", IMGCOPY_OCI},
		  {"oci-archive:", IMGCOPY_OCI_ARCHIVE},
		  {"docker-archive:", IMGCOPY_DOCKER_ARCHIVE}};

/* A tag may be a full reference, and a directory's name may have colons. */
static void cut_tag(char *path, char **tag)
{
	char *colon = strchr(path, ':');

	for (size_t n = strlen(path); n > 0; n--) {
		char end = path[n];

		if (end && end != ':')
			continue;
		path[n] = '\0';
		if (access(path, F_OK) == 0) {
			*tag = end ? mem_strdup(path + n + 1) : NULL;
			return;
		}
		path[n] = end;
	}
	if (!colon)
		return;
	*tag = mem_strdup(colon + 1);
	*colon = '\0';
}

int imgcopy_place(const char *text, struct imgcopy_place *out, struct err *e)
{
	*out = (struct imgcopy_place){.kind = IMGCOPY_STORE};
	for (size_t i = 0; i < ARRAY_LEN(transports); i++) {
		size_t n = strlen(transports[i].prefix);

		if (strncmp(text, transports[i].prefix, n) != 0)
			continue;
		out->kind = transports[i].kind;
		text += n;
		break;
	}
	if (!text[0])
		return err_set(e, ERR_USAGE, "an image's name is missing behind its transport");
	out->name = mem_strdup(text);
	if (out->kind != IMGCOPY_STORE && out->kind != IMGCOPY_DOCKER)
		cut_tag(out->name, &out->tag);
	if (out->tag && !out->tag[0]) {
		imgcopy_place_release(out);
		return err_set(e, ERR_USAGE, "%s: a tag is missing behind the colon", text);
	}
	return 0;
}

void imgcopy_place_release(struct imgcopy_place *p)
{
	free(p->name);
	free(p->tag);
	*p = (struct imgcopy_place){0};
}

/* --- bringing: in a worker --- */

struct bring {
	struct session *s;
	const struct imgcopy_place *from;
	const struct platform *platform; /* NULL: all */
	bool documents;
	struct ref ref;
	struct registry *reg;
	struct layout_dir dir;
};

/* Of a registry: the document of a tag or digest into the store. */
static int fetch_document(struct bring *b, const char *name, struct descriptor *out, struct err *e)
{
	struct registry_probe probe = {.tag = name, .index_too = true};

	if (registry_probe_tags(b->reg, &b->ref, &probe, 1, e) < 0)
		return -1;
	if (!probe.found)
		return err_set(e, ERR_REGISTRY, "%s/%s has no manifest %s", b->ref.host, b->ref.path, name);
	int rc = store_blob_put(b->s->store, probe.text.p, probe.text.n, probe.manifest.media_type, out, e);

	buf_release(&probe.text);
	return rc;
}

static int bring_document(struct bring *b, const struct descriptor *d, struct err *e)
{
	AUTO_DESCRIPTOR struct descriptor got = {0};

	if (store_blob_has(b->s->store, &d->digest, NULL))
		return 0;
	if (b->from->kind == IMGCOPY_OCI)
		return layout_dir_fetch(&b->dir, b->s->store, d, e);
	if (fetch_document(b, d->digest.text, &got, e) < 0)
		return -1;
	return digest_eq(&got.digest, &d->digest) ? 0
						  : err_set(e, ERR_INTEGRITY, "manifest %s: the registry gave %s",
							    d->digest.text, got.digest.text);
}

static int bring_blobs(struct bring *b, const struct descriptor *const *v, size_t n, struct err *e)
{
	if (b->from->kind == IMGCOPY_DOCKER)
		return registry_fetch_blobs(b->reg, &b->ref, v, n, b->s->store, NULL, e);
	for (size_t i = 0; i < n; i++)
		if (layout_dir_fetch(&b->dir, b->s->store, v[i], e) < 0)
			return -1;
	return 0;
}

static int bring_content(struct bring *b, const struct manifest *m, struct err *e)
{
	AUTO_FREE const struct descriptor **list = mem_array(m->nlayers + 1, sizeof *list);
	size_t n = 0;

	for (size_t i = 0; i < m->nlayers; i++)
		if (mediatype_kind_of(m->layers[i].media_type) != MEDIATYPE_FOREIGN_LAYER)
			list[n++] = &m->layers[i];
	list[n++] = &m->config;
	return bring_blobs(b, list, n, e);
}

/* What is below a document that the store has. With a platform *root moves down to its manifest. */
static int bring_below(struct bring *b, struct descriptor *root, unsigned depth, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_MANIFEST struct manifest m = {0};
	AUTO_INDEX struct index x = {0};

	if (store_blob_read(b->s->store, &root->digest, MANIFEST_MAX_BYTES, &text, e) < 0)
		return -1;
	if (manifest_detect(text.p, text.n, root->media_type) != MEDIATYPE_INDEX) {
		if (manifest_parse(text.p, text.n, root->media_type, &m, ERR_INPUT, e) < 0)
			return -1;
		return b->documents ? 0 : bring_content(b, &m, e);
	}
	if (depth == DEPTH_MAX)
		return err_set(e, ERR_INPUT, "indexes nested deeper than %d", DEPTH_MAX);
	if (index_parse(text.p, text.n, root->media_type, &x, ERR_INPUT, e) < 0)
		return -1;
	if (b->platform) {
		const struct descriptor *one = index_select(&x, b->platform, e);

		if (!one || bring_document(b, one, e) < 0)
			return -1;
		descriptor_release(root);
		descriptor_copy(root, one);
		return bring_below(b, root, depth + 1, e);
	}
	for (size_t i = 0; i < x.n; i++)
		if (bring_document(b, &x.manifests[i], e) < 0 || bring_below(b, &x.manifests[i], depth + 1, e) < 0)
			return -1;
	return 0;
}

/* The names that an index has, some of them. */
static void hint_names(const struct layout_dir *d, const char *dir, struct err *e)
{
	AUTO_BUF struct buf names = BUF_INIT(NAMES_SHOWN_BYTES);

	for (size_t i = 0; i < d->index.n; i++) {
		const char *name = json_get_str(d->index.manifests[i].annotations, INDEXFILE_REF_NAME);

		if (name)
			buf_printf(&names, "%soci:%s:%s", names.n ? ", " : "", dir, name);
	}
	if (names.n)
		err_hint(e, "it has %s%s", buf_str(&names), names.over ? ", …" : "");
}

static const struct descriptor *find_in_dir(const struct layout_dir *d, const struct imgcopy_place *from, struct err *e)
{
	const struct descriptor *found;

	if (from->tag)
		found = layout_dir_find(d, from->tag);
	else
		found = d->index.n == 1 ? &d->index.manifests[0] : NULL;
	if (!found && from->tag) {
		err_set(e, ERR_NOT_FOUND, "layout %s has no image %s", from->name, from->tag);
		hint_names(d, from->name, e);
	} else if (!found) {
		err_set(e, ERR_INPUT, "layout %s has %zu images: which one is meant?", from->name, d->index.n);
		err_hint(e, "name its tag: oci:%s:TAG", from->name);
	}
	return found;
}

static int root_of_dir(struct bring *b, struct descriptor *root, struct err *e)
{
	const struct descriptor *found;

	if (layout_dir_open(&b->dir, b->from->name, e) < 0)
		return -1;
	found = find_in_dir(&b->dir, b->from, e);
	if (!found)
		return -1;
	descriptor_set(root, found->media_type, &found->digest, found->size);
	return layout_dir_fetch(&b->dir, b->s->store, root, e);
}

static int root_of_registry(struct bring *b, struct descriptor *root, struct err *e)
{
	b->reg = registry_new(&b->s->net, e);
	if (!b->reg)
		return -1;
	if (!digest_is_set(&b->ref.digest))
		return fetch_document(b, b->ref.tag, root, e);
	return fetch_document(b, b->ref.digest.text, root, e);
}

static int root_of_archive(struct bring *b, struct descriptor *root, struct err *e)
{
	struct platform host;

	platform_host(&host);
	return layout_load_archive(b->s->store, b->from->name, b->from->tag, b->platform ? b->platform : &host, root,
				   NULL, e);
}

static int bring_all(void *arg, struct worker *w, struct json **result, struct err *e)
{
	struct bring *b = arg;
	AUTO_DESCRIPTOR struct descriptor root = {0};
	int rc;

	(void)w;
	if (b->from->kind == IMGCOPY_DOCKER)
		rc = root_of_registry(b, &root, e);
	else if (b->from->kind == IMGCOPY_OCI)
		rc = root_of_dir(b, &root, e);
	else
		return root_of_archive(b, &root, e) < 0 ? -1 : (*result = descriptor_to_json(&root), 0);
	if (rc < 0 || bring_below(b, &root, 0, e) < 0)
		return -1;
	*result = descriptor_to_json(&root);
	return 0;
}

static int bring_from_store(struct session *s, const char *name, struct descriptor *root, struct err *e)
{
	AUTO_STORE_IMAGE struct store_image im = {0};

	/* An index has a name of its own. */
	if (imgindex_find(s, name, root, e) == 0)
		return 0;
	err_release(e);
	return opsbase_image(s, name, &im, NULL, e) < 0 ? -1 : opsbase_manifest(s, &im, NULL, root, e);
}

int imgcopy_bring(struct session *s, const struct imgcopy_place *from, const struct platform *platform, bool documents,
		  struct descriptor *root, struct err *e)
{
	struct bring b = {.s = s, .from = from, .platform = platform, .documents = documents, .dir = LAYOUT_DIR_INIT};
	struct worker_spec spec = {.role = "fetch", .fn = bring_all, .arg = &b};
	AUTO_JSON struct json *answer = NULL;
	int rc;

	if (from->kind == IMGCOPY_STORE)
		return bring_from_store(s, from->name, root, e);
	if (from->kind == IMGCOPY_DOCKER && ref_parse(from->name, &b.ref, e) < 0)
		return -1;
	rc = worker_call(s, &spec, &answer, e);
	if (rc == 0)
		rc = descriptor_from_json(answer, root, ERR_INTERNAL, e);
	ref_release(&b.ref);
	return rc;
}

/* --- giving --- */

struct give {
	struct session *s;
	const struct descriptor *root;
	struct ref to;
	struct registry *reg;
};

static int push_one(struct give *g, const struct descriptor *d, bool tagged, struct err *e)
{
	AUTO_REF struct ref to = {0};
	struct registry_push p = {.to = &to};

	ref_copy(&to, &g->to);
	if (!tagged) {
		free(to.tag);
		to.tag = NULL;
	}
	descriptor_copy(&p.manifest, d);
	int rc = registry_push_image(g->reg, &p, g->s->store, NULL, NULL, e);

	descriptor_release(&p.manifest);
	return rc;
}

/* Children before the index that names them. */
static int push_tree(struct give *g, const struct descriptor *d, bool tagged, unsigned depth, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_INDEX struct index x = {0};

	if (store_blob_read(g->s->store, &d->digest, MANIFEST_MAX_BYTES, &text, e) < 0)
		return -1;
	if (manifest_detect(text.p, text.n, d->media_type) != MEDIATYPE_INDEX)
		return push_one(g, d, tagged, e);
	if (depth == DEPTH_MAX)
		return err_set(e, ERR_INPUT, "indexes nested deeper than %d", DEPTH_MAX);
	if (index_parse(text.p, text.n, d->media_type, &x, ERR_INPUT, e) < 0)
		return -1;
	for (size_t i = 0; i < x.n; i++)
		if (push_tree(g, &x.manifests[i], false, depth + 1, e) < 0)
			return -1;
	return push_one(g, d, tagged, e);
}

static int push_all(void *arg, struct worker *w, struct json **result, struct err *e)
{
	struct give *g = arg;

	(void)w;
	(void)result;
	g->reg = registry_new(&g->s->net, e);
	return g->reg ? push_tree(g, g->root, true, 0, e) : -1;
}

static int give_to_registry(struct session *s, const struct descriptor *root, const struct imgcopy_place *to,
			    struct err *e)
{
	struct give g = {.s = s, .root = root};
	struct worker_spec spec = {.role = "push", .fn = push_all, .arg = &g};
	AUTO_JSON struct json *ignored = NULL;
	int rc = ref_parse(to->name, &g.to, e);

	if (rc == 0)
		rc = worker_call(s, &spec, &ignored, e);
	ref_release(&g.to);
	return rc;
}

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

int imgcopy_give(struct session *s, const struct descriptor *root, const struct imgcopy_place *to, struct err *e)
{
	struct layout_image im = {.name = to->tag, .manifest = *root};

	switch (to->kind) {
	case IMGCOPY_DOCKER:
		return give_to_registry(s, root, to, e);
	case IMGCOPY_STORE:
		return opsbase_adopt(s, root, to->name, NULL, NULL, e);
	case IMGCOPY_OCI:
		return layout_save_dir(s->store, to->name, &im, 1, e);
	case IMGCOPY_OCI_ARCHIVE:
		return layout_save_archive(s->store, to->name, &im, 1, e);
	case IMGCOPY_DOCKER_ARCHIVE:
		return layout_save_docker(s->store, to->name, &im, 1, e);
	}
	return err_set(e, ERR_INTERNAL, "unknown place %d", (int)to->kind);
}

/* --- past the store, in a worker: between registries and layout directories --- */

struct direct {
	struct session *s;
	const struct imgcopy_place *from, *target;
	struct ref from_ref, to;
	const struct imgcopy_opts *o;
};

static int direct_run(struct direct *d, struct layout_dir *dir, struct registry_copy *c, struct err *e)
{
	struct registry *reg;

	if (d->from->kind == IMGCOPY_OCI) {
		if (layout_dir_open(dir, d->from->name, e) < 0)
			return -1;
		c->dir = dir;
		c->root = find_in_dir(dir, d->from, e);
		if (!c->root)
			return -1;
	} else {
		c->from = &d->from_ref;
	}
	if (d->target->kind == IMGCOPY_OCI) {
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

static int direct(struct session *s, const struct imgcopy_place *from, const struct imgcopy_place *to,
		  const struct imgcopy_opts *o, struct digest *digest, struct err *e)
{
	struct direct d = {.s = s, .from = from, .target = to, .o = o};
	struct worker_spec spec = {.role = "copy", .fn = direct_work, .arg = &d};
	AUTO_JSON struct json *answer = NULL;
	int rc = to->kind == IMGCOPY_DOCKER ? ref_parse(to->name, &d.to, e) : 0;

	if (rc == 0 && from->kind == IMGCOPY_DOCKER)
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

static int copy(struct session *s, const struct imgcopy_place *from, const struct imgcopy_place *to,
		const struct imgcopy_opts *o, struct digest *digest, struct err *e)
{
	bool one = to->kind == IMGCOPY_STORE || to->kind == IMGCOPY_DOCKER_ARCHIVE;
	const struct platform *platform = o->platform;
	AUTO_DESCRIPTOR struct descriptor root = {0}, chosen = {0};
	struct platform host;

	if ((to->kind == IMGCOPY_DOCKER || to->kind == IMGCOPY_OCI) &&
	    (from->kind == IMGCOPY_DOCKER || from->kind == IMGCOPY_OCI))
		return direct(s, from, to, o, digest, e);
	platform_host(&host);
	if (one && !platform)
		platform = &host;
	if (imgcopy_bring(s, from, platform, false, &root, e) < 0)
		return -1;
	if ((one ? one_manifest(s, &root, platform, &chosen, e) : (descriptor_copy(&chosen, &root), 0)) < 0)
		return -1;
	*digest = chosen.digest;
	return imgcopy_give(s, &chosen, to, e);
}

int imgcopy(struct session *s, const char *from, const char *to, const struct imgcopy_opts *o, struct digest *digest,
	    struct err *e)
{
	AUTO_IMGCOPY_PLACE struct imgcopy_place a = {0}, b = {0};

	if (imgcopy_place(from, &a, e) < 0 || imgcopy_place(to, &b, e) < 0)
		return -1;
	if (o->referrers && (a.kind != IMGCOPY_DOCKER || b.kind != IMGCOPY_DOCKER))
		return err_set(e, ERR_USAGE, "referrers are copied from a registry to a registry only");
	if (copy(s, &a, &b, o, digest, e) < 0)
		return err_wrap(e, "copying %s to %s", from, to);
	return 0;
}
