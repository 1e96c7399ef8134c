/* Static reader of EXASLCT's build_steps.py. */
#include "src/flavor/buildsteps.h"

#include "src/flavor/pylex.h"
#include "src/util/mem.h"

#define BUILDSTEPS_HINT \
	"only classes whose methods return constants can be read without running Python; describe the flavor in a " \
	"flavor.yml beside flavor_base instead"

enum buildsteps_value { BUILDSTEPS_STRING, BUILDSTEPS_DICT, BUILDSTEPS_CLASSES };

/* The methods: what they return and where it goes. */
static const struct buildsteps_method {
	const char *name;
	enum buildsteps_value value;
	size_t offset;
} buildsteps_methods[] = {
	{"get_build_step", BUILDSTEPS_STRING, offsetof(struct buildsteps_class, step)},
	{"get_path_in_flavor", BUILDSTEPS_STRING, offsetof(struct buildsteps_class, path_in_flavor)},
	{"get_language_definition", BUILDSTEPS_STRING, offsetof(struct buildsteps_class, language_definition)},
	{"requires_tasks", BUILDSTEPS_CLASSES, offsetof(struct buildsteps_class, requires)},
	{"get_additional_build_directories_mapping", BUILDSTEPS_DICT, offsetof(struct buildsteps_class, mapping)},
	{"get_image_changing_build_arguments", BUILDSTEPS_DICT, offsetof(struct buildsteps_class, args)},
	{"get_transparent_build_arguments", BUILDSTEPS_DICT, offsetof(struct buildsteps_class, transparent_args)},
};

struct buildsteps_parser {
	struct pylex x;
	struct buildsteps *out;
	struct err *e;
	unsigned seen; /* bit per method of the class at hand */
};

static void buildsteps_dict_release(struct buildsteps_dict *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->v[i].key);
		free(d->v[i].val);
	}
	vec_release(d);
}

static void buildsteps_class_release(struct buildsteps_class *c)
{
	free(c->name);
	free(c->step);
	free(c->path_in_flavor);
	free(c->language_definition);
	buildsteps_dict_release(&c->requires);
	buildsteps_dict_release(&c->mapping);
	buildsteps_dict_release(&c->args);
	buildsteps_dict_release(&c->transparent_args);
}

void buildsteps_free(struct buildsteps *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->n; i++)
		buildsteps_class_release(&b->v[i]);
	vec_release(b);
	free(b);
}

const struct buildsteps_class *buildsteps_find(const struct buildsteps *b, const char *class_name)
{
	for (size_t i = 0; i < b->n; i++)
		if (!strcmp(b->v[i].name, class_name))
			return &b->v[i];
	return NULL;
}

/* The current token is what the grammar does not know; `wanted` is what it knows there. */
static int buildsteps_fail(struct buildsteps_parser *p, const char *wanted)
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
	err_hint(p->e, BUILDSTEPS_HINT);
	return pylex_err(&p->x, p->e);
}

static int buildsteps_next(struct buildsteps_parser *p)
{
	if (!pylex_next(&p->x, p->e))
		return 0;
	return err_hint(p->e, BUILDSTEPS_HINT);
}

static int buildsteps_skip_lines(struct buildsteps_parser *p)
{
	while (p->x.kind == PYLEX_LINE_END)
		if (buildsteps_next(p))
			return -1;
	return 0;
}

/* The current token must be s; go behind it. */
static int buildsteps_expect(struct buildsteps_parser *p, const char *s, const char *wanted)
{
	return pylex_is(&p->x, s) ? buildsteps_next(p) : buildsteps_fail(p, wanted);
}

static int buildsteps_line_end(struct buildsteps_parser *p)
{
	if (p->x.kind == PYLEX_END)
		return 0;
	return p->x.kind == PYLEX_LINE_END ? buildsteps_next(p) : buildsteps_fail(p, "the end of the line");
}

/* NAME ("." NAME)*; *last is the last name. */
static int buildsteps_dotted(struct buildsteps_parser *p, struct sv *last)
{
	while (p->x.kind == PYLEX_NAME) {
		*last = p->x.src;
		if (buildsteps_next(p))
			return -1;
		if (!pylex_is(&p->x, "."))
			return 0;
		if (buildsteps_next(p))
			return -1;
	}
	return buildsteps_fail(p, "a name");
}

static int buildsteps_import(struct buildsteps_parser *p)
{
	while (p->x.kind != PYLEX_LINE_END && p->x.kind != PYLEX_END)
		if (buildsteps_next(p))
			return -1;
	return buildsteps_line_end(p);
}

/* From "(" to behind its ")"; *first is the first name inside, if it is all there is. */
static int buildsteps_balanced(struct buildsteps_parser *p, struct sv *only)
{
	unsigned outside = p->x.depth - 1, tokens = 0;

	do {
		if (buildsteps_next(p))
			return -1;
		if (p->x.kind == PYLEX_END)
			return buildsteps_fail(p, "')'");
		if (tokens++ == 0 && p->x.kind == PYLEX_NAME)
			*only = p->x.src;
	} while (p->x.depth > outside);
	if (tokens != 2)
		*only = SV_NULL;
	return buildsteps_next(p);
}

/* A class: `X`, `X(...)`, `self.create_child_task_with_common_params(X)`. */
static int buildsteps_class_ref(struct buildsteps_parser *p, char **out)
{
	struct sv name = SV_NULL, only = SV_NULL;

	if (buildsteps_dotted(p, &name))
		return -1;
	if (pylex_is(&p->x, "(") && buildsteps_balanced(p, &only))
		return -1;
	if (sv_starts(name, "create_child_task") && only.n)
		name = only;
	*out = sv_dup(name);
	return 0;
}

static int buildsteps_string(struct buildsteps_parser *p, char **out, const char *wanted)
{
	if (p->x.kind != PYLEX_STRING)
		return buildsteps_fail(p, wanted);
	*out = mem_strdup(buf_str(&p->x.str));
	return buildsteps_next(p);
}

static bool buildsteps_has_key(const struct buildsteps_dict *d, const char *key)
{
	for (size_t i = 0; i < d->n; i++)
		if (!strcmp(d->v[i].key, key))
			return true;
	return false;
}

static int buildsteps_item(struct buildsteps_parser *p, enum buildsteps_value value, struct buildsteps_dict *d)
{
	AUTO_FREE char *key = NULL;
	AUTO_FREE char *val = NULL;
	unsigned line = p->x.line;

	if (d->n >= BUILDSTEPS_ITEMS_MAX)
		return buildsteps_fail(p, "the end of a dictionary with very many items");
	if (p->x.kind == PYLEX_STRING && buildsteps_has_key(d, buf_str(&p->x.str)))
		return buildsteps_fail(p, "a key that is not there yet");
	if (buildsteps_string(p, &key, "a string or '}'") || buildsteps_expect(p, ":", "':'"))
		return -1;
	if (value == BUILDSTEPS_CLASSES ? buildsteps_class_ref(p, &val) : buildsteps_string(p, &val, "a string"))
		return -1;
	vec_push(d, (struct buildsteps_item){STEAL_PTR(key), STEAL_PTR(val), line});
	return 0;
}

/* Behind "{". */
static int buildsteps_items(struct buildsteps_parser *p, enum buildsteps_value value, struct buildsteps_dict *d)
{
	while (!pylex_is(&p->x, "}")) {
		if (buildsteps_item(p, value, d))
			return -1;
		if (pylex_is(&p->x, "}"))
			break;
		if (buildsteps_expect(p, ",", "',' or '}'"))
			return -1;
	}
	return buildsteps_next(p);
}

static int buildsteps_dict(struct buildsteps_parser *p, enum buildsteps_value value, struct buildsteps_dict *d)
{
	if (pylex_is(&p->x, "{"))
		return buildsteps_next(p) ? -1 : buildsteps_items(p, value, d);
	if (buildsteps_expect(p, "dict", "a dictionary in braces") || buildsteps_expect(p, "(", "'('"))
		return -1;
	return buildsteps_expect(p, ")", "')'");
}

static int buildsteps_value(struct buildsteps_parser *p, const struct buildsteps_method *m,
			    struct buildsteps_class *c)
{
	void *field = (char *)c + m->offset;
	char **s = field;

	if (pylex_is(&p->x, "None"))
		return buildsteps_next(p);
	if (m->value != BUILDSTEPS_STRING)
		return buildsteps_dict(p, m->value, field);
	if (buildsteps_string(p, s, "a string"))
		return -1;
	if (!**s) { /* the empty string means absent, as the methods that EXASLCT inherits return it */
		free(*s);
		*s = NULL;
	}
	return 0;
}

/* The current token is the method's name. */
static const struct buildsteps_method *buildsteps_method_find(struct buildsteps_parser *p)
{
	for (size_t i = 0; i < ARRAY_LEN(buildsteps_methods); i++) {
		unsigned bit = 1u << i;

		if (!sv_eq_str(p->x.src, buildsteps_methods[i].name))
			continue;
		if (p->seen & bit)
			break;
		p->seen |= bit;
		return &buildsteps_methods[i];
	}
	buildsteps_fail(p, "a method of a build step, each once,");
	return NULL;
}

/* "(" "self" ")" ["->" type] ":" */
static int buildsteps_signature(struct buildsteps_parser *p)
{
	if (buildsteps_expect(p, "(", "'('") || buildsteps_expect(p, "self", "'self'") ||
	    buildsteps_expect(p, ")", "')'"))
		return -1;
	if (pylex_is(&p->x, "->"))
		while (!(pylex_is(&p->x, ":") && !p->x.depth) && p->x.kind != PYLEX_LINE_END && p->x.kind != PYLEX_END)
			if (buildsteps_next(p))
				return -1;
	return buildsteps_expect(p, ":", "':'");
}

static int buildsteps_docstring(struct buildsteps_parser *p)
{
	if (buildsteps_skip_lines(p))
		return -1;
	if (p->x.kind != PYLEX_STRING)
		return 0;
	if (buildsteps_next(p) || buildsteps_line_end(p))
		return -1;
	return buildsteps_skip_lines(p);
}

/* Behind "def". */
static int buildsteps_method(struct buildsteps_parser *p, struct buildsteps_class *c)
{
	const struct buildsteps_method *m = buildsteps_method_find(p);

	if (!m || buildsteps_next(p) || buildsteps_signature(p) || buildsteps_docstring(p))
		return -1;
	if (buildsteps_expect(p, "return", "'return'") || buildsteps_value(p, m, c))
		return -1;
	return buildsteps_line_end(p);
}

static bool buildsteps_first_column(const struct buildsteps_parser *p)
{
	return p->x.start == 0 || p->x.text.p[p->x.start - 1] == '\n';
}

/* One of docstring, "pass", method; *more is false where the class ends. */
static int buildsteps_member(struct buildsteps_parser *p, struct buildsteps_class *c, bool *more)
{
	if (buildsteps_skip_lines(p))
		return -1;
	*more = p->x.kind != PYLEX_END && !buildsteps_first_column(p);
	if (!*more)
		return 0;
	if (p->x.kind == PYLEX_STRING)
		return buildsteps_docstring(p);
	if (pylex_is(&p->x, "pass"))
		return buildsteps_next(p) ? -1 : buildsteps_line_end(p);
	if (buildsteps_expect(p, "def", "a method"))
		return -1;
	return buildsteps_method(p, c);
}

/* "(" dotted ")" ":" */
static int buildsteps_base(struct buildsteps_parser *p)
{
	struct sv base = SV_NULL;
	struct pylex at;

	if (buildsteps_expect(p, "(", "'('"))
		return -1;
	at = p->x;
	if (buildsteps_dotted(p, &base))
		return -1;
	if (!sv_eq_str(base, BUILDSTEPS_BASE)) {
		err_set(p->e, ERR_INPUT, "unsupported construct: a class derived from '%.*s'", SV_ARG(base));
		err_hint(p->e, "a build step is a class derived from %s; others can be described in a flavor.yml",
			 BUILDSTEPS_BASE);
		return pylex_err(&at, p->e);
	}
	return buildsteps_expect(p, ")", "')'") ? -1 : buildsteps_expect(p, ":", "':'");
}

static int buildsteps_class_body(struct buildsteps_parser *p, struct buildsteps_class *c)
{
	bool more = true;

	while (more)
		if (buildsteps_member(p, c, &more))
			return -1;
	return 0;
}

/* A name that is there twice, at the place of the second. */
static int buildsteps_twice(struct buildsteps_parser *p, const struct buildsteps_class *c, const struct pylex *at)
{
	for (size_t i = 0; i < p->out->n; i++) {
		const struct buildsteps_class *o = &p->out->v[i];
		bool same_name = !strcmp(o->name, c->name);

		if (!same_name && strcmp(o->step, c->step) != 0)
			continue;
		err_set(p->e, ERR_INPUT, "%s %s is there already, in line %u", same_name ? "class" : "the build step",
			same_name ? c->name : c->step, o->line);
		return pylex_err(at, p->e);
	}
	return 0;
}

static int buildsteps_class_add(struct buildsteps_parser *p, struct buildsteps_class *c, const struct pylex *at)
{
	if (!p->seen) /* only `pass`: no stage */
		return 0;
	if (!c->step) {
		err_set(p->e, ERR_INPUT, "class %s does not say which stage it is", c->name);
		err_hint(p->e, "add a method get_build_step that returns the name of the stage");
		return pylex_err(at, p->e);
	}
	if (buildsteps_twice(p, c, at))
		return -1;
	vec_push(p->out, *c);
	*c = (struct buildsteps_class){0};
	return 0;
}

/* Behind "class". */
static int buildsteps_class(struct buildsteps_parser *p)
{
	AUTO(buildsteps_class_release) struct buildsteps_class c = {0};
	struct pylex at = p->x; /* for errors only: its buffer is not used */

	if (p->x.kind != PYLEX_NAME)
		return buildsteps_fail(p, "the name of a class");
	if (p->out->n >= BUILDSTEPS_ITEMS_MAX)
		return buildsteps_fail(p, "the end of a file with very many classes");
	c.name = sv_dup(p->x.src);
	c.line = p->x.line;
	p->seen = 0;
	if (buildsteps_next(p) || buildsteps_base(p) || buildsteps_class_body(p, &c))
		return -1;
	return buildsteps_class_add(p, &c, &at);
}

static int buildsteps_statement(struct buildsteps_parser *p)
{
	if (!buildsteps_first_column(p) && p->x.kind != PYLEX_STRING)
		return buildsteps_fail(p, "an import or a class in the first column");
	if (p->x.kind == PYLEX_STRING)
		return buildsteps_next(p) ? -1 : buildsteps_line_end(p);
	if (pylex_is(&p->x, "import") || pylex_is(&p->x, "from"))
		return buildsteps_import(p);
	if (buildsteps_expect(p, "class", "an import or a class"))
		return -1;
	return buildsteps_class(p);
}

static int buildsteps_file(struct buildsteps_parser *p)
{
	if (buildsteps_next(p))
		return -1;
	for (;;) {
		if (buildsteps_skip_lines(p))
			return -1;
		if (p->x.kind == PYLEX_END)
			return 0;
		if (buildsteps_statement(p))
			return -1;
	}
}

static int buildsteps_check_requires(const struct buildsteps *b, const char *file, struct err *e)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct buildsteps_dict *d = &b->v[i].requires;

		for (size_t k = 0; k < d->n; k++) {
			if (buildsteps_find(b, d->v[k].val))
				continue;
			err_set(e, ERR_INPUT, "class %s requires %s, which is no build step of this file", b->v[i].name,
				d->v[k].val);
			return err_at(e, file, d->v[k].line, 0);
		}
	}
	return 0;
}

struct buildsteps *buildsteps_parse(const char *file, struct sv text, struct err *e)
{
	AUTO_BUILDSTEPS struct buildsteps *out = mem_new(struct buildsteps);
	struct buildsteps_parser p = {.out = out, .e = e};
	int failed;

	if (text.n > BUILDSTEPS_MAX_BYTES) {
		err_set(e, ERR_INPUT, "longer than %zu bytes", BUILDSTEPS_MAX_BYTES);
		err_at(e, file, 0, 0);
		return NULL;
	}
	if (sv_starts(text, "\xef\xbb\xbf")) /* byte order mark */
		text = sv_sub(text, 3, text.n);
	pylex_init(&p.x, file, text);
	failed = buildsteps_file(&p) || buildsteps_check_requires(out, file, e);
	pylex_release(&p.x);
	return failed ? NULL : STEAL_PTR(out);
}
