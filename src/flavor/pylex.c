/* Tokens of the small part of Python that build_steps.py uses. */
#include "src/flavor/pylex.h"

#include <ctype.h>

#include "src/flavor/fplace.h"

void pylex_init(struct pylex *x, const char *file, struct sv text)
{
	*x = (struct pylex){.file = file, .text = text, .kind = PYLEX_LINE_END, .line = 1, .str = BUF_INIT(text.n + 1)};
}

void pylex_release(struct pylex *x)
{
	buf_release(&x->str);
}

bool pylex_is(const struct pylex *x, const char *s)
{
	return (x->kind == PYLEX_NAME || x->kind == PYLEX_PUNCT) && sv_eq_str(x->src, s);
}

int pylex_err(const struct pylex *x, struct err *e)
{
	return fplace_err(e, x->file, x->text, x->start);
}

/* The byte at pos + ahead; 0 behind the end. */
static char pylex_peek(const struct pylex *x, size_t ahead)
{
	return x->pos + ahead < x->text.n ? x->text.p[x->pos + ahead] : 0;
}

static bool pylex_is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* White space, comments, escaped line ends, and line ends inside brackets. */
static void pylex_skip(struct pylex *x)
{
	for (; x->pos < x->text.n; x->pos++) {
		char c = pylex_peek(x, 0);

		if (c == '#') {
			while (x->pos < x->text.n && pylex_peek(x, 0) != '\n')
				x->pos++;
			c = pylex_peek(x, 0);
		}
		if (c == '\\' && pylex_peek(x, 1) == '\r' && pylex_peek(x, 2) == '\n')
			x->pos += 2;
		else if (c == '\\' && pylex_peek(x, 1) == '\n')
			x->pos++;
		else if (c == '\n' && !x->depth)
			return;
		else if (!c || !strchr(" \t\r\f\n", c))
			return;
	}
}

/* Escapes of Python strings that a path or name may sensibly hold. */
static bool pylex_escape(struct pylex *x, char c)
{
	static const char from[] = "\\'\"ntr", to[] = "\\'\"\n\t\r";
	const char *at = c ? strchr(from, c) : NULL;

	if (at)
		buf_char_add(&x->str, to[at - from]);
	return at || c == '\n';
}

static int pylex_string_fail(struct pylex *x, const char *why, struct err *e)
{
	err_set(e, ERR_INPUT, "unsupported construct: %s", why);
	return pylex_err(x, e);
}

/* pos is behind the opening quotes. */
static int pylex_string_body(struct pylex *x, char quote, bool triple, bool raw, struct err *e)
{
	for (; x->pos < x->text.n; x->pos++) {
		char c = pylex_peek(x, 0);

		if (c == quote && (!triple || (pylex_peek(x, 1) == quote && pylex_peek(x, 2) == quote))) {
			x->pos += triple ? 3 : 1;
			return 0;
		}
		if (c == '\n' && !triple)
			break;
		if (c != '\\') {
			buf_char_add(&x->str, c);
			continue;
		}
		x->pos++;
		if (raw) {
			buf_char_add(&x->str, '\\');
			buf_char_add(&x->str, pylex_peek(x, 0));
		} else if (!pylex_escape(x, pylex_peek(x, 0))) {
			return pylex_string_fail(x, "an escape in a string other than \\\\ \\' \\\" \\n \\t \\r", e);
		}
	}
	return pylex_string_fail(x, "a string without an end", e);
}

static int pylex_string(struct pylex *x, bool raw, struct err *e)
{
	char quote = pylex_peek(x, 0);
	bool triple = pylex_peek(x, 1) == quote && pylex_peek(x, 2) == quote;

	x->kind = PYLEX_STRING;
	x->pos += triple ? 3 : 1;
	if (pylex_string_body(x, quote, triple, raw, e))
		return -1;
	if (memchr(buf_str(&x->str), 0, x->str.n))
		return pylex_string_fail(x, "a NUL in a string", e);
	return 0;
}

/* A name, or the prefix of a string. */
static int pylex_name(struct pylex *x, struct err *e)
{
	struct sv prefix;
	char after;

	while (x->pos < x->text.n && pylex_is_name_char(pylex_peek(x, 0)))
		x->pos++;
	x->kind = PYLEX_NAME;
	prefix = sv_sub(x->text, x->start, x->pos - x->start);
	after = pylex_peek(x, 0);
	if (after != '"' && after != '\'')
		return 0;
	if (sv_ieq_str(prefix, "r") || sv_ieq_str(prefix, "u"))
		return pylex_string(x, sv_ieq_str(prefix, "r"), e);
	err_set(e, ERR_INPUT, "unsupported construct: a string with the prefix %.*s", SV_ARG(prefix));
	return pylex_err(x, e);
}

static void pylex_punct(struct pylex *x, char c)
{
	bool arrow = c == '-' && pylex_peek(x, 1) == '>';

	x->kind = ispunct((unsigned char)c) ? PYLEX_PUNCT : PYLEX_OTHER;
	x->pos += arrow ? 2 : 1;
	if (strchr("([{", c) && c)
		x->depth++;
	else if (strchr(")]}", c) && c && x->depth)
		x->depth--;
}

static int pylex_token(struct pylex *x, struct err *e)
{
	char c = pylex_peek(x, 0);

	if (x->pos >= x->text.n) {
		x->kind = PYLEX_END;
	} else if (c == '\n') {
		x->kind = PYLEX_LINE_END;
		x->pos++;
	} else if (c == '"' || c == '\'') {
		return pylex_string(x, false, e);
	} else if (pylex_is_name_char(c)) {
		return pylex_name(x, e);
	} else {
		pylex_punct(x, c);
	}
	return 0;
}

int pylex_next(struct pylex *x, struct err *e)
{
	size_t last = x->start;

	pylex_skip(x);
	x->start = x->pos;
	for (; last < x->start; last++)
		x->line += x->text.p[last] == '\n';
	buf_clear(&x->str);
	if (pylex_token(x, e))
		return -1;
	x->src = sv_sub(x->text, x->start, x->pos - x->start);
	return 0;
}
