#include "src/build/cacheput.h"

#include <string.h>
#include <unistd.h>

#include "oci/layout.h"
#include "oci/layout_dir.h"
#include "oci/limits.h"
#include "src/cache/cremote.h"
#include "src/session/blobstream.h"
#include "src/util/mem.h"

struct tags {
	char input[CKEY_TAG_BYTES], content[CKEY_TAG_BYTES];
	const char *more[1];
	size_t nmore;
};

static void name_tags(const struct cachejob *job, struct tags *t)
{
	ckey_tag(&job->input, t->input);
	ckey_tag(&job->content, t->content);
	t->more[0] = t->content;
	t->nmore = strcmp(t->input, t->content) != 0;
}

int cacheput_connect(struct cacheput *p, struct err *e)
{
	if (p->reg)
		return 0;
	if (ref_parse_repo(p->to->repo, &p->repo, e) < 0)
		return -1;
	p->reg = registry_new(&p->b->s->net, e);
	return p->reg ? 0 : -1;
}

/* --- is it there? --- */

/* Not to have any tags is an answer; a registry that does not tell them is asked for each. */
static void list_tags(struct cacheput *p)
{
	AUTO_STRV struct strv tags = {0};
	struct err e = ERR_INIT;
	bool complete = false;

	if (p->known.listed)
		return;
	if (registry_some_tags(p->reg, &p->repo, &tags, &complete, &e) < 0)
		complete = e.code == ERR_NOT_FOUND;
	err_release(&e);
	cacheknown_list(&p->known, &tags, complete);
}

static void release_probe(struct registry_probe *probe)
{
	buf_release(&probe->text);
	descriptor_release(&probe->manifest);
}

static int ask_tags(struct cacheput *p, const struct tags *t, struct err *e)
{
	struct registry_probe probes[] = {{.tag = t->input}, {.tag = t->content}};
	size_t n = 1 + t->nmore;
	int rc = registry_probe_tags(p->reg, &p->repo, probes, n, e);

	for (size_t i = 0; i < n; i++) {
		if (rc == 0)
			cacheknown_tell(&p->known, probes[i].tag, probes[i].found);
		release_probe(&probes[i]);
	}
	return rc;
}

static bool all_are(const struct cacheput *p, const struct tags *t, enum cacheknown_answer a)
{
	return cacheknown_has(&p->known, t->input) == a && (!t->nmore || cacheknown_has(&p->known, t->content) == a);
}

static int ask_repo(struct cacheput *p, const struct tags *t, bool *there, struct err *e)
{
	if (cacheput_connect(p, e) < 0)
		return -1;
	list_tags(p);
	if (cacheknown_has(&p->known, t->input) == CACHEKNOWN_PERHAPS && ask_tags(p, t, e) < 0)
		return -1;
	*there = all_are(p, t, CACHEKNOWN_YES);
	return 0;
}

static bool dir_has(const struct layout_dir *d, const char *tag)
{
	const struct descriptor *entry = layout_dir_find(d, tag);

	if (!entry || !layout_dir_whole(d, entry))
		return false;
	layout_dir_used(d, entry); /* it would be written again, were it not there */
	return true;
}

static int ask_dir(const char *path, const struct tags *t, bool *there, struct err *e)
{
	AUTO_LAYOUT_DIR struct layout_dir d = LAYOUT_DIR_INIT;

	*there = false;
	if (layout_dir_open(&d, path, e) == 0)
		*there = dir_has(&d, t->input) && (!t->nmore || dir_has(&d, t->content));
	else if (e->code != ERR_NOT_FOUND)
		return -1;
	err_release(e);
	return 0;
}

static int ask(struct cacheput *p, const struct cachejob *job, struct json *answer, struct err *e)
{
	const char *dir = cacheopt_dir(p->to->repo);
	bool there = false;
	struct tags t;

	name_tags(job, &t);
	if ((dir ? ask_dir(dir, &t, &there, e) : ask_repo(p, &t, &there, e)) < 0)
		return -1;
	json_set_bool(answer, "there", there);
	return 0;
}

/* --- the image --- */

struct making {
	struct cacheput *p;
	const struct cachejob *job;
	struct descriptor config;
	struct descriptor manifest;
};

static void release_making(struct making *m)
{
	descriptor_release(&m->config);
	descriptor_release(&m->manifest);
}

static int put_config(struct making *m, struct err *e)
{
	AUTO_DIGEST_LIST struct digest_list stack = {0};
	AUTO_IMGCONFIG struct imgconfig config;
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);

	for (size_t i = 0; i < m->job->n; i++)
		vec_push(&stack, m->job->layers[i].diff_id);
	result_config(m->p->b, m->job->stage, &stack, m->job->made, m->job->step, &config);
	imgconfig_write(&config, &text);
	return store_blob_put(m->p->b->s->store, text.p, text.n, MEDIATYPE_OCI_CONFIG, &m->config, e);
}

/* All blobs are known now. */
static int put_manifest(void *arg, struct descriptor *out, struct err *e)
{
	struct making *m = arg;
	AUTO_DIGEST_LIST struct digest_list stack = {0};
	AUTO_MANIFEST struct manifest im = {0};
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	size_t stream = 0;

	descriptor_copy(&im.config, &m->config);
	for (size_t i = 0; i < m->job->n; i++) {
		const struct cachejob_layer *l = &m->job->layers[i];
		const struct registry_stream *s = l->stream ? &m->p->table[stream++] : NULL;
		AUTO_DESCRIPTOR struct descriptor made = {0};

		if (s)
			descriptor_set(&made, s->media_type, &s->digest, s->size);
		manifest_add_layer(&im, s ? &made : &l->blob);
		vec_push(&stack, l->diff_id);
	}
	cremote_annotate(&im, &stack, &m->job->input, &m->job->content, m->job->made, m->job->built);
	manifest_write(&im, &text);
	return store_blob_put(m->p->b->s->store, text.p, text.n, MEDIATYPE_OCI_MANIFEST, out, e);
}

/* --- layers that are elsewhere --- */

static int fetch_one(struct cacheput *p, const struct cachejob_layer *l, struct err *e)
{
	const struct descriptor *blob = &l->blob;
	const char *dir = cacheopt_dir(l->from);
	AUTO_LAYOUT_DIR struct layout_dir d = LAYOUT_DIR_INIT;
	AUTO_REF struct ref repo = {0};

	if (dir)
		return layout_dir_open(&d, dir, e) < 0 ? -1 : layout_dir_fetch(&d, p->b->s->store, blob, e);
	if (!p->reg && !(p->reg = registry_new(&p->b->s->net, e)))
		return -1;
	return ref_parse_repo(l->from, &repo, e) < 0
		       ? -1
		       : registry_fetch_blobs(p->reg, &repo, &blob, 1, p->b->s->store, NULL, e);
}

static int fetch_missing(struct cacheput *p, const struct cachejob *job, struct err *e)
{
	for (size_t i = 0; job->fetch && i < job->n; i++) {
		const struct cachejob_layer *l = &job->layers[i];

		if (l->from && !store_blob_has(p->b->s->store, &l->blob.digest, NULL) && fetch_one(p, l, e) < 0)
			return -1;
	}
	return 0;
}

/* If they turn out not to be there, the push asks for all and sends them. */
static void believe_there(const struct cachejob *job, struct digest_list *there)
{
	for (size_t i = 0; i < job->n; i++)
		if (job->layers[i].there && digest_is_set(&job->layers[i].blob.digest) && !job->layers[i].from)
			vec_push(there, job->layers[i].blob.digest);
}

/* What the registry has: in this repository, or in one from which it is mounted (one for all: the first). */
static void find_there(const struct cacheput *p, const struct cachejob *job, struct digest_list *there,
		       struct ref *mount_from)
{
	for (size_t i = 0; !job->fetch && i < job->n; i++) {
		const struct cachejob_layer *l = &job->layers[i];
		AUTO_REF struct ref at = {0};
		struct err e = ERR_INIT;

		if (!l->from || cacheopt_dir(l->from) || ref_parse_repo(l->from, &at, &e) < 0 ||
		    strcmp(at.host, p->repo.host) != 0) {
			err_release(&e);
			continue;
		}
		if (strcmp(at.path, p->repo.path) == 0)
			vec_push(there, l->blob.digest);
		else if (!mount_from->path)
			ref_copy(mount_from, &at);
	}
}

/* --- pushing --- */

struct sending {
	struct registry_push push;
	struct ref to, mount_from;
	struct digest_list there;
	struct registry_stream **streams;
	const struct descriptor **known;
};

static void release_sending(struct sending *s)
{
	for (size_t i = 0; i < s->push.nstreams; i++)
		if (s->streams[i]->fd >= 0)
			close(s->streams[i]->fd);
	ref_release(&s->to);
	ref_release(&s->mount_from);
	digest_list_release(&s->there);
	descriptor_release(&s->push.manifest);
	free(s->streams);
	free(s->known);
}

static bool is_listed(const struct sending *s, const struct digest *d)
{
	for (size_t i = 0; i < s->push.nknown; i++)
		if (digest_eq(&s->known[i]->digest, d))
			return true;
	return false;
}

/* Layers into those that are being made and those that are known, each blob once. */
static int sort_layers(struct sending *s, struct making *m, struct err *e)
{
	struct store *store = m->p->b->s->store;

	s->streams = mem_array(m->job->n + 1, sizeof(struct registry_stream *));
	s->known = mem_array(m->job->n + 2, sizeof *s->known);
	s->known[s->push.nknown++] = &m->config;
	for (size_t i = 0; i < m->job->n; i++) {
		const struct cachejob_layer *l = &m->job->layers[i];
		struct registry_stream *made = &m->p->table[s->push.nstreams];

		if (!l->stream && !is_listed(s, &l->blob.digest))
			s->known[s->push.nknown++] = &l->blob;
		if (!l->stream)
			continue;
		if (blobstream_attach_one(store, l->stream, made, e) < 0)
			return -1;
		s->streams[s->push.nstreams++] = made;
	}
	s->push.streams = s->streams;
	s->push.known = s->known;
	return 0;
}

static void set_known(struct sending *s, const struct cacheput *p, const struct cachejob *job, const struct tags *t)
{
	ref_copy(&s->to, &p->repo);
	free(s->to.tag);
	s->to.tag = mem_strdup(t->input);
	s->push.to = &s->to;
	s->push.more_tags = t->more;
	s->push.nmore = t->nmore;
	s->push.skip_existing = !job->replace;
	s->push.new_tags = all_are(p, t, CACHEKNOWN_NO);
	if (s->push.new_tags)
		s->push.unasked_bytes = p->known.empty ? UINT64_MAX : CACHEPUT_SMALL_BYTES;
	believe_there(job, &s->there);
	find_there(p, job, &s->there, &s->mount_from);
	s->push.there = s->there.v;
	s->push.nthere = s->there.n;
	s->push.mount_from = s->mount_from.path ? &s->mount_from : NULL;
}

/* Some registries refuse to write a tag a second time: somebody else was faster, and theirs is as good. */
static bool lost_race(struct cacheput *p, const struct tags *t, const struct err *why)
{
	struct err e = ERR_INIT;
	bool lost = why->http >= 400 && why->http < 500 && why->http != 401 && why->http != 429 &&
		    ask_tags(p, t, &e) == 0 && all_are(p, t, CACHEKNOWN_YES);

	err_release(&e);
	return lost;
}

static int push(struct making *m, struct sending *s, const struct tags *t, struct err *e)
{
	struct cacheput *p = m->p;

	if (sort_layers(s, m, e) < 0)
		return -1;
	if (s->push.nstreams) {
		s->push.seal = put_manifest;
		s->push.seal_arg = m;
	} else if (put_manifest(m, &s->push.manifest, e) < 0) {
		return -1;
	}
	if (registry_push_image(p->reg, &s->push, p->b->s->store, NULL, NULL, e) < 0) {
		if (!lost_race(p, t, e))
			return -1;
		err_release(e);
	}
	cacheknown_tell(&p->known, t->input, true);
	cacheknown_tell(&p->known, t->content, true);
	return 0;
}

static int write_repo(struct making *m, const struct tags *t, struct json *answer, struct err *e)
{
	struct sending s = {0};
	int rc = cacheput_connect(m->p, e);

	if (rc == 0) {
		list_tags(m->p);
		set_known(&s, m->p, m->job, t);
		rc = push(m, &s, t, e);
	}
	json_set_int(answer, "sent", (int64_t)s.push.bytes_sent);
	release_sending(&s);
	return rc;
}

/* Under the directory's lock, which other builds on it wait for. */
static int write_dir(struct making *m, const char *path, struct tags *t, struct err *e)
{
	struct layout_save_opts o = {.keep = !m->job->replace};

	if (put_manifest(m, &m->manifest, e) < 0)
		return -1;
	struct layout_image images[] = {{.name = t->input, .manifest = m->manifest},
					{.name = t->content, .manifest = m->manifest}};

	return layout_save_dir_with(m->p->b->s->store, path, images, 1 + t->nmore, &o, e);
}

static int write_entry(struct cacheput *p, const struct cachejob *job, struct json *answer, struct err *e)
{
	struct making m = {.p = p, .job = job};
	const char *dir = cacheopt_dir(p->to->repo);
	struct tags t;
	int rc = fetch_missing(p, job, e);

	name_tags(job, &t);
	if (rc == 0)
		rc = put_config(&m, e);
	if (rc == 0)
		rc = dir ? write_dir(&m, dir, &t, e) : write_repo(&m, &t, answer, e);
	release_making(&m);
	return rc;
}

int cacheput_do(struct cacheput *p, const struct cachejob *job, struct json *answer, struct err *e)
{
	switch (job->kind) {
	case CACHEJOB_ASK:
		return ask(p, job, answer, e);
	case CACHEJOB_WRITE:
		return write_entry(p, job, answer, e);
	case CACHEJOB_WHY:
		return cacheput_why(p, job, e);
	case CACHEJOB_USE:
		return cacheput_use(p, job, e);
	}
	return err_set(e, ERR_INTERNAL, "a job of an unknown kind");
}
