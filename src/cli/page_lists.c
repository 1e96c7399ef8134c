/* Tables: the critical path, why steps ran, layers, warnings, and each stage with its steps. */
#include <string.h>

#include "src/cli/html.h"
#include "src/cli/page.h"
#include "src/util/mem.h"
#include "src/util/num.h"

/* Rows that are shown at once; the rest folds away. */
#define PAGE_LISTS_SHOWN 20
/* What waits less is only the scheduler's turn. */
#define PAGE_LISTS_WAITED (20 * INT64_C(1000000))
/* Of so few stages all are unfolded. */
#define PAGE_LISTS_OPEN 6

static void page_percent(struct page *p, int64_t part, int64_t whole)
{
	if (whole > 0)
		buf_printf(p->out, "%.0f&nbsp;%%", 100.0 * (double)part / (double)whole);
}

/* A table's cell with a bar as wide as its part of the largest. */
static void page_bar(struct page *p, uint64_t part, uint64_t most)
{
	buf_printf(p->out,
		   "<td class=\"meter\"><svg width=\"160\" height=\"10\" aria-hidden=\"true\"><rect width=\"%.1f\" "
		   "height=\"10\" "
		   "rx=\"2\"/></svg></td>",
		   most ? 160.0 * (double)part / (double)most : 0.0);
}

/* --- critical path --- */

static void page_critical_row(struct page *p, size_t i, int64_t waited)
{
	const struct runmodel_span *sp = &p->m.spans.v[p->m.critical.v[i]];
	int64_t took = sp->step->ended - sp->step->begun;

	buf_str_add(p->out, "<tr><td>");
	page_stage_link(p, sp->stage);
	buf_printf(p->out, "</td><td class=\"num\">%u</td><td class=\"wide\"><code>", sp->step->n);
	html_short(p->out, sp->step->text, 120);
	buf_str_add(p->out, "</code></td><td class=\"num\">");
	if (waited >= PAGE_LISTS_WAITED)
		page_duration(p, waited);
	buf_str_add(p->out, "</td><td class=\"num\">");
	page_duration(p, took);
	buf_str_add(p->out, "</td><td class=\"num\">");
	page_percent(p, took, p->total);
	buf_str_add(p->out, "</td></tr>\n");
}

void page_critical(struct page *p)
{
	int64_t last = 0;

	if (!p->m.critical.n)
		return;
	page_heading(p, "critical", "Critical path",
		     "each had to wait for the one above it; a faster build begins here");
	buf_str_add(p->out, "<div class=\"scroll\"><table>\n<thead><tr><th>stage</th><th "
			    "class=\"num\">step</th><th>instruction</th>"
			    "<th class=\"num\">waited</th><th class=\"num\">took</th><th class=\"num\">of all</th></tr>"
			    "</thead>\n<tbody>\n");
	for (size_t i = 0; i < p->m.critical.n; i++) {
		const struct runlog_step *s = p->m.spans.v[p->m.critical.v[i]].step;

		page_critical_row(p, i, s->begun - last);
		last = s->ended;
	}
	buf_str_add(p->out, "</tbody>\n</table></div>\n");
}

/* --- why --- */

static bool page_has_reason(const struct runmodel_span *sp)
{
	return sp->step->why && sp->step->why[0];
}

static void page_reason(struct page *p, const struct runmodel_span *sp)
{
	buf_str_add(p->out, "<tr><td>");
	page_stage_link(p, sp->stage);
	buf_printf(p->out, "</td><td class=\"num\">%u</td><td class=\"half\"><code>", sp->step->n);
	html_short(p->out, sp->step->text, 80);
	buf_str_add(p->out, "</code></td><td class=\"half\">");
	html_command(p->out, sp->step->why);
	buf_str_add(p->out, "</td></tr>\n");
}

/* Reasons from the from-th on, at most max. */
static void page_reason_rows(struct page *p, size_t from, size_t max)
{
	size_t n = 0;

	buf_str_add(p->out, "<div class=\"scroll\"><table>\n<thead><tr><th>stage</th><th class=\"num\">step</th>"
			    "<th>instruction</th><th>reason</th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < p->m.spans.n; i++) {
		if (!page_has_reason(&p->m.spans.v[i]))
			continue;
		if (n >= from && n - from < max)
			page_reason(p, &p->m.spans.v[i]);
		n++;
	}
	buf_str_add(p->out, "</tbody>\n</table></div>\n");
}

/* In the order in which the steps began: the first ones are the causes of those that follow. */
void page_reasons(struct page *p)
{
	size_t n = 0, shown;

	for (size_t i = 0; i < p->m.spans.n; i++)
		n += page_has_reason(&p->m.spans.v[i]);
	if (!n)
		return;
	shown = n > PAGE_LISTS_SHOWN + 5 ? PAGE_LISTS_SHOWN : n;
	page_heading(p, "why", "Why steps ran", "what no cache had, and what differs from the last time");
	page_reason_rows(p, 0, shown);
	if (shown == n)
		return;
	buf_printf(p->out, "<details><summary>%zu later ones</summary>\n", n - shown);
	page_reason_rows(p, shown, n);
	buf_str_add(p->out, "</details>\n");
}

/* --- layers --- */

static void page_layer_from(struct page *p, const struct runmodel_layer *l)
{
	if (l->stage != RUNMODEL_NONE) {
		page_stage_link(p, l->stage);
		buf_printf(p->out, " step %u", l->n);
	} else if (l->image) {
		buf_str_add(p->out, "image ");
		html_command(p->out, l->image);
	}
}

static void page_layer_rows(struct page *p, size_t from, size_t to)
{
	buf_str_add(p->out,
		    "<div class=\"scroll\"><table>\n<thead><tr><th class=\"num\">size</th><th></th><th>made by</th>"
		    "<th>diff id</th></tr></thead>\n<tbody>\n");
	for (size_t i = from; i < to; i++) {
		const struct runmodel_layer *l = &p->m.layers.v[i];

		buf_str_add(p->out, "<tr><td class=\"num\">");
		if (l->size)
			page_size(p, l->size);
		buf_str_add(p->out, "</td>");
		page_bar(p, l->size, p->m.layers.v[0].size);
		buf_str_add(p->out, "<td class=\"wide\">");
		page_layer_from(p, l);
		buf_str_add(p->out, "</td><td><code title=\"");
		html_text(p->out, l->id);
		buf_str_add(p->out, "\">");
		html_short(p->out, strchr(l->id, ':') ? strchr(l->id, ':') + 1 : l->id, 13);
		buf_str_add(p->out, "</code></td></tr>\n");
	}
	buf_str_add(p->out, "</tbody>\n</table></div>\n");
}

void page_layers(struct page *p)
{
	size_t n = p->m.layers.n, shown = n > PAGE_LISTS_SHOWN + 5 ? PAGE_LISTS_SHOWN : n;
	AUTO_FREE char *note = NULL;
	uint64_t all = 0;
	char text[32];

	if (!n)
		return;
	for (size_t i = 0; i < n; i++)
		all += p->m.layers.v[i].size;
	note = mem_printf("%zu, %s unpacked, shared ones counted once", n, num_human_size(all, text));
	page_heading(p, "layers", "Layers", note);
	page_layer_rows(p, 0, shown);
	if (shown == n)
		return;
	buf_printf(p->out, "<details><summary>%zu smaller ones</summary>\n", n - shown);
	page_layer_rows(p, shown, n);
	buf_str_add(p->out, "</details>\n");
}

/* --- warnings --- */

void page_warnings(struct page *p)
{
	const struct runlog *log = p->o->log;

	if (!log->warnings.n)
		return;
	page_heading(p, "warnings", "Warnings", NULL);
	buf_str_add(p->out, "<ul class=\"warnings\">\n");
	for (size_t i = 0; i < log->warnings.n; i++) {
		buf_str_add(p->out, "<li>");
		if (log->warnings.v[i].stage[0]) {
			html_element(p->out, "b", NULL, log->warnings.v[i].stage);
			buf_str_add(p->out, ": ");
		}
		html_command(p->out, log->warnings.v[i].text);
		buf_str_add(p->out, "</li>\n");
	}
	if (log->more_warnings)
		buf_printf(p->out, "<li>and %zu more</li>\n", log->more_warnings);
	buf_str_add(p->out, "</ul>\n");
}

/* --- stages --- */

static const struct runlog_step *page_step_log(const struct runmodel_stage *st, unsigned n)
{
	for (size_t i = 0; st->log && i < st->log->steps.n; i++)
		if (st->log->steps.v[i].n == n)
			return &st->log->steps.v[i];
	return NULL;
}

static const char *page_step_state(const struct runmodel_stage *st, const struct json *step,
				   const struct runlog_step *log)
{
	static const char *const names[] = {[RUNLOG_CACHED] = "cached",
					    [RUNLOG_RUNNING] = "stopped",
					    [RUNLOG_RAN] = "ran",
					    [RUNLOG_FAILED] = "failed",
					    [RUNLOG_STOPPED] = "stopped"};

	if (log && log->state == RUNLOG_CACHED && log->source && strcmp(log->source, "remote") == 0)
		return "cached remotely";
	if (log)
		return names[log->state];
	if (!json_get_bool(step, "layer", true))
		return "";
	return st->result == RUNMODEL_UNNEEDED ? "not needed" : "not run";
}

/* Bytes of the layer that step n made; 0: none, or not known. */
static uint64_t page_step_size(const struct runmodel_stage *st, unsigned n)
{
	const struct json *layers = json_get(st->facts, "layers");

	for (size_t i = 0; i < json_len(layers); i++)
		if (json_get_int(json_at(layers, i), "n", 0) == n && json_get_str(json_at(layers, i), "stage") &&
		    strcmp(json_get_str(json_at(layers, i), "stage"), st->name) == 0)
			return (uint64_t)json_get_int(json_at(layers, i), "size", 0);
	return 0;
}

static void page_step(struct page *p, const struct runmodel_stage *st, const struct json *step)
{
	unsigned n = (unsigned)json_get_int(step, "n", 0);
	const struct runlog_step *log = page_step_log(st, n);
	uint64_t size = page_step_size(st, n);
	const char *state = page_step_state(st, step, log);

	buf_printf(p->out, "<tr%s><td class=\"num\">%u</td><td class=\"wide\"><code>",
		   strcmp(state, "failed") == 0 ? " class=\"failed\""
		   : state[0]			? ""
						: " class=\"meta\"",
		   n);
	html_command(p->out, json_get_str(step, "instruction"));
	buf_printf(p->out, "</code></td><td>%s</td><td class=\"num\">", state);
	if (log && log->state != RUNLOG_CACHED)
		page_duration(p, log->ended - log->begun);
	buf_str_add(p->out, "</td><td class=\"num\">");
	if (size)
		page_size(p, size);
	buf_str_add(p->out, "</td></tr>\n");
}

static void page_stage_facts(struct page *p, const struct runmodel_stage *st)
{
	const char *key = json_get_str(st->facts, "key");

	buf_str_add(p->out, "<p class=\"sub\">");
	html_command(p->out, json_get_str(st->facts, "dockerfile"));
	buf_str_add(p->out, " <span class=\"sep\">·</span> ");
	html_text(p->out, json_get_str(st->facts, "platform"));
	for (size_t i = 0; i < st->needs.n; i++) {
		const struct runmodel_need *n = &st->needs.v[i];

		buf_printf(p->out, " <span class=\"sep\">·</span> %s ", n->base ? "stands on" : "takes from");
		if (n->stage != RUNMODEL_NONE)
			page_stage_link(p, n->stage);
		else
			html_command(p->out, n->image);
	}
	if (key) {
		buf_str_add(p->out, " <span class=\"sep\">·</span> key <code title=\"");
		html_text(p->out, key);
		buf_str_add(p->out, "\">");
		html_short(p->out, key, 13);
		buf_str_add(p->out, "</code>");
	}
	buf_str_add(p->out, "</p>\n");
}

static void page_stage(struct page *p, size_t at, bool open)
{
	const struct runmodel_stage *st = &p->m.stages.v[at];
	const struct json *steps = json_get(st->facts, "steps");

	buf_printf(p->out, "<details class=\"stage\" id=\"s%zu\"%s><summary><i class=\"%s\"></i><b>", at,
		   open || st->result == RUNMODEL_FAILED ? " open" : "", runmodel_result_class(st->result));
	html_text(p->out, page_stage_name(p, at));
	buf_printf(p->out, "</b> <span>%s", runmodel_result_text(st->result));
	if (st->busy_ns) {
		buf_str_add(p->out, ", ");
		page_duration(p, st->busy_ns);
	}
	if (st->size) {
		buf_str_add(p->out, ", ");
		page_size(p, st->size);
	}
	buf_printf(p->out, "%s</span></summary>\n", st->goal ? ", a goal" : "");
	page_stage_facts(p, st);
	if (json_len(steps)) {
		buf_str_add(p->out,
			    "<div class=\"scroll\"><table>\n<thead><tr><th class=\"num\">step</th><th>instruction</th>"
			    "<th>state</th><th class=\"num\">took</th><th "
			    "class=\"num\">layer</th></tr></thead>\n<tbody>\n");
		for (size_t i = 0; i < json_len(steps); i++)
			page_step(p, st, json_at(steps, i));
		buf_str_add(p->out, "</tbody>\n</table></div>\n");
	}
	buf_str_add(p->out, "</details>\n");
}

void page_stages(struct page *p)
{
	if (!p->m.stages.n)
		return;
	page_heading(p, "stages", "All stages and steps", NULL);
	buf_str_add(p->out, "<div id=\"stage-list\">\n");
	for (size_t i = 0; i < p->m.stages.n; i++)
		page_stage(p, i, p->m.stages.n <= PAGE_LISTS_OPEN);
	buf_str_add(p->out, "</div>\n");
}
