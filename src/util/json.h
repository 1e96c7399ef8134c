/* JSON: bounded loading of foreign text, typed access, canonical writing. jansson is used here and nowhere else; the
 * handle is opaque and reference-counted.
 *
 * Loading refuses: more than max_bytes, nesting deeper than JSON_DEPTH_MAX, duplicate keys, invalid UTF-8, NUL in
 * strings, trailing text. Writing is canonical: keys sorted by bytes, no white space. */
#ifndef SLCT_JSON_H
#define SLCT_JSON_H

#include "src/util/base.h"
#include "src/util/buf.h"
#include "src/util/cleanup.h"
#include "src/util/err.h"
#include "src/util/vec.h"

#define JSON_DEPTH_MAX 64

struct json; /* a value; NULL-safe for reading */

/* jansson exports functions of these names; defining them here would take their place inside of that library. */
#define json_object()	  json_new_object()
#define json_array()	  json_new_array()
#define json_deep_copy(j) json_clone(j)

/* Parse n bytes of text; `what` names it in the error. New reference, or NULL with *e set (code as given, usually
 * ERR_INPUT, ERR_REGISTRY or ERR_INTEGRITY). */
struct json *json_parse(const char *text, size_t n, size_t max_bytes, enum err_code code, const char *what,
			struct err *e);
void json_free(struct json *j); /* drops one reference; NULL is fine */
static inline void json_freep(struct json **j)
{
	json_free(*j);
}
#define AUTO_JSON AUTO(json_freep)
struct json *json_ref(struct json *j);

bool json_is_object(const struct json *j);
bool json_is_array(const struct json *j);
bool json_is_string(const struct json *j);
bool json_is_int(const struct json *j);
bool json_is_bool(const struct json *j);
bool json_is_null(const struct json *j);

/* Reading. Results are borrowed from j. Absent keys or other types give NULL / the default, so optional members need
 * no branches; use json_need_* for members that must be there. */
struct json *json_get(const struct json *j, const char *key);
const char *json_get_str(const struct json *j, const char *key);
int64_t json_get_int(const struct json *j, const char *key, int64_t dflt);
bool json_get_bool(const struct json *j, const char *key, bool dflt);
const char *json_str(const struct json *j); /* NULL if not a string */
int64_t json_int(const struct json *j, int64_t dflt);
bool json_bool(const struct json *j, bool dflt);
double json_num(const struct json *j, double dflt); /* any number */
size_t json_len(const struct json *j);		    /* elements of an array, members of an object, else 0 */
struct json *json_at(const struct json *j, size_t i);

/* Members that must be there with that type; *e names the path ("config.digest is not a string"). */
const char *json_need_str(const struct json *j, const char *key, enum err_code code, struct err *e);
int json_need_int(const struct json *j, const char *key, int64_t min, int64_t max, int64_t *out, enum err_code code,
		  struct err *e);
struct json *json_need_array(const struct json *j, const char *key, enum err_code code, struct err *e);
struct json *json_need_object(const struct json *j, const char *key, enum err_code code, struct err *e);

/* Members of an object in the order of their appearance (or insertion):
 * `for (void *it = json_iter(o); it; it = json_iter_next(o, it))`. */
void *json_iter(struct json *obj);
void *json_iter_next(struct json *obj, void *it);
const char *json_iter_key(void *it);
struct json *json_iter_val(void *it); /* borrowed */

/* Array of strings into out (appended); -1 with *e if it is not one. NULL or null give nothing. */
int json_to_strv(const struct json *j, struct strv *out, enum err_code code, struct err *e);

/* Building. New references; the _set and _append functions take over the value's reference. Strings that are not
 * valid UTF-8 get U+FFFD in place of each bad byte (and of NUL), keys too. NULL string: json_new_null. */
struct json *json_new_object(void);
struct json *json_new_array(void);
struct json *json_new_str(const char *s);
struct json *json_new_strn(const char *s, size_t n);
struct json *json_new_int(int64_t v);
struct json *json_new_bool(bool v);
struct json *json_new_null(void);
struct json *json_from_strv(const struct strv *s);
void json_set(struct json *obj, const char *key, struct json *val);
void json_set_str(struct json *obj, const char *key, const char *s); /* NULL: not set */
void json_set_int(struct json *obj, const char *key, int64_t v);
void json_set_bool(struct json *obj, const char *key, bool v);
void json_del(struct json *obj, const char *key);
void json_append(struct json *arr, struct json *val);
struct json *json_clone(const struct json *j); /* deep */
bool json_eq(const struct json *a, const struct json *b);

/* Canonical text appended to out: keys sorted by bytes, no spaces, only what must be escaped is (RFC 8259, 7); 64-bit
 * integers as they are, other numbers as the shortest decimals that read back as the same double. */
void json_write(const struct json *j, struct buf *out);
/* Indented by two spaces, keys in insertion order: for people. */
void json_write_pretty(const struct json *j, struct buf *out);

#endif
