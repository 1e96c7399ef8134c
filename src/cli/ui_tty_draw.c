/* The live picture itself: a line for each running step with its last output, transfers, a summary. */
#include "src/cli/ui_tty.h"

#include "src/util/clock.h"
#include "src/util/num.h"

#define UI_TTY_DIM "\x1b[2m"

static void ui_tty_draw_header(struct ui_tty *ui, const struct ui_tty_stage *s, int64_t now)
{
	AUTO_BUF struct buf left = BUF_INIT(BUF_TEXT_MAX);
	char time[32];

	ui_text_prefix(s->name, s->n, s->m, &left);
	if (s->text)
		buf_str_add(&left, s->text);
	ui_screen_line(&ui->screen, buf_str(&left), num_human_time(now - s->start, time));
}

static void ui_tty_draw_output(struct ui_tty *ui, const char *line)
{
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);

	buf_printf(&text, "  %s%s%s", ui_tty_colour(ui, UI_TTY_DIM), line, ui_tty_colour(ui, UI_TTY_OFF));
	ui_screen_line(&ui->screen, buf_str(&text), "");
}

/* The last `max` lines of a stage, the unfinished one included. */
static void ui_tty_draw_tail(struct ui_tty *ui, const struct ui_tty_stage *s, unsigned max)
{
	AUTO_FREE char *partial = ui_lines_partial(&s->lines, ui->o.color);
	unsigned have = s->ntail + (partial != NULL), skip = have > max ? have - max : 0;

	for (unsigned i = skip; i < s->ntail; i++)
		ui_tty_draw_output(ui, s->tail[i]);
	if (partial && max)
		ui_tty_draw_output(ui, partial);
}

static void ui_tty_draw_transfer(struct ui_tty *ui, const struct ui_tty_transfer *t)
{
	AUTO_BUF struct buf left = BUF_INIT(BUF_TEXT_MAX), right = BUF_INIT(BUF_TEXT_MAX);
	char done[32], total[32];

	ui_text_prefix(t->stage, 0, 0, &left);
	buf_str_add(&left, t->text);
	buf_str_add(&right, num_human_size(t->done, done));
	if (t->total)
		buf_printf(&right, " of %s (%u %%)", num_human_size(t->total, total),
			   (unsigned)((double)t->done * 100.0 / (double)t->total));
	ui_screen_line(&ui->screen, buf_str(&left), buf_str(&right));
}

static void ui_tty_draw_summary(struct ui_tty *ui, size_t running, size_t hidden, int64_t now)
{
	AUTO_BUF struct buf left = BUF_INIT(BUF_TEXT_MAX);
	char time[32];

	/* A lone transfer needs no summary. */
	if (!ui->total && !running && !hidden)
		return;
	if (ui->total)
		buf_printf(&left, "%llu of %llu stages done, ", (unsigned long long)ui->finished,
			   (unsigned long long)ui->total);
	buf_printf(&left, "%zu running", running);
	if (hidden)
		buf_printf(&left, " (%zu more lines than the screen has)", hidden);
	ui_screen_line(&ui->screen, buf_str(&left), num_human_time(now - ui->start, time));
}

static size_t ui_tty_running(const struct ui_tty *ui)
{
	size_t n = 0;

	for (size_t i = 0; i < ui->stages.n; i++)
		n += ui->stages.v[i]->running;
	return n;
}

/* One line for each running step and transfer as far as the screen goes; what is left of it goes to lines of output. */
void ui_tty_draw(struct ui_tty *ui)
{
	int64_t now = clock_mono();
	size_t running = ui_tty_running(ui), room, heads, transfers, tail, drawn = 0;

	ui_screen_measure(&ui->screen);
	room = ui_screen_room(&ui->screen) - 1;
	heads = running < room ? running : room;
	transfers = ui->transfers.n < room - heads ? ui->transfers.n : room - heads;
	tail = heads ? (room - heads - transfers) / heads : 0;
	if (tail > UI_TTY_TAIL)
		tail = UI_TTY_TAIL;
	for (size_t i = 0; i < ui->stages.n && drawn < heads; i++) {
		if (!ui->stages.v[i]->running)
			continue;
		ui_tty_draw_header(ui, ui->stages.v[i], now);
		ui_tty_draw_tail(ui, ui->stages.v[i], (unsigned)tail);
		drawn++;
	}
	for (size_t i = 0; i < transfers; i++)
		ui_tty_draw_transfer(ui, &ui->transfers.v[i]);
	ui_tty_draw_summary(ui, running, running - heads + ui->transfers.n - transfers, now);
	ui_screen_flush(&ui->screen);
	ui->drawn = now;
}
