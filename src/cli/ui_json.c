/* One event a line as JSON, for programs.
 *
 * Every line has "event" and "time" (milliseconds since the display began); the other members are there where the
 * event has them: stage, n, m, text, source, elapsed (milliseconds), done, total (bytes), counts, error. */
#include "src/cli/ui.h"

#include "src/cli/report.h"
#include "src/cli/ui_text.h"
#include "src/util/clock.h"
#include "src/util/json.h"
#include "src/util/mem.h"
#include "src/util/smap.h"

#define UI_JSON_NS_PER_MS INT64_C(1000000)

struct ui_json {
	struct event_sink sink;
	struct ui_opts o;
	int64_t start;
	struct smap lines; /* stage → struct ui_lines */
	struct buf out;
};

struct ui_json_line {
	struct ui_json *ui;
	const char *stage;
};

static void ui_json_lines_free(void *p)
{
	ui_lines_release(p);
	free(p);
}

static struct json *ui_json_begin(const struct ui_json *ui, const char *event, const char *stage)
{
	struct json *j = json_new_object();

	json_set_str(j, "event", event);
	json_set_int(j, "time", (clock_mono() - ui->start) / UI_JSON_NS_PER_MS);
	if (stage && stage[0]) {
		AUTO_FREE char *clean = ui_text_line(stage, false);

		json_set_str(j, "stage", clean);
	}
	return j;
}

static void ui_json_end(struct ui_json *ui, struct json *j)
{
	json_write(j, &ui->out);
	buf_char_add(&ui->out, '\n');
	json_free(j);
}

static void ui_json_line(void *arg, const char *line)
{
	const struct ui_json_line *to = arg;
	struct json *j = ui_json_begin(to->ui, "output", to->stage);

	json_set_str(j, "text", line);
	ui_json_end(to->ui, j);
}

static struct json *ui_json_counts(const struct event_counts *c)
{
	struct json *j = json_new_object();

	json_set_int(j, "stages", c->stages);
	json_set_int(j, "stages_cached", c->stages_cached);
	json_set_int(j, "steps_run", c->steps_run);
	json_set_int(j, "steps_cached", c->steps_cached);
	json_set_int(j, "steps_meta", c->steps_meta);
	json_set_int(j, "requests", (int64_t)c->requests);
	json_set_int(j, "bytes_in", (int64_t)c->bytes_in);
	json_set_int(j, "bytes_out", (int64_t)c->bytes_out);
	return j;
}

static bool ui_json_has_elapsed(enum event_kind k)
{
	return k == EVENT_STEP_DONE || k == EVENT_STEP_ERROR || k == EVENT_STAGE_DONE || k == EVENT_END;
}

static void ui_json_event(struct ui_json *ui, const struct event *ev)
{
	struct json *j = ui_json_begin(ui, ui_event_name(ev->kind), ev->stage);

	if (ev->n) {
		json_set_int(j, "n", ev->n);
		json_set_int(j, "m", ev->m);
	}
	if (ev->text) {
		AUTO_FREE char *clean = ui_text_line(ev->text, false);

		json_set_str(j, "text", clean);
	}
	json_set_str(j, "source", ev->source);
	if (ui_json_has_elapsed(ev->kind))
		json_set_int(j, "elapsed", ev->elapsed_ns / UI_JSON_NS_PER_MS);
	if (ev->kind == EVENT_TRANSFER || ev->kind == EVENT_BEGIN) {
		json_set_int(j, "total", (int64_t)ev->total);
		if (ev->kind == EVENT_TRANSFER)
			json_set_int(j, "done", (int64_t)ev->done);
	}
	if (ev->counts)
		json_set(j, "counts", ui_json_counts(ev->counts));
	if (ev->err && err_is_set(ev->err))
		json_set(j, "error", report_json(ev->err));
	ui_json_end(ui, j);
}

/* The lines of the stage's running step, made if missing. */
static struct ui_lines *ui_json_lines(struct ui_json *ui, const char *stage)
{
	struct ui_lines *l = smap_get(&ui->lines, stage);

	if (!l) {
		l = mem_new(struct ui_lines);
		*l = UI_LINES_INIT;
		smap_set(&ui->lines, stage, l);
	}
	return l;
}

static void ui_json_emit(struct event_sink *sink, const struct event *ev)
{
	struct ui_json *ui = (struct ui_json *)sink;
	struct ui_json_line to = {ui, ev->stage ? ev->stage : ""};

	if ((ui->o.quiet && ev->kind != EVENT_WARNING) || !ui_event_name(ev->kind))
		return;
	if (ev->kind == EVENT_OUTPUT) {
		ui_lines_add(ui_json_lines(ui, to.stage), ev->text, ev->text_len, false, ui_json_line, &to);
	} else {
		struct ui_lines *held = smap_get(&ui->lines, to.stage);

		/* The end of a step ends its last line. */
		if (held && ev->kind != EVENT_TRANSFER && ev->kind != EVENT_WARNING)
			ui_lines_flush(held, false, ui_json_line, &to);
		ui_json_event(ui, ev);
	}
	if (ui->out.n)
		ui_write(ui->o.fd, ui->out.p, ui->out.n);
	buf_clear(&ui->out);
}

static void ui_json_log(void *arg, enum log_level level, const char *line)
{
	struct ui_json *ui = arg;
	struct json *j = ui_json_begin(ui, level <= LOG_WARN ? "warning" : "log", NULL);

	json_set_str(j, "text", line);
	ui_json_end(ui, j);
	ui_write(ui->o.fd, buf_str(&ui->out), ui->out.n);
	buf_clear(&ui->out);
}

static void ui_json_free(struct event_sink *sink)
{
	struct ui_json *ui = (struct ui_json *)sink;

	log_set_sink(NULL, NULL);
	smap_release(&ui->lines);
	buf_release(&ui->out);
	free(ui);
}

struct event_sink *ui_json_new(const struct ui_opts *o)
{
	struct ui_json *ui = mem_new(struct ui_json);

	ui->sink = (struct event_sink){.emit = ui_json_emit, .free = ui_json_free};
	ui->o = *o;
	ui->start = clock_mono();
	ui->lines = SMAP_INIT(ui_json_lines_free);
	ui->out = BUF_INIT(BUF_TEXT_MAX);
	log_set_sink(ui_json_log, ui);
	return &ui->sink;
}
