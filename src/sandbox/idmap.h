/* Id maps of tier range: the caller's own id becomes 0, the subordinate ids of /etc/subuid and /etc/subgid follow from
 * 1 (subuid(5)). Written by newuidmap and newgidmap, which check the same files. */
#ifndef SLCT_IDMAP_H
#define SLCT_IDMAP_H

#include "src/sandbox/tier.h"
#include "src/util/sv.h"

/* Largest subid file that is read. */
#define IDMAP_FILE_MAX ((size_t)1 << 20)

/* Who asks: a line counts if its first field is the name or the decimal uid (gid lines are keyed by the user too). */
struct idmap_user {
	uid_t uid;
	gid_t gid;
	char *name; /* may be NULL: no entry in the host's passwd */
};

/* Real ids of this process and its name in the host's passwd. */
void idmap_user_self(struct idmap_user *u);
void idmap_user_release(struct idmap_user *u);

/* Pure: 0 -> own, then each range of the text that belongs to u, in order. Malformed lines are skipped, as newuidmap
 * does. Returns the number of extents (1 if u has no range), or -1 with *e if there are more than TIER_MAPS_MAX or more
 * ids than fit. */
int idmap_parse(struct sv text, const struct idmap_user *u, uint32_t own, struct tier_map out[TIER_MAPS_MAX],
		struct err *e);
/* Both maps from the host's files into t->uid and t->gid, and t->form. ERR_HOST names the file and the line to add. */
int idmap_load(struct tier_info *t, struct err *e);
/* The map of tier solo: 0 is the caller, and there is nobody else; t->form is "rec". */
void idmap_solo(struct tier_info *t);
/* Give process pid, which is in a new user namespace, the maps of t. Runs newuidmap and newgidmap; a map
 * of one id needs no help (user_namespaces(7)), but then nobody in it may call setgroups. */
int idmap_write(const struct tier_info *t, pid_t pid, struct err *e);
/* "map-" and 16 hex digits of the sha256 of the maps' text. */
void idmap_form(const struct tier_info *t, char form[80]);

#endif
