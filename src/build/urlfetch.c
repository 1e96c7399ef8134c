/* Files of web servers as blobs of the store. */
#include "src/build/urlfetch.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "registry/urlget.h"
#include "src/util/clock.h"
#include "src/util/mem.h"

#define READ_BYTES     ((size_t)64 << 10)
#define RECORD_MAX     ((size_t)64 << 10)
#define RECORD_VERSION 1
/* Of a server's words; longer ones are not kept. */
#define VALIDATOR_MAX 1024

struct urlfetch_run {
	struct build *b;
	struct urlfetch_list *list;
	unsigned busy;
};

/* --- what is known from before --- */

/* The URL itself, which may hold a password, is not kept. */
static char *record_path(const char *url)
{
	uint8_t sum[HASH_MAX_BYTES];
	char hex[HASH_HEX_MAX];

	hash_bytes(HASH_SHA256, url, strlen(url), sum);
	hash_hex(sum, hash_size(HASH_SHA256), hex);
	return mem_printf("urls/%s.json", hex);
}

static char *validator(const struct json *j, const char *name)
{
	const char *text = json_get_str(j, name);

	return text && text[0] && strlen(text) <= VALIDATOR_MAX && !strpbrk(text, "\r\n") ? mem_strdup(text) : NULL;
}

/* A record that is damaged or whose blob has gone is none. */
static void recall(struct urlfetch *f)
{
	struct store *s = f->run->b->s->store;
	AUTO_FREE char *path = record_path(f->url);
	AUTO_BUF struct buf text = BUF_INIT(RECORD_MAX);
	AUTO_JSON struct json *j = NULL;
	struct err e = ERR_INIT;
	uint64_t size;

	if (store_record_get(s, path, RECORD_MAX, &text, &e) == 0)
		j = json_parse(text.p, text.n, RECORD_MAX, ERR_INTEGRITY, path, &e);
	if (j && json_get_int(j, "version", 0) == RECORD_VERSION &&
	    digest_parse(sv_from(json_str(json_at(json_get(j, "blobs"), 0))), &f->known, ERR_INTEGRITY, &e) == 0 &&
	    digest_alg(&f->known) == f->alg && store_blob_has(s, &f->known, &size)) {
		f->etag = validator(j, "etag");
		f->last_modified = validator(j, "last_modified");
	} else {
		f->known = (struct digest){0};
	}
	err_release(&e);
}

/* Not worth to fail for: without a record the file is fetched again. */
static void remember(const struct urlfetch *f, const struct json *answer)
{
	static const char *const names[] = {"etag", "last_modified"};
	AUTO_FREE char *path = record_path(f->url);
	AUTO_BUF struct buf text = BUF_INIT(RECORD_MAX);
	AUTO_JSON struct json *j = json_object();
	struct json *blobs = json_array();
	struct err e = ERR_INIT;

	json_set_int(j, "version", RECORD_VERSION);
	json_append(blobs, json_new_str(f->digest.text));
	json_set(j, "blobs", blobs);
	json_set(j, "diff_ids", json_array());
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (json_get_str(answer, names[i]))
			json_set_str(j, names[i], json_get_str(answer, names[i]));
	json_set_int(j, "used", clock_wall() / CLOCK_NS_PER_S);
	json_write(j, &text);
	store_record_put(f->run->b->s->store, path, text.p, text.n, false, &e);
	err_release(&e);
}

/* --- in the worker --- */

static int sum_file(int fd, enum hash_alg alg, struct digest *out, struct err *e)
{
	AUTO_HASH struct hash *h = hash_new(alg);
	AUTO_FREE char *part = mem_alloc(READ_BYTES);
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, part, READ_BYTES, at)) > 0) {
		hash_add(h, part, (size_t)n);
		at += n;
	}
	if (n < 0)
		return err_sys(e, ERR_HOST, errno, "reading a download");
	digest_from_hash(alg, h, out);
	return 0;
}

static int keep(const struct urlfetch *f, struct store_blob_writer *blob, const struct urlget *get, struct json *result,
		struct err *e)
{
	struct digest d;

	if (sum_file(blob->fd, f->alg, &d, e) < 0) {
		store_blob_abort(f->run->b->s->store, blob);
		return -1;
	}
	json_set_str(result, "digest", d.text);
	if (get->etag)
		json_set_str(result, "etag", get->etag);
	if (get->last_modified)
		json_set_str(result, "last_modified", get->last_modified);
	return store_blob_commit(f->run->b->s->store, blob, &d, get->size, NULL, e);
}

static int fetch(void *arg, struct worker *w, struct json **result, struct err *e)
{
	const struct urlfetch *f = arg;
	struct session *s = f->run->b->s;
	struct store_blob_writer blob;
	struct urlget get = {
		.url = f->url, .insecure = &s->net.insecure, .if_etag = f->etag, .if_modified = f->last_modified};
	int rc;

	(void)w;
	if (store_blob_begin(s->store, &blob, e) < 0)
		return -1;
	get.fd = blob.fd;
	rc = urlget_file(&get, e);
	*result = json_object();
	if (rc < 0 || get.unchanged)
		store_blob_abort(s->store, &blob);
	else
		rc = keep(f, &blob, &get, *result, e);
	urlget_release(&get);
	return rc;
}

/* --- in the scheduler --- */

static int take(struct urlfetch *f, const struct json *answer, struct err *e)
{
	const char *digest = json_get_str(answer, "digest");

	if (!digest) {
		f->digest = f->known;
		return 0;
	}
	if (digest_parse(sv_from(digest), &f->digest, ERR_INTERNAL, e) < 0)
		return -1;
	remember(f, answer);
	return 0;
}

static void start_more(struct urlfetch_run *r);

static void on_done(void *ctx, const struct json *answer, struct err *e)
{
	struct urlfetch *f = ctx;
	struct urlfetch_run *r = f->run;

	r->busy--;
	if (err_is_set(e) || take(f, answer, e) < 0)
		err_move(&f->err, e);
	start_more(r);
	if (!r->busy)
		loop_stop(r->b->s->loop);
}

static void from_store(struct urlfetch *f)
{
	if (digest_is_set(&f->known))
		f->digest = f->known;
	else
		err_set(&f->err, ERR_INPUT, "--offline: it is not in the store");
}

static void start_one(struct urlfetch_run *r, struct urlfetch *f)
{
	struct worker_spec spec = {.role = "fetch", .fetches = true, .fn = fetch, .arg = f, .done = on_done, .ctx = f};

	f->started = true;
	f->run = r;
	recall(f);
	if (r->b->o->offline)
		from_store(f);
	else if (worker_start(r->b->s, &spec, &f->err))
		r->busy++;
}

static void start_more(struct urlfetch_run *r)
{
	for (size_t i = 0; i < r->list->n && r->busy < URLFETCH_PARALLEL && !r->b->stopping; i++)
		if (!r->list->v[i].started)
			start_one(r, &r->list->v[i]);
}

int urlfetch_all(struct build *b, struct urlfetch_list *l, struct err *e)
{
	struct urlfetch_run r = {.b = b, .list = l};

	start_more(&r);
	if (r.busy && loop_run(b->s->loop, e) < 0)
		return -1;
	return b->stopping ? err_set(e, ERR_CANCELLED, "cancelled") : 0;
}

void urlfetch_release(struct urlfetch_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].etag);
		free(l->v[i].last_modified);
		err_release(&l->v[i].err);
	}
	vec_release(l);
}
