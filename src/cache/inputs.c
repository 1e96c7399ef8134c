#include "src/cache/inputs.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "src/util/log.h"
#include "src/util/mem.h"
#include "src/util/smap.h"

/* Of each side of a change: what is before the first difference, and in all. */
#define CHANGE_BEFORE 16
#define CHANGE_MAX    72

/* --- what looks secret --- */

bool inputs_is_secret(const char *name)
{
	static const char *const parts[] = {"passw",  "passphrase", "token",   "secret",     "credential", "private",
					    "apikey", "api_key",    "api-key", "access_key", "auth",	   "pwd"};
	size_t n = strlen(name);

	if (strcasestr(name, "author") && !strcasestr(name, "authori"))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (strcasestr(name, parts[i]) && strcmp(name, "PWD") != 0)
			return true;
	return n >= 4 && (strcasecmp(name + n - 4, "_key") == 0 || strcasecmp(name + n - 4, "-key") == 0);
}

/* Beginnings of tokens of well-known services, of JSON web tokens and of keys in PEM. */
static bool is_secret_value(const char *v)
{
	static const char *const starts[] = {"ghp_", "gho_",  "ghs_",  "github_pat_", "glpat-",
					     "AKIA", "xoxb-", "xoxp-", "eyJ",	      "-----BEGIN"};

	for (size_t i = 0; i < ARRAY_LEN(starts); i++)
		if (strncmp(v, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* Bytes of a value at v: up to the closing quote, or to white space, quotes and what ends a shell word. */
static size_t value_length(const char *v)
{
	if (*v == '"' || *v == '\'') {
		const char *end = strchr(v + 1, *v);

		return end ? (size_t)(end - v) + 1 : strlen(v);
	}
	return strcspn(v, " \t\r\n\"';&|");
}

/* "//user:password@" at p: bytes of user and password, 0 if it is none. */
static size_t url_login(const char *p)
{
	size_t n = strcspn(p + 2, "/ \t\r\n\"'");
	const char *at = memchr(p + 2, '@', n);

	return at && memchr(p + 2, ':', (size_t)(at - p - 2)) ? (size_t)(at - p - 2) : 0;
}

/* A name with its "=" ends at p: whether the value behind it is to go. */
static bool hides(const char *start, const char *eq)
{
	AUTO_FREE char *name = mem_strndup(start, (size_t)(eq - start));

	return eq > start && value_length(eq + 1) && (inputs_is_secret(name) || is_secret_value(eq + 1));
}

/* The values that this run knows as secrets, wherever they stand: records outlive it. */
static char *hide_known(char *text)
{
	const struct strv *secrets = log_secrets();

	for (size_t i = 0; i < secrets->n; i++) {
		AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
		const char *rest = text, *at;

		if (!strstr(text, secrets->v[i]))
			continue;
		for (; (at = strstr(rest, secrets->v[i])); rest = at + strlen(secrets->v[i])) {
			buf_add(&out, rest, (size_t)(at - rest));
			buf_str_add(&out, INPUTS_MASK);
		}
		buf_str_add(&out, rest);
		free(text);
		text = buf_steal(&out);
	}
	return text;
}

char *inputs_mask_text(const char *text)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	const char *word = text; /* beginning of the name that p is in */

	for (const char *p = text; *p; p++) {
		size_t login = p[0] == '/' && p[1] == '/' ? url_login(p) : 0;

		buf_char_add(&out, *p);
		if (login) {
			buf_str_add(&out, "/" INPUTS_MASK);
			p += 1 + login;
			word = p + 1;
		} else if (*p == '=' && hides(word, p)) {
			buf_str_add(&out, INPUTS_MASK);
			p += value_length(p + 1);
			word = p + 1;
		} else if (!is_name_char(*p)) {
			word = p + 1;
		}
	}
	return hide_known(buf_steal(&out));
}

static struct json *mask_object(struct json *o)
{
	struct json *to = json_object();

	for (void *it = json_iter(o); it; it = json_iter_next(o, it))
		json_set(to, json_iter_key(it), inputs_mask(json_iter_val(it)));
	return to;
}

struct json *inputs_mask(const struct json *inputs)
{
	struct json *to;

	if (json_is_string(inputs)) {
		AUTO_FREE char *text = inputs_mask_text(json_str(inputs));

		return json_new_str(text);
	}
	if (json_is_object(inputs)) {
		AUTO_JSON struct json *copy = json_deep_copy(inputs);

		return mask_object(copy);
	}
	if (!json_is_array(inputs))
		return json_deep_copy(inputs);
	to = json_array();
	for (size_t i = 0; i < json_len(inputs); i++)
		json_append(to, inputs_mask(json_at(inputs, i)));
	return to;
}

/* --- what differs --- */

void inputs_differing(struct json *then, struct json *now, struct strv *out)
{
	for (void *it = json_iter(now); it; it = json_iter_next(now, it)) {
		const struct json *old = json_get(then, json_iter_key(it));

		if (!old || !json_eq(old, json_iter_val(it)))
			strv_add(out, json_iter_key(it));
	}
	for (void *it = json_iter(then); it; it = json_iter_next(then, it))
		if (!json_get(now, json_iter_key(it)))
			strv_add(out, json_iter_key(it));
}

static void env_map(const struct json *list, struct smap *out)
{
	for (size_t i = 0; i < json_len(list); i++) {
		const char *kv = json_str(json_at(list, i)), *eq = kv ? strchr(kv, '=') : NULL;

		if (!eq)
			continue;
		AUTO_FREE char *name = mem_strndup(kv, (size_t)(eq - kv));

		smap_set_str(out, name, eq + 1);
	}
}

void inputs_env_changes(const struct json *then, const struct json *now, struct strv *out)
{
	AUTO_SMAP struct smap old = SMAP_STR, new = SMAP_STR;

	env_map(then, &old);
	env_map(now, &new);
	for (size_t i = 0; i < new.n; i++) {
		const char *was = smap_get(&old, new.v[i].key), *is = new.v[i].val;

		if (was && strcmp(was, is) == 0)
			continue;
		AUTO_FREE char *change = inputs_change(was, is);

		strv_printf(out, "%s %s", new.v[i].key, change);
	}
	for (size_t i = 0; i < old.n; i++)
		if (!smap_has(&new, old.v[i].key))
			strv_printf(out, "%s is not set any more", old.v[i].key);
}

static size_t common(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] && a[n] == b[n])
		n++;
	/* not in the middle of a character */
	while (n && ((unsigned char)a[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static void add_clipped(struct buf *out, const char *text, size_t from)
{
	size_t n = strlen(text + from), shown = n > CHANGE_MAX ? CHANGE_MAX : n;

	while (shown < n && shown && ((unsigned char)text[from + shown] & 0xc0) == 0x80)
		shown--;
	buf_printf(out, "%s%.*s%s", from ? "…" : "", (int)shown, text + from, shown < n ? "…" : "");
}

char *inputs_change(const char *then, const char *now)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	size_t same = then && now ? common(then, now) : 0, from = same > CHANGE_BEFORE * 2 ? same - CHANGE_BEFORE : 0;

	while (from && now && ((unsigned char)now[from] & 0xc0) == 0x80)
		from--;
	if (!then || !now) {
		buf_str_add(&out, now ? "now " : "no longer ");
		add_clipped(&out, now ? now : then, 0);
		return buf_steal(&out);
	}
	add_clipped(&out, then[0] ? then : "\"\"", then[0] ? from : 0);
	buf_str_add(&out, " → ");
	add_clipped(&out, now[0] ? now : "\"\"", now[0] ? from : 0);
	return buf_steal(&out);
}
