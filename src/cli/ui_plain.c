/* Plain lines: each event as it comes, fit for logs.
 *
 *     [stage 2/5] RUN make
 *     [stage] output of the step
 *     [stage 2/5] DONE 1.3s
 */
#include "src/cli/ui.h"

#include "src/cli/ui_text.h"
#include "src/util/mem.h"
#include "src/util/num.h"
#include "src/util/smap.h"

struct ui_plain {
	struct event_sink sink;
	struct ui_opts o;
	struct smap stages;    /* name → struct ui_plain_stage */
	struct smap transfers; /* "stage text" of those that are under way → NULL */
	struct buf out;	       /* what the current event gives, written at once */
};

struct ui_plain_stage {
	struct ui_lines lines;
	char *name;
	unsigned shown; /* step whose instruction stands above */
	bool steps;	/* any step was shown */
};

/* Where a completed line of output goes. */
struct ui_plain_line {
	struct ui_plain *ui;
	const char *stage;
};

static void ui_plain_stage_free(void *p)
{
	struct ui_plain_stage *s = p;

	ui_lines_release(&s->lines);
	free(s->name);
	free(s);
}

static struct ui_plain_stage *ui_plain_stage(struct ui_plain *ui, const char *name)
{
	struct ui_plain_stage *s;

	if (!name)
		name = "";
	s = smap_get(&ui->stages, name);
	if (!s) {
		s = mem_new(struct ui_plain_stage);
		s->lines = UI_LINES_INIT;
		s->name = mem_strdup(name);
		smap_set(&ui->stages, name, s);
	}
	return s;
}

static void ui_plain_line(void *arg, const char *line)
{
	const struct ui_plain_line *to = arg;
	struct buf *out = &to->ui->out;

	ui_text_prefix(to->stage, 0, 0, out);
	buf_str_add(out, line);
	/* A line that leaves a colour on must not colour what follows. */
	if (to->ui->o.color && strchr(line, '\x1b'))
		buf_str_add(out, "\x1b[0m");
	buf_char_add(out, '\n');
}

static void ui_plain_flush_lines(struct ui_plain *ui, struct ui_plain_stage *s)
{
	struct ui_plain_line to = {ui, s->name};

	ui_lines_flush(&s->lines, ui->o.color, ui_plain_line, &to);
}

/* "[stage n/m] INSTRUCTION", once for each step. */
static void ui_plain_instruction(struct ui_plain *ui, struct ui_plain_stage *s, const struct event *ev)
{
	AUTO_FREE char *text = ui_text_line(ev->text, false);

	ui_plain_flush_lines(ui, s);
	if (s->shown == ev->n || !text[0])
		return;
	s->shown = ev->n;
	s->steps = true;
	ui_text_prefix(ev->stage, ev->n, ev->m, &ui->out);
	buf_printf(&ui->out, "%s\n", text);
}

static void ui_plain_start(struct ui_plain *ui, struct ui_plain_stage *s, const struct event *ev)
{
	ui_plain_instruction(ui, s, ev);
}

static void ui_plain_why(struct ui_plain *ui, struct ui_plain_stage *s ATTR_UNUSED, const struct event *ev)
{
	AUTO_FREE char *text = ui_text_line(ev->text, false);

	ui_text_prefix(ev->stage, ev->n, ev->m, &ui->out);
	buf_printf(&ui->out, "WHY %s\n", text);
}

static void ui_plain_cached(struct ui_plain *ui, struct ui_plain_stage *s, const struct event *ev)
{
	ui_plain_instruction(ui, s, ev);
	s->steps = true;
	ui_text_prefix(ev->stage, ev->n, ev->m, &ui->out);
	buf_str_add(&ui->out, "CACHED");
	if (ui->o.verbose && ev->source)
		buf_printf(&ui->out, " (%s)", ev->source);
	buf_char_add(&ui->out, '\n');
}

static void ui_plain_done(struct ui_plain *ui, struct ui_plain_stage *s, const struct event *ev)
{
	char text[32];

	ui_plain_instruction(ui, s, ev);
	ui_text_prefix(ev->stage, ev->n, ev->m, &ui->out);
	buf_printf(&ui->out, "DONE %s\n", num_human_time(ev->elapsed_ns, text));
}

static void ui_plain_error(struct ui_plain *ui, struct ui_plain_stage *s, const struct event *ev)
{
	AUTO_FREE char *msg = ui_text_line(ev->err ? ev->err->msg : NULL, false);

	ui_plain_instruction(ui, s, ev);
	ui_text_prefix(ev->stage, ev->n, ev->m, &ui->out);
	buf_printf(&ui->out, "ERROR%s%s\n", msg[0] ? ": " : "", msg);
}

static void ui_plain_output(struct ui_plain *ui, struct ui_plain_stage *s, const struct event *ev)
{
	struct ui_plain_line to = {ui, s->name};

	ui_lines_add(&s->lines, ev->text, ev->text_len, ui->o.color, ui_plain_line, &to);
}

/* A transfer is told at its beginning and its end; a short one only once. */
static void ui_plain_transfer(struct ui_plain *ui, struct ui_plain_stage *s, const struct event *ev)
{
	AUTO_FREE char *text = ui_text_line(ev->text, false);
	AUTO_FREE char *key = mem_printf("%s %s", s->name, text);
	bool known = smap_has(&ui->transfers, key), ended = ev->total && ev->done >= ev->total;
	char size[32];

	if (known && !ended)
		return;
	ui_text_prefix(ev->stage, 0, 0, &ui->out);
	buf_str_add(&ui->out, text);
	if (ended) {
		buf_printf(&ui->out, ": %s", num_human_size(ev->total, size));
		smap_del(&ui->transfers, key);
	} else {
		if (ev->total)
			buf_printf(&ui->out, " (%s)", num_human_size(ev->total, size));
		smap_set(&ui->transfers, key, NULL);
	}
	buf_char_add(&ui->out, '\n');
}

static void ui_plain_stage_done(struct ui_plain *ui, struct ui_plain_stage *s, const struct event *ev)
{
	ui_plain_flush_lines(ui, s);
	/* A stage that was taken as a whole has shown nothing so far. */
	if (!s->steps && ev->source) {
		ui_text_prefix(ev->stage, 0, 0, &ui->out);
		buf_printf(&ui->out, "CACHED%s\n", strcmp(ev->source, "remote") == 0 ? " (remote)" : "");
	}
	smap_del(&ui->stages, ev->stage ? ev->stage : "");
}

static void ui_plain_begin(struct ui_plain *ui, struct ui_plain_stage *s ATTR_UNUSED, const struct event *ev)
{
	AUTO_FREE char *text = ui_text_line(ev->text, false);

	if (text[0])
		buf_printf(&ui->out, "%s\n", text);
}

static void ui_plain_warning(struct ui_plain *ui, struct ui_plain_stage *s ATTR_UNUSED, const struct event *ev)
{
	AUTO_FREE char *stage = ui_text_line(ev->stage, false);
	AUTO_FREE char *text = ui_text_line(ev->text, false);

	buf_printf(&ui->out, "slct: warning: %s%s%s\n", stage, stage[0] ? ": " : "", text);
}

static void ui_plain_end(struct ui_plain *ui, struct ui_plain_stage *s ATTR_UNUSED, const struct event *ev)
{
	size_t lines;

	for (size_t i = 0; i < ui->stages.n; i++)
		ui_plain_flush_lines(ui, ui->stages.v[i].val);
	lines = ui->out.n;
	ui_text_summary(ev, &ui->out);
	if (ui->out.n > lines)
		buf_char_add(&ui->out, '\n');
}

typedef void ui_plain_fn(struct ui_plain *ui, struct ui_plain_stage *s, const struct event *ev);

/* What each event gives, and whether it is also for --quiet. */
static const struct {
	ui_plain_fn *fn;
	bool always;
} ui_plain_table[] = {
	[EVENT_BEGIN] = {ui_plain_begin, false},
	[EVENT_STAGE_START] = {NULL, false},
	[EVENT_STEP_START] = {ui_plain_start, false},
	[EVENT_STEP_WHY] = {ui_plain_why, false},
	[EVENT_STEP_CACHED] = {ui_plain_cached, false},
	[EVENT_STEP_DONE] = {ui_plain_done, false},
	[EVENT_STEP_ERROR] = {ui_plain_error, false},
	[EVENT_STEP_META] = {ui_plain_start, false},
	[EVENT_OUTPUT] = {ui_plain_output, false},
	[EVENT_TRANSFER] = {ui_plain_transfer, false},
	[EVENT_STAGE_DONE] = {ui_plain_stage_done, false},
	[EVENT_WARNING] = {ui_plain_warning, true},
	[EVENT_UPLOAD_START] = {NULL, false},
	[EVENT_UPLOAD_DONE] = {NULL, false},
	[EVENT_WORKER_START] = {NULL, false},
	[EVENT_WORKER_DONE] = {NULL, false},
	[EVENT_END] = {ui_plain_end, false},
};

static void ui_plain_emit(struct event_sink *sink, const struct event *ev)
{
	struct ui_plain *ui = (struct ui_plain *)sink;
	ui_plain_fn *fn = ui_plain_table[ev->kind].fn;

	if (!fn || (ui->o.quiet && !ui_plain_table[ev->kind].always))
		return;
	fn(ui, ui_plain_stage(ui, ev->stage), ev);
	ui_write(ui->o.fd, buf_str(&ui->out), ui->out.n);
	buf_clear(&ui->out);
}

static void ui_plain_free(struct event_sink *sink)
{
	struct ui_plain *ui = (struct ui_plain *)sink;

	smap_release(&ui->stages);
	smap_release(&ui->transfers);
	buf_release(&ui->out);
	free(ui);
}

struct event_sink *ui_plain_new(const struct ui_opts *o)
{
	struct ui_plain *ui = mem_new(struct ui_plain);

	ui->sink = (struct event_sink){.emit = ui_plain_emit, .free = ui_plain_free};
	ui->o = *o;
	ui->stages = SMAP_INIT(ui_plain_stage_free);
	ui->transfers = SMAP_INIT(NULL);
	ui->out = BUF_INIT(BUF_TEXT_MAX);
	return &ui->sink;
}
