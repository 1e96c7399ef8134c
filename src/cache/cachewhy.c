#include "src/cache/cachewhy.h"

#include <string.h>

#include "src/cache/cremote.h"
#include "src/util/clock.h"
#include "src/util/mem.h"

#define VERSION 1
#define BUILT	"built" /* added to an accepted document */

void cachewhy_key(const char *stage, struct ckey *out)
{
	struct ckey_builder b;

	ckey_begin(&b, "slct-why", false);
	ckey_str(&b, "stage", stage);
	ckey_end(&b, out, NULL);
}

/* --- making one --- */

struct json *cachewhy_new(const char *stage)
{
	struct json *doc = json_object();

	json_set_int(doc, "version", VERSION);
	json_set_str(doc, "stage", stage);
	json_set(doc, "steps", json_array());
	json_set(doc, "files", json_object());
	return doc;
}

void cachewhy_add(struct json *doc, unsigned n, const struct ckey *key, const struct json *inputs)
{
	struct json *step = json_object();

	json_set_int(step, "n", n);
	json_set_str(step, "key", key->hex);
	json_set(step, "inputs", json_deep_copy(inputs));
	json_append(json_get(doc, "steps"), step);
}

/* No control characters but ends of lines and tabs: it is shown on terminals. */
static bool is_text(const char *s)
{
	for (const unsigned char *p = (const unsigned char *)s; *p; p++)
		if ((*p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7f ||
		    (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0))
			return false;
	return true;
}

static size_t files_bytes(struct json *files)
{
	size_t n = 0;

	for (void *it = json_iter(files); it; it = json_iter_next(files, it))
		n += strlen(json_str(json_iter_val(it)));
	return n;
}

void cachewhy_add_files(struct json *doc, const char *tree, struct sv list)
{
	struct json *files = json_get(doc, "files"), *text;

	if (list.n > CACHEWHY_FILES_MAX_BYTES || files_bytes(files) + list.n > CACHEWHY_ALL_FILES_MAX_BYTES)
		return;
	text = json_new_strn(list.p, list.n);
	/* What is no UTF-8 has been replaced, and its lengths do not fit any more. */
	if (strlen(json_str(text)) == list.n && memcmp(json_str(text), list.p, list.n) == 0 && is_text(json_str(text)))
		json_set(files, tree, text);
	else
		json_free(text);
}

void cachewhy_annotate(struct manifest *m, const char *text, int64_t built)
{
	char when[32];

	manifest_annotate(m, CACHEWHY_ANNOTATION, text);
	manifest_annotate(m, CREMOTE_BUILT, clock_rfc3339(built, when));
}

/* --- reading one --- */

/* The depth is bounded by json_parse. */
static bool all_text(struct json *j)
{
	if (json_is_string(j))
		return is_text(json_str(j));
	for (size_t i = 0; json_is_array(j) && i < json_len(j); i++)
		if (!all_text(json_at(j, i)))
			return false;
	for (void *it = json_is_object(j) ? json_iter(j) : NULL; it; it = json_iter_next(j, it))
		if (!is_text(json_iter_key(it)) || !all_text(json_iter_val(it)))
			return false;
	return true;
}

static int check_step(const struct json *step, struct err *e)
{
	const char *key = json_need_str(step, "key", ERR_INTEGRITY, e);
	int64_t n;

	if (!key || json_need_int(step, "n", 1, CACHEWHY_STEPS_MAX, &n, ERR_INTEGRITY, e) < 0 ||
	    !json_need_object(step, "inputs", ERR_INTEGRITY, e))
		return -1;
	if (strlen(key) != CKEY_HEX_BYTES - 1 || strspn(key, "0123456789abcdef") != CKEY_HEX_BYTES - 1)
		return err_set(e, ERR_INTEGRITY, "\"key\" is no key");
	return 0;
}

static int check(struct json *doc, const char *stage, struct err *e)
{
	const char *name = json_need_str(doc, "stage", ERR_INTEGRITY, e);
	const struct json *steps = name ? json_need_array(doc, "steps", ERR_INTEGRITY, e) : NULL;
	struct json *files = json_get(doc, "files");

	if (!steps)
		return -1;
	if (json_get_int(doc, "version", 0) != VERSION || strcmp(name, stage) != 0)
		return err_set(e, ERR_INTEGRITY, "it is of another version or stage");
	if (json_len(steps) > CACHEWHY_STEPS_MAX || !all_text(doc))
		return err_set(e, ERR_INTEGRITY, "it has too many steps, or control characters");
	for (size_t i = 0; i < json_len(steps); i++)
		if (check_step(json_at(steps, i), e) < 0)
			return -1;
	for (void *it = json_is_object(files) ? json_iter(files) : NULL; it; it = json_iter_next(files, it))
		if (!json_is_string(json_iter_val(it)))
			return err_set(e, ERR_INTEGRITY, "a list of files is no text");
	return 0;
}

int cachewhy_accept(const struct manifest *m, const char *stage, struct json **doc, struct err *e)
{
	const char *text = json_get_str(m->annotations, CACHEWHY_ANNOTATION);
	const char *built = json_get_str(m->annotations, CREMOTE_BUILT);
	int64_t when;

	*doc = NULL;
	if (!text)
		return err_set(e, ERR_INTEGRITY, "it is no record of a stage");
	*doc = json_parse(text, strlen(text), CACHEWHY_MAX_BYTES, ERR_INTEGRITY, "record of a stage", e);
	if (!*doc || check(*doc, stage, e) < 0) {
		json_free(STEAL_PTR(*doc));
		return -1;
	}
	if (!built || clock_parse_rfc3339(sv_from(built), &when) < 0)
		when = 0;
	json_set_int(*doc, BUILT, when);
	return 0;
}

void cachewhy_each(const struct json *doc, clocal_each_fn *fn, void *arg)
{
	const struct json *steps = json_get(doc, "steps");

	for (size_t i = 0; i < json_len(steps); i++) {
		const struct json *step = json_at(steps, i);
		AUTO_CLOCAL struct clocal r = {.n = (unsigned)json_get_int(step, "n", 0),
					       .built = json_get_int(doc, BUILT, 0),
					       .stage = mem_strdup(json_get_str(doc, "stage")),
					       .inputs = json_ref(json_get(step, "inputs"))};

		memcpy(r.key.hex, json_get_str(step, "key"), CKEY_HEX_BYTES);
		fn(arg, &r);
	}
}

const char *cachewhy_files(const struct json *doc, const char *tree)
{
	return json_get_str(json_get(doc, "files"), tree);
}
