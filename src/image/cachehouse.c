#include "src/image/cachehouse.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "oci/indexfile.h"
#include "oci/layout_dir.h"
#include "oci/limits.h"
#include "src/build/cacheopt.h"
#include "src/cache/cacheuse.h"
#include "src/cache/cremote.h"
#include "src/session/worker.h"
#include "src/util/clock.h"
#include "src/util/io.h"
#include "src/util/mem.h"

#define TAG_PREFIX	 "slct-"
#define TAGS_AT_ONCE	 200
#define ANSWER_MAX_BYTES ((size_t)256 << 20)

struct house {
	struct session *s;
	struct cacheopt at;
	int64_t before;
	bool dry_run;
	int fd; /* for the answer, which is longer than a message may be */
	/* in the worker: */
	struct json *entries; /* object: digest → entry */
	struct smap blobs;    /* digest → "" */
	uint64_t bytes;
	struct json *used;  /* object: digest → when it was last read, seconds since 1970 */
	struct json *notes; /* array of {"digest", "until"}: those that say so */
};

/* --- entries --- */

static void count_blob(struct house *h, const struct descriptor *d, uint64_t *own)
{
	static char present[] = "";

	*own += d->size;
	if (smap_has(&h->blobs, d->digest.text))
		return;
	smap_set(&h->blobs, d->digest.text, present);
	h->bytes += d->size;
}

/* Day of the last use, nothing where it is unknown. */
static struct json *used_on(int64_t used)
{
	char text[32];

	return used > 0 ? json_new_str(clock_rfc3339(used, text)) : json_new_null();
}

static void add_entry(struct house *h, const char *tag, const struct descriptor *manifest, const struct manifest *m,
		      int64_t used)
{
	struct json *j = json_get(h->entries, manifest->digest.text);
	const char *built = json_get_str(m->annotations, CREMOTE_BUILT);
	uint64_t own = 0;

	if (j) {
		json_append(json_get(j, "tags"), json_new_str(tag));
		return;
	}
	j = json_object();
	json_set_str(j, "digest", manifest->digest.text);
	json_set(j, "tags", json_array());
	json_append(json_get(j, "tags"), json_new_str(tag));
	json_set(j, "built", built ? json_new_str(built) : json_new_null());
	json_set(j, "used", used_on(used));
	json_set_int(j, "layers", (int64_t)m->nlayers);
	count_blob(h, manifest, &own);
	count_blob(h, &m->config, &own);
	for (size_t i = 0; i < m->nlayers; i++)
		count_blob(h, &m->layers[i], &own);
	json_set_int(j, "bytes", (int64_t)own);
	json_set(h->entries, manifest->digest.text, j);
}

static bool is_ours(const char *tag)
{
	return strncmp(tag, TAG_PREFIX, strlen(TAG_PREFIX)) == 0;
}

static int list_dir(struct house *h, const char *path, struct err *e)
{
	AUTO_LAYOUT_DIR struct layout_dir d = LAYOUT_DIR_INIT;

	if (layout_dir_open(&d, path, e) < 0)
		return -1;
	for (size_t i = 0; i < d.tags.n; i++) {
		const struct descriptor *entry = d.tags.v[i].val;
		AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
		AUTO_MANIFEST struct manifest m = {0};
		struct err bad = ERR_INIT;

		if (is_ours(d.tags.v[i].key) && layout_dir_read(&d, entry, MANIFEST_MAX_BYTES, &text, &bad) == 0 &&
		    manifest_parse(text.p, text.n, entry->media_type, &m, ERR_INPUT, &bad) == 0)
			add_entry(h, d.tags.v[i].key, entry, &m, layout_dir_last_use(&d, entry));
		err_release(&bad);
	}
	return 0;
}

typedef void take_fn(struct house *h, const struct registry_probe *probe);

static void take_entry(struct house *h, const struct registry_probe *probe)
{
	AUTO_MANIFEST struct manifest m = {0};
	struct err bad = ERR_INIT;

	if (manifest_parse(probe->text.p, probe->text.n, probe->manifest.media_type, &m, ERR_REGISTRY, &bad) == 0)
		add_entry(h, probe->tag, &probe->manifest, &m, json_get_int(h->used, probe->manifest.digest.text, 0));
	err_release(&bad);
}

static void take_note(struct house *h, const struct registry_probe *probe)
{
	AUTO_INDEX struct index x = {0};
	struct err bad = ERR_INIT;
	int64_t until = cacheuse_until(probe->tag);
	struct json *note;

	if (index_parse(probe->text.p, probe->text.n, probe->manifest.media_type, &x, ERR_REGISTRY, &bad) < 0) {
		err_release(&bad);
		return;
	}
	for (size_t i = 0; i < x.n; i++) {
		const char *entry = x.manifests[i].digest.text;

		if (json_get_int(h->used, entry, 0) < until)
			json_set_int(h->used, entry, until);
	}
	note = json_object();
	json_set_str(note, "digest", probe->manifest.digest.text);
	json_set_int(note, "until", until);
	json_append(h->notes, note);
}

struct asked {
	struct registry *reg;
	const struct ref *repo;
	bool index_too;
	take_fn *take;
};

static int ask_some(struct house *h, const struct asked *a, char *const *tags, size_t n, struct err *e)
{
	AUTO_FREE struct registry_probe *probes = mem_zalloc((n + 1) * sizeof *probes);
	int rc;

	for (size_t i = 0; i < n; i++)
		probes[i] = (struct registry_probe){.tag = tags[i], .index_too = a->index_too};
	rc = registry_probe_tags(a->reg, a->repo, probes, n, e);
	for (size_t i = 0; i < n; i++) {
		if (rc == 0 && probes[i].found)
			a->take(h, &probes[i]);
		buf_release(&probes[i].text);
		descriptor_release(&probes[i].manifest);
	}
	return rc;
}

static int ask_all(struct house *h, const struct asked *a, const struct strv *tags, struct err *e)
{
	for (size_t i = 0; i < tags->n; i += TAGS_AT_ONCE)
		if (ask_some(h, a, tags->v + i, tags->n - i < TAGS_AT_ONCE ? tags->n - i : TAGS_AT_ONCE, e) < 0)
			return -1;
	return 0;
}

static int list_repo(struct house *h, struct registry *reg, const struct ref *repo, struct err *e)
{
	AUTO_STRV struct strv all = {0}, entries = {0}, notes = {0};
	const struct asked ask_entries = {reg, repo, false, take_entry}, ask_notes = {reg, repo, true, take_note};

	if (registry_tags(reg, repo, &all, e) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (cacheuse_until(all.v[i]) >= 0)
			strv_add(&notes, all.v[i]);
		else if (is_ours(all.v[i]))
			strv_add(&entries, all.v[i]);
	return ask_all(h, &ask_notes, &notes, e) < 0 || ask_all(h, &ask_entries, &entries, e) < 0 ? -1 : 0;
}

static int by_age(const void *a, const void *b)
{
	const char *x = json_get_str(*(struct json *const *)a, "built"),
		   *y = json_get_str(*(struct json *const *)b, "built");

	return strcmp(x ? x : "", y ? y : "");
}

static struct json *sorted(struct json *entries)
{
	AUTO_FREE struct json **v = mem_array(json_len(entries) + 1, sizeof *v);
	struct json *list = json_array();
	size_t n = 0;

	for (void *it = json_iter(entries); it; it = json_iter_next(entries, it))
		v[n++] = json_iter_val(it);
	qsort(v, n, sizeof(struct json *), by_age);
	for (size_t i = 0; i < n; i++)
		json_append(list, json_ref(v[i]));
	return list;
}

/* In the worker, which ends with it. */
static int list_all(void *arg, struct worker *w, struct json **result, struct err *e)
{
	struct house *h = arg;
	AUTO_BUF struct buf text = BUF_INIT(ANSWER_MAX_BYTES);
	AUTO_JSON struct json *j = json_object();
	AUTO_REF struct ref repo = {0};
	struct registry *reg = NULL;
	int rc;

	(void)w;
	(void)result;
	h->entries = json_object();
	h->used = json_object();
	h->notes = json_array();
	h->blobs = SMAP_INIT(NULL);
	if (cacheopt_dir(h->at.repo))
		rc = list_dir(h, cacheopt_dir(h->at.repo), e);
	else
		rc = ref_parse_repo(h->at.repo, &repo, e) < 0 || !(reg = registry_new(&h->s->net, e))
			     ? -1
			     : list_repo(h, reg, &repo, e);
	if (rc < 0)
		return -1;
	json_set_str(j, "cache", h->at.repo);
	json_set(j, "entries", sorted(h->entries));
	json_set(j, "notes", h->notes);
	json_set_int(j, "bytes", (int64_t)h->bytes);
	json_write(j, &text);
	return io_write_all(h->fd, text.p, text.n, "an answer", e);
}

static int run_list(struct house *h, struct json **out, struct err *e)
{
	AUTO_CLOSE int fd = memfd_create("answer", MFD_CLOEXEC);
	AUTO_BUF struct buf text = BUF_INIT(ANSWER_MAX_BYTES);
	struct worker_spec spec = {.role = "fetch", .fn = list_all, .arg = h, .fds = {fd}, .nfds = 1};
	AUTO_JSON struct json *ignored = NULL;

	h->fd = fd;
	if (fd < 0)
		return err_set(e, ERR_HOST, "memfd_create");
	if (worker_call(h->s, &spec, &ignored, e) < 0 || lseek(fd, 0, SEEK_SET) < 0 ||
	    io_read_all(fd, &text, "an answer", e) < 0)
		return -1;
	*out = json_parse(text.p, text.n, ANSWER_MAX_BYTES, ERR_INTERNAL, "an answer", e);
	return *out ? 0 : -1;
}

int cachehouse_list(struct session *s, const char *place, struct json **out, struct err *e)
{
	struct house h = {.s = s};
	int rc;

	if (cacheopt_parse(place, CACHEOPT_FROM, &h.at, e) < 0)
		return -1;
	rc = run_list(&h, out, e);
	if (rc == 0)
		json_del(*out, "notes");
	cacheopt_release(&h.at);
	return rc < 0 ? err_wrap(e, "cache %s", place) : 0;
}

/* --- gc --- */

static bool is_old(const char *built, int64_t before)
{
	int64_t t;

	return !built || clock_parse_rfc3339(sv_from(built), &t) < 0 || t < before;
}

static bool is_unused(const struct json *entry, int64_t before)
{
	return is_old(json_get_str(entry, "built"), before) && is_old(json_get_str(entry, "used"), before);
}

/* Other entries of the layout than a cache's stay. */
static bool keeps(void *arg, const struct layout_dir *d, const struct descriptor *entry)
{
	const struct house *h = arg;
	const char *tag = json_get_str(entry->annotations, INDEXFILE_REF_NAME);
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_MANIFEST struct manifest m = {0};
	struct err e = ERR_INIT;
	bool old;

	if (!tag || !is_ours(tag))
		return true;
	old = !layout_dir_whole(d, entry) || layout_dir_read(d, entry, MANIFEST_MAX_BYTES, &text, &e) < 0 ||
	      manifest_parse(text.p, text.n, entry->media_type, &m, ERR_INPUT, &e) < 0 ||
	      (is_old(json_get_str(m.annotations, CREMOTE_BUILT), h->before) &&
	       layout_dir_last_use(d, entry) < h->before);
	err_release(&e);
	return !old;
}

static int gc_dir(struct house *h, struct cachehouse_stats *st, struct err *e)
{
	struct layout_gc_opts o = {.keep = keeps, .arg = h, .dry_run = h->dry_run};
	struct layout_gc_stats found;

	if (layout_gc(cacheopt_dir(h->at.repo), &o, &found, e) < 0)
		return -1;
	st->entries = found.entries;
	st->blobs = found.blobs;
	st->bytes = found.bytes;
	st->held = found.held;
	return 0;
}

struct deletion {
	struct house *h;
	const struct strv *digests;
};

static int delete_all(void *arg, struct worker *w, struct json **result, struct err *e)
{
	const struct deletion *del = arg;
	AUTO_REF struct ref repo = {0};
	struct registry *reg;

	(void)w;
	(void)result;
	if (ref_parse_repo(del->h->at.repo, &repo, e) < 0 || !(reg = registry_new(&del->h->s->net, e)))
		return -1;
	for (size_t i = 0; i < del->digests->n; i++) {
		if (digest_parse(sv_from(del->digests->v[i]), &repo.digest, ERR_INTERNAL, e) < 0)
			return -1;
		if (registry_remove(reg, &repo, e) == 0)
			continue;
		if (e->code != ERR_NOT_FOUND) /* somebody else was faster */
			return -1;
		err_release(e);
	}
	return 0;
}

static int gc_repo(struct house *h, struct cachehouse_stats *st, struct err *e)
{
	AUTO_JSON struct json *list = NULL, *ignored = NULL;
	AUTO_STRV struct strv old = {0};
	struct deletion del = {h, &old};
	struct worker_spec spec = {.role = "fetch", .fn = delete_all, .arg = &del};

	if (run_list(h, &list, e) < 0)
		return -1;
	const struct json *entries = json_get(list, "entries"), *notes = json_get(list, "notes");

	for (size_t i = 0; i < json_len(notes); i++)
		if (json_get_int(json_at(notes, i), "until", 0) < h->before)
			strv_add(&old, json_get_str(json_at(notes, i), "digest"));
	for (size_t i = 0; i < json_len(entries); i++)
		if (is_unused(json_at(entries, i), h->before)) {
			strv_add(&old, json_get_str(json_at(entries, i), "digest"));
			st->entries++;
		}
	st->kept = json_len(entries) - st->entries;
	return h->dry_run || !old.n ? 0 : worker_call(h->s, &spec, &ignored, e);
}

int cachehouse_gc(struct session *s, const char *place, int64_t before, bool dry_run, struct cachehouse_stats *st,
		  struct err *e)
{
	struct house h = {.s = s, .before = before, .dry_run = dry_run};
	int rc;

	*st = (struct cachehouse_stats){0};
	if (cacheopt_parse(place, CACHEOPT_FROM, &h.at, e) < 0)
		return -1;
	rc = cacheopt_dir(h.at.repo) ? gc_dir(&h, st, e) : gc_repo(&h, st, e);
	cacheopt_release(&h.at);
	return rc < 0 ? err_wrap(e, "cache %s", place) : 0;
}
