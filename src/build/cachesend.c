#include "src/build/cachesend.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "oci/limits.h"
#include "src/build/cacheput.h"
#include "src/session/blobstream.h"
#include "src/util/mem.h"

/* LAYERS_MAX layers with their digests and files are less; pages that are not touched cost nothing. */
#define JOB_MAX_BYTES ((size_t)8 << 20)

struct shared_job {
	size_t n;
	char text[JOB_MAX_BYTES];
};

struct cachesend {
	struct build *b;
	const struct cacheopt *to;
	struct worker *worker; /* NULL: it has ended */
	struct shared_job *job;
	struct registry_stream *table;
	cachesend_done_fn *done;
	cachesend_over_fn *over;
	void *ctx;
	bool busy;
};

/* --- in the worker --- */

static int serve_one(struct cacheput *p, const struct shared_job *job, struct json *answer, struct err *e)
{
	AUTO_CACHEJOB struct cachejob it = {0};
	AUTO_JSON struct json *j = json_parse(job->text, job->n, JOB_MAX_BYTES, ERR_INTERNAL, "a job", e);

	if (!j || cachejob_from_json(j, &it, e) < 0)
		return -1;
	return cacheput_do(p, &it, answer, e);
}

static int serve(void *arg, struct worker *w, struct json **result, struct err *e)
{
	const struct cachesend *s = arg;
	struct cacheput p = {.b = s->b, .to = s->to, .table = s->table};

	(void)result;
	(void)e;
	while (worker_sleep(w)) {
		AUTO_JSON struct json *answer = json_object();
		struct err one = ERR_INIT;

		if (serve_one(&p, s->job, answer, &one) < 0)
			json_set(answer, "error", worker_err_to_json(&one));
		err_release(&one);
		worker_send(w, answer);
	}
	return 0;
}

/* --- in the scheduler --- */

static void on_answer(void *ctx, const struct json *answer)
{
	struct cachesend *s = ctx;
	struct err e = ERR_INIT;

	if (!s->busy)
		return;
	s->busy = false;
	if (json_get(answer, "error"))
		worker_err_from_json(json_get(answer, "error"), &e);
	s->done(s->ctx, answer, &e);
	err_release(&e);
}

/* It ends when it is told to, or was killed. */
static void on_end(void *ctx, const struct json *result, struct err *e)
{
	struct cachesend *s = ctx;

	(void)result;
	s->worker = NULL;
	if (!s->busy) {
		s->over(s->ctx);
		return;
	}
	s->busy = false;
	if (!err_is_set(e))
		err_set(e, ERR_INTERNAL, "the worker that writes it has ended");
	s->done(s->ctx, NULL, e);
}

static int map(struct cachesend *s, struct err *e)
{
	void *job =
		mmap(NULL, sizeof *s->job, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (job == MAP_FAILED)
		return err_sys(e, ERR_HOST, errno, "memory for a cache's jobs");
	s->job = job;
	s->table = blobstream_table(LAYERS_MAX, e);
	return s->table ? 0 : -1;
}

struct cachesend *cachesend_new(struct build *b, const struct cacheopt *to, cachesend_done_fn *done,
				cachesend_over_fn *over, void *ctx, struct err *e)
{
	struct cachesend *s = mem_new(struct cachesend);
	struct worker_spec spec = {
		.role = "push", .serves = true, .fn = serve, .arg = s, .done = on_end, .message = on_answer, .ctx = s};

	*s = (struct cachesend){.b = b, .to = to, .done = done, .over = over, .ctx = ctx};
	if (map(s, e) == 0)
		s->worker = worker_start(b->s, &spec, e);
	if (s->worker)
		return s;
	cachesend_free(s);
	return NULL;
}

void cachesend_free(struct cachesend *s)
{
	if (!s)
		return;
	if (s->job)
		munmap(s->job, sizeof *s->job);
	if (s->table)
		munmap(s->table, (LAYERS_MAX + 1) * sizeof *s->table);
	free(s);
}

struct registry_stream *cachesend_table(struct cachesend *s)
{
	return s->table;
}

int cachesend_job(struct cachesend *s, const struct cachejob *job, struct err *e)
{
	AUTO_JSON struct json *j = cachejob_to_json(job);
	AUTO_BUF struct buf text = BUF_INIT(JOB_MAX_BYTES);

	if (!s->worker)
		return err_set(e, ERR_INTERNAL, "the worker that writes it has ended");
	json_write(j, &text);
	if (text.over)
		return err_set(e, ERR_INPUT, "an entry of %zu layers is too large", job->n);
	memcpy(s->job->text, text.p, text.n);
	s->job->n = text.n;
	s->busy = true;
	worker_wake(s->worker, s->b->plan->stages.v[job->stage].name);
	return 0;
}

void cachesend_end(struct cachesend *s)
{
	if (s->worker)
		worker_finish(s->worker);
}

bool cachesend_is_over(const struct cachesend *s)
{
	return !s->worker;
}
