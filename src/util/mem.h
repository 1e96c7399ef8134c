/* Allocation that does not fail: out of memory aborts with a message, since no caller could do better. Sizes that
 * come from outside are bounded by the caller before they get here. */
#ifndef SLCT_MEM_H
#define SLCT_MEM_H

#include "src/util/base.h"

void *mem_alloc(size_t n) ATTR_MALLOC;
void *mem_zalloc(size_t n) ATTR_MALLOC;
/* n elements of size bytes; aborts if the product overflows. */
void *mem_array(size_t n, size_t size) ATTR_MALLOC;
void *mem_realloc(void *p, size_t n);
char *mem_strdup(const char *s) ATTR_MALLOC;
/* NULL stays NULL. */
char *mem_strdup_opt(const char *s);
char *mem_strndup(const char *s, size_t n) ATTR_MALLOC;
void *mem_dup(const void *p, size_t n) ATTR_MALLOC;
char *mem_printf(const char *fmt, ...) ATTR_PRINTF(1, 2);

/* One zeroed object of a type. */
#define mem_new(type) ((type *)mem_zalloc(sizeof(type)))

#endif
