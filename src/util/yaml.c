/* YAML by libyaml's events. The tree is built with a stack of our own, so that depth, nodes and aliases are bounded
 * while the text is read, and before anything recurses over the tree. */
#include "src/util/yaml.h"

#include <stdarg.h>
#include <yaml.h>

#include "src/util/mem.h"
#include "src/util/num.h"
#include "src/util/smap.h"

struct yaml_place {
	const struct json *node;
	unsigned line;
};

struct yaml_doc {
	struct json *root;
	VEC_OF(struct yaml_place) places; /* sorted by node when the document is complete */
};

/* What an alias stands for. */
struct yaml_anchor {
	struct json *node; /* a reference */
	size_t nodes;	   /* in it, itself included; 0 while it is not complete */
	size_t height;	   /* levels of collections in it */
};

/* A collection that is being read. */
struct yaml_level {
	struct json *node; /* borrowed from the level above or the document */
	char *key;	   /* of the member that comes next; NULL: a key comes */
	char *anchor;	   /* its name, or NULL */
	size_t first;	   /* load.nodes before it */
	size_t height;	   /* of the highest of its children so far */
};

struct yaml_load {
	struct yaml_doc *doc;
	const char *file;
	yaml_parser_t parser;
	VEC_OF(struct yaml_level) levels;
	struct smap anchors;
	size_t nodes, aliases;
	struct err *e;
};

static void yaml_anchor_free(void *p)
{
	struct yaml_anchor *a = p;

	json_free(a->node);
	free(a);
}

static void yaml_load_release(struct yaml_load *l)
{
	for (size_t i = 0; i < l->levels.n; i++) {
		free(l->levels.v[i].key);
		free(l->levels.v[i].anchor);
	}
	vec_release(&l->levels);
	smap_release(&l->anchors);
	yaml_parser_delete(&l->parser);
	yaml_doc_free(l->doc);
}

static int yaml_fail(struct yaml_load *l, const yaml_mark_t *at, const char *fmt, ...) ATTR_PRINTF(3, 4);

static int yaml_fail(struct yaml_load *l, const yaml_mark_t *at, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set(l->e, ERR_INPUT, "%s", text);
	return err_at(l->e, l->file, (unsigned)at->line + 1, (unsigned)at->column + 1);
}

/* libyaml knows where its reader failed only as an offset. */
static yaml_mark_t yaml_mark_of(const char *text, size_t n, size_t offset)
{
	yaml_mark_t m = {0};

	for (size_t i = 0; i < offset && i < n; i++) {
		m.column++;
		if (text[i] == '\n') {
			m.line++;
			m.column = 0;
		}
	}
	return m;
}

static int yaml_fail_syntax(struct yaml_load *l, const char *text, size_t n)
{
	const yaml_parser_t *p = &l->parser;
	yaml_mark_t at = p->problem_mark;

	if (p->error == YAML_READER_ERROR)
		at = yaml_mark_of(text, n, p->problem_offset);
	if (p->context)
		return yaml_fail(l, &at, "%s, %s", p->problem ? p->problem : "not YAML", p->context);
	return yaml_fail(l, &at, "%s", p->problem ? p->problem : "not YAML");
}

static struct yaml_level *yaml_top(struct yaml_load *l)
{
	return l->levels.n ? &l->levels.v[l->levels.n - 1] : NULL;
}

static int yaml_count(struct yaml_load *l, size_t n, const yaml_mark_t *at)
{
	l->nodes += n;
	if (l->nodes > YAML_NODES_MAX)
		return yaml_fail(l, at, "more than %zu values", YAML_NODES_MAX);
	return 0;
}

/* A tag would give a scalar another type than the string that it stays. */
static int yaml_check_tag(struct yaml_load *l, const unsigned char *tag, const yaml_mark_t *at)
{
	static const char *const known[] = {YAML_STR_TAG, YAML_SEQ_TAG, YAML_MAP_TAG, "!"};

	if (!tag)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp((const char *)tag, known[i]) == 0)
			return 0;
	return yaml_fail(l, at, "the tag %s is not supported", (const char *)tag);
}

/* Put a node (taken over), in which collections are nested `height` deep, where it belongs. */
static int yaml_place_node(struct yaml_load *l, struct json *node, size_t height, const yaml_mark_t *at)
{
	struct yaml_level *up = yaml_top(l);

	if (up && height > up->height)
		up->height = height;
	if (!up) {
		l->doc->root = node;
	} else if (json_is_array(up->node)) {
		json_append(up->node, node);
	} else if (up->key) {
		json_set(up->node, up->key, node);
		free(up->key);
		up->key = NULL;
	} else {
		json_free(node);
		return yaml_fail(l, at, "a key must be a scalar");
	}
	return 0;
}

static void yaml_note_line(struct yaml_load *l, const struct json *node, const yaml_mark_t *at)
{
	struct yaml_place p = {node, (unsigned)at->line + 1};

	if (!json_is_null(node))
		vec_push(&l->doc->places, p);
}

static void yaml_set_anchor(struct yaml_load *l, const char *name, struct json *node, size_t nodes, size_t height)
{
	struct yaml_anchor *a = mem_new(struct yaml_anchor);

	*a = (struct yaml_anchor){json_ref(node), nodes, height};
	smap_set(&l->anchors, name, a);
}

static int yaml_on_key(struct yaml_load *l, struct yaml_level *up, const yaml_event_t *ev)
{
	const char *key = (const char *)ev->data.scalar.value;

	if (ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && strcmp(key, "<<") == 0)
		return yaml_fail(l, &ev->start_mark, "merge keys (<<) are not supported");
	if (json_get(up->node, key))
		return yaml_fail(l, &ev->start_mark, "duplicate key \"%s\"", key);
	if (ev->data.scalar.anchor)
		return yaml_fail(l, &ev->start_mark, "a key cannot have an anchor");
	up->key = mem_strdup(key);
	return 0;
}

static bool yaml_is_null(const yaml_event_t *ev)
{
	static const char *const names[] = {"", "~", "null", "Null", "NULL"};

	if (ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE || ev->data.scalar.tag)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp((const char *)ev->data.scalar.value, names[i]) == 0)
			return true;
	return false;
}

static int yaml_on_scalar(struct yaml_load *l, const yaml_event_t *ev)
{
	const char *value = (const char *)ev->data.scalar.value;
	size_t n = ev->data.scalar.length;
	struct yaml_level *up = yaml_top(l);
	struct json *node;

	if (yaml_check_tag(l, ev->data.scalar.tag, &ev->start_mark) < 0 || yaml_count(l, 1, &ev->start_mark) < 0)
		return -1;
	if (memchr(value, '\0', n))
		return yaml_fail(l, &ev->start_mark, "NUL in a string");
	if (up && json_is_object(up->node) && !up->key)
		return yaml_on_key(l, up, ev);
	node = yaml_is_null(ev) ? json_new_null() : json_new_strn(value, n);
	yaml_note_line(l, node, &ev->start_mark);
	if (ev->data.scalar.anchor)
		yaml_set_anchor(l, (const char *)ev->data.scalar.anchor, node, 1, 0);
	return yaml_place_node(l, node, 0, &ev->start_mark);
}

static int yaml_enter(struct yaml_load *l, struct json *node, const unsigned char *tag, const unsigned char *anchor,
		      const yaml_mark_t *at)
{
	struct yaml_level level = {.node = node, .first = l->nodes};

	if (l->levels.n >= JSON_DEPTH_MAX)
		return yaml_fail(l, at, "nested deeper than %d", JSON_DEPTH_MAX);
	if (yaml_check_tag(l, tag, at) < 0 || yaml_count(l, 1, at) < 0 || yaml_place_node(l, json_ref(node), 1, at) < 0)
		return -1;
	yaml_note_line(l, node, at);
	level.anchor = mem_strdup_opt((const char *)anchor);
	if (level.anchor)
		yaml_set_anchor(l, level.anchor, node, 0, 0);
	vec_push(&l->levels, level);
	return 0;
}

/* node is taken over. */
static int yaml_on_start(struct yaml_load *l, struct json *node, const unsigned char *tag, const unsigned char *anchor,
			 const yaml_mark_t *at)
{
	int r = yaml_enter(l, node, tag, anchor, at);

	json_free(node);
	return r;
}

static int yaml_on_end(struct yaml_load *l)
{
	struct yaml_level *level = yaml_top(l), *up;
	size_t height;

	if (!level)
		return 0; /* libyaml's events are balanced */
	height = level->height + 1;
	if (level->anchor)
		yaml_set_anchor(l, level->anchor, level->node, l->nodes - level->first, height);
	free(level->anchor);
	l->levels.n--;
	up = yaml_top(l);
	if (up && height > up->height)
		up->height = height;
	return 0;
}

static int yaml_on_alias(struct yaml_load *l, const yaml_event_t *ev)
{
	const char *name = (const char *)ev->data.alias.anchor;
	const struct yaml_anchor *a = smap_get(&l->anchors, name);

	if (!a)
		return yaml_fail(l, &ev->start_mark, "the alias *%s has no anchor", name);
	if (a->nodes == 0)
		return yaml_fail(l, &ev->start_mark, "the alias *%s is inside of its anchor", name);
	if (++l->aliases > YAML_ALIAS_MAX)
		return yaml_fail(l, &ev->start_mark, "more than %d aliases", YAML_ALIAS_MAX);
	if (yaml_count(l, a->nodes, &ev->start_mark) < 0)
		return -1;
	if (l->levels.n + a->height > JSON_DEPTH_MAX)
		return yaml_fail(l, &ev->start_mark, "nested deeper than %d", JSON_DEPTH_MAX);
	return yaml_place_node(l, json_ref(a->node), a->height, &ev->start_mark);
}

static int yaml_on_event(struct yaml_load *l, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (l->doc->root)
			return yaml_fail(l, &ev->start_mark, "more than one document");
		return 0;
	case YAML_ALIAS_EVENT:
		return yaml_on_alias(l, ev);
	case YAML_SCALAR_EVENT:
		return yaml_on_scalar(l, ev);
	case YAML_SEQUENCE_START_EVENT:
		return yaml_on_start(l, json_new_array(), ev->data.sequence_start.tag, ev->data.sequence_start.anchor,
				     &ev->start_mark);
	case YAML_MAPPING_START_EVENT:
		return yaml_on_start(l, json_new_object(), ev->data.mapping_start.tag, ev->data.mapping_start.anchor,
				     &ev->start_mark);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return yaml_on_end(l);
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return 0;
	}
	return 0;
}

static int yaml_read(struct yaml_load *l, const char *text, size_t n)
{
	bool end = false;

	while (!end) {
		yaml_event_t ev;
		int r;

		if (!yaml_parser_parse(&l->parser, &ev))
			return yaml_fail_syntax(l, text, n);
		r = yaml_on_event(l, &ev);
		end = ev.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&ev);
		if (r < 0)
			return -1;
	}
	return 0;
}

static int yaml_place_cmp(const void *a, const void *b)
{
	const struct yaml_place *x = a, *y = b;

	return (x->node > y->node) - (x->node < y->node);
}

struct yaml_doc *yaml_parse(const char *text, size_t n, const char *file, struct err *e)
{
	struct yaml_load l AUTO(yaml_load_release) = {.file = file, .e = e, .anchors = SMAP_INIT(yaml_anchor_free)};

	if (!yaml_parser_initialize(&l.parser))
		abort();
	l.doc = mem_new(struct yaml_doc);
	if (n > YAML_MAX_BYTES) {
		err_set(e, ERR_INPUT, "%s has %zu bytes, at most %zu are read", file, n, YAML_MAX_BYTES);
		return NULL;
	}
	yaml_parser_set_encoding(&l.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&l.parser, (const unsigned char *)(n ? text : ""), n);
	if (yaml_read(&l, text, n) < 0)
		return NULL;
	if (!l.doc->root)
		l.doc->root = json_new_null();
	if (l.doc->places.n > 1)
		qsort(l.doc->places.v, l.doc->places.n, sizeof(*l.doc->places.v), yaml_place_cmp);
	return STEAL_PTR(l.doc);
}

void yaml_doc_free(struct yaml_doc *d)
{
	if (!d)
		return;
	json_free(d->root);
	vec_release(&d->places);
	free(d);
}

struct json *yaml_root(const struct yaml_doc *d)
{
	return d->root;
}

unsigned yaml_line(const struct yaml_doc *d, const struct json *node)
{
	struct yaml_place key = {.node = node};
	const struct yaml_place *p = NULL;

	if (d->places.n)
		p = bsearch(&key, d->places.v, d->places.n, sizeof(key), yaml_place_cmp);
	return p ? p->line : 0;
}

static const struct {
	const char *name;
	bool value;
} yaml_bools[] = {
	{"true", true}, {"yes", true}, {"on", true}, {"false", false}, {"no", false}, {"off", false},
};

int yaml_bool(const struct json *node, bool *out)
{
	struct sv s = sv_from(json_str(node));

	for (size_t i = 0; i < ARRAY_LEN(yaml_bools); i++)
		if (sv_ieq_str(s, yaml_bools[i].name)) {
			*out = yaml_bools[i].value;
			return 0;
		}
	return -1;
}
