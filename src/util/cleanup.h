/* Scope-bound clean-up. `AUTO_FREE char *s = ...;` frees at the end of the scope; STEAL_PTR(s) gives the value away. */
#ifndef SLCT_CLEANUP_H
#define SLCT_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "src/util/base.h"

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclose(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void cleanup_closedir(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define AUTO(fn)      __attribute__((cleanup(fn)))
#define AUTO_FREE     AUTO(cleanup_free)
#define AUTO_CLOSE    AUTO(cleanup_close)
#define AUTO_FCLOSE   AUTO(cleanup_fclose)
#define AUTO_CLOSEDIR AUTO(cleanup_closedir)

static inline void *cleanup_steal_ptr(void *pp)
{
	void *p = *(void **)pp;

	*(void **)pp = NULL;
	return p;
}

static inline int cleanup_steal_fd(int *fd)
{
	int v = *fd;

	*fd = -1;
	return v;
}

#define STEAL_PTR(p) ((__typeof__(p))cleanup_steal_ptr(&(p)))
#define STEAL_FD(fd) cleanup_steal_fd(&(fd))

#endif
