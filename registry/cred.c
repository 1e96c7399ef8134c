/* Credentials from configuration files. */
#include "registry/cred.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "registry/credhelper.h"
#include "src/util/base64.h"
#include "src/util/buf.h"
#include "src/util/io.h"
#include "src/util/json.h"
#include "src/util/log.h"
#include "src/util/mem.h"
#include "src/util/vec.h"

#define CRED_HUB "docker.io"

struct cred_entry {
	char *key; /* "host[:port][/path]" */
	unsigned source;
	struct cred cred;
};

/* What a credential helper has said. */
struct cred_answer {
	char *helper, *host;
	struct cred cred;
};

struct cred_store {
	VEC_OF(struct cred_entry) entries;
	struct strv default_helper; /* of each source: credsStore or "" */
	unsigned sources;
	VEC_OF(struct cred_answer) answers;
};

void cred_release(struct cred *c)
{
	free(c->username);
	free(c->password);
	free(c->identity_token);
	free(c->registry_token);
	free(c->helper);
	free(c->helper_note);
	*c = (struct cred){0};
}

bool cred_is_set(const struct cred *c)
{
	return (c->username && c->password) || c->identity_token || c->registry_token;
}

struct cred_store *cred_new(void)
{
	return mem_new(struct cred_store);
}

void cred_free(struct cred_store *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->entries.n; i++) {
		free(s->entries.v[i].key);
		cred_release(&s->entries.v[i].cred);
	}
	for (size_t i = 0; i < s->answers.n; i++) {
		free(s->answers.v[i].helper);
		free(s->answers.v[i].host);
		cred_release(&s->answers.v[i].cred);
	}
	vec_release(&s->answers);
	vec_release(&s->entries);
	strv_release(&s->default_helper);
	free(s);
}

static bool cred_is_hub(struct sv host)
{
	return sv_eq_str(host, CRED_HUB) || sv_eq_str(host, "index.docker.io") ||
	       sv_eq_str(host, "registry-1.docker.io") || sv_eq_str(host, "registry.hub.docker.com");
}

char *cred_key(const char *text)
{
	static const char *const schemes[] = {"https://", "http://"};
	static const char *const versions[] = {"/v1", "/v2"};
	struct sv s = sv_from(text), host;
	ssize_t slash;

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (sv_starts(s, schemes[i]))
			s = sv_sub(s, strlen(schemes[i]), s.n);
	while (sv_ends(s, "/"))
		s.n--;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++)
		if (sv_ends(s, versions[i]) && sv_find(s, '/') == (ssize_t)s.n - 3)
			s.n -= 3;
	slash = sv_find(s, '/');
	host = slash < 0 ? s : sv_sub(s, 0, (size_t)slash);
	if (!cred_is_hub(host))
		return sv_dup(s);
	return mem_printf("%s%.*s", CRED_HUB, SV_ARG(sv_sub(s, host.n, s.n)));
}

/* "auth": base64 of "user:password". */
static int cred_from_auth(const char *auth, struct cred *out)
{
	AUTO_FREE char *plain = base64_text(sv_from(auth));
	char *colon = plain ? strchr(plain, ':') : NULL;

	if (!colon)
		return -1;
	out->username = mem_strndup(plain, (size_t)(colon - plain));
	out->password = mem_strdup(colon + 1);
	return 0;
}

static void cred_remember_secrets(const struct cred *c, const char *auth)
{
	const char *secrets[] = {c->password, c->identity_token, c->registry_token, auth};

	for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
		if (secrets[i] && secrets[i][0])
			log_add_secret(secrets[i]);
}

/* podman and docker write "<token>" or an empty name beside an identity token. */
static int cred_read_entry(struct json *j, const char *key, const char *name, struct cred *out, struct err *e)
{
	const char *auth = json_get_str(j, "auth");
	const char *token = json_get_str(j, "identitytoken");

	if (auth && auth[0] && cred_from_auth(auth, out))
		return err_set(e, ERR_INPUT, "%s: auths: \"%s\": \"auth\" is not the base64 of USER:PASSWORD", name,
			       key);
	if (!out->username && json_get_str(j, "username")) {
		out->username = mem_strdup(json_get_str(j, "username"));
		out->password = mem_strdup_opt(json_get_str(j, "password"));
	}
	out->identity_token = token && token[0] ? mem_strdup(token) : NULL;
	token = json_get_str(j, "registrytoken");
	out->registry_token = token && token[0] ? mem_strdup(token) : NULL;
	cred_remember_secrets(out, auth);
	return 0;
}

static void cred_load_helpers(struct cred_store *s, struct json *root)
{
	struct json *helpers = json_get(root, "credHelpers");

	for (void *it = json_iter(helpers); it; it = json_iter_next(helpers, it)) {
		const char *helper = json_str(json_iter_val(it));
		struct cred_entry entry = {.source = s->sources};

		if (!helper || !helper[0])
			continue;
		entry.key = cred_key(json_iter_key(it));
		entry.cred.helper = mem_strdup(helper);
		vec_push(&s->entries, entry);
	}
}

int cred_load_text(struct cred_store *s, struct sv text, const char *name, struct err *e)
{
	AUTO_JSON struct json *root = json_parse(text.p, text.n, CRED_FILE_MAX_BYTES, ERR_INPUT, name, e);
	struct json *auths = json_get(root, "auths");
	const char *helper = json_get_str(root, "credsStore");

	if (!root)
		return -1;
	cred_load_helpers(s, root);
	for (void *it = json_iter(auths); it; it = json_iter_next(auths, it)) {
		struct cred_entry entry = {.source = s->sources};

		if (cred_read_entry(json_iter_val(it), json_iter_key(it), name, &entry.cred, e))
			return -1;
		if (!cred_is_set(&entry.cred)) { /* {} stands beside a credsStore */
			cred_release(&entry.cred);
			continue;
		}
		entry.key = cred_key(json_iter_key(it));
		vec_push(&s->entries, entry);
	}
	strv_add(&s->default_helper, helper ? helper : "");
	s->sources++;
	return 0;
}

static int cred_load_file(struct cred_store *s, const char *path, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(CRED_FILE_MAX_BYTES);

	if (io_read_file(AT_FDCWD, path, &text, e)) {
		if (e->code != ERR_NOT_FOUND && e->sys != ENOTDIR)
			return err_wrap(e, "reading credentials");
		err_release(e);
		return 0;
	}
	if (!sv_trim(buf_sv(&text)).n)
		return 0;
	return cred_load_text(s, buf_sv(&text), path, e);
}

static const char *cred_env(const char *name)
{
	const char *v = getenv(name);

	return v && v[0] ? v : NULL;
}

void cred_sources(struct strv *out)
{
	const char *home = cred_env("HOME"), *v;

	if ((v = cred_env("REGISTRY_AUTH_FILE")))
		strv_add(out, v);
	if ((v = cred_env("DOCKER_AUTH_CONFIG"))) /* CI systems put the text itself there */
		strv_take(out, sv_dup(sv_starts(sv_trim(sv_from(v)), "{") ? sv_trim(sv_from(v)) : sv_from(v)));
	if ((v = cred_env("DOCKER_CONFIG")))
		strv_printf(out, "%s/config.json", v);
	else if (home)
		strv_printf(out, "%s/.docker/config.json", home);
	if ((v = cred_env("XDG_RUNTIME_DIR")))
		strv_printf(out, "%s/containers/auth.json", v);
	if (home)
		strv_printf(out, "%s/.config/containers/auth.json", home);
}

int cred_load_env(struct cred_store *s, struct err *e)
{
	AUTO_STRV struct strv sources = {0};

	cred_sources(&sources);
	for (size_t i = 0; i < sources.n; i++) {
		const char *one = sources.v[i];
		int rc = one[0] == '{' ? cred_load_text(s, sv_from(one), "$DOCKER_AUTH_CONFIG", e)
				       : cred_load_file(s, one, e);

		if (rc)
			return -1;
	}
	return 0;
}

void cred_set_option(struct cred_store *s, const char *host, const char *username, const char *password)
{
	struct cred_entry entry = {.source = 0, .key = cred_key(host)};

	for (size_t i = 0; i < s->entries.n; i++)
		s->entries.v[i].source++;
	s->sources++;
	strv_add(&s->default_helper, "");
	for (size_t i = s->default_helper.n - 1; i > 0; i--) {
		char *t = s->default_helper.v[i];

		s->default_helper.v[i] = s->default_helper.v[i - 1];
		s->default_helper.v[i - 1] = t;
	}
	entry.cred.username = mem_strdup(username);
	entry.cred.password = mem_strdup(password ? password : "");
	cred_remember_secrets(&entry.cred, NULL);
	vec_push(&s->entries, entry);
}

/* Length of the match of key with host/repo, 0 if it does not match. */
static size_t cred_match(const char *key, const char *full)
{
	size_t n = strlen(key);

	if (strncmp(key, full, n) || (full[n] && full[n] != '/'))
		return 0;
	return n;
}

static const struct cred_entry *cred_best(const struct cred_store *s, unsigned source, const char *full)
{
	const struct cred_entry *best = NULL;
	size_t best_n = 0;

	for (size_t i = 0; i < s->entries.n; i++) {
		const struct cred_entry *c = &s->entries.v[i];
		size_t n = c->source == source ? cred_match(c->key, full) : 0;

		if (n > best_n || (n && n == best_n && best && best->cred.helper)) {
			best = c;
			best_n = n;
		}
	}
	return best;
}

/* First entry of the files, or the helper that has one. */
static void cred_find_entry(const struct cred_store *s, const char *host, const char *repo, struct cred *out)
{
	AUTO_FREE char *name = cred_key(host);
	AUTO_FREE char *full = mem_printf("%s/%s", name, repo ? repo : "");

	*out = (struct cred){0};
	for (unsigned i = 0; i < s->sources; i++) {
		const struct cred_entry *c = cred_best(s, i, full);

		if (c) {
			free(out->helper);
			out->username = mem_strdup_opt(c->cred.username);
			out->password = mem_strdup_opt(c->cred.password);
			out->identity_token = mem_strdup_opt(c->cred.identity_token);
			out->registry_token = mem_strdup_opt(c->cred.registry_token);
			out->helper = mem_strdup_opt(c->cred.helper);
			return;
		}
		if (!out->helper && s->default_helper.v[i][0])
			out->helper = mem_strdup(s->default_helper.v[i]);
	}
}

static void cred_copy(struct cred *to, const struct cred *from)
{
	to->username = mem_strdup_opt(from->username);
	to->password = mem_strdup_opt(from->password);
	to->identity_token = mem_strdup_opt(from->identity_token);
	to->helper_note = mem_strdup_opt(from->helper_note);
}

static const struct cred *cred_answer_of(const struct cred_store *s, const char *helper, const char *host)
{
	for (size_t i = 0; i < s->answers.n; i++)
		if (!strcmp(s->answers.v[i].helper, helper) && !strcmp(s->answers.v[i].host, host))
			return &s->answers.v[i].cred;
	return NULL;
}

void cred_find(const struct cred_store *s, const char *host, const char *repo, struct cred *out)
{
	const struct cred *known;

	cred_find_entry(s, host, repo, out);
	known = out->helper && !cred_is_set(out) ? cred_answer_of(s, out->helper, host) : NULL;
	if (known)
		cred_copy(out, known);
}

void cred_ask(struct cred_store *s, const char *host, const char *repo, struct cred *out)
{
	AUTO_FREE char *key = cred_key(host), *server = credhelper_server(key);
	struct cred_answer a = {0};
	struct err e = ERR_INIT;

	cred_find(s, host, repo, out);
	if (cred_is_set(out) || !out->helper || out->helper_note)
		return;
	if (credhelper_get(out->helper, server, &a.cred, &e))
		a.cred.helper_note = mem_strdup(e.msg);
	else if (!cred_is_set(&a.cred))
		a.cred.helper_note = mem_printf("credential helper \"%s\" has no login for it", out->helper);
	err_release(&e);
	a.helper = mem_strdup(out->helper);
	a.host = mem_strdup(host);
	cred_copy(out, &a.cred);
	vec_push(&s->answers, a);
}
