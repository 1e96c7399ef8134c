/* Expansion of variables, quotes and escapes.
 *
 * One recursive descent over the bytes of the word, whose depth is that of nested ${...} and bounded. The result is
 * built in a buffer; at the outermost level the same characters also go to a splitter, which knows for each whether it
 * was quoted. */
#include "src/dockerfile/dexpand_priv.h"

#include "src/dockerfile/dchar.h"
#include "src/dockerfile/dlimit.h"
#include "src/util/buf.h"

#define NO_STOP (-1)

static int dollar(struct dexpand_state *s, struct buf *out);

int dexpand_peek(const struct dexpand_state *s)
{
	return s->at < s->in.n ? (unsigned char)s->in.p[s->at] : -1;
}

int dexpand_fail(struct dexpand_state *s, const char *why)
{
	return err_set(s->e, ERR_INPUT, "%s", why);
}

/* The character at the cursor, which moves behind it. */
struct sv dexpand_take(struct dexpand_state *s)
{
	struct sv rest = sv_of(s->in.p + s->at, s->in.n - s->at), c;

	c = sv_of(rest.p, dchar_len(rest));
	s->at += c.n;
	return c;
}

static void split_raw(struct dexpand_splitter *w, struct sv v)
{
	if (w)
		buf_sv_add(&w->word, v);
}

static void split_end(struct dexpand_splitter *w)
{
	if (w->word.n)
		strv_add(w->out, buf_str(&w->word));
	buf_clear(&w->word);
}

/* Unquoted text: white space ends words. */
static void split_text(struct dexpand_splitter *w, struct sv v)
{
	while (w && v.n) {
		size_t space = dchar_space(v), n = space ? space : dchar_len(v);

		if (space)
			split_end(w);
		else
			buf_add(&w->word, v.p, n);
		v = sv_of(v.p + n, v.n - n);
	}
}

static int single_quote(struct dexpand_state *s, struct buf *out)
{
	size_t from = s->at++;
	ssize_t n = sv_find(sv_of(s->in.p + s->at, s->in.n - s->at), '\'');

	if (n < 0)
		return dexpand_fail(s, "a single quote is not closed");
	s->at += (size_t)n + 1;
	if (s->raw_quotes)
		buf_add(out, s->in.p + from, (size_t)n + 2);
	else
		buf_add(out, s->in.p + from + 1, (size_t)n);
	return 0;
}

/* The escape character within double quotes: it stays unless it stands before one of " $ and itself. */
static void quoted_escape(struct dexpand_state *s, struct buf *out)
{
	int c;

	s->at++;
	if (s->raw_escapes)
		buf_char_add(out, s->escape);
	c = dexpand_peek(s);
	if (c < 0)
		return;
	if (c == '"' || c == '$' || c == s->escape)
		buf_sv_add(out, dexpand_take(s));
	else
		buf_char_add(out, s->escape);
}

static int double_quote(struct dexpand_state *s, struct buf *out)
{
	if (s->raw_quotes)
		buf_char_add(out, '"');
	s->at++;
	for (;;) {
		int c = dexpand_peek(s);

		if (c < 0)
			return dexpand_fail(s, "a double quote is not closed");
		if (c == '"')
			break;
		if (c == '$') {
			if (dollar(s, out))
				return -1;
		} else if (c == s->escape) {
			quoted_escape(s, out);
		} else {
			buf_sv_add(out, dexpand_take(s));
		}
	}
	s->at++;
	if (s->raw_quotes)
		buf_char_add(out, '"');
	return 0;
}

static int dollar(struct dexpand_state *s, struct buf *out)
{
	struct sv key;
	int rc;

	s->at++;
	if (dexpand_peek(s) != '{') {
		key = dexpand_name(s);
		if (key.n)
			dexpand_plain(s, key, false, out);
		else
			buf_char_add(out, '$');
		return 0;
	}
	s->at++;
	if (s->depth >= DEXPAND_DEPTH_MAX) {
		err_set(s->e, ERR_INPUT, "\"${\" is nested more than %d deep", DEXPAND_DEPTH_MAX);
		return -1;
	}
	s->depth++;
	rc = dexpand_braces(s, out);
	s->depth--;
	return rc;
}

/* "<<" takes the blanks behind it into its word: the name of a here-document may stand apart. */
static void here(struct dexpand_state *s, struct buf *out, struct dexpand_splitter *split)
{
	size_t from = s->at++;

	if (dexpand_peek(s) == '<') {
		s->at++;
		while (dexpand_peek(s) == ' ' || dexpand_peek(s) == '\t' || dexpand_peek(s) == '\r')
			s->at++;
	}
	buf_add(out, s->in.p + from, s->at - from);
	split_raw(split, sv_of(s->in.p + from, s->at - from));
}

static int special(struct dexpand_state *s, int c, struct buf *out, struct dexpand_splitter *split)
{
	size_t before = out->n;
	struct sv added;

	if (c == '$' ? dollar(s, out) : c == '"' ? double_quote(s, out) : single_quote(s, out))
		return -1;
	added = out->n > before ? sv_of(out->p + before, out->n - before) : SV("");
	if (c == '$')
		split_text(split, added);
	else
		split_raw(split, added);
	return 0;
}

static void escaped(struct dexpand_state *s, struct buf *out, struct dexpand_splitter *split)
{
	struct sv c = dexpand_take(s);

	if (s->raw_escapes) {
		buf_sv_add(out, c);
		split_raw(split, c);
	}
	if (dexpand_peek(s) < 0)
		return;
	c = dexpand_take(s);
	buf_sv_add(out, c);
	split_raw(split, c);
}

static int run_inner(struct dexpand_state *s, int stop, struct buf *out, struct dexpand_splitter *split)
{
	for (int c; (c = dexpand_peek(s)) >= 0 && !out->over;) {
		if (c == stop) {
			s->at++;
			return 0;
		}
		if (c == '$' || (!s->no_quotes && (c == '"' || c == '\''))) {
			if (special(s, c, out, split))
				return -1;
		} else if (c == '<') {
			here(s, out, split);
		} else if (c == s->escape) {
			escaped(s, out, split);
		} else {
			struct sv v = dexpand_take(s);

			buf_sv_add(out, v);
			split_text(split, v);
		}
	}
	if (out->over)
		return err_set(s->e, ERR_INPUT, "the expanded text has more than %zu bytes", out->max);
	if (stop == '/')
		return dexpand_fail(s, "the '/' between pattern and text is missing in \"${.../...}\"");
	return stop == NO_STOP ? 0 : dexpand_unclosed(s);
}

int dexpand_run(struct dexpand_state *s, int stop, bool raw_escapes, struct buf *out, struct dexpand_splitter *split)
{
	bool saved = s->raw_escapes;
	int rc;

	/* The reference shares one word buffer between the levels, so a nested word begins by emptying it. */
	if (stop != NO_STOP && s->split)
		buf_clear(&s->split->word);
	s->raw_escapes = raw_escapes;
	rc = run_inner(s, stop, out, split);
	s->raw_escapes = saved;
	return rc;
}

static int start(struct sv in, const struct dexpand_opts *o, struct dexpand_splitter *split, struct buf *out,
		 struct err *e)
{
	struct dexpand_state s = {
		.in = in,
		.escape = o->escape ? o->escape : '\\',
		.raw_quotes = o->flags & DEXPAND_RAW_QUOTES,
		.raw_escapes = o->flags & DEXPAND_RAW_ESCAPES,
		.no_quotes = o->flags & DEXPAND_NO_QUOTES,
		.keep_unset = o->flags & DEXPAND_KEEP_UNSET,
		.work = DEXPAND_MATCH_MAX,
		.o = o,
		.split = split,
		.e = e,
	};

	if (dexpand_run(&s, NO_STOP, s.raw_escapes, out, split))
		return -1;
	if (out->over)
		return err_set(e, ERR_INPUT, "the expanded text has more than %zu bytes", out->max);
	return 0;
}

int dexpand_bytes(struct sv in, const struct dexpand_opts *o, char **out, size_t *n, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(DEXPAND_MAX_BYTES);

	if (start(in, o, NULL, &b, e))
		return -1;
	*n = b.n;
	*out = buf_steal(&b);
	return 0;
}

int dexpand_word(struct sv in, const struct dexpand_opts *o, char **out, struct err *e)
{
	size_t n;

	return dexpand_bytes(in, o, out, &n, e);
}

int dexpand_words(struct sv in, const struct dexpand_opts *o, struct strv *out, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(DEXPAND_MAX_BYTES);
	struct dexpand_splitter split = {BUF_INIT(DEXPAND_MAX_BYTES), out};
	int rc = start(in, o, &split, &b, e);

	if (!rc)
		split_end(&split);
	buf_release(&split.word);
	return rc;
}
