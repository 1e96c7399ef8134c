/* Writing of YAML as PyYAML writes it. */
#include "src/util/yamlpy.h"

#include <regex.h>
#include <yaml.h>

#include "src/util/mem.h"
#include "src/util/vec.h"

/* What a plain scalar means that is no string: YAML 1.1's booleans, null, integers, floating-point numbers, dates, and
 * the words that have a meaning of their own. */
#define YAMLPY_NO_STRING                                                                                               \
	"^(yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF"                                 \
	"|~|null|Null|NULL||<<|=|!|&|\\*"                                                                              \
	"|[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(:[0-5]?[0-9])+"     \
	"|[-+]?[0-9][0-9_]*\\.[0-9_]*([eE][-+][0-9]+)?|\\.[0-9][0-9_]*([eE][-+][0-9]+)?"                               \
	"|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+\\.[0-9_]*|[-+]?\\.(inf|Inf|INF)|\\.(nan|NaN|NAN)"                           \
	"|[0-9]{4}-[0-9]{2}-[0-9]{2}"                                                                                  \
	"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(\\.[0-9]*)?"                         \
	"([ \t]*(Z|[-+][0-9]{1,2}(:[0-9]{2})?))?)$"

#define YAMLPY_WIDTH 80
/* Longer ones are written in another form, and the two do not count alike. */
#define YAMLPY_KEY_MAX 100

struct yamlpy {
	yaml_emitter_t em;
	regex_t no_string;
	size_t key; /* length of the last key */
};

static int yamlpy_take(void *arg, unsigned char *text, size_t n)
{
	struct buf *out = arg;

	buf_add(out, text, n);
	return !out->over && out->n <= YAMLPY_MAX_BYTES;
}

/* ready: what yaml_…_event_initialize has said. */
static int yamlpy_emit(struct yamlpy *y, yaml_event_t *ev, int ready, struct err *e)
{
	if (ready && yaml_emitter_emit(&y->em, ev))
		return 0;
	return err_set(e, ERR_INPUT, "writing YAML: %s", y->em.problem ? y->em.problem : "the text is too long");
}

/* Double quotes are for what is not printable ASCII, and for breaks beside spaces or in keys. */
static bool yamlpy_is_double(const char *text, bool key)
{
	for (const char *p = text; *p; p++) {
		bool print = *p >= 0x20 && *p < 0x7f;

		if ((!print && *p != '\n') || (*p == '\n' && (key || p[1] == ' ' || (p > text && p[-1] == ' '))))
			return true;
	}
	return false;
}

/* At most, with its escapes. */
static size_t yamlpy_double_width(const char *text)
{
	size_t n = 2;

	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		n += *p >= 0xf0 ? 10 : *p >= 0xc0 ? 6 : *p >= 0x80 ? 0 : *p < 0x20 || strchr("\"\\\x7f", *p) ? 4 : 1;
	return n;
}

/* The two differ where a double-quoted text is folded. `at` is at least the column that the text begins in. */
static int yamlpy_check(const char *text, size_t at, struct err *e)
{
	bool key = at == 0;

	if (key && strlen(text) > YAMLPY_KEY_MAX)
		return err_set(e, ERR_INPUT, "a key of more than %d bytes: \"%.60s\"", YAMLPY_KEY_MAX, text);
	if (!yamlpy_is_double(text, key) || at + yamlpy_double_width(text) <= YAMLPY_WIDTH)
		return 0;
	return err_set(e, ERR_INPUT, "a long text that is not printable ASCII is folded in Python's own way: \"%.60s\"",
		       text);
}

static int yamlpy_scalar(struct yamlpy *y, const char *text, bool string, struct err *e)
{
	bool plain = !string || regexec(&y->no_string, text, 0, NULL, 0) != 0;
	AUTO_FREE char *copy = mem_strdup(text);
	yaml_event_t ev;

	return yamlpy_emit(y, &ev,
			   yaml_scalar_event_initialize(&ev, NULL, NULL, (yaml_char_t *)copy, (int)strlen(copy), plain,
							1, YAML_ANY_SCALAR_STYLE),
			   e);
}

static int yamlpy_value(struct yamlpy *y, struct json *j, unsigned depth, struct err *e);

/* NOLINTNEXTLINE(misc-no-recursion): bounded by YAMLPY_DEPTH_MAX */
static int yamlpy_array(struct yamlpy *y, struct json *j, unsigned depth, struct err *e)
{
	yaml_event_t ev;

	if (yamlpy_emit(y, &ev, yaml_sequence_start_event_initialize(&ev, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE), e))
		return -1;
	for (size_t i = 0; i < json_len(j); i++) {
		if (yamlpy_value(y, json_at(j, i), depth, e))
			return -1;
	}
	return yamlpy_emit(y, &ev, yaml_sequence_end_event_initialize(&ev), e);
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static int yamlpy_object(struct yamlpy *y, struct json *j, unsigned depth, struct err *e)
{
	AUTO_STRV struct strv keys = {0};
	yaml_event_t ev;

	for (void *it = json_iter(j); it; it = json_iter_next(j, it))
		strv_add(&keys, json_iter_key(it));
	strv_sort(&keys);
	if (yamlpy_emit(y, &ev, yaml_mapping_start_event_initialize(&ev, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE), e))
		return -1;
	for (size_t i = 0; i < keys.n; i++) {
		if (yamlpy_check(keys.v[i], 0, e) || yamlpy_scalar(y, keys.v[i], true, e))
			return -1;
		y->key = strlen(keys.v[i]);
		if (yamlpy_value(y, json_get(j, keys.v[i]), depth, e))
			return -1;
	}
	return yamlpy_emit(y, &ev, yaml_mapping_end_event_initialize(&ev), e);
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static int yamlpy_value(struct yamlpy *y, struct json *j, unsigned depth, struct err *e)
{
	if (depth >= YAMLPY_DEPTH_MAX)
		return err_set(e, ERR_INPUT, "writing YAML: more than %d levels", YAMLPY_DEPTH_MAX);
	if (json_is_object(j))
		return yamlpy_object(y, j, depth + 1, e);
	if (json_is_array(j))
		return yamlpy_array(y, j, depth + 1, e);
	if (json_is_bool(j))
		return yamlpy_scalar(y, json_bool(j, false) ? "true" : "false", false, e);
	if (json_is_string(j))
		return yamlpy_check(json_str(j), y->key + 2 * (size_t)depth + 4, e) ||
				       yamlpy_scalar(y, json_str(j), true, e)
			       ? -1
			       : 0;
	return err_set(e, ERR_INPUT, "writing YAML: a value that is no text");
}

static int yamlpy_document(struct yamlpy *y, struct json *j, struct err *e)
{
	yaml_event_t ev;

	return yamlpy_emit(y, &ev, yaml_stream_start_event_initialize(&ev, YAML_UTF8_ENCODING), e) ||
			       yamlpy_emit(y, &ev, yaml_document_start_event_initialize(&ev, NULL, NULL, NULL, 1), e) ||
			       yamlpy_value(y, j, 0, e) ||
			       yamlpy_emit(y, &ev, yaml_document_end_event_initialize(&ev, 1), e) ||
			       yamlpy_emit(y, &ev, yaml_stream_end_event_initialize(&ev), e)
		       ? -1
		       : 0;
}

int yamlpy_write(struct json *j, struct buf *out, struct err *e)
{
	struct yamlpy y = {0};
	int rc;

	if (regcomp(&y.no_string, YAMLPY_NO_STRING, REG_EXTENDED | REG_NOSUB))
		return err_set(e, ERR_INTERNAL, "the expression for YAML's scalars does not compile");
	if (!yaml_emitter_initialize(&y.em)) {
		regfree(&y.no_string);
		return err_set(e, ERR_INTERNAL, "no memory for an emitter");
	}
	yaml_emitter_set_output(&y.em, yamlpy_take, out);
	rc = yamlpy_document(&y, j, e);
	yaml_emitter_delete(&y.em);
	regfree(&y.no_string);
	return rc;
}
