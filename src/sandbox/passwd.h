/* USER and --chown look-up in the image's own /etc/passwd and /etc/group, by reading the text: no NSS, nothing of the
 * root is loaded or run. */
#ifndef SLCT_PASSWD_H
#define SLCT_PASSWD_H

#include "src/util/err.h"

#define PASSWD_GROUPS_MAX 128

struct passwd_ids {
	uid_t uid;
	gid_t gid;
	gid_t groups[PASSWD_GROUPS_MAX]; /* supplementary groups of the named user, without gid */
	size_t ngroups;
	char *home; /* from passwd, "/" where unknown */
};

/* spec: "", "user", "uid", "user:group", "uid:gid", any mix. A number without an entry is taken as it is; gid is then
 * 0 (USER) — for --chown without a group use passwd_lookup_owner. Numbers above 2^32-2 are refused (never wrap to 0).
 * ERR_INPUT names the missing user and the files looked into. */
int passwd_lookup(int rootfd, const char *spec, struct passwd_ids *out, struct err *e);
/* --chown: "user[:group]"; without a group, gid is uid's number as BuildKit does (a user name: its passwd gid). */
int passwd_lookup_owner(int rootfd, const char *spec, uid_t *uid, gid_t *gid, struct err *e);
void passwd_release(struct passwd_ids *p);

#endif
