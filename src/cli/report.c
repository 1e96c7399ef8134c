/* Error rendering. */
#include "src/cli/report.h"

#include <signal.h>
#include <unistd.h>

#include "src/util/io.h"
#include "src/util/log.h"

#define REPORT_RED  "\x1b[1;31m"
#define REPORT_CYAN "\x1b[36m"
#define REPORT_OFF  "\x1b[0m"

static void report_clean(const char *text, bool color, struct buf *out)
{
	AUTO_FREE char *clean = log_mask(text, strlen(text), color);

	buf_str_add(out, clean);
}

/* "file:line:column: ", unless the message says it already. */
static void report_place(const struct err *e, struct buf *out)
{
	AUTO_BUF struct buf place = BUF_INIT(BUF_TEXT_MAX);

	if (!e->place.file)
		return;
	buf_str_add(&place, e->place.file);
	if (e->place.line)
		buf_printf(&place, ":%u", e->place.line);
	if (e->place.line && e->place.col)
		buf_printf(&place, ":%u", e->place.col);
	if (e->msg && strstr(e->msg, buf_str(&place)))
		return;
	report_clean(buf_str(&place), false, out);
	buf_str_add(out, ": ");
}

static void report_excerpt(const char *text, bool color, struct buf *out)
{
	AUTO_BUF struct buf clean = BUF_INIT(BUF_TEXT_MAX);
	struct sv rest;

	report_clean(text, color, &clean);
	rest = buf_sv(&clean);
	if (sv_ends(rest, "\n"))
		rest.n--;
	while (rest.p) {
		struct sv line = sv_cut(&rest, '\n');

		if (line.n)
			buf_str_add(out, "  ");
		buf_sv_add(out, line);
		buf_str_add(out, color ? REPORT_OFF "\n" : "\n");
	}
}

void report_render(const struct err *e, bool color, struct buf *out)
{
	buf_str_add(out, "slct: ");
	buf_str_add(out, color ? REPORT_RED "error:" REPORT_OFF " " : "error: ");
	report_place(e, out);
	report_clean(e->msg ? e->msg : "unknown error", color, out);
	buf_char_add(out, '\n');
	if (e->excerpt && e->excerpt[0])
		report_excerpt(e->excerpt, color, out);
	if (e->hint && e->hint[0]) {
		buf_str_add(out, color ? REPORT_CYAN "hint:" REPORT_OFF " " : "hint: ");
		report_clean(e->hint, color, out);
		buf_char_add(out, '\n');
	}
}

static void report_json_str(struct json *j, const char *key, const char *text)
{
	AUTO_FREE char *clean = text ? log_mask(text, strlen(text), false) : NULL;

	json_set_str(j, key, clean);
}

struct json *report_json(const struct err *e)
{
	struct json *j = json_new_object();

	json_set_str(j, "code", err_code_name(e->code));
	report_json_str(j, "message", e->msg);
	report_json_str(j, "file", e->place.file);
	if (e->place.line)
		json_set_int(j, "line", e->place.line);
	if (e->place.col)
		json_set_int(j, "column", e->place.col);
	if (e->http)
		json_set_int(j, "http", e->http);
	report_json_str(j, "excerpt", e->excerpt);
	report_json_str(j, "hint", e->hint);
	json_set_int(j, "status", report_status(e));
	return j;
}

void report_error(const struct err *e, bool color, bool json)
{
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	struct err ignored = ERR_INIT;

	if (json) {
		AUTO_JSON struct json *j = json_new_object();

		json_set_str(j, "event", "error");
		json_set(j, "error", report_json(e));
		json_write(j, &text);
		buf_char_add(&text, '\n');
	} else {
		report_render(e, color, &text);
	}
	/* Nobody is left to tell if standard error does not take it. */
	if (io_write_all(STDERR_FILENO, buf_str(&text), text.n, "standard error", &ignored))
		err_release(&ignored);
}

int report_status(const struct err *e)
{
	if (e->code == ERR_CANCELLED && e->sys == SIGTERM)
		return 128 + SIGTERM;
	return err_exit_status(e);
}
