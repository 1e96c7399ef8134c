/* Static reader of EXASLCT's build_steps.py. */
#include "src/flavor/buildsteps.h"

#include "src/flavor/pyread.h"
#include "src/util/mem.h"

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
	struct pyread r;
	struct buildsteps *out;
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
	unsigned line = p->r.x.line;

	if (d->n >= BUILDSTEPS_ITEMS_MAX)
		return pyread_fail(&p->r, "the end of a dictionary with very many items");
	if (p->r.x.kind == PYLEX_STRING && buildsteps_has_key(d, buf_str(&p->r.x.str)))
		return pyread_fail(&p->r, "a key that is not there yet");
	if (pyread_string(&p->r, &key, "a string or '}'") || pyread_expect(&p->r, ":", "':'"))
		return -1;
	if (value == BUILDSTEPS_CLASSES ? pyread_class_ref(&p->r, &val) : pyread_string(&p->r, &val, "a string"))
		return -1;
	vec_push(d, (struct buildsteps_item){STEAL_PTR(key), STEAL_PTR(val), line});
	return 0;
}

/* Behind "{". */
static int buildsteps_items(struct buildsteps_parser *p, enum buildsteps_value value, struct buildsteps_dict *d)
{
	while (!pylex_is(&p->r.x, "}")) {
		if (buildsteps_item(p, value, d))
			return -1;
		if (pylex_is(&p->r.x, "}"))
			break;
		if (pyread_expect(&p->r, ",", "',' or '}'"))
			return -1;
	}
	return pyread_next(&p->r);
}

static int buildsteps_dict(struct buildsteps_parser *p, enum buildsteps_value value, struct buildsteps_dict *d)
{
	if (pylex_is(&p->r.x, "{"))
		return pyread_next(&p->r) ? -1 : buildsteps_items(p, value, d);
	if (pyread_expect(&p->r, "dict", "a dictionary in braces") || pyread_expect(&p->r, "(", "'('"))
		return -1;
	return pyread_expect(&p->r, ")", "')'");
}

static int buildsteps_value(struct buildsteps_parser *p, const struct buildsteps_method *m, struct buildsteps_class *c)
{
	void *field = (char *)c + m->offset;
	char **s = field;

	if (pylex_is(&p->r.x, "None"))
		return pyread_next(&p->r);
	if (m->value != BUILDSTEPS_STRING)
		return buildsteps_dict(p, m->value, field);
	if (pyread_string(&p->r, s, "a string"))
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

		if (!sv_eq_str(p->r.x.src, buildsteps_methods[i].name))
			continue;
		if (p->seen & bit)
			break;
		p->seen |= bit;
		return &buildsteps_methods[i];
	}
	pyread_fail(&p->r, "a method of a build step, each once,");
	return NULL;
}

/* Behind "def". */
static int buildsteps_method(struct buildsteps_parser *p, struct buildsteps_class *c)
{
	const struct buildsteps_method *m = buildsteps_method_find(p);

	if (!m || pyread_next(&p->r) || pyread_signature(&p->r) || pyread_docstring(&p->r))
		return -1;
	if (pyread_expect(&p->r, "return", "'return'") || buildsteps_value(p, m, c))
		return -1;
	return pyread_line_end(&p->r);
}

static bool buildsteps_first_column(const struct buildsteps_parser *p)
{
	return p->r.x.start == 0 || p->r.x.text.p[p->r.x.start - 1] == '\n';
}

/* One of docstring, "pass", method; *more is false where the class ends. */
static int buildsteps_member(struct buildsteps_parser *p, struct buildsteps_class *c, bool *more)
{
	if (pyread_skip_lines(&p->r))
		return -1;
	*more = p->r.x.kind != PYLEX_END && !buildsteps_first_column(p);
	if (!*more)
		return 0;
	if (p->r.x.kind == PYLEX_STRING)
		return pyread_docstring(&p->r);
	if (pylex_is(&p->r.x, "pass"))
		return pyread_next(&p->r) ? -1 : pyread_line_end(&p->r);
	if (pyread_expect(&p->r, "def", "a method"))
		return -1;
	return buildsteps_method(p, c);
}

/* "(" dotted ")" ":" */
static int buildsteps_base(struct buildsteps_parser *p)
{
	struct sv base = SV_NULL;
	struct pylex at;

	if (pyread_expect(&p->r, "(", "'('"))
		return -1;
	at = p->r.x;
	if (pyread_dotted(&p->r, &base))
		return -1;
	if (!sv_eq_str(base, BUILDSTEPS_BASE)) {
		err_set(p->r.e, ERR_INPUT, "unsupported construct: a class derived from '%.*s'", SV_ARG(base));
		err_hint(p->r.e,
			 "a build step is a class derived from %s; others can be described in a flavor.yml "
			 "with `stages`",
			 BUILDSTEPS_BASE);
		return pylex_err(&at, p->r.e);
	}
	return pyread_expect(&p->r, ")", "')'") ? -1 : pyread_expect(&p->r, ":", "':'");
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
		err_set(p->r.e, ERR_INPUT, "%s %s is there already, in line %u", same_name ? "class" : "the build step",
			same_name ? c->name : c->step, o->line);
		return pylex_err(at, p->r.e);
	}
	return 0;
}

static int buildsteps_class_add(struct buildsteps_parser *p, struct buildsteps_class *c, const struct pylex *at)
{
	if (!p->seen) /* only `pass`: no stage */
		return 0;
	if (!c->step) {
		err_set(p->r.e, ERR_INPUT, "class %s does not say which stage it is", c->name);
		err_hint(p->r.e, "add a method get_build_step that returns the name of the stage");
		return pylex_err(at, p->r.e);
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
	struct pylex at = p->r.x; /* for errors only: its buffer is not used */

	if (p->r.x.kind != PYLEX_NAME)
		return pyread_fail(&p->r, "the name of a class");
	if (p->out->n >= BUILDSTEPS_ITEMS_MAX)
		return pyread_fail(&p->r, "the end of a file with very many classes");
	c.name = sv_dup(p->r.x.src);
	c.line = p->r.x.line;
	p->seen = 0;
	if (pyread_next(&p->r) || buildsteps_base(p) || buildsteps_class_body(p, &c))
		return -1;
	return buildsteps_class_add(p, &c, &at);
}

static int buildsteps_statement(struct buildsteps_parser *p)
{
	if (!buildsteps_first_column(p) && p->r.x.kind != PYLEX_STRING)
		return pyread_fail(&p->r, "an import or a class in the first column");
	if (p->r.x.kind == PYLEX_STRING)
		return pyread_next(&p->r) ? -1 : pyread_line_end(&p->r);
	if (pylex_is(&p->r.x, "import") || pylex_is(&p->r.x, "from"))
		return pyread_import(&p->r);
	if (pyread_expect(&p->r, "class", "an import or a class"))
		return -1;
	return buildsteps_class(p);
}

static int buildsteps_file(struct buildsteps_parser *p)
{
	if (pyread_next(&p->r))
		return -1;
	for (;;) {
		if (pyread_skip_lines(&p->r))
			return -1;
		if (p->r.x.kind == PYLEX_END)
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
	struct buildsteps_parser p = {.r.e = e, .out = out};
	int failed;

	if (text.n > BUILDSTEPS_MAX_BYTES) {
		err_set(e, ERR_INPUT, "longer than %zu bytes", BUILDSTEPS_MAX_BYTES);
		err_at(e, file, 0, 0);
		return NULL;
	}
	if (sv_starts(text, "\xef\xbb\xbf")) /* byte order mark */
		text = sv_sub(text, 3, text.n);
	pylex_init(&p.r.x, file, text);
	failed = buildsteps_file(&p) || buildsteps_check_requires(out, file, e);
	pylex_release(&p.r.x);
	return failed ? NULL : STEAL_PTR(out);
}
