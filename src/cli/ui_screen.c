/* The picture at the bottom of a terminal. */
#include "src/cli/ui_screen.h"

#include <sys/ioctl.h>

#include "src/cli/ui.h"
#include "src/util/utf8.h"

#define UI_SCREEN_OFF  "\x1b[0m"
#define UI_SCREEN_TAB  8
#define UI_SCREEN_ROWS 24
#define UI_SCREEN_COLS 80

void ui_screen_init(struct ui_screen *s, int fd)
{
	*s = (struct ui_screen){.fd = fd, .above = BUF_INIT(BUF_TEXT_MAX), .live = BUF_INIT(BUF_TEXT_MAX)};
	ui_screen_measure(s);
}

void ui_screen_release(struct ui_screen *s)
{
	buf_release(&s->above);
	buf_release(&s->live);
	vec_release(&s->next);
	vec_release(&s->drawn);
}

void ui_screen_measure(struct ui_screen *s)
{
	struct winsize w = {0};

	if (ioctl(s->fd, TIOCGWINSZ, &w) != 0)
		w = (struct winsize){0};
	s->rows = w.ws_row ? w.ws_row : UI_SCREEN_ROWS;
	s->cols = w.ws_col ? w.ws_col : UI_SCREEN_COLS;
}

unsigned ui_screen_room(const struct ui_screen *s)
{
	/* The cursor stands on the row below the picture. */
	return s->rows > 1 ? s->rows - 1 : 1;
}

/* Code points that take no column, and two (East Asian Width W and F, emoji); coarse, but on the safe side: a line that
 * is taken for longer than it is costs a column, never a row. */
static const struct {
	uint32_t from, to;
	unsigned width;
} ui_screen_widths[] = {
	{0x0300, 0x036f, 0}, {0x200b, 0x200f, 0},   {0xfe00, 0xfe0f, 0},   {0x1100, 0x115f, 2}, {0x2600, 0x27bf, 2},
	{0x2e80, 0xa4cf, 2}, {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},   {0xfe30, 0xfe6f, 2}, {0xff00, 0xff60, 2},
	{0xffe0, 0xffe6, 2}, {0x1f000, 0x1faff, 2}, {0x20000, 0x3fffd, 2},
};

static unsigned ui_screen_char_width(uint32_t c)
{
	for (size_t i = 0; i < ARRAY_LEN(ui_screen_widths); i++) {
		if (c >= ui_screen_widths[i].from && c <= ui_screen_widths[i].to)
			return ui_screen_widths[i].width;
	}
	return 1;
}

/* One code point at p (not at its end); *len is its number of bytes. Text was cleaned before, so what does not decode
 * is taken byte by byte. */
static uint32_t ui_screen_decode(const char *p, size_t *len)
{
	uint32_t c = 0xfffd;

	*len = utf8_len(sv_of(p, strnlen(p, 4)), &c);
	*len += !*len;
	return c;
}

/* Bytes of a colour sequence at p, 0 if there is none. */
static size_t ui_screen_colour(const char *p)
{
	size_t n = 2;

	if (p[0] != '\x1b' || p[1] != '[')
		return 0;
	while (p[n] && p[n] != 'm')
		n++;
	return p[n] ? n + 1 : n;
}

unsigned ui_screen_width(const char *text)
{
	unsigned w = 0;
	size_t len;

	for (const char *p = text; *p; p += len) {
		len = ui_screen_colour(p);
		if (len)
			continue;
		if (*p == '\t') {
			w += UI_SCREEN_TAB - w % UI_SCREEN_TAB;
			len = 1;
		} else {
			w += ui_screen_char_width(ui_screen_decode(p, &len));
		}
	}
	return w;
}

unsigned ui_screen_fit(struct buf *out, const char *text, unsigned cols)
{
	bool cut = ui_screen_width(text) > cols, coloured = false;
	unsigned room = cut && cols ? cols - 1 : cols, w = 0;
	size_t len;

	for (const char *p = text; *p; p += len) {
		unsigned cw;

		len = ui_screen_colour(p);
		if (len) {
			buf_add(out, p, len);
			coloured = true;
			continue;
		}
		cw = *p == '\t' ? UI_SCREEN_TAB - w % UI_SCREEN_TAB : ui_screen_char_width(ui_screen_decode(p, &len));
		if (w + cw > room)
			break;
		if (*p == '\t') {
			len = 1;
			for (unsigned i = 0; i < cw; i++)
				buf_char_add(out, ' ');
		} else {
			buf_add(out, p, len);
		}
		w += cw;
	}
	if (cut && cols) {
		buf_str_add(out, "…");
		w++;
	}
	if (coloured && !sv_ends(buf_sv(out), UI_SCREEN_OFF))
		buf_str_add(out, UI_SCREEN_OFF);
	return w;
}

void ui_screen_above(struct ui_screen *s, const char *text)
{
	bool open = strchr(text, '\x1b') && !sv_ends(sv_from(text), UI_SCREEN_OFF);

	buf_str_add(&s->above, text);
	/* A line that leaves a colour on must not colour what follows. */
	buf_str_add(&s->above, open ? UI_SCREEN_OFF "\n" : "\n");
}

void ui_screen_line(struct ui_screen *s, const char *left, const char *right)
{
	/* The last column stays free: writing there makes some terminals wrap. */
	unsigned cols = s->cols > 1 ? s->cols - 1 : 1, rw = ui_screen_width(right), w;

	if (rw + 1 >= cols)
		rw = 0;
	w = ui_screen_fit(&s->live, left, rw ? cols - rw - 1 : cols);
	if (rw) {
		for (; w + rw < cols; w++)
			buf_char_add(&s->live, ' ');
		buf_str_add(&s->live, right);
		w += rw;
	}
	buf_char_add(&s->live, '\n');
	vec_push(&s->next, w);
}

/* Rows that the last picture takes now: a terminal that became narrower has wrapped its lines. */
static unsigned ui_screen_drawn_rows(const struct ui_screen *s)
{
	unsigned rows = 0;

	for (size_t i = 0; i < s->drawn.n; i++)
		rows += s->drawn.v[i] > s->cols ? (s->drawn.v[i] + s->cols - 1) / s->cols : 1;
	return rows;
}

void ui_screen_flush(struct ui_screen *s)
{
	AUTO_BUF struct buf out = BUF_INIT(3 * BUF_TEXT_MAX);
	unsigned up = ui_screen_drawn_rows(s);

	if (up > s->rows)
		up = s->rows;
	if (up)
		buf_printf(&out, "\x1b[%uA", up);
	if (s->drawn.n || s->next.n)
		buf_str_add(&out, "\r\x1b[J");
	buf_sv_add(&out, buf_sv(&s->above));
	buf_sv_add(&out, buf_sv(&s->live));
	if (out.n)
		ui_write(s->fd, out.p, out.n);
	buf_clear(&s->above);
	buf_clear(&s->live);
	s->drawn.n = 0;
	for (size_t i = 0; i < s->next.n; i++)
		vec_push(&s->drawn, s->next.v[i]);
	s->next.n = 0;
}
