/* Choice of the display, and what the displays share. */
#include "src/cli/ui.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char *const ui_names[] = {
	[EVENT_BEGIN] = "begin",
	[EVENT_STAGE_START] = "stage-start",
	[EVENT_STEP_START] = "step-start",
	[EVENT_STEP_WHY] = "step-why",
	[EVENT_STEP_CACHED] = "step-cached",
	[EVENT_STEP_DONE] = "step-done",
	[EVENT_STEP_ERROR] = "step-error",
	[EVENT_STEP_META] = "step-meta",
	[EVENT_OUTPUT] = "output",
	[EVENT_TRANSFER] = "transfer",
	[EVENT_STAGE_DONE] = "stage-done",
	[EVENT_WARNING] = "warning",
	[EVENT_END] = "end",
};

const char *ui_event_name(enum event_kind k)
{
	return ui_names[k];
}

void ui_write(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n) {
		ssize_t r = write(fd, at, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return;
		at += r;
		n -= (size_t)r;
	}
}

static bool ui_can_redraw(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term && strcmp(term, "dumb") != 0 && term[0];
}

struct event_sink *ui_new(const char *kind, const struct ui_opts *o)
{
	bool is_auto = !kind || strcmp(kind, "auto") == 0;

	if (!is_auto && strcmp(kind, "json") == 0)
		return ui_json_new(o);
	/* Without a terminal there is nothing to move a cursor on. */
	if (!o->quiet && ui_can_redraw(o->fd) && (is_auto || strcmp(kind, "tty") == 0))
		return ui_tty_new(o);
	return ui_plain_new(o);
}
