/* Vectors; the vector of owned strings. */
#include "src/util/vec.h"

#include <stdarg.h>

#include "src/util/mem.h"

void *vec_grow(void *v, size_t n, size_t *cap, size_t size)
{
	size_t want, bytes;

	if (n < *cap)
		return v;
	want = *cap ? *cap : 4;
	while (want <= n)
		if (__builtin_mul_overflow(want, (size_t)2, &want))
			abort();
	if (__builtin_mul_overflow(want, size, &bytes))
		abort();
	*cap = want;
	return mem_realloc(v, bytes);
}

void strv_release(struct strv *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	*s = (struct strv){0};
}

void strv_add(struct strv *s, const char *str)
{
	strv_take(s, mem_strdup(str));
}

void strv_take(struct strv *s, char *str)
{
	vec_push(s, str);
}

void strv_printf(struct strv *s, const char *fmt, ...)
{
	va_list ap;
	char *str = NULL;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&str, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	strv_take(s, str);
}

void strv_copy(struct strv *to, const struct strv *from)
{
	size_t n = from->n; /* `to` may be `from` */

	for (size_t i = 0; i < n; i++)
		strv_add(to, from->v[i]);
}

bool strv_has(const struct strv *s, const char *str)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i], str) == 0)
			return true;
	return false;
}

static int strv_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *s)
{
	if (s->n > 1)
		qsort(s->v, s->n, sizeof(*s->v), strv_cmp);
}

char **strv_argv(struct strv *s)
{
	s->v = vec_grow(s->v, s->n, &s->cap, sizeof(*s->v));
	s->v[s->n] = NULL;
	return s->v;
}

char *strv_join(const struct strv *s, const char *sep)
{
	size_t n = 1, len = strlen(sep);
	char *out, *p;

	for (size_t i = 0; i < s->n; i++)
		n += strlen(s->v[i]) + (i ? len : 0);
	p = out = mem_alloc(n);
	for (size_t i = 0; i < s->n; i++) {
		if (i)
			p = mempcpy(p, sep, len);
		p = mempcpy(p, s->v[i], strlen(s->v[i]));
	}
	*p = '\0';
	return out;
}

bool strv_eq(const struct strv *a, const struct strv *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}
