/* Writing of JSON, canonical or for people. */
#include "src/util/json.h"
#include "src/util/mem.h"

/* A text being written. */
struct json_text {
	struct buf *out;
	bool pretty;
	size_t depth;
};

static void json_text_put(struct json_text *t, struct json *j);

/* Strings hold no NUL: neither the parser nor the makers let it in. */
static void json_text_string(struct buf *out, const char *s)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *start = s;

	buf_char_add(out, '"');
	for (; *s; s++) {
		const char *hit = strchr(from, *s);

		if (!hit && (unsigned char)*s >= 0x20)
			continue;
		buf_add(out, start, (size_t)(s - start));
		start = s + 1;
		if (hit)
			buf_printf(out, "\\%c", to[hit - from]);
		else
			buf_printf(out, "\\u%04x", (unsigned)(unsigned char)*s);
	}
	buf_add(out, start, (size_t)(s - start));
	buf_char_add(out, '"');
}

static void json_text_real(struct buf *out, double v)
{
	char text[40];
	int n = 0;

	for (int digits = 15; digits <= 17; digits++) {
		n = snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	buf_add(out, text, (size_t)n);
	/* Keep the kind: without one of these it would read back as an integer. */
	if (!strpbrk(text, ".e"))
		buf_str_add(out, ".0");
}

static void json_text_newline(struct json_text *t)
{
	if (!t->pretty)
		return;
	buf_char_add(t->out, '\n');
	for (size_t i = 0; i < t->depth; i++)
		buf_str_add(t->out, "  ");
}

static void json_text_array(struct json_text *t, struct json *j)
{
	size_t n = json_len(j);

	buf_char_add(t->out, '[');
	t->depth++;
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_char_add(t->out, ',');
		json_text_newline(t);
		json_text_put(t, json_at(j, i));
	}
	t->depth--;
	if (n)
		json_text_newline(t);
	buf_char_add(t->out, ']');
}

struct json_member {
	const char *key;
	struct json *val;
};

/* strcmp compares as unsigned char. */
static int json_member_cmp(const void *a, const void *b)
{
	const struct json_member *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static void json_text_object(struct json_text *t, struct json *j)
{
	size_t n = json_len(j), k = 0;
	AUTO_FREE struct json_member *v = mem_array(n, sizeof(*v));

	for (void *it = json_iter(j); it && k < n; it = json_iter_next(j, it), k++)
		v[k] = (struct json_member){json_iter_key(it), json_iter_val(it)};
	if (!t->pretty && n > 1)
		qsort(v, n, sizeof(*v), json_member_cmp);
	buf_char_add(t->out, '{');
	t->depth++;
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_char_add(t->out, ',');
		json_text_newline(t);
		json_text_string(t->out, v[i].key);
		buf_str_add(t->out, t->pretty ? ": " : ":");
		json_text_put(t, v[i].val);
	}
	t->depth--;
	if (n)
		json_text_newline(t);
	buf_char_add(t->out, '}');
}

static void json_text_put(struct json_text *t, struct json *j)
{
	if (json_is_object(j))
		json_text_object(t, j);
	else if (json_is_array(j))
		json_text_array(t, j);
	else if (json_is_string(j))
		json_text_string(t->out, json_str(j));
	else if (json_is_int(j))
		buf_printf(t->out, "%lld", (long long)json_int(j, 0));
	else if (json_is_bool(j))
		buf_str_add(t->out, json_bool(j, false) ? "true" : "false");
	else if (!j || json_is_null(j))
		buf_str_add(t->out, "null");
	else
		json_text_real(t->out, json_num(j, 0));
}

/* Writing changes nothing, but the iteration wants what it may change. */
static void json_text_write(const struct json *j, struct buf *out, bool pretty)
{
	struct json_text t = {.out = out, .pretty = pretty};
	union {
		const struct json *from;
		struct json *to;
	} u = {.from = j};

	json_text_put(&t, u.to);
}

void json_write(const struct json *j, struct buf *out)
{
	json_text_write(j, out, false);
}

void json_write_pretty(const struct json *j, struct buf *out)
{
	json_text_write(j, out, true);
}
