/* Credential helpers. */
#include "registry/credhelper.h"

#include <string.h>
#include <sys/wait.h>

#include "src/util/buf.h"
#include "src/util/clock.h"
#include "src/util/json.h"
#include "src/util/log.h"
#include "src/util/mem.h"
#include "src/util/proc.h"

#define CREDHELPER_HUB_SERVER "https://index.docker.io/v1/"
#define CREDHELPER_NAME_MAX   64
/* The user name that stands for an identity token. */
#define CREDHELPER_TOKEN_USER "<token>"

char *credhelper_server(const char *host)
{
	return mem_strdup(strcmp(host, "docker.io") == 0 ? CREDHELPER_HUB_SERVER : host);
}

/* The name becomes part of a program's name: no path, no option. */
static int credhelper_check(const char *name, struct err *e)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	if (n && !name[n] && n <= CREDHELPER_NAME_MAX)
		return 0;
	return err_set(e, ERR_REGISTRY, "\"%s\" cannot be the name of a credential helper", name);
}

/* What the helper printed, as one line without secrets. */
static char *credhelper_words(const struct buf *out)
{
	struct sv line = buf_sv(out), first = sv_trim(sv_cut(&line, '\n'));

	return log_mask(first.p ? first.p : "", first.n < 200 ? first.n : 200, false);
}

/* Run one action. *found is false if the helper says that it has no such login (exit 1 with that sentence). */
static int credhelper_run(const char *name, const char *action, struct sv in, struct buf *out, bool *found,
			  struct err *e)
{
	AUTO_FREE char *program = mem_printf("docker-credential-%s", name), *verb = mem_strdup(action);
	char *argv[] = {program, verb, NULL};
	const struct proc_io io = {
		.in = in.p, .in_len = in.n, .out = out, .timeout_ns = CREDHELPER_TIMEOUT_S * CLOCK_NS_PER_S};
	AUTO_FREE char *words = NULL;
	int status;

	*found = true;
	if (credhelper_check(name, e))
		return -1;
	if (proc_run(argv, &io, &status, e)) {
		e->code = ERR_REGISTRY;
		return err_wrap(e, "credential helper \"%s\"", name);
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	words = credhelper_words(out);
	if (strstr(words, "credentials not found")) {
		*found = false;
		return 0;
	}
	return err_set(e, ERR_REGISTRY, "credential helper \"%s\": %s %s failed: %s", name, program, action,
		       words[0] ? words : "it says nothing");
}

/* Whatever the helper printed is gone from memory as soon as it has been read. */
static void credhelper_wipe(struct buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	buf_release(b);
}

static int credhelper_read(const char *name, const struct buf *text, struct cred *out, struct err *e)
{
	AUTO_JSON struct json *j =
		json_parse(buf_str(text), text->n, CREDHELPER_ANSWER_MAX_BYTES, ERR_REGISTRY, "its answer", e);
	const char *user = json_get_str(j, "Username"), *secret = json_get_str(j, "Secret");

	if (!j)
		return err_wrap(e, "credential helper \"%s\"", name);
	if (!user || !secret)
		return err_set(e, ERR_REGISTRY, "credential helper \"%s\": its answer lacks Username or Secret", name);
	log_add_secret(secret);
	if (strcmp(user, CREDHELPER_TOKEN_USER) == 0) {
		out->identity_token = mem_strdup(secret);
	} else {
		out->username = mem_strdup(user);
		out->password = mem_strdup(secret);
	}
	return 0;
}

int credhelper_get(const char *name, const char *server, struct cred *out, struct err *e)
{
	struct buf text AUTO(credhelper_wipe) = BUF_INIT(CREDHELPER_ANSWER_MAX_BYTES);
	bool found;

	*out = (struct cred){0};
	if (credhelper_run(name, "get", sv_from(server), &text, &found, e))
		return -1;
	return found ? credhelper_read(name, &text, out, e) : 0;
}

int credhelper_store(const char *name, const char *server, const char *username, const char *secret, struct err *e)
{
	struct buf text AUTO(credhelper_wipe) = BUF_INIT(CREDHELPER_ANSWER_MAX_BYTES);
	struct buf answer AUTO(credhelper_wipe) = BUF_INIT(CREDHELPER_ANSWER_MAX_BYTES);
	AUTO_JSON struct json *j = json_object();
	bool found;

	json_set_str(j, "ServerURL", server);
	json_set_str(j, "Username", username);
	json_set_str(j, "Secret", secret);
	json_write(j, &text);
	return credhelper_run(name, "store", buf_sv(&text), &answer, &found, e);
}

int credhelper_erase(const char *name, const char *server, struct err *e)
{
	struct buf answer AUTO(credhelper_wipe) = BUF_INIT(CREDHELPER_ANSWER_MAX_BYTES);
	bool found;

	return credhelper_run(name, "erase", sv_from(server), &answer, &found, e);
}
