/* Expansion of variables, quotes and escapes.
 *
 * One recursive descent over the bytes of the word, whose depth is that of nested ${...} and bounded. The result is
 * built in a buffer; at the outermost level the same characters also go to a splitter, which knows for each whether it
 * was quoted. */
#include "src/dockerfile/dexpand.h"

#include "src/dockerfile/dchar.h"
#include "src/dockerfile/dglob.h"
#include "src/dockerfile/dlimit.h"
#include "src/util/buf.h"

#define NO_STOP (-1)

struct splitter {
	struct buf word;
	struct strv *out;
};

struct state {
	struct sv in;
	size_t at;
	char escape;
	bool raw_quotes, raw_escapes, no_quotes, keep_unset;
	unsigned depth;
	size_t work; /* steps of pattern matching left */
	const struct dexpand_opts *o;
	struct splitter *split; /* NULL: one word is wanted */
	struct err *e;
};

static int run(struct state *s, int stop, bool raw_escapes, struct buf *out, struct splitter *split);
static int dollar(struct state *s, struct buf *out);

static int peek(const struct state *s)
{
	return s->at < s->in.n ? (unsigned char)s->in.p[s->at] : -1;
}

static int fail(struct state *s, const char *why)
{
	return err_set(s->e, ERR_INPUT, "%s", why);
}

/* The character at the cursor, which moves behind it. */
static struct sv take(struct state *s)
{
	struct sv rest = sv_of(s->in.p + s->at, s->in.n - s->at), c;

	c = sv_of(rest.p, dchar_len(rest));
	s->at += c.n;
	return c;
}

static void split_raw(struct splitter *w, struct sv v)
{
	if (w)
		buf_sv_add(&w->word, v);
}

static void split_end(struct splitter *w)
{
	if (w->word.n)
		strv_add(w->out, buf_str(&w->word));
	buf_clear(&w->word);
}

/* Unquoted text: white space ends words. */
static void split_text(struct splitter *w, struct sv v)
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

static int single_quote(struct state *s, struct buf *out)
{
	size_t from = s->at++;
	ssize_t n = sv_find(sv_of(s->in.p + s->at, s->in.n - s->at), '\'');

	if (n < 0)
		return fail(s, "a single quote is not closed");
	s->at += (size_t)n + 1;
	if (s->raw_quotes)
		buf_add(out, s->in.p + from, (size_t)n + 2);
	else
		buf_add(out, s->in.p + from + 1, (size_t)n);
	return 0;
}

/* The escape character within double quotes: it stays unless it stands before one of " $ and itself. */
static void quoted_escape(struct state *s, struct buf *out)
{
	int c;

	s->at++;
	if (s->raw_escapes)
		buf_char_add(out, s->escape);
	c = peek(s);
	if (c < 0)
		return;
	if (c == '"' || c == '$' || c == s->escape)
		buf_sv_add(out, take(s));
	else
		buf_char_add(out, s->escape);
}

static int double_quote(struct state *s, struct buf *out)
{
	if (s->raw_quotes)
		buf_char_add(out, '"');
	s->at++;
	for (;;) {
		int c = peek(s);

		if (c < 0)
			return fail(s, "a double quote is not closed");
		if (c == '"')
			break;
		if (c == '$') {
			if (dollar(s, out))
				return -1;
		} else if (c == s->escape) {
			quoted_escape(s, out);
		} else {
			buf_sv_add(out, take(s));
		}
	}
	s->at++;
	if (s->raw_quotes)
		buf_char_add(out, '"');
	return 0;
}

static bool ascii_digit(int c)
{
	return c >= '0' && c <= '9';
}

/* Letters are those of ASCII and, as in the reference, any other character beyond it that is no space. */
static bool name_char(const struct state *s)
{
	int c = peek(s);

	if (c >= 0x80)
		return !dchar_space(sv_of(s->in.p + s->at, s->in.n - s->at));
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || ascii_digit(c) || c == '_';
}

static struct sv name(struct state *s)
{
	size_t from = s->at;

	if (ascii_digit(peek(s))) {
		while (ascii_digit(peek(s)))
			s->at++;
	} else if (peek(s) >= 0 && strchr("@*#?-$!", peek(s))) {
		s->at++;
	} else {
		while (s->at < s->in.n && name_char(s))
			take(s);
	}
	return sv_of(s->in.p + from, s->at - from);
}

static void note(struct strv *list, struct sv v)
{
	if (!list || list->n >= DEXPAND_NAMES_MAX)
		return;
	for (size_t i = 0; i < list->n; i++)
		if (sv_eq_str(v, list->v[i]))
			return;
	strv_take(list, sv_dup(v));
}

static const char *value_of(struct state *s, struct sv key)
{
	const struct dexpand_env *env = s->o->env;
	const char *v = env && env->get ? env->get(env->ctx, key) : NULL;

	note(v ? s->o->matched : s->o->unmatched, key);
	return v;
}

static int missing_brace(struct state *s)
{
	return fail(s, "\"${\" is not closed: '}' is missing");
}

static int bad_modifier(struct state *s, struct sv key, bool colon, int c)
{
	struct sv mod;

	if (c < ' ')
		return missing_brace(s);
	mod = take(s);
	err_set(s->e, ERR_INPUT, "unknown modifier \"%s%.*s\" in \"${%.*s...}\"", colon ? ":" : "", SV_ARG(mod),
		SV_ARG(key));
	return err_hint(s->e, "known are :- :+ :? - + ? # ## %% %%%% / //");
}

static int required(struct state *s, struct sv key, const char *v, struct sv word)
{
	if (word.n)
		return err_set(s->e, ERR_INPUT, "%.*s: %.*s", SV_ARG(key), SV_ARG(word));
	return err_set(s->e, ERR_INPUT, "%.*s must not be %s", SV_ARG(key), v ? "empty" : "unset");
}

static int too_costly(struct state *s)
{
	return fail(s, "matching the pattern takes too long");
}

static int trim(struct state *s, struct sv v, struct sv word, bool suffix, struct buf *out)
{
	AUTO_DGLOB struct dglob g = {0};
	bool longest = word.n && word.p[0] == (suffix ? '%' : '#');
	ssize_t n;

	if (longest)
		word = sv_sub(word, 1, word.n);
	if (dglob_init(&g, word, s->e))
		return -1;
	n = suffix ? dglob_suffix(&g, v, longest, &s->work) : dglob_prefix(&g, v, longest, &s->work);
	if (!s->work)
		return too_costly(s);
	if (n < 0)
		n = 0;
	buf_sv_add(out, suffix ? sv_of(v.p, v.n - (size_t)n) : sv_of(v.p + n, v.n - (size_t)n));
	return 0;
}

/* ${name MODIFIER word}; the cursor is at the modifier behind an optional colon. */
static int with_word(struct state *s, struct sv key, bool colon, struct buf *out)
{
	AUTO_BUF struct buf word = BUF_INIT(DEXPAND_MAX_BYTES);
	size_t from = s->at;
	int mod = peek(s);
	const char *v;
	bool set;

	if (mod < 0 || !strchr(colon ? "-+?" : "-+?#%", mod))
		return bad_modifier(s, key, colon, mod);
	s->at++;
	if (run(s, '}', mod == '#' || mod == '%', &word, NULL))
		return -1;
	v = value_of(s, key);
	if (!v && s->keep_unset) {
		buf_printf(out, "${%.*s%s", SV_ARG(key), colon ? ":" : "");
		buf_add(out, s->in.p + from, s->at - from);
		return 0;
	}
	set = v && (!colon || *v);
	switch (mod) {
	case '-':
		buf_sv_add(out, set ? sv_from(v) : buf_sv(&word));
		return 0;
	case '+':
		if (set)
			buf_sv_add(out, buf_sv(&word));
		return 0;
	case '?':
		if (!set)
			return required(s, key, v, buf_sv(&word));
		buf_str_add(out, v);
		return 0;
	default:
		return trim(s, v ? sv_from(v) : SV(""), buf_sv(&word), mod == '%', out);
	}
}

static int substitute(struct state *s, struct sv v, struct sv pattern, struct sv by, bool all, struct buf *out)
{
	AUTO_DGLOB struct dglob g = {0};

	if (dglob_init(&g, pattern, s->e))
		return -1;
	dglob_replace(&g, v, by, all, out, &s->work);
	return s->work ? 0 : too_costly(s);
}

/* ${name/pattern/text}; the cursor is behind the first slash. */
static int with_slash(struct state *s, struct sv key, struct buf *out)
{
	AUTO_BUF struct buf pattern = BUF_INIT(DEXPAND_MAX_BYTES);
	AUTO_BUF struct buf by = BUF_INIT(DEXPAND_MAX_BYTES);
	size_t from = s->at;
	bool all = peek(s) == '/';
	const char *v;

	s->at += all;
	if (run(s, '/', true, &pattern, NULL) || run(s, '}', true, &by, NULL))
		return -1;
	v = value_of(s, key);
	if (!v && s->keep_unset) {
		buf_printf(out, "${%.*s/", SV_ARG(key));
		buf_add(out, s->in.p + from, s->at - from);
		return 0;
	}
	return substitute(s, v ? sv_from(v) : SV(""), buf_sv(&pattern), buf_sv(&by), all, out);
}

static void plain(struct state *s, struct sv key, bool braces, struct buf *out)
{
	const char *v = value_of(s, key);

	if (v)
		buf_str_add(out, v);
	else if (s->keep_unset)
		buf_printf(out, braces ? "${%.*s}" : "$%.*s", SV_ARG(key));
}

static int braces(struct state *s, struct buf *out)
{
	struct sv key;
	int c = peek(s);
	bool colon;

	if (c < 0)
		return missing_brace(s);
	if (c == '{' || c == '}' || c == ':')
		return fail(s, "\"${\" is not followed by a name");
	key = name(s);
	c = peek(s);
	if (c == '}') {
		s->at++;
		plain(s, key, true, out);
		return 0;
	}
	if (c == '/') {
		s->at++;
		return with_slash(s, key, out);
	}
	colon = c == ':';
	s->at += colon;
	return with_word(s, key, colon, out);
}

static int dollar(struct state *s, struct buf *out)
{
	struct sv key;
	int rc;

	s->at++;
	if (peek(s) != '{') {
		key = name(s);
		if (key.n)
			plain(s, key, false, out);
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
	rc = braces(s, out);
	s->depth--;
	return rc;
}

/* "<<" takes the blanks behind it into its word: the name of a here-document may stand apart. */
static void here(struct state *s, struct buf *out, struct splitter *split)
{
	size_t from = s->at++;

	if (peek(s) == '<') {
		s->at++;
		while (peek(s) == ' ' || peek(s) == '\t' || peek(s) == '\r')
			s->at++;
	}
	buf_add(out, s->in.p + from, s->at - from);
	split_raw(split, sv_of(s->in.p + from, s->at - from));
}

static int special(struct state *s, int c, struct buf *out, struct splitter *split)
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

static void escaped(struct state *s, struct buf *out, struct splitter *split)
{
	struct sv c = take(s);

	if (s->raw_escapes) {
		buf_sv_add(out, c);
		split_raw(split, c);
	}
	if (peek(s) < 0)
		return;
	c = take(s);
	buf_sv_add(out, c);
	split_raw(split, c);
}

static int run_inner(struct state *s, int stop, struct buf *out, struct splitter *split)
{
	for (int c; (c = peek(s)) >= 0 && !out->over;) {
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
			struct sv v = take(s);

			buf_sv_add(out, v);
			split_text(split, v);
		}
	}
	if (out->over)
		return err_set(s->e, ERR_INPUT, "the expanded text has more than %zu bytes", out->max);
	if (stop == '/')
		return fail(s, "the '/' between pattern and text is missing in \"${.../...}\"");
	return stop == NO_STOP ? 0 : missing_brace(s);
}

static int run(struct state *s, int stop, bool raw_escapes, struct buf *out, struct splitter *split)
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

static int start(struct sv in, const struct dexpand_opts *o, struct splitter *split, struct buf *out, struct err *e)
{
	struct state s = {
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

	if (run(&s, NO_STOP, s.raw_escapes, out, split))
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
	struct splitter split = {BUF_INIT(DEXPAND_MAX_BYTES), out};
	int rc = start(in, o, &split, &b, e);

	if (!rc)
		split_end(&split);
	buf_release(&split.word);
	return rc;
}
