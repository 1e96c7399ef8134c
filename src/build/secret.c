#include "src/build/secret.h"

#include <fcntl.h>
#include <string.h>

#include "src/util/io.h"
#include "src/util/mem.h"

struct secret {
	char *id, *file, *variable, *type;
};

static void secret_release(struct secret *s)
{
	free(s->id);
	free(s->file);
	free(s->variable);
	free(s->type);
}
#define AUTO_SECRET AUTO(secret_release)

static char **field_of(struct secret *s, struct sv key)
{
	static const struct {
		const char *name;
		size_t member;
	} fields[] = {
		{"id", offsetof(struct secret, id)},         {"src", offsetof(struct secret, file)},
		{"source", offsetof(struct secret, file)},   {"env", offsetof(struct secret, variable)},
		{"type", offsetof(struct secret, type)},
	};

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (sv_eq_str(key, fields[i].name))
			return (char **)((char *)s + fields[i].member);
	return NULL;
}

static int parse(const char *option, struct secret *s, struct err *e)
{
	struct sv rest = sv_from(option);

	while (rest.p) {
		struct sv value = sv_cut(&rest, ','), key = sv_cut(&value, '=');
		char **field = value.p ? field_of(s, key) : NULL;

		if (!field) {
			err_set(e, ERR_USAGE, "--secret %s: \"%.*s\" is not known", option, SV_ARG(key));
			return err_hint(e, "write id=ID,src=FILE or id=ID,env=VARIABLE");
		}
		free(*field);
		*field = sv_dup(value);
	}
	if (!s->id || !s->id[0])
		return err_set(e, ERR_USAGE, "--secret %s: id is missing", option);
	if (s->file && s->variable)
		return err_set(e, ERR_USAGE, "--secret %s: either src or env", option);
	if (s->type && strcmp(s->type, "file") != 0 && strcmp(s->type, "env") != 0)
		return err_set(e, ERR_USAGE, "--secret %s: type is file or env", option);
	return 0;
}

int secret_check(const char *option, struct err *e)
{
	AUTO_SECRET struct secret s = {0};

	return parse(option, &s, e);
}

static int read_value(struct secret *s, struct buf *out, struct err *e)
{
	bool env_type = s->type && strcmp(s->type, "env") == 0;
	const char *name = s->variable ? s->variable : env_type && s->file ? s->file : s->file ? NULL : s->id;
	const char *value = name ? getenv(name) : NULL;

	if (value) {
		buf_str_add(out, value);
		return 1;
	}
	if (s->variable || env_type)
		return err_set(e, ERR_INPUT, "secret %s: the variable %s is not set", s->id, name);
	if (io_read_file(AT_FDCWD, s->file ? s->file : s->id, out, e) < 0)
		return err_wrap(e, "secret %s", s->id);
	return 1;
}

int secret_read(const struct strv *options, const char *id, struct buf *out, struct err *e)
{
	for (size_t i = options->n; i-- > 0;) {
		AUTO_SECRET struct secret s = {0};

		if (parse(options->v[i], &s, e) < 0)
			return -1;
		if (strcmp(s.id, id) == 0)
			return read_value(&s, out, e);
	}
	return 0;
}
