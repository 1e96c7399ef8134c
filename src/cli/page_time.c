/* What ran when: steps by the place that they had, transfers, and the same by stage. */
#include "src/cli/html.h"
#include "src/cli/page.h"
#include "src/util/clock.h"
#include "src/util/mem.h"
#include "src/util/num.h"

#define PAGE_TIME_WIDTH	 1080.0
#define PAGE_TIME_GUTTER 150.0
#define PAGE_TIME_ROW	 24.0
#define PAGE_TIME_HEAD	 22.0
#define PAGE_TIME_CHAR	 6.3 /* pixels of a character in a bar */
#define PAGE_TIME_TICKS	 8
#define PAGE_TIME_LANES	 64 /* of transfers; what runs beside them goes to the last */

static double page_time_x(const struct page *p, int64_t at)
{
	return PAGE_TIME_GUTTER + (PAGE_TIME_WIDTH - PAGE_TIME_GUTTER) * (double)at / (double)p->total;
}

/* 1, 2 or 5 times a power of ten, in milliseconds; in whole minutes from there on. */
static int64_t page_time_tick(int64_t total)
{
	static const int64_t long_ones[] = {60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400};
	int64_t unit = CLOCK_NS_PER_S / 1000, want = total / PAGE_TIME_TICKS;

	for (; unit < 60 * CLOCK_NS_PER_S; unit *= 10) {
		for (int64_t k = 1; k <= 5; k = k == 1 ? 2 : k == 2 ? 5 : 10)
			if (unit * k >= want && unit * k < 60 * CLOCK_NS_PER_S)
				return unit * k;
	}
	for (size_t i = 0; i < ARRAY_LEN(long_ones); i++)
		if (long_ones[i] * CLOCK_NS_PER_S >= want)
			return long_ones[i] * CLOCK_NS_PER_S;
	return want > 0 ? want : 1;
}

static void page_time_axis(struct page *p, double height)
{
	int64_t tick = page_time_tick(p->total);
	char text[32];

	buf_str_add(p->out, "<g class=\"axis\" aria-hidden=\"true\">\n");
	for (int64_t at = 0; at <= p->total; at += tick) {
		double x = page_time_x(p, at);

		buf_printf(p->out, "<path d=\"M%.1f %.0fV%.0f\"/>", x, PAGE_TIME_HEAD - 6, height);
		if (x < PAGE_TIME_WIDTH - 30)
			buf_printf(p->out, "<text x=\"%.1f\" y=\"11\">%s</text>\n", x + 1,
				   at ? page_duration_text(at, text) : "0");
	}
	buf_str_add(p->out, "</g>\n");
}

static void page_time_open(struct page *p, const char *name, size_t rows)
{
	double height = PAGE_TIME_HEAD + PAGE_TIME_ROW * (double)rows + 4;

	buf_printf(p->out,
		   "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"%s\">\n<svg class=\"time\" "
		   "role=\"img\" "
		   "aria-label=\"%s\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\">\n<title>%s</title>\n",
		   name, name, PAGE_TIME_WIDTH, height, PAGE_TIME_WIDTH, height, name);
	page_time_axis(p, height - 4);
}

static void page_time_close(struct page *p)
{
	buf_str_add(p->out, "</svg>\n</div>\n");
}

static void page_time_label(struct page *p, size_t row, const char *text)
{
	buf_printf(p->out, "<text class=\"lane\" x=\"0\" y=\"%.1f\">",
		   PAGE_TIME_HEAD + PAGE_TIME_ROW * (double)row + 16);
	html_short(p->out, text, 23);
	buf_str_add(p->out, "</text>\n");
}

struct page_time_bar {
	size_t row;
	int64_t begun, ended;
	const char *class_name, *first, *second; /* first: NULL or what stands before the second, in the bar's text */
	const char *after;			 /* further words of the title */
};

static void page_time_bar(struct page *p, const struct page_time_bar *b)
{
	double x = page_time_x(p, b->begun), w = page_time_x(p, b->ended) - x;
	double y = PAGE_TIME_HEAD + PAGE_TIME_ROW * (double)b->row + 2;
	size_t fit = w > 20 ? (size_t)((w - 10) / PAGE_TIME_CHAR) : 0;
	AUTO_FREE char *text = mem_printf("%s%s%s", b->first ? b->first : "", b->first ? " · " : "", b->second);
	char took[32];

	buf_printf(p->out, "<g class=\"bar %s\"><title>", b->class_name);
	html_command(p->out, text);
	buf_printf(p->out, " (%s%s)</title><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.0f\" rx=\"3\"/>",
		   page_duration_text(b->ended - b->begun, took), b->after ? b->after : "", x, y, w < 2 ? 2 : w,
		   PAGE_TIME_ROW - 4);
	if (fit >= 4) {
		buf_printf(p->out, "<text x=\"%.1f\" y=\"%.1f\">", x + 5, y + 14);
		html_short(p->out, text, fit);
		buf_str_add(p->out, "</text>");
	}
	buf_str_add(p->out, "</g>\n");
}

static void page_time_span(struct page *p, const struct runmodel_span *sp, size_t row, bool with_stage)
{
	const struct runlog_step *s = sp->step;
	const char *name = s->state == RUNLOG_FAILED	? "failed"
			   : s->state == RUNLOG_STOPPED ? "stopped"
			   : sp->critical		? "critical"
							: "ran";
	struct page_time_bar b = {row,
				  s->begun,
				  s->ended,
				  name,
				  with_stage ? p->m.stages.v[sp->stage].label : NULL,
				  s->text ? s->text : "step",
				  sp->critical ? ", on the critical path" : NULL};

	page_time_bar(p, &b);
}

/* --- transfers --- */

/* Lane of each transfer, from 0; the number of lanes. */
static size_t page_time_transfer_lanes(const struct runlog *log, size_t *lane)
{
	int64_t busy[PAGE_TIME_LANES] = {0};
	size_t n = 0;

	for (size_t i = 0; i < log->transfers.n; i++) {
		size_t at = 0;

		while (at + 1 < PAGE_TIME_LANES && at < n && busy[at] > log->transfers.v[i].begun)
			at++;
		n = at == n ? n + 1 : n;
		busy[at] = log->transfers.v[i].ended;
		lane[i] = at;
	}
	return n;
}

static void page_time_transfers(struct page *p, size_t first, size_t lanes, const size_t *lane)
{
	const struct runlog *log = p->o->log;

	for (size_t i = 0; i < lanes; i++)
		page_time_label(p, first + i, i ? "" : "transfers");
	for (size_t i = 0; i < log->transfers.n; i++) {
		const struct runlog_transfer *t = &log->transfers.v[i];
		char size[32];
		AUTO_FREE char *more = mem_printf(", %s", num_human_size(t->done, size));
		struct page_time_bar b = {first + lane[i], t->begun, t->ended, "transfer", NULL, t->text, more};

		page_time_bar(p, &b);
	}
}

/* --- the charts --- */

static void page_time_by_worker(struct page *p)
{
	AUTO_FREE size_t *lane = mem_array(p->o->log->transfers.n + 1, sizeof *lane);
	size_t lanes = page_time_transfer_lanes(p->o->log, lane);

	page_time_open(p, "Steps by worker", p->m.lanes + lanes);
	for (size_t i = 0; i < p->m.lanes; i++) {
		AUTO_FREE char *name = mem_printf("worker %zu", i + 1);

		page_time_label(p, i, name);
	}
	for (size_t i = 0; i < p->m.spans.n; i++)
		page_time_span(p, &p->m.spans.v[i], p->m.spans.v[i].lane, true);
	page_time_transfers(p, p->m.lanes, lanes, lane);
	page_time_close(p);
}

static void page_time_by_stage(struct page *p)
{
	AUTO_FREE size_t *row = mem_array(p->m.stages.n + 1, sizeof *row);
	size_t rows = 0;

	/* In the order in which they began. */
	for (size_t i = 0; i < p->m.stages.n; i++)
		row[i] = RUNMODEL_NONE;
	for (size_t i = 0; i < p->m.spans.n; i++)
		if (row[p->m.spans.v[i].stage] == RUNMODEL_NONE)
			row[p->m.spans.v[i].stage] = rows++;
	buf_printf(p->out, "<details%s><summary>By stage</summary>\n", rows <= 12 ? " open" : "");
	page_time_open(p, "Steps by stage", rows);
	for (size_t i = 0; i < p->m.stages.n; i++)
		if (row[i] != RUNMODEL_NONE)
			page_time_label(p, row[i], page_stage_name(p, i));
	for (size_t i = 0; i < p->m.spans.n; i++)
		page_time_span(p, &p->m.spans.v[i], row[p->m.spans.v[i].stage], false);
	page_time_close(p);
	buf_str_add(p->out, "</details>\n");
}

void page_time(struct page *p)
{
	if (!p->m.spans.n && !p->o->log->transfers.n)
		return;
	page_heading(p, "time", "Time line", "by worker; the critical path in the strong colour");
	page_time_by_worker(p);
	if (p->m.spans.n > 1)
		page_time_by_stage(p);
}
