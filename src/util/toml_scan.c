/* The words of TOML: white space and comments, strings, keys. */
#include "src/util/toml_priv.h"

#include <string.h>

#include "src/util/num.h"
#include "src/util/sv.h"
#include "src/util/utf8.h"

int toml_fail(struct toml *t, const char *what)
{
	err_set(t->e, ERR_INPUT, "%s", what);
	return err_at(t->e, t->file, t->line, 0);
}

int toml_peek(const struct toml *t)
{
	return t->p < t->end ? (unsigned char)*t->p : -1;
}

bool toml_take(struct toml *t, char c)
{
	if (toml_peek(t) != (unsigned char)c)
		return false;
	t->p++;
	return true;
}

void toml_blanks(struct toml *t)
{
	while (toml_peek(t) == ' ' || toml_peek(t) == '\t')
		t->p++;
}

/* A comment, if there is one, up to the end of the line. */
static int toml_comment(struct toml *t)
{
	toml_blanks(t);
	if (!toml_take(t, '#'))
		return 0;
	while (toml_peek(t) >= 0 && toml_peek(t) != '\n') {
		int c = toml_peek(t);

		if ((c < 0x20 && c != '\t' && c != '\r') || c == 0x7f)
			return toml_fail(t, "a control character in a comment");
		t->p++;
	}
	return 0;
}

int toml_line_end(struct toml *t)
{
	if (toml_comment(t))
		return -1;
	if (toml_peek(t) == '\r' && t->p + 1 < t->end && t->p[1] == '\n')
		t->p++;
	if (toml_peek(t) < 0)
		return 0;
	if (!toml_take(t, '\n'))
		return toml_fail(t, "the end of the line is wanted here");
	t->line++;
	return 0;
}

int toml_gap(struct toml *t)
{
	for (;;) {
		if (toml_comment(t))
			return -1;
		if (toml_peek(t) != '\n' && toml_peek(t) != '\r')
			return 0;
		if (toml_line_end(t))
			return -1;
	}
}

static int toml_unicode(struct toml *t, size_t digits, struct buf *out)
{
	uint64_t c;
	char utf8[4];

	if ((size_t)(t->end - t->p) < digits || num_parse(sv_of(t->p, digits), 16, 0x10ffff, &c) || !c ||
	    (c >= 0xd800 && c <= 0xdfff))
		return toml_fail(t, "a \\u that is no character");
	t->p += digits;
	buf_add(out, utf8, utf8_put((uint32_t)c, utf8));
	return 0;
}

static int toml_escape(struct toml *t, struct buf *out)
{
	static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
	int c = toml_peek(t);
	const char *at = c > 0 ? strchr(from, c) : NULL;

	if (c < 0)
		return toml_fail(t, "a string without an end");
	t->p++;
	if (c == 'u' || c == 'U')
		return toml_unicode(t, c == 'u' ? 4 : 8, out);
	if (!at)
		return toml_fail(t, "an unknown escape in a string");
	buf_char_add(out, to[at - from]);
	return 0;
}

int toml_string(struct toml *t, char quote, struct buf *out)
{
	if (t->end - t->p >= 2 && t->p[0] == quote && t->p[1] == quote)
		return toml_fail(t, "strings of several lines are not supported here");
	while (!toml_take(t, quote)) {
		int c = toml_peek(t);

		if (c < 0 || c == '\n')
			return toml_fail(t, "a string without an end");
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return toml_fail(t, "a control character in a string");
		t->p++;
		if (c == '\\' && quote == '"') {
			if (toml_escape(t, out))
				return -1;
		} else {
			buf_char_add(out, (char)c);
		}
	}
	return 0;
}

bool toml_bare(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static int toml_key_part(struct toml *t, struct strv *out)
{
	AUTO_BUF struct buf b = BUF_INIT(TOML_MAX_BYTES);
	int c = toml_peek(t);

	if (c == '"' || c == '\'') {
		t->p++;
		if (toml_string(t, (char)c, &b))
			return -1;
	} else {
		while (toml_bare(toml_peek(t)))
			buf_char_add(&b, *t->p++);
		if (!b.n)
			return toml_fail(t, "a key is wanted here");
	}
	strv_add(out, buf_str(&b));
	return 0;
}

int toml_key(struct toml *t, struct strv *out)
{
	do {
		toml_blanks(t);
		if (toml_key_part(t, out))
			return -1;
		toml_blanks(t);
	} while (toml_take(t, '.'));
	return out->n > TOML_DEPTH_MAX ? toml_fail(t, "a key of too many parts") : 0;
}
