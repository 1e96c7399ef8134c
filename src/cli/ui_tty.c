/* The live picture: running stages with step, time and last lines of output, transfers, a summary; what is finished
 * stays above as ordinary lines. Drawn at most ten times a second. */
#include "src/cli/ui_tty.h"

#include "src/util/clock.h"
#include "src/util/mem.h"
#include "src/util/num.h"

#define UI_TTY_INTERVAL_NS (CLOCK_NS_PER_S / 10)

const char *ui_tty_colour(const struct ui_tty *ui, const char *sgr)
{
	return ui->o.color ? sgr : "";
}

/* --- state --- */

static void ui_tty_stage_free(struct ui_tty_stage *s)
{
	for (unsigned i = 0; i < s->ntail; i++)
		free(s->tail[i]);
	ui_lines_release(&s->lines);
	free(s->name);
	free(s->text);
	free(s);
}

static struct ui_tty_stage *ui_tty_stage(struct ui_tty *ui, const char *name)
{
	struct ui_tty_stage *s;

	for (size_t i = 0; i < ui->stages.n; i++) {
		if (strcmp(ui->stages.v[i]->name, name) == 0)
			return ui->stages.v[i];
	}
	s = mem_new(struct ui_tty_stage);
	s->name = mem_strdup(name);
	s->lines = UI_LINES_INIT;
	s->start = clock_mono();
	vec_push(&ui->stages, s);
	return s;
}

static void ui_tty_stage_drop(struct ui_tty *ui, const char *name)
{
	for (size_t i = 0; i < ui->stages.n; i++) {
		if (strcmp(ui->stages.v[i]->name, name) != 0)
			continue;
		ui_tty_stage_free(ui->stages.v[i]);
		memmove(&ui->stages.v[i], &ui->stages.v[i + 1], (ui->stages.n - i - 1) * sizeof(ui->stages.v[0]));
		ui->stages.n--;
		return;
	}
}

static void ui_tty_tail_add(void *arg, const char *line)
{
	struct ui_tty_stage *s = arg;

	if (s->ntail == UI_TTY_TAIL) {
		free(s->tail[0]);
		memmove(s->tail, s->tail + 1, (UI_TTY_TAIL - 1) * sizeof(s->tail[0]));
		s->ntail--;
	}
	s->tail[s->ntail++] = mem_strdup(line);
}

static void ui_tty_tail_clear(struct ui_tty_stage *s)
{
	for (unsigned i = 0; i < s->ntail; i++)
		free(s->tail[i]);
	s->ntail = 0;
	buf_clear(&s->lines.held);
}

static void ui_tty_step(struct ui_tty_stage *s, const struct event *ev)
{
	if (ev->text && ev->text[0]) {
		free(s->text);
		s->text = ui_text_line(ev->text, false);
	}
	s->n = ev->n;
	s->m = ev->m;
}

static void ui_tty_transfer_drop(struct ui_tty *ui, size_t i)
{
	free(ui->transfers.v[i].stage);
	free(ui->transfers.v[i].text);
	ui->transfers.v[i] = ui->transfers.v[--ui->transfers.n];
}

static void ui_tty_transfer_set(struct ui_tty *ui, const struct event *ev)
{
	AUTO_FREE char *text = ui_text_line(ev->text, false);
	const char *stage = ev->stage ? ev->stage : "";
	size_t i = 0;

	while (i < ui->transfers.n &&
	       (strcmp(ui->transfers.v[i].text, text) != 0 || strcmp(ui->transfers.v[i].stage, stage) != 0))
		i++;
	if (i == ui->transfers.n)
		vec_push(&ui->transfers, (struct ui_tty_transfer){mem_strdup(stage), STEAL_PTR(text), 0, 0});
	ui->transfers.v[i].done = ev->done;
	ui->transfers.v[i].total = ev->total;
	if (ev->total && ev->done >= ev->total) {
		AUTO_BUF struct buf line = BUF_INIT(BUF_TEXT_MAX);
		char size[32];

		ui_text_prefix(stage, 0, 0, &line);
		buf_printf(&line, "%s: %s", ui->transfers.v[i].text, num_human_size(ev->total, size));
		ui_screen_above(&ui->screen, buf_str(&line));
		ui_tty_transfer_drop(ui, i);
	}
}

/* --- permanent lines --- */

/* "[stage 2/5] RUN make  DONE 1.3s" */
static void ui_tty_finished(struct ui_tty *ui, struct ui_tty_stage *s, const char *sgr, const char *word)
{
	AUTO_BUF struct buf line = BUF_INIT(BUF_TEXT_MAX);

	ui_text_prefix(s->name, s->n, s->m, &line);
	if (s->text)
		buf_printf(&line, "%s ", s->text);
	buf_printf(&line, "%s%s%s", ui_tty_colour(ui, sgr), word, ui_tty_colour(ui, UI_TTY_OFF));
	ui_screen_above(&ui->screen, buf_str(&line));
	free(s->text);
	s->text = NULL;
	s->steps = true;
	s->running = false;
	ui_tty_tail_clear(s);
}

static void ui_tty_failed(struct ui_tty *ui, struct ui_tty_stage *s, const struct err *err)
{
	AUTO_FREE char *msg = ui_text_line(err ? err->msg : NULL, false);
	AUTO_BUF struct buf word = BUF_INIT(BUF_TEXT_MAX);

	buf_printf(&word, "ERROR%s%s", msg[0] ? ": " : "", msg);
	ui_tty_finished(ui, s, "\x1b[1;31m", buf_str(&word));
}

static void ui_tty_warning(struct ui_tty *ui, const struct event *ev)
{
	AUTO_FREE char *stage = ui_text_line(ev->stage, false);
	AUTO_FREE char *text = ui_text_line(ev->text, false);
	AUTO_BUF struct buf line = BUF_INIT(BUF_TEXT_MAX);

	buf_printf(&line, "slct: %swarning:%s %s%s%s", ui_tty_colour(ui, "\x1b[33m"), ui_tty_colour(ui, UI_TTY_OFF),
		   stage, stage[0] ? ": " : "", text);
	ui_screen_above(&ui->screen, buf_str(&line));
}

static void ui_tty_why(struct ui_tty *ui, const struct event *ev)
{
	AUTO_FREE char *text = ui_text_line(ev->text, false);
	AUTO_BUF struct buf line = BUF_INIT(BUF_TEXT_MAX);

	ui_text_prefix(ev->stage, ev->n, ev->m, &line);
	buf_printf(&line, "%sWHY%s %s", ui_tty_colour(ui, "\x1b[36m"), ui_tty_colour(ui, UI_TTY_OFF), text);
	ui_screen_above(&ui->screen, buf_str(&line));
}

static void ui_tty_plain_line(struct ui_tty *ui, const char *text)
{
	AUTO_FREE char *clean = ui_text_line(text, false);

	if (clean[0])
		ui_screen_above(&ui->screen, clean);
}

static void ui_tty_stage_done(struct ui_tty *ui, const struct event *ev)
{
	struct ui_tty_stage *s = ui_tty_stage(ui, ev->stage ? ev->stage : "");

	if (!s->steps && ev->source) {
		s->n = 0;
		ui_tty_finished(ui, s, "\x1b[34m", strcmp(ev->source, "remote") == 0 ? "CACHED (remote)" : "CACHED");
	}
	ui->finished++;
	ui_tty_stage_drop(ui, ev->stage ? ev->stage : "");
}

static void ui_tty_end(struct ui_tty *ui, const struct event *ev)
{
	AUTO_BUF struct buf line = BUF_INIT(BUF_TEXT_MAX);

	ui_text_summary(ev, &line);
	if (line.n)
		ui_screen_above(&ui->screen, buf_str(&line));
	ui_screen_measure(&ui->screen);
	ui_screen_flush(&ui->screen);
	ui->began = false;
}

/* --- events --- */

static void ui_tty_stage_event(struct ui_tty *ui, const struct event *ev)
{
	struct ui_tty_stage *s = ui_tty_stage(ui, ev->stage ? ev->stage : "");
	AUTO_BUF struct buf word = BUF_INIT(BUF_TEXT_MAX);
	char time[32];

	if (ev->n && ev->kind != EVENT_OUTPUT)
		ui_tty_step(s, ev);
	switch (ev->kind) {
	case EVENT_STEP_START:
		ui_tty_tail_clear(s);
		s->start = clock_mono();
		s->running = true;
		break;
	case EVENT_STEP_CACHED:
		ui_tty_finished(ui, s, "\x1b[34m", "CACHED");
		break;
	case EVENT_STEP_DONE:
		buf_printf(&word, "DONE %s", num_human_time(ev->elapsed_ns, time));
		ui_tty_finished(ui, s, "\x1b[32m", buf_str(&word));
		break;
	case EVENT_STEP_ERROR:
		ui_tty_failed(ui, s, ev->err);
		break;
	case EVENT_OUTPUT:
		ui_lines_add(&s->lines, ev->text, ev->text_len, ui->o.color, ui_tty_tail_add, s);
		break;
	case EVENT_BEGIN:
	case EVENT_STAGE_START:
	case EVENT_STEP_META:
	case EVENT_TRANSFER:
	case EVENT_STAGE_DONE:
	case EVENT_STEP_WHY:
	case EVENT_WARNING:
	case EVENT_UPLOAD_START:
	case EVENT_UPLOAD_DONE:
	case EVENT_WORKER_START:
	case EVENT_WORKER_DONE:
	case EVENT_END:
		break;
	}
}

static void ui_tty_dispatch(struct ui_tty *ui, const struct event *ev)
{
	switch (ev->kind) {
	case EVENT_BEGIN:
		ui->total = ev->total;
		ui_tty_plain_line(ui, ev->text);
		break;
	case EVENT_TRANSFER:
		ui_tty_transfer_set(ui, ev);
		break;
	case EVENT_STAGE_DONE:
		ui_tty_stage_done(ui, ev);
		break;
	case EVENT_STEP_WHY:
		ui_tty_why(ui, ev);
		break;
	case EVENT_WARNING:
		ui_tty_warning(ui, ev);
		break;
	case EVENT_END:
		ui_tty_end(ui, ev);
		break;
	case EVENT_STAGE_START:
	case EVENT_STEP_START:
	case EVENT_STEP_CACHED:
	case EVENT_STEP_DONE:
	case EVENT_STEP_ERROR:
	case EVENT_STEP_META:
	case EVENT_OUTPUT:
		ui_tty_stage_event(ui, ev);
		break;
	case EVENT_UPLOAD_START:
	case EVENT_UPLOAD_DONE:
	case EVENT_WORKER_START:
	case EVENT_WORKER_DONE:
		break;
	}
}

static void ui_tty_emit(struct event_sink *sink, const struct event *ev)
{
	struct ui_tty *ui = (struct ui_tty *)sink;

	if (!ui_event_name(ev->kind)) /* for traces alone */
		return;
	ui->began = true;
	ui_tty_dispatch(ui, ev);
	if (ui->began && clock_mono() - ui->drawn >= ui->o.interval_ns)
		ui_tty_draw(ui);
}

static void ui_tty_tick(struct event_sink *sink)
{
	struct ui_tty *ui = (struct ui_tty *)sink;

	/* Elapsed times move on though nothing happens. */
	if (ui->began && clock_mono() - ui->drawn >= ui->o.interval_ns)
		ui_tty_draw(ui);
}

static void ui_tty_log(void *arg, enum log_level level ATTR_UNUSED, const char *line)
{
	struct ui_tty *ui = arg;

	ui_screen_above(&ui->screen, line);
	if (ui->began)
		ui_tty_draw(ui);
	else
		ui_screen_flush(&ui->screen);
}

static void ui_tty_free(struct event_sink *sink)
{
	struct ui_tty *ui = (struct ui_tty *)sink;

	log_set_sink(NULL, NULL);
	ui_screen_measure(&ui->screen);
	ui_screen_flush(&ui->screen);
	for (size_t i = 0; i < ui->stages.n; i++)
		ui_tty_stage_free(ui->stages.v[i]);
	while (ui->transfers.n)
		ui_tty_transfer_drop(ui, 0);
	vec_release(&ui->stages);
	vec_release(&ui->transfers);
	ui_screen_release(&ui->screen);
	free(ui);
}

struct event_sink *ui_tty_new(const struct ui_opts *o)
{
	struct ui_tty *ui = mem_new(struct ui_tty);

	ui->sink = (struct event_sink){.emit = ui_tty_emit, .tick = ui_tty_tick, .free = ui_tty_free};
	ui->o = *o;
	if (!ui->o.interval_ns)
		ui->o.interval_ns = UI_TTY_INTERVAL_NS;
	ui->start = clock_mono();
	ui_screen_init(&ui->screen, o->fd);
	log_set_sink(ui_tty_log, ui);
	return &ui->sink;
}
