#include "src/session/sweep.h"

#include "src/session/worker.h"

static int empty(void *arg, struct worker *w, struct json **result, struct err *e)
{
	struct session *s = arg;

	(void)w;
	(void)e;
	*result = json_new_int(store_empty_trash(s->store));
	return 0;
}

int sweep_trash(struct session *s, struct err *e)
{
	struct worker_spec spec = {.role = "sweep", .enter = WORKER_USERNS, .fn = empty, .arg = s};
	AUTO_JSON struct json *left = NULL;

	if (session_need_tier(s, e) < 0 || worker_call(s, &spec, &left, e) < 0)
		return -1;
	return (int)json_int(left, 0);
}

void sweep_run(struct session *s, const char *tmp)
{
	struct err e = ERR_INIT;

	if (store_trash(s->store, tmp, &e) < 0 || sweep_trash(s, &e) < 0)
		session_warn(s, "", "cleaning up: %s", e.msg);
	err_release(&e);
}
