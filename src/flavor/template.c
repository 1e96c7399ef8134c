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
	size_t end;      /* offset behind it */
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

/* A quoted text may contain braces, so it is skipped as a whole when the end is looked for. */
static size_t template_close(struct sv text, size_t pos)
{
	char quote = 0;

	for (size_t i = pos; i + 1 < text.n && text.p[i] != '\n'; i++) {
		if (quote) {
			quote = text.p[i] == quote ? 0 : quote;
			continue;
		}
		if (text.p[i] == '\'' || text.p[i] == '"')
			quote = text.p[i];
		else if (text.p[i] == '}' && text.p[i + 1] == '}')
			return i;
	}
	return SIZE_MAX;
}

/* pos: offset of the opening braces. */
static struct template_expr template_expr_at(struct sv text, size_t pos)
{
	struct template_expr x = {.kind = TEMPLATE_ODD, .end = pos + 2};
	size_t close = template_close(text, pos + 2);

	if (close == SIZE_MAX) {
		x.kind = TEMPLATE_UNCLOSED;
		return x;
	}
	x.end = close + 2;
	x.inner = sv_trim(sv_sub(text, pos + 2, close - pos - 2));
	if (template_is_name(x.inner))
		x.kind = TEMPLATE_NAME;
	if (template_is_quoted(x.inner)) {
		x.kind = TEMPLATE_TEXT;
		x.inner = sv_sub(x.inner, 1, x.inner.n - 2);
	}
	return x;
}

/* Offset of the next opening braces at or behind pos, or the end of the text. */
static size_t template_next(struct sv text, size_t pos)
{
	for (; pos + 1 < text.n; pos++)
		if (text.p[pos] == '{' && text.p[pos + 1] == '{')
			return pos;
	return text.n;
}

static bool template_in_comment(struct sv text, size_t pos)
{
	struct sv line;
	size_t start = pos;

	while (start > 0 && text.p[start - 1] != '\n')
		start--;
	line = sv_trim(sv_sub(text, start, pos - start));
	return sv_starts(line, "#");
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
	size_t done = 0, pos;

	while ((pos = template_next(text, done)) < text.n) {
		struct template_expr x = template_expr_at(text, pos);

		buf_sv_add(out, sv_sub(text, done, pos - done));
		done = x.end;
		if (template_put(env, &x, out))
			continue;
		if (!template_in_comment(text, pos)) {
			template_fail(e, env, &x);
			return fplace_err(e, file, text, pos);
		}
		buf_sv_add(out, sv_sub(text, pos, x.end - pos));
	}
	buf_sv_add(out, sv_sub(text, done, text.n - done));
	if (out->over)
		return err_set(e, ERR_INPUT, "%s: the rendered text is longer than %zu bytes", file, out->max);
	return 0;
}

void template_names(struct sv text, struct strv *out)
{
	size_t done = 0, pos;

	while ((pos = template_next(text, done)) < text.n) {
		struct template_expr x = template_expr_at(text, pos);
		AUTO_FREE char *name = NULL;

		done = x.end;
		if (x.kind != TEMPLATE_NAME || template_in_comment(text, pos))
			continue;
		name = sv_dup(x.inner);
		if (!strv_has(out, name))
			strv_add(out, name);
	}
}
