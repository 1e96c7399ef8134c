/* What is known of the tags of a cache repository that a build writes to: those that exist, as one request told before
 * the first entry, and what was asked since. It saves asking before each upload. Pure. */
#ifndef SLCT_CACHEKNOWN_H
#define SLCT_CACHEKNOWN_H

#include "src/util/smap.h"
#include "src/util/vec.h"

struct cacheknown {
	bool listed;		   /* the list was asked for, with whatever success */
	bool complete;		   /* all tags are in `there` */
	bool empty;		   /* there was none */
	struct smap there, absent; /* names */
};

enum cacheknown_answer { CACHEKNOWN_NO, CACHEKNOWN_YES, CACHEKNOWN_PERHAPS };

void cacheknown_release(struct cacheknown *k);
/* The list; complete: it has all. Once. */
void cacheknown_list(struct cacheknown *k, const struct strv *tags, bool complete);
/* It was asked for, or has been written. */
void cacheknown_tell(struct cacheknown *k, const char *tag, bool there);
/* Those that are known to exist and begin so. */
size_t cacheknown_count(const struct cacheknown *k, const char *prefix);
enum cacheknown_answer cacheknown_has(const struct cacheknown *k, const char *tag);

#endif
