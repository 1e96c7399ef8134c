/* Typed vectors: `VEC_OF(struct step *) steps = {0};`, `vec_push(&steps, s)`, `steps.v[i]`, `steps.n`.
 * strv is the vector of owned strings that half of the interfaces want. */
#ifndef SLCT_VEC_H
#define SLCT_VEC_H

#include "src/util/base.h"
#include "src/util/cleanup.h"

#define VEC_OF(type)                                                                                                   \
	struct {                                                                                                       \
		type *v;                                                                                               \
		size_t n, cap;                                                                                         \
	}

/* Make room for one more of `size` bytes; returns the (moved) array. */
void *vec_grow(void *v, size_t n, size_t *cap, size_t size);

#define vec_push(a, ...)                                                                                               \
	((a)->v = vec_grow((a)->v, (a)->n, &(a)->cap, sizeof *(a)->v), (a)->v[(a)->n++] = (__VA_ARGS__))
#define vec_release(a) (free((a)->v), (a)->v = NULL, (a)->n = (a)->cap = 0)

/* Owned strings. */
struct strv {
	char **v; /* not NULL-terminated; see strv_argv */
	size_t n, cap;
};

#define AUTO_STRV AUTO(strv_release)
void strv_release(struct strv *s);
void strv_add(struct strv *s, const char *str); /* copies */
void strv_take(struct strv *s, char *str);	/* takes ownership */
void strv_printf(struct strv *s, const char *fmt, ...) ATTR_PRINTF(2, 3);
void strv_copy(struct strv *to, const struct strv *from); /* appends copies */
bool strv_has(const struct strv *s, const char *str);
void strv_sort(struct strv *s); /* byte order */
/* Terminate with NULL (not counted) and return the array, for exec. Valid until the next change. */
char **strv_argv(struct strv *s);
char *strv_join(const struct strv *s, const char *sep);
bool strv_eq(const struct strv *a, const struct strv *b);

#endif
