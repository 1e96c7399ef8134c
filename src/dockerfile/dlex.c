/* Lexer: bytes of a Dockerfile -> logical lines. */
#include "src/dockerfile/dlex.h"

#include "src/dockerfile/dchar.h"
#include "src/dockerfile/dlimit.h"
#include "src/util/mem.h"
#include "src/util/utf8.h"

/* More of a source line than this does not help in a message. */
#define EXCERPT_MAX_BYTES 160

static struct sv source_line(struct sv all, unsigned line)
{
	struct sv rest = all, v = {"", 0};

	for (unsigned i = 0; i < line && rest.p; i++)
		v = sv_cut(&rest, '\n');
	while (v.n && v.p[v.n - 1] == '\r')
		v.n--;
	return v;
}

/* Text for a terminal: control characters (also those that UTF-8 has beyond ASCII) and stray bytes become '?'. */
static void add_plain(struct buf *b, struct sv v)
{
	for (size_t i = 0, n; i < v.n; i += n) {
		unsigned char c = (unsigned char)v.p[i];
		bool ok = c == '\t' || (c >= 0x20 && c < 0x7f);

		n = dchar_len(sv_of(v.p + i, v.n - i));
		if (n > 1)
			ok = !(c == 0xc2 && (unsigned char)v.p[i + 1] < 0xa0);
		if (ok)
			buf_add(b, v.p + i, n);
		else
			buf_char_add(b, '?');
	}
}

int dlex_err_at(const char *name, struct sv all, struct dast_pos pos, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct sv v = source_line(all, pos.line);
	size_t col = pos.col ? pos.col - 1 : 0, from = 0;

	if (col > v.n)
		col = v.n;
	if (col > EXCERPT_MAX_BYTES / 2)
		from = col - EXCERPT_MAX_BYTES / 2;
	while (from < col && ((unsigned char)v.p[from] & 0xc0) == 0x80)
		from++;
	buf_printf(&b, "%4u | %s", pos.line, from ? "..." : "");
	add_plain(&b, sv_sub(v, from, EXCERPT_MAX_BYTES));
	buf_printf(&b, "\n     | %s", from ? "   " : "");
	for (size_t i = from; i < col; i++)
		if (((unsigned char)v.p[i] & 0xc0) != 0x80)
			buf_char_add(&b, v.p[i] == '\t' ? '\t' : ' ');
	buf_str_add(&b, "^\n");
	err_excerpt(e, buf_str(&b));
	return err_at(e, name, pos.line, pos.col);
}

static int fail(const struct dlex *l, struct dast_pos pos, struct err *e)
{
	return dlex_err_at(l->name, l->all, pos, e);
}

static struct dast_pos pos_of(struct sv all, size_t at)
{
	struct dast_pos pos = {1, 1};

	for (size_t i = 0; i < at; i++) {
		pos.col++;
		if (all.p[i] == '\n')
			pos = (struct dast_pos){pos.line + 1, 1};
	}
	return pos;
}

int dlex_init(struct dlex *l, const char *name, struct sv text, struct err *e)
{
	const char *nul;

	*l = (struct dlex){.name = name, .escape = '\\'};
	if (text.n > DFILE_MAX_BYTES) {
		err_set(e, ERR_INPUT, "the file has more than %zu bytes", DFILE_MAX_BYTES);
		return err_at(e, name, 0, 0);
	}
	l->all = text.n ? text : sv_of("", 0);
	if (sv_starts(l->all, "\xef\xbb\xbf"))
		l->all = sv_of(text.p + 3, text.n - 3);
	nul = l->all.n ? memchr(l->all.p, 0, l->all.n) : NULL;
	if (!nul)
		return 0;
	err_set(e, ERR_INPUT, "NUL character");
	err_hint(e, "the file must be UTF-8 text; this one may be UTF-16 or no text at all");
	return fail(l, pos_of(l->all, (size_t)(nul - l->all.p)), e);
}

void dlex_release(struct dlex *l)
{
	free(l->syntax);
	free(l->check);
	*l = (struct dlex){0};
}

void dlex_line_release(struct dlex_line *line)
{
	buf_release(&line->text);
	vec_release(&line->segs);
}

/* Next physical line with its end; false at the end of the file. */
static bool raw_line(struct dlex *l, struct sv *out)
{
	struct sv rest = sv_of(l->all.p + l->at, l->all.n - l->at);
	ssize_t nl = sv_find(rest, '\n');

	if (!rest.n)
		return false;
	*out = sv_of(rest.p, nl < 0 ? rest.n : (size_t)nl + 1);
	l->at += out->n;
	l->line++;
	return true;
}

static struct sv without_end(struct sv v)
{
	while (v.n && (v.p[v.n - 1] == '\n' || v.p[v.n - 1] == '\r'))
		v.n--;
	return v;
}

static bool is_comment(struct sv v)
{
	v = dchar_trim_left(v);
	return v.n && v.p[0] == '#';
}

static bool alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* "# name = value": false if the line is none. */
static bool split_directive(struct sv v, struct sv *name, struct sv *value)
{
	size_t n = 0;

	if (!v.n || v.p[0] != '#')
		return false;
	v = dchar_trim_left(sv_sub(v, 1, v.n));
	while (n < v.n && alnum(v.p[n]))
		n++;
	if (!n || (v.p[0] >= '0' && v.p[0] <= '9'))
		return false;
	*name = sv_sub(v, 0, n);
	v = dchar_trim_left(sv_sub(v, n, v.n));
	if (!v.n || v.p[0] != '=')
		return false;
	*value = dchar_trim(sv_sub(v, 1, v.n));
	return value->n > 0;
}

static int set_escape(struct dlex *l, struct sv value, struct dast_pos pos, struct err *e)
{
	if (value.n != 1 || (value.p[0] != '\\' && value.p[0] != '`')) {
		err_set(e, ERR_INPUT, "invalid escape character \"%.*s\"", SV_ARG(value));
		err_hint(e, "it must be \\ or `");
		return fail(l, pos, e);
	}
	l->escape = value.p[0];
	l->escape_seen = true;
	return 0;
}

/* Directives stand in the first lines; the first line that is none, also an unknown one, ends them. */
static int directive(struct dlex *l, struct sv v, struct dast_pos pos, struct err *e)
{
	struct sv name, value;
	char **text;

	if (l->directives_done)
		return 0;
	if (!split_directive(v, &name, &value)) {
		l->directives_done = true;
		return 0;
	}
	text = sv_ieq_str(name, "syntax") ? &l->syntax : sv_ieq_str(name, "check") ? &l->check : NULL;
	if (!text && !sv_ieq_str(name, "escape")) {
		l->directives_done = true;
		return 0;
	}
	if (text ? *text != NULL : l->escape_seen) {
		err_set(e, ERR_INPUT, "the parser directive \"%.*s\" stands twice", SV_ARG(name));
		return fail(l, pos, e);
	}
	if (!text)
		return set_escape(l, value, pos, e);
	*text = sv_dup(value);
	return 0;
}

/* Cut the continuation mark (escape character and blanks at the end of the line) off; false if there is none. The
 * escape character twice is no mark. */
static bool cut_continuation(struct sv *v, char escape)
{
	size_t n = v->n;

	while (n && (v->p[n - 1] == ' ' || v->p[n - 1] == '\t'))
		n--;
	if (!n || v->p[n - 1] != escape || (n > 1 && v->p[n - 2] == escape))
		return false;
	v->n = n - 1;
	return true;
}

static int append(struct dlex *l, struct dlex_line *line, struct sv v, unsigned col, struct err *e)
{
	struct dast_pos pos = {l->line, col};
	ssize_t bad = utf8_bad(v);

	if (bad >= 0) {
		err_set(e, ERR_INPUT, "the byte 0x%02x is no UTF-8", (unsigned char)v.p[bad]);
		return fail(l, (struct dast_pos){l->line, col + (unsigned)bad}, e);
	}
	if (line->text.n + v.n > DLINE_MAX_BYTES) {
		err_set(e, ERR_INPUT, "the instruction has more than %zu bytes", DLINE_MAX_BYTES);
		return fail(l, (struct dast_pos){line->first, 1}, e);
	}
	vec_push(&line->segs, (struct dlex_seg){line->text.n, pos});
	buf_sv_add(&line->text, v);
	return 0;
}

/* The lines that continue the current one. */
static int continuation(struct dlex *l, struct dlex_line *line, struct err *e)
{
	struct sv raw;

	while (raw_line(l, &raw)) {
		struct sv v = without_end(raw);
		bool more;

		if (is_comment(v))
			continue;
		if (!dchar_trim_left(v).n) {
			line->gap = true;
			continue;
		}
		more = cut_continuation(&v, l->escape);
		if (append(l, line, v, 1, e))
			return -1;
		if (!more)
			break;
	}
	line->last = l->line;
	return 0;
}

int dlex_next(struct dlex *l, struct dlex_line *line, struct err *e)
{
	struct sv raw;

	buf_clear(&line->text);
	line->text.max = DLINE_MAX_BYTES;
	line->segs.n = 0;
	line->gap = false;
	while (raw_line(l, &raw)) {
		struct sv whole = without_end(raw), v = dchar_trim_left(whole);
		unsigned col = (unsigned)(v.p - whole.p) + 1;
		bool more;

		if (directive(l, v, (struct dast_pos){l->line, col}, e))
			return -1;
		if (!v.n || v.p[0] == '#')
			continue;
		more = cut_continuation(&v, l->escape);
		line->first = line->last = l->line;
		if (append(l, line, v, col, e) || (more && continuation(l, line, e)))
			return -1;
		return 1;
	}
	return 0;
}

int dlex_heredoc(struct dlex *l, struct dast_heredoc *h, struct err *e)
{
	size_t from = l->at;
	struct sv raw;

	while (raw_line(l, &raw)) {
		struct sv v = without_end(raw);

		while (h->chomp && v.n && v.p[0] == '\t')
			v = sv_sub(v, 1, v.n);
		if (!sv_eq_str(v, h->name))
			continue;
		h->content_n = (size_t)(raw.p - (l->all.p + from));
		h->content = mem_strndup(l->all.p + from, h->content_n);
		return 0;
	}
	err_set(e, ERR_INPUT, "the here-document \"%s\" is not ended", h->name);
	err_hint(e, "a line with nothing but %s ends it; quote the << if none is meant", h->name);
	return fail(l, h->pos, e);
}

struct dast_pos dlex_pos(const struct dlex_line *line, size_t at)
{
	size_t lo = 0, hi = line->segs.n;
	struct dast_pos pos = {line->first, 1};

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (line->segs.v[mid].at <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return pos;
	pos = line->segs.v[lo - 1].pos;
	pos.col += (unsigned)(at - line->segs.v[lo - 1].at);
	return pos;
}
