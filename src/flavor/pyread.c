#include "src/flavor/pyread.h"

#include "src/util/mem.h"

int pyread_fail(struct pyread *p, const char *wanted)
{
	static const char *const kinds[] = {
		[PYLEX_END] = "the end of the file",
		[PYLEX_LINE_END] = "the end of the line",
		[PYLEX_STRING] = "a string",
	};
	const char *kind = p->x.kind < ARRAY_LEN(kinds) ? kinds[p->x.kind] : NULL;

	if (kind)
		err_set(p->e, ERR_INPUT, "unsupported construct: %s where %s is expected", kind, wanted);
	else
		err_set(p->e, ERR_INPUT, "unsupported construct: '%.*s' where %s is expected", SV_ARG(p->x.src),
			wanted);
	err_hint(p->e, PYREAD_HINT);
	return pylex_err(&p->x, p->e);
}

int pyread_next(struct pyread *p)
{
	if (!pylex_next(&p->x, p->e))
		return 0;
	return err_hint(p->e, PYREAD_HINT);
}

int pyread_skip_lines(struct pyread *p)
{
	while (p->x.kind == PYLEX_LINE_END)
		if (pyread_next(p))
			return -1;
	return 0;
}

int pyread_expect(struct pyread *p, const char *s, const char *wanted)
{
	return pylex_is(&p->x, s) ? pyread_next(p) : pyread_fail(p, wanted);
}

int pyread_line_end(struct pyread *p)
{
	if (p->x.kind == PYLEX_END)
		return 0;
	return p->x.kind == PYLEX_LINE_END ? pyread_next(p) : pyread_fail(p, "the end of the line");
}

int pyread_dotted(struct pyread *p, struct sv *last)
{
	while (p->x.kind == PYLEX_NAME) {
		*last = p->x.src;
		if (pyread_next(p))
			return -1;
		if (!pylex_is(&p->x, "."))
			return 0;
		if (pyread_next(p))
			return -1;
	}
	return pyread_fail(p, "a name");
}

int pyread_import(struct pyread *p)
{
	while (p->x.kind != PYLEX_LINE_END && p->x.kind != PYLEX_END)
		if (pyread_next(p))
			return -1;
	return pyread_line_end(p);
}

/* From "(" to behind its ")"; *first is the first name inside, if it is all there is. */
static int pyread_balanced(struct pyread *p, struct sv *only)
{
	unsigned outside = p->x.depth - 1, tokens = 0;

	do {
		if (pyread_next(p))
			return -1;
		if (p->x.kind == PYLEX_END)
			return pyread_fail(p, "')'");
		if (tokens++ == 0 && p->x.kind == PYLEX_NAME)
			*only = p->x.src;
	} while (p->x.depth > outside);
	if (tokens != 2)
		*only = SV_NULL;
	return pyread_next(p);
}

int pyread_class_ref(struct pyread *p, char **out)
{
	struct sv name = SV_NULL, only = SV_NULL;

	if (pyread_dotted(p, &name))
		return -1;
	if (pylex_is(&p->x, "(") && pyread_balanced(p, &only))
		return -1;
	if (sv_starts(name, "create_child_task") && only.n)
		name = only;
	*out = sv_dup(name);
	return 0;
}

int pyread_string(struct pyread *p, char **out, const char *wanted)
{
	if (p->x.kind != PYLEX_STRING)
		return pyread_fail(p, wanted);
	*out = mem_strdup(buf_str(&p->x.str));
	return pyread_next(p);
}

int pyread_signature(struct pyread *p)
{
	if (pyread_expect(p, "(", "'('") || pyread_expect(p, "self", "'self'") || pyread_expect(p, ")", "')'"))
		return -1;
	if (pylex_is(&p->x, "->"))
		while (!(pylex_is(&p->x, ":") && !p->x.depth) && p->x.kind != PYLEX_LINE_END && p->x.kind != PYLEX_END)
			if (pyread_next(p))
				return -1;
	return pyread_expect(p, ":", "':'");
}

int pyread_docstring(struct pyread *p)
{
	if (pyread_skip_lines(p))
		return -1;
	if (p->x.kind != PYLEX_STRING)
		return 0;
	if (pyread_next(p) || pyread_line_end(p))
		return -1;
	return pyread_skip_lines(p);
}
