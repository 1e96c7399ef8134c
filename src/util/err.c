/* The error value. */
#include "src/util/err.h"

#include <errno.h>
#include <stdarg.h>

#include "src/util/mem.h"

static const struct {
	enum err_code code;
	const char *name;
	int status;
} err_table[] = {
	{ERR_NONE, "none", 0},		 {ERR_STEP, "step", 1},		 {ERR_USAGE, "usage", 2},
	{ERR_INPUT, "input", 3},	 {ERR_REGISTRY, "registry", 4},	 {ERR_HOST, "host", 5},
	{ERR_INTEGRITY, "integrity", 6}, {ERR_TEMP, "temporary", 75},	 {ERR_CANCELLED, "cancelled", 130},
	{ERR_NOT_FOUND, "not-found", 3}, {ERR_INTERNAL, "internal", 70},
};

/* What the host refuses is the host's error wherever it happens. */
static const struct {
	int sys;
	const char *hint;
} err_host_table[] = {
	{ENOSPC, "free space on that file system, or put the store on another one with SLCT_ROOT"},
	{EDQUOT, "free space within the disk quota, or put the store on another file system with SLCT_ROOT"},
	{EROFS, "put the store on a writable file system with SLCT_ROOT"},
	{EACCES, NULL},
	{EPERM, NULL},
	{EMFILE, "raise the limit of open files (ulimit -n)"},
};

static char *err_vformat(const char *fmt, va_list ap) ATTR_PRINTF(1, 0);

static char *err_vformat(const char *fmt, va_list ap)
{
	char *s = NULL;

	if (vasprintf(&s, fmt, ap) < 0)
		return mem_strdup(fmt);
	return s;
}

/* Takes over msg. The arguments of a message may point into the error that it replaces, so the message is formatted
 * before this releases the old one. */
static void err_replace(struct err *e, enum err_code code, int sys, char *msg)
{
	err_release(e);
	e->code = code;
	e->sys = sys;
	e->msg = msg;
}

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list ap;
	char *msg;

	va_start(ap, fmt);
	msg = err_vformat(fmt, ap);
	va_end(ap);
	err_replace(e, code, 0, msg);
	return -1;
}

int err_sys(struct err *e, enum err_code code, int sys, const char *fmt, ...)
{
	va_list ap;
	char *what, *msg, text[128];
	const char *cause;

	va_start(ap, fmt);
	what = err_vformat(fmt, ap);
	va_end(ap);
	cause = strerror_r(sys, text, sizeof(text));
	msg = mem_printf("%s: %s", what, cause);
	free(what);
	err_replace(e, code, sys, msg);
	for (size_t i = 0; i < ARRAY_LEN(err_host_table); i++) {
		if (err_host_table[i].sys != sys)
			continue;
		e->code = ERR_HOST;
		e->hint = mem_strdup_opt(err_host_table[i].hint);
	}
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	va_list ap;
	char *context, *msg;

	va_start(ap, fmt);
	context = err_vformat(fmt, ap);
	va_end(ap);
	msg = mem_printf("%s: %s", context, e->msg ? e->msg : "unknown error");
	free(context);
	free(e->msg);
	e->msg = msg;
	if (e->code == ERR_NONE)
		e->code = ERR_INTERNAL;
	return -1;
}

int err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;
	char *hint;

	va_start(ap, fmt);
	hint = err_vformat(fmt, ap);
	va_end(ap);
	free(e->hint);
	e->hint = hint;
	return -1;
}

int err_at(struct err *e, const char *file, unsigned line, unsigned col)
{
	char *copy = mem_strdup_opt(file);

	free(e->place.file);
	e->place = (struct err_place){copy, line, col};
	return -1;
}

int err_excerpt(struct err *e, const char *text)
{
	char *copy = mem_strdup_opt(text);

	free(e->excerpt);
	e->excerpt = copy;
	return -1;
}

bool err_is_set(const struct err *e)
{
	return e->code != ERR_NONE;
}

void err_release(struct err *e)
{
	free(e->msg);
	free(e->hint);
	free(e->excerpt);
	free(e->place.file);
	*e = ERR_INIT;
}

void err_move(struct err *to, struct err *from)
{
	if (to == from)
		return;
	err_release(to);
	*to = *from;
	*from = ERR_INIT;
}

int err_exit_status(const struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(err_table); i++)
		if (err_table[i].code == e->code)
			return err_table[i].status;
	return 70;
}

const char *err_code_name(enum err_code code)
{
	for (size_t i = 0; i < ARRAY_LEN(err_table); i++)
		if (err_table[i].code == code)
			return err_table[i].name;
	return "internal";
}

enum err_code err_code_from_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(err_table); i++)
		if (name && strcmp(err_table[i].name, name) == 0)
			return err_table[i].code;
	return ERR_INTERNAL;
}
