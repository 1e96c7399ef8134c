/* Options about secrets. */
#include "src/cli/build_secrets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/util/log.h"
#include "src/util/mem.h"
#include "src/util/path.h"

/* Shorter ones would blot out words that have nothing to do with them. */
#define BUILD_SECRETS_MASKED_BYTES 6

static struct build_secret *build_secrets_find(struct build_secret_list *l, const char *id)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].id, id) == 0)
			return &l->v[i];
	return NULL;
}

/* Relative to where slct was called, whatever directory a worker is in. */
static char *build_secrets_path(const char *file)
{
	AUTO_FREE char *cwd = file[0] == '/' ? NULL : realpath(".", NULL);

	return cwd ? mem_printf("%s/%s", cwd, file) : mem_strdup(file);
}

static int build_secrets_set(char **to, struct sv value, const char *text, struct err *e)
{
	if (!value.n)
		return err_set(e, ERR_USAGE, "--secret: \"%s\": a value is empty", text);
	free(*to);
	*to = sv_dup(value);
	return 0;
}

/* id=ID,src=FILE or id=ID,env=VARIABLE, with type=file|env as the reference has it. */
static int build_secrets_parse(const char *text, struct build_secret *s, struct sv *type, struct err *e)
{
	struct sv rest = sv_from(text);

	while (rest.p) {
		struct sv value = sv_cut(&rest, ','), key = sv_cut(&value, '=');
		char **to = sv_eq_str(key, "id")				? &s->id
			    : sv_eq_str(key, "src") || sv_eq_str(key, "source") ? &s->file
			    : sv_eq_str(key, "env")				? &s->env
										: NULL;

		if (sv_eq_str(key, "type") && (sv_eq_str(value, "file") || sv_eq_str(value, "env")))
			*type = value;
		else if (!to || !value.p)
			return err_set(e, ERR_USAGE,
				       "--secret: \"%.*s\" is not understood: id=ID,src=FILE or "
				       "id=ID,env=VARIABLE",
				       SV_ARG(key));
		else if (build_secrets_set(to, value, text, e))
			return -1;
	}
	return 0;
}

/* Without a place the id is one: a variable if there is one of that name, else a file. */
static int build_secrets_place(struct build_secret *s, struct sv type, const char *text, struct err *e)
{
	if (!s->id)
		return err_set(e, ERR_USAGE, "--secret: \"%s\" has no id", text);
	if (s->file && s->env)
		return err_set(e, ERR_USAGE, "--secret: \"%s\" has both a file and a variable", text);
	/* With type=env the reference takes src as the variable's name. */
	if (sv_eq_str(type, "env") && s->file) {
		s->env = s->file;
		s->file = NULL;
	}
	if (!s->file && !s->env) {
		if (sv_eq_str(type, "env") || (!sv_eq_str(type, "file") && getenv(s->id)))
			s->env = mem_strdup(s->id);
		else
			s->file = mem_strdup(s->id);
	}
	return 0;
}

static int build_secrets_check(struct build_secret *s, struct err *e)
{
	struct stat st;

	if (s->env) {
		const char *value = getenv(s->env);

		/* It is in this process anyway: whatever shows it otherwise, an argument for example, is masked too. */
		if (value && strlen(value) >= BUILD_SECRETS_MASKED_BYTES)
			log_add_secret(value);
		if (value)
			return 0;
		err_set(e, ERR_INPUT, "--secret: secret %s: the environment has no variable %s", s->id, s->env);
		return err_hint(e, "export it, or name a file with src=");
	}
	AUTO_FREE char *abs = build_secrets_path(s->file);

	if (stat(abs, &st) < 0)
		return err_sys(e, ERR_INPUT, errno, "--secret: secret %s: %s", s->id, s->file);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INPUT, "--secret: secret %s: %s is no regular file", s->id, s->file);
	free(s->file);
	s->file = STEAL_PTR(abs);
	return 0;
}

static int build_secrets_one(const char *text, struct build_secret_list *list, struct err *e)
{
	struct build_secret s = {0};
	struct sv type = SV_NULL;
	int rc = build_secrets_parse(text, &s, &type, e);

	if (rc == 0)
		rc = build_secrets_place(&s, type, text, e);
	if (rc == 0 && build_secrets_find(list, s.id))
		rc = err_set(e, ERR_USAGE, "--secret: the secret %s is given twice", s.id);
	if (rc == 0)
		rc = build_secrets_check(&s, e);
	vec_push(list, s);
	return rc;
}

/* --- ssh --- */

/* One place of an agent: a socket, or a private key for an agent of ours. */
static int build_secrets_ssh_place(struct build_secret *s, const char *text, const char *place, struct err *e)
{
	AUTO_FREE char *path = build_secrets_path(place);
	struct stat st;

	if (stat(path, &st) < 0)
		return err_sys(e, ERR_INPUT, errno, "--ssh %s", text);
	if (S_ISREG(st.st_mode) && !s->file) {
		strv_take(&s->keys, STEAL_PTR(path));
		return 0;
	}
	if (S_ISSOCK(st.st_mode) && !s->file && !s->keys.n) {
		s->file = STEAL_PTR(path);
		return 0;
	}
	if (S_ISREG(st.st_mode) || S_ISSOCK(st.st_mode))
		return err_set(e, ERR_USAGE, "--ssh %s: it is one socket, or files of keys", text);
	return err_set(e, ERR_INPUT, "--ssh %s: %s is neither the socket of an agent nor the file of a key", text,
		       place);
}

static int build_secrets_ssh_places(struct build_secret *s, const char *text, struct sv places, struct err *e)
{
	const char *agent = getenv("SSH_AUTH_SOCK");

	if (!places.n && (!agent || !agent[0])) {
		err_set(e, ERR_INPUT, "--ssh %s: no agent is running (SSH_AUTH_SOCK is not set)", text);
		return err_hint(e, "start one with: eval \"$(ssh-agent)\" && ssh-add; or name a key: --ssh %s=FILE",
				s->id);
	}
	if (!places.n)
		return build_secrets_ssh_place(s, text, agent, e);
	while (places.p) {
		AUTO_FREE char *place = sv_dup(sv_cut(&places, ','));

		if (build_secrets_ssh_place(s, text, place, e))
			return -1;
	}
	return 0;
}

/* ID[=SOCKET], ID=KEY[,KEY...] */
static int build_secrets_ssh(const char *text, struct build_secret_list *list, struct err *e)
{
	struct sv places = sv_from(text), id = sv_cut(&places, '=');
	struct build_secret s = {.id = id.n ? sv_dup(id) : mem_strdup("default")};
	int rc = build_secrets_find(list, s.id) ? err_set(e, ERR_USAGE, "--ssh: the id %s is given twice", s.id)
						: build_secrets_ssh_places(&s, text, places, e);

	vec_push(list, s);
	return rc;
}

/* --- all --- */

static int build_secrets_allow(const char *what, struct build_opts *o, struct err *e)
{
	if (strcmp(what, "secret-in-layer") == 0) {
		o->allow_secret_in_layer = true;
		return 0;
	}
	if (strcmp(what, "security.insecure") == 0) {
		o->allow_insecure = true;
		return 0;
	}
	return err_set(e, ERR_USAGE, "--allow: \"%s\" is not understood: it is secret-in-layer or security.insecure",
		       what);
}

int build_secrets_fill(const struct strv *secrets, const struct strv *ssh, const struct strv *allow,
		       struct build_opts *o, struct err *e)
{
	for (size_t i = 0; i < secrets->n; i++)
		if (build_secrets_one(secrets->v[i], &o->secrets, e))
			return -1;
	for (size_t i = 0; i < ssh->n; i++)
		if (build_secrets_ssh(ssh->v[i], &o->ssh, e))
			return -1;
	for (size_t i = 0; i < allow->n; i++)
		if (build_secrets_allow(allow->v[i], o, e))
			return -1;
	return 0;
}
