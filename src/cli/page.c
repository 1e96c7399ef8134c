#include "src/cli/page.h"

#include <string.h>
#include <sys/utsname.h>

#include "src/cli/html.h"
#include "src/util/base64.h"
#include "src/util/clock.h"
#include "src/util/hash.h"
#include "src/util/mem.h"
#include "src/util/num.h"

/* Goals that the title names. */
#define PAGE_TITLE_GOALS 3
/* Of a failed step's output, what is shown at once. */
#define PAGE_LOG_LINES 25

/* --- parts that several files use --- */

void page_heading(struct page *p, const char *id, const char *title, const char *note)
{
	buf_printf(p->out, "<h2 id=\"%s\">%s", id, title);
	if (note)
		buf_printf(p->out, " <small>%s</small>", note);
	buf_str_add(p->out, "</h2>\n");
}

const char *page_duration_text(int64_t ns, char out[32])
{
	if (ns >= 60 * CLOCK_NS_PER_S)
		return num_human_time(ns, out);
	if (ns >= CLOCK_NS_PER_S)
		snprintf(out, 32, "%.1f s", (double)ns / (double)CLOCK_NS_PER_S);
	else
		snprintf(out, 32, "%d ms", (int)((ns * 1000 + CLOCK_NS_PER_S / 2) / CLOCK_NS_PER_S));
	return out;
}

void page_duration(struct page *p, int64_t ns)
{
	char text[32];

	buf_str_add(p->out, page_duration_text(ns, text));
}

void page_size(struct page *p, uint64_t bytes)
{
	char text[32];

	buf_str_add(p->out, num_human_size(bytes, text));
}

const char *page_stage_name(const struct page *p, size_t stage)
{
	const struct runmodel_stage *st = &p->m.stages.v[stage];

	return p->m.flavors > 1 ? st->name : st->label;
}

void page_stage_link(struct page *p, size_t stage)
{
	buf_printf(p->out, "<a href=\"#s%zu\">", stage);
	html_text(p->out, page_stage_name(p, stage));
	buf_str_add(p->out, "</a>");
}

/* --- head --- */

/* No other script than ours runs, even if one found its way into the page. */
static void page_policy(struct page *p)
{
	uint8_t sum[HASH_MAX_BYTES];
	AUTO_FREE char *text = NULL;

	hash_bytes(HASH_SHA256, page_script, strlen(page_script), sum);
	text = base64_of(sv_of((const char *)sum, hash_size(HASH_SHA256)));
	buf_printf(p->out,
		   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		   "style-src 'unsafe-inline'; script-src 'sha256-%s'; base-uri 'none'; form-action 'none'\">\n",
		   text);
}

static bool page_failed(const struct page *p)
{
	return p->o->failure && err_is_set(p->o->failure);
}

static const char *page_verdict(const struct page *p)
{
	if (!page_failed(p))
		return "succeeded";
	return p->o->failure->code == ERR_CANCELLED ? "cancelled" : "failed";
}

static size_t page_count_goals(const struct page *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->m.stages.n; i++)
		n += p->m.stages.v[i].goal;
	return n;
}

/* The goals; where they are many, their number. */
static void page_title(struct page *p)
{
	size_t goals = page_count_goals(p), n = 0;

	if (!goals)
		buf_str_add(p->out, "slct build");
	if (goals > PAGE_TITLE_GOALS && p->m.flavors > 1)
		buf_printf(p->out, "%zu goals of %zu flavors", goals, p->m.flavors);
	else if (goals > PAGE_TITLE_GOALS)
		buf_printf(p->out, "%zu goals", goals);
	for (size_t i = 0; goals <= PAGE_TITLE_GOALS && i < p->m.stages.n; i++) {
		if (!p->m.stages.v[i].goal)
			continue;
		buf_str_add(p->out, n++ ? ", " : "");
		html_short(p->out, p->m.stages.v[i].name, 60);
	}
}

static void page_begin(struct page *p)
{
	char when[32];

	buf_str_add(p->out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
	page_policy(p);
	buf_str_add(p->out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
			    "<meta name=\"color-scheme\" content=\"light dark\">\n"
			    "<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
	page_title(p);
	buf_printf(p->out, " – build %s</title>\n<style>%s</style>\n</head>\n<body>\n<header>\n<h1>", page_verdict(p),
		   page_style);
	page_title(p);
	buf_printf(p->out, "</h1>\n<p class=\"sub\"><strong class=\"verdict %s\">Build %s</strong> after ",
		   page_verdict(p), page_verdict(p));
	page_duration(p, p->total);
	clock_rfc3339(p->o->log->began, when);
	buf_printf(p->out, " <span class=\"sep\">·</span> began <time datetime=\"%s\">%.10s %.8s UTC</time>", when,
		   when, when + 11);
	if (p->o->log->first_line) {
		buf_str_add(p->out, " <span class=\"sep\">·</span> ");
		html_text(p->out, p->o->log->first_line);
	}
	buf_str_add(p->out, "</p>\n</header>\n<main>\n");
}

/* --- numbers --- */

static void page_number(struct page *p, const char *value, const char *label, const char *more)
{
	buf_printf(p->out, "<div><dt>%s</dt><dd>%s%s%s%s</dd></div>\n", label, value, more ? " <small>" : "",
		   more ? more : "", more ? "</small>" : "");
}

static void page_numbers(struct page *p)
{
	const struct event_counts *c = &p->o->log->counts;
	const size_t *r = p->m.results;
	AUTO_FREE char *stages = mem_printf("%zu", p->m.stages.n);
	AUTO_FREE char *built = mem_printf("%zu", r[RUNMODEL_BUILT]);
	AUTO_FREE char *cached = mem_printf("%zu", r[RUNMODEL_LOCAL] + r[RUNMODEL_REMOTE]);
	AUTO_FREE char *remote = r[RUNMODEL_REMOTE] ? mem_printf("%zu remotely", r[RUNMODEL_REMOTE]) : NULL;
	AUTO_FREE char *left = mem_printf("%zu", r[RUNMODEL_UNNEEDED] + r[RUNMODEL_SKIPPED] + r[RUNMODEL_UNKNOWN]);
	AUTO_FREE char *failed = mem_printf("%zu", r[RUNMODEL_FAILED]);
	AUTO_FREE char *ran = mem_printf("%u", c->steps_run);
	AUTO_FREE char *hits = mem_printf("%u cached", c->steps_cached);
	char in[32], sent[32];

	buf_str_add(p->out, "<dl class=\"numbers\">\n");
	page_number(p, stages, "stages", NULL);
	page_number(p, built, "built", NULL);
	page_number(p, cached, "from the cache", remote);
	if (r[RUNMODEL_FAILED])
		page_number(p, failed, "failed", NULL);
	if (strcmp(left, "0") != 0)
		page_number(p, left, r[RUNMODEL_SKIPPED] ? "skipped" : "not needed", NULL);
	page_number(p, ran, "steps run", hits);
	if (c->bytes_in)
		page_number(p, num_human_size(c->bytes_in, in), "received", NULL);
	if (c->bytes_out)
		page_number(p, num_human_size(c->bytes_out, sent), "sent", NULL);
	buf_str_add(p->out, "</dl>\n");
}

/* --- what went wrong --- */

static const struct runlog_step *page_failed_step(const struct page *p, size_t *stage)
{
	for (size_t i = 0; i < p->m.spans.n; i++) {
		if (p->m.spans.v[i].step->state == RUNLOG_FAILED) {
			*stage = p->m.spans.v[i].stage;
			return p->m.spans.v[i].step;
		}
	}
	return NULL;
}

static void page_place(struct page *p, const struct err *e)
{
	if (!e->place.file)
		return;
	buf_str_add(p->out, "<p class=\"place\"><code>");
	html_text(p->out, e->place.file);
	if (e->place.line)
		buf_printf(p->out, ":%u", e->place.line);
	buf_str_add(p->out, "</code></p>\n");
}

/* Where the last lines of a text begin. */
static size_t page_last_lines(struct sv text, size_t lines)
{
	size_t at = text.n;

	/* A newline at the end ends the last line. */
	if (at && text.p[at - 1] == '\n')
		at--;
	while (at && (text.p[at - 1] != '\n' || --lines))
		at--;
	return at;
}

static void page_log(struct page *p, struct sv text)
{
	buf_str_add(p->out, "<pre class=\"log\" tabindex=\"0\">");
	html_textn(p->out, text.p, text.n);
	buf_str_add(p->out, "</pre>\n");
}

/* The end, which says most; what is kept before it folds away. */
static void page_log_end(struct page *p, const struct runlog_step *s)
{
	struct sv tail = buf_sv(&s->tail);
	size_t last;

	/* What is kept may begin in the middle of a line. */
	if (tail.n == RUNLOG_TAIL_MAX && sv_find(tail, '\n') >= 0)
		sv_cut(&tail, '\n');
	if (!tail.n)
		return;
	last = page_last_lines(tail, PAGE_LOG_LINES);
	buf_printf(p->out, "<h3>%s of its output</h3>\n", last || s->tail.n == RUNLOG_TAIL_MAX ? "The end" : "All");
	page_log(p, sv_sub(tail, last, tail.n));
	if (!last)
		return;
	buf_str_add(p->out, "<details><summary>What was before it</summary>\n");
	page_log(p, sv_sub(tail, 0, last));
	buf_str_add(p->out, "</details>\n");
}

static void page_failure(struct page *p)
{
	const struct err *e = p->o->failure;
	size_t stage = 0;
	const struct runlog_step *s;

	if (!page_failed(p))
		return;
	s = page_failed_step(p, &stage);
	buf_str_add(p->out, "<section class=\"failure\" aria-labelledby=\"failure\">\n<h2 id=\"failure\">What went "
			    "wrong</h2>\n<p class=\"message\">");
	html_command(p->out, e->msg ? e->msg : "unknown error");
	buf_str_add(p->out, "</p>\n");
	page_place(p, e);
	if (s) {
		buf_str_add(p->out, "<p>Step ");
		buf_printf(p->out, "%u of ", s->n);
		page_stage_link(p, stage);
		buf_str_add(p->out, ", <code>");
		html_short(p->out, s->text, 200);
		buf_str_add(p->out, "</code>, after ");
		page_duration(p, s->ended - s->begun);
		buf_str_add(p->out, ".</p>\n");
	} else if (e->excerpt && e->excerpt[0]) {
		buf_str_add(p->out, "<pre class=\"log\">");
		html_command(p->out, e->excerpt);
		buf_str_add(p->out, "</pre>\n");
	}
	if (e->hint && e->hint[0]) {
		buf_str_add(p->out, "<p class=\"hint\"><b>Hint:</b> ");
		html_command(p->out, e->hint);
		buf_str_add(p->out, "</p>\n");
	}
	if (s)
		page_log_end(p, s);
	buf_str_add(p->out, "</section>\n");
}

/* --- end --- */

static void page_row(struct page *p, const char *name, const char *value)
{
	if (!value || !value[0])
		return;
	html_element(p->out, "dt", NULL, name);
	buf_str_add(p->out, "<dd>");
	html_command(p->out, value);
	buf_str_add(p->out, "</dd>\n");
}

static void page_goals(struct page *p)
{
	const struct build_result *r = p->o->result;

	for (size_t i = 0; i < r->n; i++) {
		if (r->v[i].extra)
			continue;
		html_element(p->out, "dt", NULL, r->v[i].stage);
		buf_str_add(p->out, "<dd>");
		if (r->v[i].name) {
			html_text(p->out, r->v[i].name);
			buf_str_add(p->out, "<br>");
		}
		buf_printf(p->out, "<code>%s</code></dd>\n", r->v[i].image.text);
	}
}

static void page_about(struct page *p)
{
	struct utsname host;
	AUTO_FREE char *kernel =
		uname(&host) == 0 ? mem_printf("%s %s %s", host.sysname, host.release, host.machine) : NULL;
	AUTO_FREE char *jobs = mem_printf("%d", (int)json_get_int(p->o->result->facts, "jobs", 0));

	page_heading(p, "about", "About this build", NULL);
	buf_str_add(p->out, "<dl class=\"about\">\n");
	page_goals(p);
	page_row(p, "command", p->o->command);
	page_row(p, "directory", p->o->directory);
	page_row(p, "isolation",
		 p->o->log->first_line ? p->o->log->first_line + strcspn(p->o->log->first_line, ":") + 1 : NULL);
	if (strcmp(jobs, "0") != 0)
		page_row(p, "steps at a time", jobs);
	page_row(p, "store", p->o->store);
	page_row(p, "logs of the steps", p->o->result->log_dir);
	page_row(p, "slct", SLCT_VERSION);
	page_row(p, "kernel", kernel);
	buf_str_add(p->out, "</dl>\n");
}

static void page_end(struct page *p)
{
	buf_printf(p->out,
		   "</main>\n<footer>Written by slct " SLCT_VERSION
		   ".</footer>\n<script>%s</script>\n</body>\n</html>\n",
		   page_script);
}

int page_make(const struct page_opts *o, struct buf *out, struct err *e)
{
	struct page p = {.o = o, .out = out, .total = o->log->ended > 0 ? o->log->ended : 1};

	runmodel_init(&p.m, o->result->facts, o->log);
	page_begin(&p);
	page_failure(&p);
	page_numbers(&p);
	page_graph(&p);
	page_time(&p);
	page_critical(&p);
	page_reasons(&p);
	page_layers(&p);
	page_warnings(&p);
	page_stages(&p);
	page_about(&p);
	page_end(&p);
	runmodel_release(&p.m);
	return out->over ? err_set(e, ERR_INTERNAL, "the page is larger than %zu bytes", out->max) : 0;
}
