/* Local step records: cache/<key>.json. An entry supplies layers only; config and history are always computed anew. */
#ifndef SLCT_CLOCAL_H
#define SLCT_CLOCAL_H

#include "oci/store.h"
#include "src/cache/ckey.h"

#define CLOCAL_VERSION	 1
#define CLOCAL_MAX_BYTES ((size_t)4 << 20)

struct clocal {
	struct ckey key;	     /* under which the record is kept: input or content key */
	struct digest_list diff_ids; /* the whole stack after the step, bottom first */
	char *made;	     /* '1' or '0' for every layer step since the external base: whether it made a layer */
	char *step;	     /* "FLAVOR/STAGE n INSTRUCTION", for people */
	struct json *inputs; /* named fields of the input key (for `why`), what looks secret left out; or NULL */
	char *stage, *file;  /* which step it is, for `why`: name of the stage, its Dockerfile; NULL: unknown */
	unsigned n;	     /* its number in the stage, from 1 */
	int64_t run;	     /* the build in which it ran (its beginning, wall clock, ns); 0: it did not run here */
	int64_t used;	     /* wall clock, seconds */
	int64_t built;	     /* when the step ran, wall clock, seconds; 0: unknown, and clocal_put writes now */
};

void clocal_release(struct clocal *r);
#define AUTO_CLOCAL AUTO(clocal_release)
/* Whether `made` is such a list, of a step above `layers` layers in all (those of the base too). */
bool clocal_made_valid(const char *made, size_t layers);
/* Found (true) only if the record is whole, of this version, and carries the key asked for; everything else counts as
 * absent, because a step can always be run again. */
bool clocal_get(struct store *s, const struct ckey *key, struct clocal *out);
/* All readable records that say which step they are (stage and inputs set), in no order. fn may take what is in the
 * record. */
typedef void clocal_each_fn(void *arg, struct clocal *r);
int clocal_each(struct store *s, clocal_each_fn *fn, void *arg, struct err *e);
/* Write the record. The trees that it names must be durable (store_sync). */
int clocal_put(struct store *s, const struct clocal *r, struct err *e);

#endif
