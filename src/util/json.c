/* JSON. A struct json is a json_t under another name: this file converts, nothing else looks inside. */
#include "src/util/json.h"

#undef json_object
#undef json_array
#undef json_deep_copy
#include <jansson.h>
/* These are ours as functions. */
#undef json_is_object
#undef json_is_array
#undef json_is_string
#undef json_is_null

#include "src/util/mem.h"
#include "src/util/utf8.h"

static json_t *json_in(const struct json *j)
{
	union {
		const struct json *from;
		json_t *to;
	} u = {.from = j};

	return u.to;
}

static struct json *json_out(const json_t *j)
{
	union {
		const json_t *from;
		struct json *to;
	} u = {.from = j};

	return u.to;
}

static bool json_has_type(const struct json *j, json_type type)
{
	return j && json_typeof(json_in(j)) == type;
}

/* The only way in which jansson's constructors fail with arguments that were checked is for want of memory. */
static struct json *json_made(const json_t *j)
{
	if (!j)
		abort();
	return json_out(j);
}

/* Deepest nesting of the text, counted without recursion and before the real parser, which recurses, sees it. Brackets
 * that do not match do not matter here: the parser refuses them. */
static size_t json_depth(const char *text, size_t n)
{
	size_t depth = 0, max = 0;
	bool in_string = false;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '[' || c == '{') {
			max = ++depth > max ? depth : max;
		} else if ((c == ']' || c == '}') && depth) {
			depth--;
		}
	}
	return max;
}

struct json *json_parse(const char *text, size_t n, size_t max_bytes, enum err_code code, const char *what,
			struct err *e)
{
	json_error_t je;
	json_t *j;

	if (n > max_bytes) {
		err_set(e, code, "%s: %zu bytes of JSON, at most %zu are allowed", what, n, max_bytes);
		return NULL;
	}
	if (json_depth(text, n) > JSON_DEPTH_MAX) {
		err_set(e, code, "%s: JSON is nested deeper than %d", what, JSON_DEPTH_MAX);
		return NULL;
	}
	j = json_loadb(n ? text : "", n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &je);
	if (!j) {
		/* jansson quotes the text that it does not like. */
		for (char *p = je.text; *p; p++)
			if ((unsigned char)*p < 0x20 || *p == 0x7f)
				*p = '?';
		err_set(e, code, "%s: line %d, column %d: %s", what, je.line, je.column, je.text);
		return NULL;
	}
	return json_out(j);
}

void json_free(struct json *j)
{
	json_decref(json_in(j));
}

struct json *json_ref(struct json *j)
{
	return json_out(json_incref(json_in(j)));
}

bool json_is_object(const struct json *j)
{
	return json_has_type(j, JSON_OBJECT);
}

bool json_is_array(const struct json *j)
{
	return json_has_type(j, JSON_ARRAY);
}

bool json_is_string(const struct json *j)
{
	return json_has_type(j, JSON_STRING);
}

bool json_is_int(const struct json *j)
{
	return json_has_type(j, JSON_INTEGER);
}

bool json_is_bool(const struct json *j)
{
	return json_has_type(j, JSON_TRUE) || json_has_type(j, JSON_FALSE);
}

bool json_is_null(const struct json *j)
{
	return json_has_type(j, JSON_NULL);
}

struct json *json_get(const struct json *j, const char *key)
{
	return json_out(json_object_get(json_in(j), key));
}

const char *json_get_str(const struct json *j, const char *key)
{
	return json_str(json_get(j, key));
}

int64_t json_get_int(const struct json *j, const char *key, int64_t dflt)
{
	return json_int(json_get(j, key), dflt);
}

bool json_get_bool(const struct json *j, const char *key, bool dflt)
{
	return json_bool(json_get(j, key), dflt);
}

const char *json_str(const struct json *j)
{
	return json_string_value(json_in(j));
}

int64_t json_int(const struct json *j, int64_t dflt)
{
	return json_is_int(j) ? (int64_t)json_integer_value(json_in(j)) : dflt;
}

bool json_bool(const struct json *j, bool dflt)
{
	return json_is_bool(j) ? json_has_type(j, JSON_TRUE) : dflt;
}

double json_num(const struct json *j, double dflt)
{
	return j && json_is_number(json_in(j)) ? json_number_value(json_in(j)) : dflt;
}

size_t json_len(const struct json *j)
{
	return json_is_array(j) ? json_array_size(json_in(j)) : json_object_size(json_in(j));
}

struct json *json_at(const struct json *j, size_t i)
{
	return json_out(json_array_get(json_in(j), i));
}

/* The member, or NULL with *e; is_type tells whether it is what the caller needs. */
static struct json *json_need(const struct json *j, const char *key, bool (*is_type)(const struct json *),
			      const char *type, enum err_code code, struct err *e)
{
	struct json *v = json_get(j, key);

	if (v && is_type(v))
		return v;
	if (j && !json_is_object(j))
		err_set(e, code, "not an object, so there is no member \"%s\"", key);
	else
		err_set(e, code, v ? "\"%s\" is not %s" : "\"%s\" is missing (should be %s)", key, type);
	return NULL;
}

const char *json_need_str(const struct json *j, const char *key, enum err_code code, struct err *e)
{
	return json_str(json_need(j, key, json_is_string, "a string", code, e));
}

int json_need_int(const struct json *j, const char *key, int64_t min, int64_t max, int64_t *out, enum err_code code,
		  struct err *e)
{
	const struct json *v = json_need(j, key, json_is_int, "an integer", code, e);
	int64_t i;

	if (!v)
		return -1;
	i = json_int(v, 0);
	if (i < min || i > max)
		return err_set(e, code, "\"%s\" is %lld, not between %lld and %lld", key, (long long)i, (long long)min,
			       (long long)max);
	*out = i;
	return 0;
}

struct json *json_need_array(const struct json *j, const char *key, enum err_code code, struct err *e)
{
	return json_need(j, key, json_is_array, "an array", code, e);
}

struct json *json_need_object(const struct json *j, const char *key, enum err_code code, struct err *e)
{
	return json_need(j, key, json_is_object, "an object", code, e);
}

void *json_iter(struct json *obj)
{
	return json_object_iter(json_in(obj));
}

void *json_iter_next(struct json *obj, void *it)
{
	return json_object_iter_next(json_in(obj), it);
}

const char *json_iter_key(void *it)
{
	return json_object_iter_key(it);
}

struct json *json_iter_val(void *it)
{
	return json_out(json_object_iter_value(it));
}

int json_to_strv(const struct json *j, struct strv *out, enum err_code code, struct err *e)
{
	if (!j || json_is_null(j))
		return 0;
	if (!json_is_array(j))
		return err_set(e, code, "not an array of strings");
	for (size_t i = 0; i < json_len(j); i++)
		if (!json_is_string(json_at(j, i)))
			return err_set(e, code, "element %zu of the array is not a string", i);
	for (size_t i = 0; i < json_len(j); i++)
		strv_add(out, json_str(json_at(j, i)));
	return 0;
}

/* NULL if s is well-formed and without NUL, else a copy with replacements (caller frees). */
static char *json_repair(const char *s, size_t n, size_t *len)
{
	struct buf b = BUF_INIT(SIZE_MAX - 1);

	if (utf8_bad(sv_of(s, n)) < 0 && !memchr(s, '\0', n))
		return NULL;
	for (size_t i = 0, k; i < n; i += k ? k : 1) {
		k = s[i] ? utf8_len(sv_of(s + i, n - i), NULL) : 0;
		buf_add(&b, k ? s + i : UTF8_REPLACEMENT, k ? k : strlen(UTF8_REPLACEMENT));
	}
	*len = b.n;
	return buf_steal(&b);
}

struct json *json_new_object(void)
{
	return json_made(json_object());
}

struct json *json_new_array(void)
{
	return json_made(json_array());
}

struct json *json_new_str(const char *s)
{
	return s ? json_new_strn(s, strlen(s)) : json_new_null();
}

struct json *json_new_strn(const char *s, size_t n)
{
	AUTO_FREE char *fixed = json_repair(s, n, &n);

	return json_made(json_stringn_nocheck(fixed ? fixed : n ? s : "", n));
}

struct json *json_new_int(int64_t v)
{
	return json_made(json_integer(v));
}

struct json *json_new_bool(bool v)
{
	return json_out(json_boolean(v));
}

struct json *json_new_null(void)
{
	return json_out(json_null());
}

struct json *json_from_strv(const struct strv *s)
{
	struct json *arr = json_new_array();

	for (size_t i = 0; i < s->n; i++)
		json_append(arr, json_new_str(s->v[i]));
	return arr;
}

void json_set(struct json *obj, const char *key, struct json *val)
{
	size_t n = strlen(key);
	AUTO_FREE char *fixed = json_repair(key, n, &n);

	if (json_object_set_new_nocheck(json_in(obj), fixed ? fixed : key, json_in(val)) < 0)
		abort(); /* obj is no object, or would contain itself */
}

void json_set_str(struct json *obj, const char *key, const char *s)
{
	if (s)
		json_set(obj, key, json_new_str(s));
}

void json_set_int(struct json *obj, const char *key, int64_t v)
{
	json_set(obj, key, json_new_int(v));
}

void json_set_bool(struct json *obj, const char *key, bool v)
{
	json_set(obj, key, json_new_bool(v));
}

void json_del(struct json *obj, const char *key)
{
	json_object_del(json_in(obj), key);
}

void json_append(struct json *arr, struct json *val)
{
	if (json_array_append_new(json_in(arr), json_in(val)) < 0)
		abort();
}

struct json *json_clone(const struct json *j)
{
	return j ? json_made(json_deep_copy(json_in(j))) : NULL;
}

bool json_eq(const struct json *a, const struct json *b)
{
	return a == b || json_equal(json_in(a), json_in(b));
}
