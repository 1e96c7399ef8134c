/* How the operands of an instruction are cut into words. */
#include "src/dockerfile/dwords.h"

#include "src/dockerfile/dchar.h"
#include "src/dockerfile/dlimit.h"
#include "src/util/utf8.h"

void dwords_release(struct dwords *w)
{
	vec_release(&w->items);
}

void dwords_blank(struct dwords *w, struct sv v, size_t at)
{
	for (size_t i = 0, from; i < v.n;) {
		while (i < v.n && dchar_blank(v.p[i]))
			i++;
		from = i;
		while (i < v.n && !dchar_blank(v.p[i]))
			i++;
		if (i > from)
			vec_push(&w->items, (struct dwords_item){sv_sub(v, from, i - from), at + from});
	}
}

/* End of the word that starts at i. */
static size_t word_end(struct sv v, size_t i, char escape)
{
	char quote = 0;

	while (i < v.n) {
		struct sv rest = sv_of(v.p + i, v.n - i);
		char c = v.p[i];

		if (!quote && dchar_space(rest))
			break;
		if (c == escape && quote != '\'') {
			i++;
			if (i < v.n)
				i += dchar_len(sv_of(v.p + i, v.n - i));
			continue;
		}
		if (quote ? c == quote : c == '\'' || c == '"')
			quote = quote ? 0 : c;
		i += dchar_len(rest);
	}
	return i;
}

void dwords_quoted(struct dwords *w, struct sv v, size_t at, char escape)
{
	for (size_t i = 0, end, n; i < v.n; i = end) {
		while (i < v.n && (n = dchar_space(sv_of(v.p + i, v.n - i))))
			i += n;
		end = word_end(v, i, escape);
		if (end > i)
			vec_push(&w->items, (struct dwords_item){sv_sub(v, i, end - i), at + i});
	}
}

size_t dwords_flag(struct sv v, struct buf *out)
{
	char quote = 0;
	size_t i = 0;

	if (v.n < 2 || v.p[0] != '-' || v.p[1] != '-')
		return 0;
	for (; i < v.n; i++) {
		char c = v.p[i];

		if (!quote && dchar_space(sv_of(v.p + i, v.n - i)))
			break;
		if (!quote && (c == '\'' || c == '"')) {
			quote = c;
			continue;
		}
		if (quote && c == quote) {
			quote = 0;
			continue;
		}
		if (c == '\\') {
			if (++i == v.n)
				break;
			c = v.p[i];
		}
		buf_char_add(out, c);
	}
	if (sv_eq_str(buf_sv(out), "--"))
		buf_clear(out);
	return i;
}

/* JSON (RFC 8259). The list is checked whole before its items count, since anything else is shell text. */
#define LIST_DEPTH_MAX 64

struct scan {
	struct sv v;
	size_t i;
};

static char look(const struct scan *j)
{
	return j->i < j->v.n ? j->v.p[j->i] : 0;
}

static void skip_space(struct scan *j)
{
	while (look(j) == ' ' || look(j) == '\t' || look(j) == '\n' || look(j) == '\r')
		j->i++;
}

static bool hex4(struct scan *j, uint32_t *cp)
{
	*cp = 0;
	if (j->v.n - j->i < 4)
		return false;
	for (int k = 0; k < 4; k++) {
		char c = j->v.p[j->i++];
		int d = c >= '0' && c <= '9'   ? c - '0'
			: c >= 'a' && c <= 'f' ? c - 'a' + 10
			: c >= 'A' && c <= 'F' ? c - 'A' + 10
					       : -1;

		if (d < 0)
			return false;
		*cp = *cp << 4 | (uint32_t)d;
	}
	return true;
}

/* Behind "\u". A surrogate without its other half becomes U+FFFD. */
static bool unicode_escape(struct scan *j, struct buf *out)
{
	uint32_t cp, low;
	char utf8[4];

	if (!hex4(j, &cp))
		return false;
	if (cp >= 0xd800 && cp < 0xe000) {
		struct scan next = *j;

		if (cp < 0xdc00 && j->v.n - j->i >= 6 && next.v.p[next.i] == '\\' && next.v.p[next.i + 1] == 'u') {
			next.i += 2;
			if (!hex4(&next, &low))
				return false;
			if (low >= 0xdc00 && low < 0xe000) {
				cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
				j->i = next.i;
			}
		}
		if (cp < 0x10000)
			cp = 0xfffd;
	}
	buf_add(out, utf8, utf8_put(cp, utf8));
	return true;
}

static bool escape(struct scan *j, struct buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char c = look(j);
	const char *p = c ? strchr(from, c) : NULL;

	j->i++;
	if (c == 'u')
		return unicode_escape(j, out);
	if (!p)
		return false;
	buf_char_add(out, to[p - from]);
	return true;
}

static bool string(struct scan *j, struct buf *out)
{
	if (look(j) != '"')
		return false;
	for (j->i++; j->i < j->v.n;) {
		char c = j->v.p[j->i++];

		if (c == '"')
			return true;
		if ((unsigned char)c < 0x20)
			return false;
		if (c != '\\')
			buf_char_add(out, c);
		else if (!escape(j, out))
			return false;
	}
	return false;
}

static bool digits(struct scan *j)
{
	size_t from = j->i;

	while (look(j) >= '0' && look(j) <= '9')
		j->i++;
	return j->i > from;
}

static bool number(struct scan *j)
{
	if (look(j) == '-')
		j->i++;
	if (look(j) == '0')
		j->i++;
	else if (!digits(j))
		return false;
	if (look(j) == '.') {
		j->i++;
		if (!digits(j))
			return false;
	}
	if (look(j) == 'e' || look(j) == 'E') {
		j->i++;
		if (look(j) == '+' || look(j) == '-')
			j->i++;
		return digits(j);
	}
	return true;
}

static bool literal(struct scan *j, const char *word)
{
	if (!sv_starts(sv_of(j->v.p + j->i, j->v.n - j->i), word))
		return false;
	j->i += strlen(word);
	return true;
}

static bool scalar(struct scan *j, struct buf *scratch)
{
	char c = look(j);

	buf_clear(scratch);
	if (c == '"')
		return string(j, scratch);
	if (c == '-' || (c >= '0' && c <= '9'))
		return number(j);
	return literal(j, "true") || literal(j, "false") || literal(j, "null");
}

/* "key": of an object, in front of a value. */
static bool member_key(struct scan *j, struct buf *scratch)
{
	skip_space(j);
	buf_clear(scratch);
	if (!string(j, scratch))
		return false;
	skip_space(j);
	if (look(j) != ':')
		return false;
	j->i++;
	skip_space(j);
	return true;
}

/* Skip one value of any type: a loop with a stack of open brackets instead of recursion. Deeper nesting than
 * LIST_DEPTH_MAX counts as no JSON. */
static bool skip_value(struct scan *j, struct buf *scratch)
{
	char open[LIST_DEPTH_MAX];
	size_t depth = 0;

	for (;;) {
		char c = look(j);

		if (c == '[' || c == '{') {
			if (depth == LIST_DEPTH_MAX)
				return false;
			open[depth++] = c;
			j->i++;
			skip_space(j);
			if (look(j) != (c == '[' ? ']' : '}')) {
				if (c == '{' && !member_key(j, scratch))
					return false;
				continue;
			}
		} else if (!scalar(j, scratch)) {
			return false;
		}
		/* A value ended, or an empty list or object is about to. */
		for (;;) {
			if (!depth)
				return true;
			skip_space(j);
			if (look(j) != (open[depth - 1] == '[' ? ']' : '}'))
				break;
			j->i++;
			depth--;
		}
		if (look(j) != ',')
			return false;
		j->i++;
		skip_space(j);
		if (open[depth - 1] == '{' && !member_key(j, scratch))
			return false;
	}
}

/* One element: a string goes to out; anything else is skipped and sets *mixed. */
static bool element(struct scan *j, size_t at, struct dwords_list *out, struct buf *scratch, bool *mixed)
{
	struct dwords_string s = {out->text.n, 0, at + j->i};

	if (look(j) != '"') {
		*mixed = true;
		return skip_value(j, scratch);
	}
	if (!string(j, &out->text))
		return false;
	s.n = out->text.n - s.from;
	vec_push(&out->items, s);
	return true;
}

enum dwords_json dwords_json(struct sv v, size_t at, struct dwords_list *out)
{
	AUTO_BUF struct buf scratch = BUF_INIT(DLINE_MAX_BYTES);
	struct scan j = {v, 0};
	bool mixed = false;

	out->text.max = DLINE_MAX_BYTES;
	skip_space(&j);
	if (look(&j) != '[')
		return DWORDS_JSON_NONE;
	j.i++;
	skip_space(&j);
	for (bool first = true; look(&j) != ']'; first = false) {
		if (!first && look(&j) != ',')
			return DWORDS_JSON_NONE;
		j.i += !first;
		skip_space(&j);
		if (!element(&j, at, out, &scratch, &mixed))
			return DWORDS_JSON_NONE;
		skip_space(&j);
	}
	j.i++;
	skip_space(&j);
	if (j.i != v.n)
		return DWORDS_JSON_NONE;
	return mixed ? DWORDS_JSON_MIXED : DWORDS_JSON_LIST;
}

void dwords_list_release(struct dwords_list *l)
{
	buf_release(&l->text);
	vec_release(&l->items);
}
