/* A strict part of TOML 1.0. */
#include "src/util/toml_priv.h"

#include <string.h>

#include "src/util/mem.h"
#include "src/util/num.h"
#include "src/util/sv.h"
#include "src/util/utf8.h"

static struct json *toml_value(struct toml *t);

static bool toml_is_closed(const struct toml *t, const struct json *j)
{
	for (size_t i = 0; i < t->closed.n; i++)
		if (t->closed.v[i] == j)
			return true;
	return false;
}

/* --- values --- */

static struct json *toml_array(struct toml *t)
{
	struct json *list = json_new_array();

	vec_push(&t->closed, list);
	while (!toml_gap(t)) {
		struct json *v;

		if (toml_take(t, ']'))
			return list;
		v = toml_value(t);
		if (!v)
			break;
		json_append(list, v);
		if (toml_gap(t))
			break;
		if (toml_take(t, ']'))
			return list;
		if (!toml_take(t, ',')) {
			toml_fail(t, "a comma or the end of the array is wanted here");
			break;
		}
	}
	json_free(list);
	return NULL;
}

static int toml_pair(struct toml *t, struct json *table);

static struct json *toml_inline(struct toml *t)
{
	struct json *table = json_new_object();

	toml_blanks(t);
	if (!toml_take(t, '}')) {
		do {
			toml_blanks(t);
			if (toml_pair(t, table)) {
				json_free(table);
				return NULL;
			}
			toml_blanks(t);
		} while (toml_take(t, ','));
		if (!toml_take(t, '}')) {
			toml_fail(t, "a comma or the end of the table is wanted here");
			json_free(table);
			return NULL;
		}
	}
	vec_push(&t->closed, table);
	return table;
}

static struct json *toml_word(struct toml *t)
{
	const char *from = t->p;
	struct sv word;
	uint64_t n;
	bool minus;

	while (toml_bare(toml_peek(t)) || toml_peek(t) == '+' || toml_peek(t) == '.' || toml_peek(t) == ':')
		t->p++;
	word = sv_of(from, (size_t)(t->p - from));
	if (sv_eq_str(word, "true") || sv_eq_str(word, "false"))
		return json_new_bool(word.n == 4);
	minus = sv_starts(word, "-");
	if (minus)
		word = sv_sub(word, 1, word.n);
	if (word.n && !(word.p[0] == '0' && word.n > 1) && !num_parse(word, 10, INT64_MAX, &n))
		return json_new_int(minus ? -(int64_t)n : (int64_t)n);
	toml_fail(t, "a string in quotes, true, false, a number, an array or a table is wanted here");
	return NULL;
}

static struct json *toml_text(struct toml *t, char quote)
{
	AUTO_BUF struct buf b = BUF_INIT(TOML_MAX_BYTES);

	return toml_string(t, quote, &b) ? NULL : json_new_strn(buf_str(&b), b.n);
}

static struct json *toml_value(struct toml *t)
{
	struct json *v = NULL;
	int c = toml_peek(t);

	if (c == '"' || c == '\'') {
		t->p++;
		return toml_text(t, (char)c);
	}
	if (c != '[' && c != '{')
		return toml_word(t);
	if (++t->depth > TOML_DEPTH_MAX) {
		toml_fail(t, "nested too deeply");
		return NULL;
	}
	t->p++;
	v = c == '[' ? toml_array(t) : toml_inline(t);
	t->depth--;
	return v;
}

/* --- tables --- */

/* The table `name` of `in`, made if it is missing; of an array of tables the last one. */
static struct json *toml_step(struct toml *t, struct json *in, const char *name)
{
	struct json *next = json_get(in, name);

	if (!next) {
		next = json_new_object();
		json_set(in, name, next);
	}
	if (json_is_array(next) && !toml_is_closed(t, next))
		next = json_at(next, json_len(next) - 1);
	if (json_is_object(next))
		return next;
	toml_fail(t, "a key that has a value already is no table");
	return NULL;
}

static int toml_pair(struct toml *t, struct json *table)
{
	AUTO_STRV struct strv key = {0};
	struct json *v;

	if (toml_key(t, &key))
		return -1;
	if (!toml_take(t, '='))
		return toml_fail(t, "an equals sign is wanted here");
	toml_blanks(t);
	for (size_t i = 0; i + 1 < key.n; i++) {
		table = toml_step(t, table, key.v[i]);
		if (!table)
			return -1;
		if (toml_is_closed(t, table))
			return toml_fail(t, "a table that is defined elsewhere cannot get more keys");
	}
	if (json_get(table, key.v[key.n - 1]))
		return toml_fail(t, "a key is given twice");
	v = toml_value(t);
	if (!v)
		return -1;
	json_set(table, key.v[key.n - 1], v);
	return 0;
}

static int toml_open_array(struct toml *t, struct json *in, const char *name)
{
	struct json *list = json_get(in, name);

	if (!list) {
		list = json_new_array();
		json_set(in, name, list);
	}
	if (!json_is_array(list) || toml_is_closed(t, list))
		return toml_fail(t, "a key that has a value already is no array of tables");
	t->table = json_new_object();
	json_append(list, t->table);
	return 0;
}

static int toml_open_table(struct toml *t, struct json *in, const char *name)
{
	struct json *have = json_get(in, name);

	if (have && (!json_is_object(have) || toml_is_closed(t, have)))
		return toml_fail(t, "a table is given twice");
	t->table = toml_step(t, in, name);
	if (!t->table)
		return -1;
	vec_push(&t->closed, t->table);
	return 0;
}

/* After the opening bracket. */
static int toml_header(struct toml *t)
{
	AUTO_STRV struct strv key = {0};
	bool array = toml_take(t, '[');
	struct json *in = t->root;

	if (toml_key(t, &key))
		return -1;
	if (!toml_take(t, ']') || (array && !toml_take(t, ']')))
		return toml_fail(t, "the end of the table's name is wanted here");
	for (size_t i = 0; in && i + 1 < key.n; i++)
		in = toml_step(t, in, key.v[i]);
	if (!in)
		return -1;
	return array ? toml_open_array(t, in, key.v[key.n - 1]) : toml_open_table(t, in, key.v[key.n - 1]);
}

static int toml_line(struct toml *t)
{
	toml_blanks(t);
	if (toml_peek(t) == '#' || toml_peek(t) == '\n' || toml_peek(t) == '\r' || toml_peek(t) < 0)
		return toml_line_end(t);
	if (toml_take(t, '[') ? toml_header(t) : toml_pair(t, t->table))
		return -1;
	return toml_line_end(t);
}

struct json *toml_parse(const char *text, size_t n, const char *file, struct err *e)
{
	struct toml t = {.p = text, .end = text + n, .file = file, .line = 1, .e = e};
	int rc = 0;

	if (n > TOML_MAX_BYTES)
		rc = toml_fail(&t, "the file is too large");
	else if (utf8_bad(sv_of(text, n)) >= 0 || memchr(text, '\0', n))
		rc = toml_fail(&t, "the file holds bytes that are no UTF-8 text");
	t.root = t.table = json_new_object();
	while (!rc && t.p < t.end)
		rc = toml_line(&t);
	vec_release(&t.closed);
	if (!rc)
		return t.root;
	json_free(t.root);
	return NULL;
}
