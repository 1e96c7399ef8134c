/* Lines of output. */
#include "src/cli/ui_text.h"

#include "src/util/log.h"
#include "src/util/num.h"

/* What a terminal would show of a line: what stands behind the last carriage return that anything follows. */
static struct sv ui_text_visible(struct sv line)
{
	ssize_t cr;

	while (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	cr = sv_rfind(line, '\r');
	return cr < 0 ? line : sv_sub(line, (size_t)cr + 1, line.n);
}

static void ui_lines_emit(struct ui_lines *l, bool colour, ui_line_fn *fn, void *arg)
{
	struct sv v = ui_text_visible(buf_sv(&l->held));
	char *clean AUTO_FREE = log_mask(v.p ? v.p : "", v.n, colour);

	fn(arg, clean);
	buf_clear(&l->held);
}

/* Append a piece without a newline, cutting where the line becomes too long. */
static void ui_lines_hold(struct ui_lines *l, struct sv piece, bool colour, ui_line_fn *fn, void *arg)
{
	while (piece.n) {
		size_t room = UI_LINE_MAX - l->held.n, take = piece.n < room ? piece.n : room;

		buf_sv_add(&l->held, sv_sub(piece, 0, take));
		piece = sv_sub(piece, take, piece.n);
		if (!piece.n)
			break;
		ssize_t cr = sv_rfind(buf_sv(&l->held), '\r');

		/* A progress bar that never ends its line: forget what it has overwritten. */
		if (cr >= 0)
			buf_consume(&l->held, (size_t)cr + 1);
		else
			ui_lines_emit(l, colour, fn, arg);
	}
}

void ui_lines_add(struct ui_lines *l, const char *p, size_t n, bool colour, ui_line_fn *fn, void *arg)
{
	struct sv rest = sv_of(p, n);

	while (rest.p) {
		struct sv piece = sv_cut(&rest, '\n');

		ui_lines_hold(l, piece, colour, fn, arg);
		if (rest.p)
			ui_lines_emit(l, colour, fn, arg);
	}
}

void ui_lines_flush(struct ui_lines *l, bool colour, ui_line_fn *fn, void *arg)
{
	if (l->held.n)
		ui_lines_emit(l, colour, fn, arg);
}

char *ui_lines_partial(const struct ui_lines *l, bool colour)
{
	struct sv v = ui_text_visible(buf_sv(&l->held));

	return v.n ? log_mask(v.p, v.n, colour) : NULL;
}

void ui_lines_release(struct ui_lines *l)
{
	buf_release(&l->held);
}

char *ui_text_line(const char *text, bool colour)
{
	char *s = log_mask(text ? text : "", text ? strlen(text) : 0, colour);

	for (char *p = s; *p; p++) {
		if (*p == '\n' || *p == '\t')
			*p = ' ';
	}
	return s;
}

void ui_text_prefix(const char *stage, unsigned n, unsigned m, struct buf *out)
{
	AUTO_FREE char *clean = ui_text_line(stage, false);

	if (!clean[0])
		return;
	buf_printf(out, "[%s", clean);
	if (n)
		buf_printf(out, " %u/%u", n, m);
	buf_str_add(out, "] ");
}

void ui_text_summary(const struct event *end, struct buf *out)
{
	const struct event_counts *c = end->counts;
	char text[32];

	if (!c || !(c->stages || c->steps_run || c->steps_cached))
		return;
	buf_printf(out, "%u stage%s", c->stages, c->stages == 1 ? "" : "s");
	if (c->stages_cached)
		buf_printf(out, " (%u cached)", c->stages_cached);
	buf_printf(out, ", %u step%s run, %u cached", c->steps_run, c->steps_run == 1 ? "" : "s", c->steps_cached);
	if (c->requests)
		buf_printf(out, ", %llu requests", (unsigned long long)c->requests);
	if (c->bytes_in)
		buf_printf(out, ", %s received", num_human_size(c->bytes_in, text));
	if (c->bytes_out)
		buf_printf(out, ", %s sent", num_human_size(c->bytes_out, text));
	buf_printf(out, ", %s", num_human_time(end->elapsed_ns, text));
}
