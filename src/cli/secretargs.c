#include "src/cli/secretargs.h"

#include <string.h>

#include "src/util/log.h"
#include "src/util/mem.h"

struct secretargs_option {
	const char *name;
	bool pair; /* USER:PASSWORD */
	bool asks; /* its value may be left out */
};

static const struct secretargs_option secretargs_options[] = {
	{"--creds", true, false},
	{"--src-creds", true, false},
	{"--dest-creds", true, false},
	{"--bucketfs-password", false, true},
	{"--saas-pat", false, true},
	{"--source-docker-password", false, false},
	{"--target-docker-password", false, false},
	{"--external-exasol-db-password", false, false},
	{"--external-exasol-bucketfs-write-password", false, false},
	{"--external-exasol-xmlrpc-password", false, false},
};

/* The option that arg is, with *value behind its '=' (NULL: the value is the next argument). */
static const struct secretargs_option *secretargs_find(char *arg, char **value)
{
	for (size_t i = 0; i < ARRAY_LEN(secretargs_options); i++) {
		const struct secretargs_option *o = &secretargs_options[i];
		size_t n = strlen(o->name);

		if (strncmp(arg, o->name, n) != 0 || (arg[n] && arg[n] != '='))
			continue;
		*value = arg[n] ? arg + n + 1 : NULL;
		return o;
	}
	return NULL;
}

static void secretargs_blot(const struct secretargs_option *o, char *value)
{
	const char *colon = o->pair ? strchr(value, ':') : NULL;

	log_add_secret(colon ? colon + 1 : value);
	for (size_t i = 0; value[i]; i++)
		value[i] = '*';
}

void secretargs_take(struct secretargs *s, char *const *args, size_t n)
{
	s->v = mem_array(n + 1, sizeof *s->v);
	s->n = n;
	for (size_t i = 0; i < n; i++)
		s->v[i] = mem_strdup(args[i]);
	s->v[n] = NULL;
	for (size_t i = 0; i < n && strcmp(args[i], "--") != 0; i++) {
		char *value = NULL;
		const struct secretargs_option *o = secretargs_find(args[i], &value);

		if (!o)
			continue;
		if (!value && i + 1 < n && !(o->asks && args[i + 1][0] == '-'))
			value = args[++i];
		if (value)
			secretargs_blot(o, value);
	}
}

void secretargs_release(struct secretargs *s)
{
	for (size_t i = 0; i < s->n; i++) {
		explicit_bzero(s->v[i], strlen(s->v[i]));
		free(s->v[i]);
	}
	free(s->v);
	*s = (struct secretargs){0};
}
