/* Places in text files of a flavor. */
#include "src/flavor/fplace.h"

#include "src/util/buf.h"

#define FPLACE_LINE_MAX 160

struct fplace fplace_of(struct sv text, size_t pos)
{
	struct fplace at = {1, 1};

	for (size_t i = 0; i < pos && i < text.n; i++) {
		at.col++;
		if (text.p[i] == '\n') {
			at.line++;
			at.col = 1;
		}
	}
	return at;
}

/* A tab stays a tab in front of the caret too, so that both lines stand alike whatever the width of tabs. */
static void fplace_excerpt(struct buf *out, struct sv line, struct fplace at)
{
	int digits;

	buf_printf(out, "%u", at.line);
	digits = (int)out->n;
	buf_printf(out, " | %.*s\n%*s | ", SV_ARG(sv_sub(line, 0, FPLACE_LINE_MAX)), digits, "");
	for (unsigned i = 0; i + 1 < at.col && i < line.n; i++)
		buf_char_add(out, line.p[i] == '\t' ? '\t' : ' ');
	buf_str_add(out, "^\n");
}

int fplace_err(struct err *e, const char *file, struct sv text, size_t pos)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	struct fplace at = fplace_of(text, pos);
	struct sv rest = sv_sub(text, pos - (at.col - 1), text.n);
	struct sv line = sv_cut(&rest, '\n');

	err_at(e, file, at.line, at.col);
	if (at.col > FPLACE_LINE_MAX)
		return -1;
	fplace_excerpt(&out, line, at);
	return err_excerpt(e, buf_str(&out));
}
