/* Errors as JSON between a worker and the scheduler. */
#include "src/session/worker.h"

struct json *worker_err_to_json(const struct err *e)
{
	struct json *j = json_object();

	json_set_str(j, "code", err_code_name(e->code));
	json_set_int(j, "errno", e->sys);
	json_set_int(j, "http", e->http);
	json_set_bool(j, "retryable", e->retryable);
	json_set_str(j, "message", e->msg);
	json_set_str(j, "hint", e->hint);
	json_set_str(j, "excerpt", e->excerpt);
	json_set_str(j, "file", e->place.file);
	json_set_int(j, "line", e->place.line);
	json_set_int(j, "column", e->place.col);
	return j;
}

void worker_err_from_json(const struct json *j, struct err *e)
{
	const char *code = json_get_str(j, "code"), *msg = json_get_str(j, "message");

	err_set(e, code ? err_code_from_name(code) : ERR_INTERNAL, "%s", msg ? msg : "unknown error of a worker");
	if (!err_is_set(e))
		e->code = ERR_INTERNAL;
	e->sys = (int)json_get_int(j, "errno", 0);
	e->http = (int)json_get_int(j, "http", 0);
	e->retryable = json_get_bool(j, "retryable", false);
	if (json_get_str(j, "hint"))
		err_hint(e, "%s", json_get_str(j, "hint"));
	err_excerpt(e, json_get_str(j, "excerpt"));
	if (json_get_str(j, "file"))
		err_at(e, json_get_str(j, "file"), (unsigned)json_get_int(j, "line", 0),
		       (unsigned)json_get_int(j, "column", 0));
}
