/* Allocation that does not fail. */
#include "src/util/mem.h"

#include <stdarg.h>
#include <unistd.h>

static void mem_die(void) ATTR_NORETURN;

/* No stdio here: it may want memory itself. */
static void mem_die(void)
{
	static const char msg[] = "slct: out of memory\n";
	ssize_t ignored = write(STDERR_FILENO, msg, sizeof(msg) - 1);

	(void)ignored;
	abort();
}

void *mem_alloc(size_t n)
{
	/* malloc(0) may give NULL, which would look like a failure. */
	void *p = malloc(n ? n : 1);

	if (!p)
		mem_die();
	return p;
}

void *mem_zalloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p)
		mem_die();
	return p;
}

void *mem_array(size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		mem_die();
	return mem_alloc(bytes);
}

void *mem_realloc(void *p, size_t n)
{
	void *q = realloc(p, n ? n : 1);

	if (!q)
		mem_die();
	return q;
}

char *mem_strdup(const char *s)
{
	return mem_strndup(s, strlen(s));
}

char *mem_strdup_opt(const char *s)
{
	return s ? mem_strdup(s) : NULL;
}

char *mem_strndup(const char *s, size_t n)
{
	size_t len = n ? strnlen(s, n) : 0;
	char *p = mem_alloc(len + 1);

	if (len)
		memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

void *mem_dup(const void *p, size_t n)
{
	void *q = mem_alloc(n);

	if (n)
		memcpy(q, p, n);
	return q;
}

char *mem_printf(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		mem_die();
	return s;
}
