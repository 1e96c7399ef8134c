/* One worker at a time: the loop runs until it has ended. */
#include "src/session/worker.h"

struct call {
	struct loop *loop;
	struct json *result;
	struct err err;
	bool done;
	const struct worker_spec *spec;
};

static void call_done(void *ctx, const struct json *result, struct err *e)
{
	struct call *c = ctx;

	c->done = true;
	if (err_is_set(e))
		err_move(&c->err, e);
	else if (result)
		c->result = json_deep_copy(result);
	loop_stop(c->loop);
}

static void call_message(void *ctx, const struct json *message)
{
	struct call *c = ctx;

	if (c->spec->message)
		c->spec->message(c->spec->ctx, message);
}

int worker_call(struct session *s, const struct worker_spec *spec, struct json **result, struct err *e)
{
	struct call c = {.loop = s->loop, .spec = spec};
	struct worker_spec own = *spec;

	own.done = call_done;
	own.message = call_message;
	own.ctx = &c;
	struct worker *w = worker_start(s, &own, e);

	if (!w)
		return -1;
	while (!c.done) {
		if (loop_run(s->loop, e) < 0)
			return -1;
		/* Somebody stopped the loop: the work must end before its context does. */
		if (!c.done)
			worker_kill(w);
	}
	if (err_is_set(&c.err)) {
		err_move(e, &c.err);
		return -1;
	}
	if (result)
		*result = c.result;
	else
		json_free(c.result);
	return 0;
}
