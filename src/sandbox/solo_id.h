/* Who a task of a step is in tier solo, as far as the step can see.
 *
 * The user namespace has one id, so for the kernel every task is uid 0 for ever. What set*id calls would have made of
 * it is kept here, by the rules of credentials(7) and capabilities(7). Capabilities are all or none: whether the step's
 * set is permitted, and whether it is effective. Pure, no system calls. */
#ifndef SLCT_SOLO_ID_H
#define SLCT_SOLO_ID_H

#include "src/util/base.h"

/* Supplementary groups of a task; the kernel's own limit is 65536. */
#define SOLO_ID_GROUPS_MAX 1024
/* Identities of one step. A program that makes more gets EAGAIN. */
#define SOLO_ID_MAX 4096
/* "Leave it as it is" for the set*id calls. */
#define SOLO_ID_KEEP UINT32_MAX

struct solo_id {
	uint32_t ruid, euid, suid, fsuid;
	uint32_t rgid, egid, sgid, fsgid;
	bool permitted, effective; /* capabilities */
	bool keepcaps;		   /* PR_SET_KEEPCAPS, SECBIT_KEEP_CAPS */
	bool nofixup;		   /* SECBIT_NO_SETUID_FIXUP */
	uint32_t ngroups;
	const uint32_t *groups; /* of the table where the identity is in one */
};

/* What a step begins as: uid 0, gid 0, no groups, all capabilities. */
struct solo_id solo_id_root(void);
bool solo_id_is_root(const struct solo_id *id); /* the same in all fields that a file's owner or a permission needs */

/* The calls; 0 or a negative errno with *id unchanged. SOLO_ID_KEEP as the kernel's -1. */
int solo_id_setuid(struct solo_id *id, uint32_t u);
int solo_id_setgid(struct solo_id *id, uint32_t g);
int solo_id_setreuid(struct solo_id *id, uint32_t r, uint32_t e);
int solo_id_setregid(struct solo_id *id, uint32_t r, uint32_t e);
int solo_id_setresuid(struct solo_id *id, uint32_t r, uint32_t e, uint32_t s);
int solo_id_setresgid(struct solo_id *id, uint32_t r, uint32_t e, uint32_t s);
/* These give the old value and never fail, as in the kernel. */
uint32_t solo_id_setfsuid(struct solo_id *id, uint32_t u);
uint32_t solo_id_setfsgid(struct solo_id *id, uint32_t g);

/* What execve(2) makes of it; uid and gid of the file where its set-id bits count, else SOLO_ID_KEEP. */
void solo_id_exec(struct solo_id *id, uint32_t file_uid, uint32_t file_gid);
/* fsgid or a supplementary group. */
bool solo_id_in_group(const struct solo_id *id, uint32_t gid);
/* Whether capabilities on files (CAP_CHOWN, CAP_FOWNER, CAP_DAC_OVERRIDE) are effective. */
bool solo_id_owns_all(const struct solo_id *id);
/* Whether a file of that owner and mode may be used for `want` (R_OK, W_OK, X_OK); real: by real ids, as access(2). */
bool solo_id_may(const struct solo_id *id, bool real, uint32_t uid, uint32_t gid, mode_t mode, int want);

/* Identities of a step by number. 0 is solo_id_root(). */
struct solo_ids;

/* A file, as far as it can be told from others. */
struct solo_file {
	uint64_t dev, ino;
};

struct solo_ids *solo_id_tab_new(void);
void solo_id_tab_free(struct solo_ids *t);
/* The number of an identity, new or known; groups are copied. -EAGAIN if there are too many. */
int solo_id_tab_put(struct solo_ids *t, const struct solo_id *id);
/* A number for "`after` if the task runs `exe`, else `before`": whether an execve that was let through has succeeded is
 * not told to anybody. Both must be plain identities. -EAGAIN as above. */
int solo_id_tab_put_exec(struct solo_ids *t, uint32_t before, uint32_t after, const struct solo_file *exe);
/* NULL for a number that is not there or is one of put_exec. */
const struct solo_id *solo_id_tab_get(const struct solo_ids *t, uint32_t n);
/* Whether n is one of put_exec, and what it stands for. */
bool solo_id_tab_exec(const struct solo_ids *t, uint32_t n, uint32_t *before, uint32_t *after, struct solo_file *exe);

#endif
