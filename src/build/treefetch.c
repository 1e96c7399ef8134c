/* Layers fetched, and unpacked on the way. */
#include "src/build/treefetch.h"

#include <stdatomic.h>
#include <string.h>

#include "oci/layout_dir.h"
#include "registry/blobget.h"
#include "src/build/cacheopt.h"
#include "src/build/treeunpack.h"
#include "src/util/mem.h"

/* Layers fetched side by side: each has a connection of its own, and registries count those. */
#define TREEFETCH_PARALLEL ((unsigned)BLOBGET_PARALLEL)
/* How far a blob gets on before the scheduler, and who looks at the screen, is told. */
#define TREEFETCH_TELL_BYTES ((uint64_t)1 << 20)

/* --- in the worker --- */

/* The messages are hints: one that is lost costs the head start or a picture, and nothing else. */
static void tell(const struct treefetch *f, size_t i, const char *file)
{
	AUTO_JSON struct json *j = json_object();

	json_set_int(j, "place", (int64_t)i);
	if (file)
		json_set_str(j, "file", file);
	worker_send(f->w, j);
}

struct followed {
	struct treefetch *f;
	const struct descriptor *const *blobs;
};

static void on_begun(void *arg, size_t i, const char *file)
{
	const struct followed *x = arg;

	tell(x->f, i, file);
}

static void on_wrote(void *arg, size_t i, uint64_t have)
{
	const struct followed *x = arg;
	uint64_t *told = &x->f->told[i];

	blobtail_wrote(&x->f->tails[i], have, x->blobs[i]->size);
	if (have - *told < TREEFETCH_TELL_BYTES && have != x->blobs[i]->size)
		return;
	*told = have;
	tell(x->f, i, NULL);
}

static void on_whole(void *arg, size_t i)
{
	const struct followed *x = arg;

	blobtail_end(&x->f->tails[i], BLOBTAIL_WHOLE);
}

int treefetch_run(struct treefetch *f, struct registry *reg, const struct ref *repo,
		  const struct descriptor *const *blobs, size_t n, struct err *e)
{
	struct followed x = {f, blobs};
	const struct registry_watch watch = {.arg = &x, .begun = on_begun, .wrote = on_wrote, .whole = on_whole};
	int rc;

	if (n > f->room)
		return err_set(e, ERR_INTERNAL, "%zu layers where %zu were announced", n, f->room);
	f->told = mem_zalloc((n + 1) * sizeof *f->told);
	rc = registry_fetch_blobs(reg, repo, blobs, n, f->b->s->store, &watch, e);
	free(STEAL_PTR(f->told));
	return rc;
}

/* --- in the scheduler --- */

int treefetch_open(struct treefetch *f, struct build *b, size_t room, struct err *e)
{
	*f = (struct treefetch){.b = b, .room = room, .tails = blobtail_new(room, e)};
	if (!f->tails)
		return -1;
	f->v = mem_zalloc((room + 1) * sizeof(*f->v));
	return 0;
}

void treefetch_put(struct treefetch *f, size_t place, struct tree_state *t)
{
	t->arriving = true;
	f->v[place] = t;
}

void treefetch_message(struct treefetch *f, const struct json *j)
{
	int64_t place = json_get_int(j, "place", -1);
	const char *file = json_get_str(j, "file");
	struct tree_state *t = place >= 0 && (size_t)place < f->room ? f->v[place] : NULL;

	if (!t || !file || t->file)
		return;
	t->file = mem_strdup(file);
	t->tail = &f->tails[place];
	treeunpack_start(t);
}

void treefetch_end(struct treefetch *f, const struct err *e)
{
	for (size_t i = 0; i < f->room; i++)
		if (f->v[i]) {
			blobtail_end(&f->tails[i], BLOBTAIL_GONE);
			treeunpack_arrived(f->v[i], e);
		}
	blobtail_free(f->tails, f->room);
	free(f->v);
	*f = (struct treefetch){0};
}

/* --- what a build stands on --- */

struct treefetch_job {
	struct treefetch f;
	char *repo, *what;
	const struct descriptor **blobs;
	size_t n;
	uint64_t total;
};

static void job_free(struct treefetch_job *job)
{
	free(job->repo);
	free(job->what);
	free(job->blobs);
	free(job);
}

static int fetch_from_dir(const struct treefetch_job *job, const char *path, struct err *e)
{
	AUTO_LAYOUT_DIR struct layout_dir d = LAYOUT_DIR_INIT;
	int rc = layout_dir_open(&d, path, e);

	for (size_t i = 0; i < job->n && rc == 0; i++)
		rc = layout_dir_fetch(&d, job->f.b->s->store, job->blobs[i], e);
	return rc;
}

static int fetch(void *arg, struct worker *w, struct json **result, struct err *e)
{
	struct treefetch_job *job = arg;
	AUTO_REF struct ref repo = {0};
	struct registry *reg = NULL;

	(void)result;
	if (cacheopt_dir(job->repo))
		return fetch_from_dir(job, cacheopt_dir(job->repo), e);
	if (ref_parse_repo(job->repo, &repo, e) < 0)
		return -1;
	reg = registry_new(&job->f.b->s->net, e);
	job->f.w = w;
	return reg ? treefetch_run(&job->f, reg, &repo, job->blobs, job->n, e) : -1;
}

static uint64_t arrived(const struct treefetch_job *job)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < job->n; i++)
		sum += atomic_load(&job->f.tails[i].have);
	return sum;
}

static void show(const struct treefetch_job *job, uint64_t done)
{
	state_emit(job->f.b,
		   &(struct event){
			   .kind = EVENT_TRANSFER, .stage = "", .text = job->what, .done = done, .total = job->total});
}

/* The end is shown once, when all is there. */
static void on_message(void *ctx, const struct json *j)
{
	struct treefetch_job *job = ctx;
	uint64_t done = arrived(job);

	treefetch_message(&job->f, j);
	if (done < job->total)
		show(job, done);
}

static unsigned places(const struct treefetch_job *job)
{
	return job->n < TREEFETCH_PARALLEL ? (unsigned)job->n : TREEFETCH_PARALLEL;
}

static void begin_next(struct build *b);

static void on_fetched(void *ctx, const struct json *result, struct err *e)
{
	struct treefetch_job *job = ctx;
	struct build *b = job->f.b;

	(void)result;
	b->fetches -= places(job);
	if (!err_is_set(e)) {
		b->counts.bytes_in += job->total;
		show(job, job->total);
	}
	treefetch_end(&job->f, e);
	job_free(job);
	begin_next(b);
}

static void begin(struct treefetch_job *job)
{
	struct build *b = job->f.b;
	struct err e = ERR_INIT;
	struct worker_spec spec = {.role = "fetch",
				   .what = job->what,
				   .fn = fetch,
				   .arg = job,
				   .done = on_fetched,
				   .message = on_message,
				   .ctx = job};

	b->fetches += places(job);
	if (b->s->interrupted)
		err_set(&e, ERR_CANCELLED, "cancelled");
	if (err_is_set(&e) || !worker_start(b->s, &spec, &e))
		on_fetched(job, NULL, &e);
	err_release(&e);
}

/* In their order: a long one is not kept waiting by short ones. Those that wait when the build is cancelled never
 * begin. */
static void begin_next(struct build *b)
{
	while (b->to_fetch.n && b->fetches + places(b->to_fetch.v[0]) <= TREEFETCH_PARALLEL) {
		struct treefetch_job *job = b->to_fetch.v[0];

		memmove(&b->to_fetch.v[0], &b->to_fetch.v[1], --b->to_fetch.n * sizeof(struct treefetch_job *));
		begin(job);
	}
}

/* All of v[from...] that come from the same repository as v[from]. A directory gives one layer at a time: there is
 * nothing to share, and its layers are unpacked side by side. */
static struct treefetch_job *job_new(struct build *b, struct tree_state *const *v, size_t n, bool *taken, struct err *e)
{
	struct treefetch_job *job = mem_new(struct treefetch_job);

	*job = (struct treefetch_job){.repo = mem_strdup(v[0]->repo), .what = mem_strdup(v[0]->what)};
	job->blobs = mem_array(n + 1, sizeof *job->blobs);
	if (treefetch_open(&job->f, b, n, e) < 0) {
		job_free(job);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		if (taken[i] || strcmp(v[i]->repo, job->repo) != 0 || (job->n && cacheopt_dir(job->repo)))
			continue;
		taken[i] = true;
		treefetch_put(&job->f, job->n, v[i]);
		job->total += v[i]->blob.size;
		job->blobs[job->n++] = &v[i]->blob;
	}
	return job;
}

void treefetch_start(struct build *b, struct tree_state *const *v, size_t n)
{
	AUTO_FREE bool *taken = mem_zalloc(n + 1);
	struct err e = ERR_INIT;

	for (size_t i = 0; i < n; i++) {
		struct treefetch_job *job = taken[i] ? NULL : job_new(b, &v[i], n - i, &taken[i], &e);

		if (job)
			vec_push(&b->to_fetch, job);
		if (err_is_set(&e))
			trees_finish(v[i], &e);
		err_release(&e);
	}
	begin_next(b);
}

void treefetch_release(struct build *b)
{
	for (size_t i = 0; i < b->to_fetch.n; i++) {
		struct treefetch_job *job = b->to_fetch.v[i];

		blobtail_free(job->f.tails, job->f.room);
		free(job->f.v);
		job_free(job);
	}
	vec_release(&b->to_fetch);
}
