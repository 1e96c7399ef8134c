/* First include of every file: attributes and the functions that this code base does not use. */
#ifndef SLCT_BASE_H
#define SLCT_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define ATTR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define ATTR_NODISCARD	       __attribute__((warn_unused_result))
#define ATTR_NORETURN	       __attribute__((noreturn))
#define ATTR_UNUSED	       __attribute__((unused))
#define ATTR_MALLOC	       __attribute__((malloc, returns_nonnull))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Functions without a bound, or with an interface that invites mistakes; buf.h, sv.h and num.h have what takes their
 * place. The headers above that declare them must be read before: a poisoned name is an error in a declaration, too. */
#pragma GCC poison strcpy strcat sprintf vsprintf strtok gets atoi atol atoll mktemp tmpnam

#endif
