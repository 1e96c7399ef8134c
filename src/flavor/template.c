/* Templates of Dockerfiles. */
#include "src/flavor/template.h"

#include <ctype.h>

#include "src/flavor/fplace.h"

#define TEMPLATE_LITERAL_HINT "to have a literal {{ in the file, write {{ '{{' }}"

enum template_kind { TEMPLATE_NAME, TEMPLATE_TEXT, TEMPLATE_UNCLOSED, TEMPLATE_ODD };

/* One `{{ ... }}`. */
struct template_expr {
	enum template_kind kind;
	struct sv inner; /* the name or the text */
	size_t end;	 /* offset behind it */
};

static bool template_is_name(struct sv v)
{
	if (!v.n || !(isalnum((unsigned char)v.p[0]) || v.p[0] == '_'))
		return false;
	for (size_t i = 0; i < v.n; i++)
		if (!isalnum((unsigned char)v.p[i]) && !strchr("_-.", v.p[i]))
			return false;
	return true;
}

static bool template_is_quoted(struct sv v)
{
	return v.n >= 2 && (v.p[0] == '\'' || v.p[0] == '"') && v.p[v.n - 1] == v.p[0] &&
	       !memchr(v.p + 1, v.p[0], v.n - 2);
}

/* Offset of the closing braces, or of the line's end if there are none. A quoted text may contain braces, so it is
 * skipped as a whole. */
static size_t template_close(struct sv text, size_t pos, bool *closed)
{
	char quote = 0;

	*closed = false;
	for (; pos < text.n && text.p[pos] != '\n'; pos++) {
		char c = text.p[pos];

		if (quote)
			quote = c == quote ? 0 : quote;
		else if (c == '\'' || c == '"')
			quote = c;
		else if (c == '}' && pos + 1 < text.n && text.p[pos + 1] == '}')
			*closed = true;
		if (*closed)
			break;
	}
	return pos;
}

/* pos: offset of the opening braces. */
static struct template_expr template_expr_at(struct sv text, size_t pos)
{
	struct template_expr x = {.kind = TEMPLATE_ODD};
	bool closed;
	size_t close = template_close(text, pos + 2, &closed);

	x.end = closed ? close + 2 : close;
	x.inner = sv_trim(sv_sub(text, pos + 2, close - pos - 2));
	if (!closed) {
		x.kind = TEMPLATE_UNCLOSED;
	} else if (template_is_name(x.inner)) {
		x.kind = TEMPLATE_NAME;
	} else if (template_is_quoted(x.inner)) {
		x.kind = TEMPLATE_TEXT;
		x.inner = sv_sub(x.inner, 1, x.inner.n - 2);
	}
	return x;
}

/* Where the search for braces stands: in what kind of line. */
struct template_cursor {
	size_t pos;
	bool inside;  /* something other than space was in the line */
	bool comment; /* the first of that was '#' */
};

/* Go to the next opening braces at or behind the cursor, or to the end: false. */
static bool template_find(struct sv text, struct template_cursor *at)
{
	for (; at->pos + 1 < text.n; at->pos++) {
		char c = text.p[at->pos];
		bool space = c == ' ' || c == '\t';

		if (c == '\n') {
			at->inside = at->comment = false;
			continue;
		}
		at->comment = at->comment || (!at->inside && c == '#');
		at->inside = at->inside || !space;
		if (c == '{' && text.p[at->pos + 1] == '{')
			return true;
	}
	return false;
}

static int template_undefined(struct err *e, const struct template_env *env, struct sv name)
{
	AUTO_STRV struct strv names = {0};
	AUTO_FREE char *list = NULL;

	env->names(env->arg, &names);
	list = strv_join(&names, ", ");
	err_set(e, ERR_INPUT, "{{ %.*s }}: no stage of that name is required here", SV_ARG(name));
	if (!names.n)
		return err_hint(e, "this stage requires no other stage");
	return err_hint(e, "names that can be used here: %s", list);
}

static int template_fail(struct err *e, const struct template_env *env, const struct template_expr *x)
{
	switch (x->kind) {
	case TEMPLATE_NAME:
		return template_undefined(e, env, x->inner);
	case TEMPLATE_UNCLOSED:
		err_set(e, ERR_INPUT, "{{ has no closing }} on its line");
		break;
	case TEMPLATE_ODD:
	case TEMPLATE_TEXT:
		err_set(e, ERR_INPUT, "{{ %.*s }}: only the name of a stage can stand in a template", SV_ARG(x->inner));
		break;
	}
	return err_hint(e, TEMPLATE_LITERAL_HINT);
}

static bool template_put(const struct template_env *env, const struct template_expr *x, struct buf *out)
{
	if (x->kind == TEMPLATE_TEXT)
		buf_sv_add(out, x->inner);
	return x->kind == TEMPLATE_TEXT || (x->kind == TEMPLATE_NAME && env->value(env->arg, x->inner, out));
}

int template_render(const char *file, struct sv text, const struct template_env *env, struct buf *out, struct err *e)
{
	struct template_cursor at = {0};
	size_t done = 0;

	while (template_find(text, &at)) {
		struct template_expr x = template_expr_at(text, at.pos);

		buf_sv_add(out, sv_sub(text, done, at.pos - done));
		done = x.end;
		if (!template_put(env, &x, out)) {
			if (!at.comment) {
				template_fail(e, env, &x);
				return fplace_err(e, file, text, at.pos);
			}
			buf_sv_add(out, sv_sub(text, at.pos, x.end - at.pos));
		}
		at.pos = x.end;
	}
	buf_sv_add(out, sv_sub(text, done, text.n - done));
	if (out->over)
		return err_set(e, ERR_INPUT, "%s: the rendered text is longer than %zu bytes", file, out->max);
	return 0;
}

void template_names(struct sv text, struct strv *out)
{
	struct template_cursor at = {0};

	while (template_find(text, &at) && out->n < TEMPLATE_NAMES_MAX) {
		struct template_expr x = template_expr_at(text, at.pos);
		AUTO_FREE char *name = NULL;

		at.pos = x.end;
		if (x.kind != TEMPLATE_NAME || at.comment)
			continue;
		name = sv_dup(x.inner);
		if (!strv_has(out, name))
			strv_add(out, name);
	}
}
