/* Parameters: names of variables, and ${name...} with its modifiers. */
#include <string.h>

#include "src/dockerfile/dchar.h"
#include "src/dockerfile/dexpand_priv.h"
#include "src/dockerfile/dglob.h"
#include "src/dockerfile/dlimit.h"

static bool ascii_digit(int c)
{
	return c >= '0' && c <= '9';
}

/* Letters are those of ASCII and, as in the reference, any other character beyond it that is no space. */
static bool name_char(const struct dexpand_state *s)
{
	int c = dexpand_peek(s);

	if (c >= 0x80)
		return !dchar_space(sv_of(s->in.p + s->at, s->in.n - s->at));
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || ascii_digit(c) || c == '_';
}

struct sv dexpand_name(struct dexpand_state *s)
{
	size_t from = s->at;

	if (ascii_digit(dexpand_peek(s))) {
		while (ascii_digit(dexpand_peek(s)))
			s->at++;
	} else if (dexpand_peek(s) >= 0 && strchr("@*#?-$!", dexpand_peek(s))) {
		s->at++;
	} else {
		while (s->at < s->in.n && name_char(s))
			dexpand_take(s);
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

static const char *value_of(struct dexpand_state *s, struct sv key)
{
	const struct dexpand_env *env = s->o->env;
	const char *v = env && env->get ? env->get(env->ctx, key) : NULL;

	note(v ? s->o->matched : s->o->unmatched, key);
	return v;
}

int dexpand_unclosed(struct dexpand_state *s)
{
	return dexpand_fail(s, "\"${\" is not closed: '}' is missing");
}

static int bad_modifier(struct dexpand_state *s, struct sv key, bool colon, int c)
{
	struct sv mod;

	if (c < ' ')
		return dexpand_unclosed(s);
	mod = dexpand_take(s);
	err_set(s->e, ERR_INPUT, "unknown modifier \"%s%.*s\" in \"${%.*s...}\"", colon ? ":" : "", SV_ARG(mod),
		SV_ARG(key));
	return err_hint(s->e, "known are :- :+ :? - + ? # ## %% %%%% / //");
}

static int required(struct dexpand_state *s, struct sv key, const char *v, struct sv word)
{
	if (word.n)
		return err_set(s->e, ERR_INPUT, "%.*s: %.*s", SV_ARG(key), SV_ARG(word));
	return err_set(s->e, ERR_INPUT, "%.*s must not be %s", SV_ARG(key), v ? "empty" : "unset");
}

static int too_costly(struct dexpand_state *s)
{
	return dexpand_fail(s, "matching the pattern takes too long");
}

static int trim(struct dexpand_state *s, struct sv v, struct sv word, bool suffix, struct buf *out)
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
static int with_word(struct dexpand_state *s, struct sv key, bool colon, struct buf *out)
{
	AUTO_BUF struct buf word = BUF_INIT(DEXPAND_MAX_BYTES);
	size_t from = s->at;
	int mod = dexpand_peek(s);
	const char *v;
	bool set;

	if (mod < 0 || !strchr(colon ? "-+?" : "-+?#%", mod))
		return bad_modifier(s, key, colon, mod);
	s->at++;
	if (dexpand_run(s, '}', mod == '#' || mod == '%', &word, NULL))
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

static int substitute(struct dexpand_state *s, struct sv v, struct sv pattern, struct sv by, bool all, struct buf *out)
{
	AUTO_DGLOB struct dglob g = {0};

	if (dglob_init(&g, pattern, s->e))
		return -1;
	dglob_replace(&g, v, by, all, out, &s->work);
	return s->work ? 0 : too_costly(s);
}

/* ${name/pattern/text}; the cursor is behind the first slash. */
static int with_slash(struct dexpand_state *s, struct sv key, struct buf *out)
{
	AUTO_BUF struct buf pattern = BUF_INIT(DEXPAND_MAX_BYTES);
	AUTO_BUF struct buf by = BUF_INIT(DEXPAND_MAX_BYTES);
	size_t from = s->at;
	bool all = dexpand_peek(s) == '/';
	const char *v;

	s->at += all;
	if (dexpand_run(s, '/', true, &pattern, NULL) || dexpand_run(s, '}', true, &by, NULL))
		return -1;
	v = value_of(s, key);
	if (!v && s->keep_unset) {
		buf_printf(out, "${%.*s/", SV_ARG(key));
		buf_add(out, s->in.p + from, s->at - from);
		return 0;
	}
	return substitute(s, v ? sv_from(v) : SV(""), buf_sv(&pattern), buf_sv(&by), all, out);
}

void dexpand_plain(struct dexpand_state *s, struct sv key, bool braces, struct buf *out)
{
	const char *v = value_of(s, key);

	if (v)
		buf_str_add(out, v);
	else if (s->keep_unset)
		buf_printf(out, braces ? "${%.*s}" : "$%.*s", SV_ARG(key));
}

int dexpand_braces(struct dexpand_state *s, struct buf *out)
{
	struct sv key;
	int c = dexpand_peek(s);
	bool colon;

	if (c < 0)
		return dexpand_unclosed(s);
	if (c == '{' || c == '}' || c == ':')
		return dexpand_fail(s, "\"${\" is not followed by a name");
	key = dexpand_name(s);
	c = dexpand_peek(s);
	if (c == '}') {
		s->at++;
		dexpand_plain(s, key, true, out);
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
