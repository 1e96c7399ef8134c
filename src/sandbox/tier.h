/* Tiers of isolation (sandbox.md): which one this host allows, found out by doing it, and what is missing where not. */
#ifndef SLCT_TIER_H
#define SLCT_TIER_H

#include "src/sandbox/memupper.h"

enum tier { TIER_AUTO, TIER_ROOT, TIER_RANGE, TIER_SOLO, TIER_CHROOT, TIER_NONE };

struct tier_map {
	uint32_t inside, outside, count;
};
#define TIER_MAPS_MAX 64

struct tier_info {
	enum tier tier;
	struct tier_map uid[TIER_MAPS_MAX], gid[TIER_MAPS_MAX]; /* range: the id maps */
	size_t nuid, ngid;
	char form[80]; /* name of the layer form: "real"; "map-" and 16 hex digits of the maps' digest; "rec": all is
			* the caller's, owners are recorded; "plain": the same without a user namespace */
	bool memory;   /* overlays of steps have their upper directories on a tmpfs (memupper.h) */
	bool refused;  /* the store's file system takes none at all, that of a COPY neither */
	bool trees;    /* no overlay can lie on the store: merged roots are trees of their own */
	char *why;     /* why not a better one, for the first line of a build; may be "" */
	char *hint;    /* none: the remedies, one a line; else NULL */
};

/* Find the best tier (want == TIER_AUTO; the last of them, none, always works), or check the wanted one; scratch is a
 * directory of the store where overlay and attributes are tried; memory: with upper directories on a tmpfs, without
 * which the tier does not count as possible. -1: ERR_HOST with what refused and the exact remedy. */
int tier_probe(enum tier want, bool memory, const char *scratch, struct tier_info *out, struct err *e);
void tier_release(struct tier_info *t);
const char *tier_name(enum tier t);
/* Whether slct may make device nodes; else they are recorded (ownrec.h). */
bool tier_makes_nodes(const struct tier_info *t);
int tier_parse(const char *name, enum tier *out, struct err *e); /* "auto", "root", ... (ERR_USAGE) */

#endif
