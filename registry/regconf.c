/* containers-registries.conf(5). */
#include "registry/regconf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "src/util/io.h"
#include "src/util/log.h"
#include "src/util/mem.h"
#include "src/util/toml.h"

enum regconf_pull { REGCONF_ALL, REGCONF_BY_DIGEST, REGCONF_BY_TAG };

struct regconf_mirror {
	char *location;
	bool insecure;
	enum regconf_pull pull;
};

struct regconf_entry {
	char *prefix, *location; /* location NULL: as the prefix */
	char *file;
	bool insecure, blocked, by_digest;
	VEC_OF(struct regconf_mirror) mirrors;
};

struct regconf {
	VEC_OF(struct regconf_entry) entries;
};

static void regconf_entry_release(struct regconf_entry *en)
{
	for (size_t i = 0; i < en->mirrors.n; i++)
		free(en->mirrors.v[i].location);
	vec_release(&en->mirrors);
	free(en->prefix);
	free(en->location);
	free(en->file);
	*en = (struct regconf_entry){0};
}

struct regconf *regconf_new(void)
{
	return mem_new(struct regconf);
}

void regconf_free(struct regconf *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->entries.n; i++)
		regconf_entry_release(&c->entries.v[i]);
	vec_release(&c->entries);
	free(c);
}

/* --- reading --- */

/* "host[:port][/path]", without scheme and slashes at the end. */
static int regconf_location(const char *text, const char *what, char **out, struct err *e)
{
	struct sv s = sv_from(text);

	while (sv_ends(s, "/"))
		s.n--;
	if (!s.n || strstr(text, "://") || strchr(text, '@') || strpbrk(text, " \t\r\n?#%\\\""))
		return err_set(e, ERR_INPUT, "%s \"%s\": HOST[:PORT][/PATH] is wanted, without a scheme", what, text);
	*out = sv_dup(s);
	return 0;
}

static int regconf_get_location(const struct json *j, const char *key, char **out, struct err *e)
{
	const struct json *v = json_get(j, key);

	if (!v || (json_str(v) && !json_str(v)[0]))
		return 0;
	if (!json_str(v))
		return err_set(e, ERR_INPUT, "%s: a string is wanted", key);
	return regconf_location(json_str(v), key, out, e);
}

static int regconf_get_bool(const struct json *j, const char *key, bool *out, struct err *e)
{
	const struct json *v = json_get(j, key);

	if (v && !json_is_bool(v))
		return err_set(e, ERR_INPUT, "%s: true or false is wanted", key);
	*out = json_bool(v, false);
	return 0;
}

static int regconf_get_pull(const struct json *j, enum regconf_pull *out, struct err *e)
{
	static const char *const names[] = {"all", "digest-only", "tag-only"};
	const char *text = json_get_str(j, "pull-from-mirror");

	*out = REGCONF_ALL;
	for (size_t i = 0; text && i < ARRAY_LEN(names); i++)
		if (!strcmp(text, names[i])) {
			*out = (enum regconf_pull)i;
			return 0;
		}
	return text ? err_set(e, ERR_INPUT, "pull-from-mirror \"%s\": all, digest-only or tag-only is wanted", text)
		    : 0;
}

static int regconf_read_mirror(const struct json *j, struct regconf_entry *en, struct err *e)
{
	struct regconf_mirror m = {0};

	if (regconf_get_location(j, "location", &m.location, e) || regconf_get_bool(j, "insecure", &m.insecure, e) ||
	    regconf_get_pull(j, &m.pull, e)) {
		free(m.location);
		return -1;
	}
	if (!m.location)
		return err_set(e, ERR_INPUT, "a mirror without a location");
	vec_push(&en->mirrors, m);
	return en->mirrors.n > REGCONF_MIRRORS_MAX ? err_set(e, ERR_INPUT, "more than %d mirrors", REGCONF_MIRRORS_MAX)
						   : 0;
}

static int regconf_read_entry(const struct json *j, struct regconf_entry *en, struct err *e)
{
	const struct json *mirrors = json_get(j, "mirror");

	if (regconf_get_location(j, "prefix", &en->prefix, e) ||
	    regconf_get_location(j, "location", &en->location, e) ||
	    regconf_get_bool(j, "insecure", &en->insecure, e) || regconf_get_bool(j, "blocked", &en->blocked, e) ||
	    regconf_get_bool(j, "mirror-by-digest-only", &en->by_digest, e))
		return -1;
	if (!en->prefix && !en->location)
		return err_set(e, ERR_INPUT, "a [[registry]] with neither prefix nor location");
	if (!en->prefix)
		en->prefix = mem_strdup(en->location);
	for (size_t i = 0; i < json_len(mirrors); i++)
		if (regconf_read_mirror(json_at(mirrors, i), en, e))
			return -1;
	return 0;
}

static void regconf_put(struct regconf *c, struct regconf_entry *en)
{
	for (size_t i = 0; i < c->entries.n; i++) {
		if (strcmp(c->entries.v[i].prefix, en->prefix) != 0)
			continue;
		regconf_entry_release(&c->entries.v[i]);
		c->entries.v[i] = *en;
		return;
	}
	vec_push(&c->entries, *en);
}

int regconf_load_text(struct regconf *c, struct sv text, const char *name, struct err *e)
{
	AUTO_JSON struct json *j = toml_parse(text.p, text.n, name, e);
	const struct json *list = json_get(j, "registry");

	if (!j)
		return -1;
	if (json_get(j, "registries")) {
		err_set(e, ERR_INPUT, "%s: [registries] is version 1 of this file's format", name);
		return err_hint(e, "write [[registry]] tables: containers-registries.conf(5)");
	}
	for (size_t i = 0; i < json_len(list); i++) {
		struct regconf_entry en = {.file = mem_strdup(name)};

		if (regconf_read_entry(json_at(list, i), &en, e)) {
			regconf_entry_release(&en);
			return err_wrap(e, "%s: [[registry]] %zu", name, i + 1);
		}
		regconf_put(c, &en);
	}
	return 0;
}

/* 1 if it was there. */
static int regconf_load_file(struct regconf *c, const char *path, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(TOML_MAX_BYTES);

	if (io_read_file(AT_FDCWD, path, &text, e)) {
		if (e->code != ERR_NOT_FOUND && e->sys != ENOTDIR && e->sys != EACCES)
			return -1;
		if (e->sys == EACCES)
			log_msg(LOG_WARN, "%s is not used: it may not be read", path);
		err_release(e);
		return 0;
	}
	return regconf_load_text(c, buf_sv(&text), path, e) ? -1 : 1;
}

static int regconf_load_folder(struct regconf *c, const char *path, struct err *e)
{
	AUTO_STRV struct strv names = {0};
	DIR *d = opendir(path);
	const struct dirent *en;
	int rc = 0;

	while (d && (en = readdir(d)))
		if (sv_ends(sv_from(en->d_name), ".conf"))
			strv_printf(&names, "%s/%s", path, en->d_name);
	if (d)
		closedir(d);
	strv_sort(&names);
	for (size_t i = 0; rc >= 0 && i < names.n; i++)
		rc = regconf_load_file(c, names.v[i], e);
	return rc < 0 ? -1 : 0;
}

static int regconf_load_user(struct regconf *c, const char *folder, struct err *e)
{
	AUTO_FREE char *file = mem_printf("%s/registries.conf", folder),
		       *more = mem_printf("%s/registries.conf.d", folder);
	int rc = regconf_load_file(c, file, e);

	if (!rc && (regconf_load_file(c, "/etc/containers/registries.conf", e) < 0 ||
		    regconf_load_folder(c, "/etc/containers/registries.conf.d", e)))
		return -1;
	return rc < 0 ? -1 : regconf_load_folder(c, more, e);
}

int regconf_load_env(struct regconf *c, struct err *e)
{
	const char *file = getenv("CONTAINERS_REGISTRIES_CONF"), *home = getenv("HOME"),
		   *xdg = getenv("XDG_CONFIG_HOME");
	AUTO_FREE char *folder = NULL;

	if (file && file[0])
		return regconf_load_file(c, file, e) < 0 ? -1 : 0;
	if (xdg && xdg[0] == '/')
		folder = mem_printf("%s/containers", xdg);
	else
		folder = mem_printf("%s/.config/containers", home && home[0] == '/' ? home : "/nonexistent");
	return regconf_load_user(c, folder, e);
}

/* --- matching --- */

/* Length of the part of host/path that the prefix stands for, 0 if it does not match. "*.example.com" stands for the
 * host names below example.com. */
static size_t regconf_match(const char *prefix, struct sv host, const char *full)
{
	size_t n = strlen(prefix);

	if (prefix[0] == '*' && prefix[1] == '.')
		return sv_ends(host, prefix + 1) ? host.n : 0;
	return !strncmp(prefix, full, n) && (!full[n] || full[n] == '/') ? n : 0;
}

static const struct regconf_entry *regconf_find(const struct regconf *c, const char *host, const char *full,
						size_t *matched)
{
	const struct regconf_entry *best = NULL;
	size_t most = 0;

	for (size_t i = 0; c && i < c->entries.n; i++) {
		const struct regconf_entry *en = &c->entries.v[i];
		size_t n = regconf_match(en->prefix, sv_from(host), full);

		/* A wildcard gives way to a prefix with the name itself. */
		if (!n || strlen(en->prefix) < most || (best && strlen(en->prefix) == most && en->prefix[0] == '*'))
			continue;
		best = en;
		most = strlen(en->prefix);
		*matched = n;
	}
	return best;
}

static int regconf_blocked(const struct regconf_entry *en, const char *full, struct err *e)
{
	if (!en || !en->blocked)
		return 0;
	err_set(e, ERR_REGISTRY, "%s is blocked", full);
	return err_hint(e, "%s blocks the prefix %s", en->file, en->prefix);
}

/* ref at another place: `location` in the place of the first n bytes of its name. */
static int regconf_move(const struct ref *ref, const char *full, size_t n, const char *location, struct ref *out,
			struct err *e)
{
	AUTO_FREE char *name = mem_printf("%s%s", location, full + n);
	const char *slash = strchr(name, '/');
	struct sv host = sv_sub(sv_from(name), 0, slash ? (size_t)(slash - name) : 0);

	if (!slash || (sv_find(host, '.') < 0 && sv_find(host, ':') < 0 && !sv_eq_str(host, "localhost")))
		return err_set(e, ERR_INPUT, "location \"%s\" of registries.conf names no host", location);
	if (ref_parse_repo(name, out, e))
		return err_wrap(e, "location \"%s\" of registries.conf", location);
	free(out->tag);
	out->tag = mem_strdup_opt(ref->tag);
	out->digest = ref->digest;
	return 0;
}

static void regconf_add(struct regconf_places *p, struct ref *ref)
{
	p->v = mem_realloc(p->v, (p->n + 1) * sizeof *p->v);
	p->v[p->n++] = *ref;
}

static bool regconf_mirror_serves(const struct regconf_entry *en, const struct regconf_mirror *m, const struct ref *ref)
{
	bool by_digest = digest_is_set(&ref->digest);

	if (m->pull == REGCONF_BY_TAG)
		return !by_digest;
	return by_digest || (!en->by_digest && m->pull == REGCONF_ALL);
}

void regconf_places_release(struct regconf_places *p)
{
	for (size_t i = 0; i < p->n; i++)
		ref_release(&p->v[i]);
	free(p->v);
	*p = (struct regconf_places){0};
}

static int regconf_fill(const struct regconf_entry *en, const struct ref *ref, const char *full, size_t n,
			struct regconf_places *out, struct err *e)
{
	struct ref place;

	for (size_t i = 0; en && i < en->mirrors.n; i++) {
		if (!regconf_mirror_serves(en, &en->mirrors.v[i], ref))
			continue;
		if (regconf_move(ref, full, n, en->mirrors.v[i].location, &place, e))
			return -1;
		regconf_add(out, &place);
	}
	if (!en || !en->location || en->prefix[0] == '*' || !strcmp(en->location, en->prefix))
		ref_copy(&place, ref);
	else if (regconf_move(ref, full, n, en->location, &place, e))
		return -1;
	regconf_add(out, &place);
	return 0;
}

int regconf_places(const struct regconf *c, const struct ref *ref, struct regconf_places *out, struct err *e)
{
	AUTO_FREE char *full = mem_printf("%s/%s", ref->host, ref->path);
	size_t n = 0;
	const struct regconf_entry *en = regconf_find(c, ref->host, full, &n);

	*out = (struct regconf_places){0};
	if (!regconf_blocked(en, full, e) && !regconf_fill(en, ref, full, n, out, e))
		return 0;
	regconf_places_release(out);
	return -1;
}

int regconf_writable(const struct regconf *c, const struct ref *ref, struct err *e)
{
	AUTO_FREE char *full = mem_printf("%s/%s", ref->host, ref->path);
	size_t n;

	return regconf_blocked(regconf_find(c, ref->host, full, &n), full, e);
}

bool regconf_insecure(const struct regconf *c, const char *host, const char *path)
{
	AUTO_FREE char *full = mem_printf("%s/%s", host, path);
	struct sv name = sv_from(host);

	for (size_t i = 0; c && i < c->entries.n; i++) {
		const struct regconf_entry *en = &c->entries.v[i];

		if (en->insecure && regconf_match(en->location ? en->location : en->prefix, name, full))
			return true;
		for (size_t k = 0; k < en->mirrors.n; k++)
			if (en->mirrors.v[k].insecure && regconf_match(en->mirrors.v[k].location, name, full))
				return true;
	}
	return false;
}
