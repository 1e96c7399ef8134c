/* Text tables. */
#include "src/cli/table.h"

#include <stdarg.h>

#include "src/cli/ui_screen.h"
#include "src/cli/ui_text.h"
#include "src/util/mem.h"

void table_init(struct table *t, const char *const *titles)
{
	*t = (struct table){0};
	for (; titles[t->cols]; t->cols++)
		strv_add(&t->cells, titles[t->cols]);
}

void table_release(struct table *t)
{
	strv_release(&t->cells);
}

void table_cell(struct table *t, const char *text)
{
	strv_take(&t->cells, ui_text_line(text, false));
}

void table_cellf(struct table *t, const char *fmt, ...)
{
	AUTO_FREE char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		text = mem_strdup("");
	table_cell(t, text);
}

static void table_row(const struct table *t, size_t at, const unsigned *widths, struct buf *out)
{
	for (size_t c = 0; c < t->cols && at + c < t->cells.n; c++) {
		const char *cell = t->cells.v[at + c];
		unsigned w = ui_screen_width(cell);

		buf_str_add(out, cell);
		/* Nothing behind the last column. */
		for (; c + 1 < t->cols && w < widths[c] + 2; w++)
			buf_char_add(out, ' ');
	}
	buf_char_add(out, '\n');
}

void table_write(const struct table *t, struct buf *out)
{
	AUTO_FREE unsigned *widths = mem_zalloc((t->cols + 1) * sizeof(*widths));

	for (size_t i = 0; i < t->cells.n; i++) {
		unsigned w = ui_screen_width(t->cells.v[i]);

		if (w > widths[i % t->cols])
			widths[i % t->cols] = w;
	}
	for (size_t at = 0; at < t->cells.n; at += t->cols)
		table_row(t, at, widths, out);
}
