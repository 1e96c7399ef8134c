/* Writing of YAML. */
#include "src/util/yaml.h"

/* Words that a reader of YAML 1.1 or 1.2 would take for something else than a string. */
static bool yaml_text_is_word(struct sv s)
{
	static const char *const words[] = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (sv_ieq_str(s, words[i]))
			return true;
	return false;
}

/* Fewer than YAML allows, but these need no thought: no number begins with a letter, a slash or an underscore. */
static bool yaml_text_is_plain(struct sv s)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz/_";
	static const char more[] = "0123456789.@+=-";

	if (s.n == 0 || !s.p[0] || !strchr(first, s.p[0]) || yaml_text_is_word(s))
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (!s.p[i] || (!strchr(first, s.p[i]) && !strchr(more, s.p[i])))
			return false;
	return true;
}

/* JSON's quoting is YAML's, except that YAML also wants DEL and U+0080 to U+009F escaped. */
static void yaml_text_quoted(const char *s, struct buf *out)
{
	char one[2] = {0};

	buf_char_add(out, '"');
	for (; *s; s++) {
		const unsigned char *u = (const unsigned char *)s;

		if (u[0] == 0xc2 && u[1] >= 0x80 && u[1] < 0xa0) {
			buf_printf(out, "\\u%04x", (unsigned)u[1]);
			s++;
		} else if (u[0] == '"' || u[0] == '\\') {
			one[0] = *s;
			buf_printf(out, "\\%s", one);
		} else if (u[0] == '\n' || u[0] == '\t') {
			buf_str_add(out, u[0] == '\n' ? "\\n" : "\\t");
		} else if (u[0] < 0x20 || u[0] == 0x7f) {
			buf_printf(out, "\\u%04x", (unsigned)u[0]);
		} else {
			buf_char_add(out, *s);
		}
	}
	buf_char_add(out, '"');
}

static void yaml_text_str(const char *s, struct buf *out)
{
	if (yaml_text_is_plain(sv_from(s)))
		buf_str_add(out, s);
	else
		yaml_text_quoted(s, out);
}

/* What goes on the line of its key or dash. */
static bool yaml_text_is_inline(const struct json *j)
{
	return (!json_is_object(j) && !json_is_array(j)) || json_len(j) == 0;
}

static void yaml_text_inline(const struct json *j, struct buf *out)
{
	if (json_is_string(j))
		yaml_text_str(json_str(j), out);
	else
		json_write(j, out); /* numbers, booleans, null, {} and [] are the same in YAML */
}

static void yaml_text_indent(size_t depth, struct buf *out)
{
	for (size_t i = 0; i < depth; i++)
		buf_str_add(out, "  ");
}

/* `started`: the first line's indentation is written already (behind a dash). */
static void yaml_text_block(struct json *j, size_t depth, bool started, struct buf *out)
{
	void *it = json_is_object(j) ? json_iter(j) : NULL;

	for (size_t i = 0; i < json_len(j); i++) {
		struct json *v = it ? json_iter_val(it) : json_at(j, i);

		if (!started)
			yaml_text_indent(depth, out);
		started = false;
		if (it)
			yaml_text_str(json_iter_key(it), out);
		buf_char_add(out, it ? ':' : '-');
		if (yaml_text_is_inline(v)) {
			buf_char_add(out, ' ');
			yaml_text_inline(v, out);
			buf_char_add(out, '\n');
		} else {
			buf_char_add(out, it ? '\n' : ' ');
			yaml_text_block(v, depth + 1, !it, out);
		}
		if (it)
			it = json_iter_next(j, it);
	}
}

void yaml_write(const struct json *j, struct buf *out)
{
	AUTO_JSON struct json *copy = NULL;

	if (yaml_text_is_inline(j)) {
		yaml_text_inline(j, out);
		buf_char_add(out, '\n');
		return;
	}
	copy = json_clone(j);
	yaml_text_block(copy, 0, false, out);
}
