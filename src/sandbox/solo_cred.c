/* Ids, groups, capabilities and the limit that carries the identity. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/sandbox/solo_calls.h"

int64_t solo_cred_get(struct solo_req *r)
{
	const uint32_t ids[] = {
		[SOLO_RUID] = r->who->ruid,
		[SOLO_EUID] = r->who->euid,
		[SOLO_RGID] = r->who->rgid,
		[SOLO_EGID] = r->who->egid,
	};

	return ids[r->call->what];
}

/* getresuid, getresgid. */
int64_t solo_cred_get3(struct solo_req *r)
{
	const struct solo_id *w = r->who;
	bool uid = r->call->what == SOLO_RUID;
	const uint32_t ids[] = {uid ? w->ruid : w->rgid, uid ? w->euid : w->egid, uid ? w->suid : w->sgid};

	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		if (solo_req_write(r, r->args[i], &ids[i], sizeof ids[i]) < 0)
			return -EFAULT;
	return 0;
}

static int64_t set(struct solo_id *id, int what, const uint64_t *args)
{
	uint32_t a = (uint32_t)args[0], b = (uint32_t)args[1], c = (uint32_t)args[2];

	switch (what) {
	case SOLO_UID_SET:
		return solo_id_setuid(id, a);
	case SOLO_UID_RE:
		return solo_id_setreuid(id, a, b);
	case SOLO_UID_RES:
		return solo_id_setresuid(id, a, b, c);
	case SOLO_UID_FS:
		return solo_id_setfsuid(id, a);
	case SOLO_GID_SET:
		return solo_id_setgid(id, a);
	case SOLO_GID_RE:
		return solo_id_setregid(id, a, b);
	case SOLO_GID_RES:
		return solo_id_setresgid(id, a, b, c);
	default:
		return solo_id_setfsgid(id, a);
	}
}

/* A program that has given up CAP_SETUID natively has none here. */
static bool lacks(const struct solo_req *r, unsigned cap)
{
	return r->who->effective && !solo_req_capable(r, cap);
}

int64_t solo_cred_set(struct solo_req *r)
{
	struct solo_id id = *r->who, without = id;
	bool uids = r->call->what <= SOLO_UID_FS, fs = r->call->what == SOLO_UID_FS || r->call->what == SOLO_GID_FS;
	int64_t n, m;

	without.effective = false;
	if (lacks(r, uids ? CAP_SETUID : CAP_SETGID) && (n = set(&without, r->call->what, r->args)) < 0)
		return n;
	n = set(&id, r->call->what, r->args);
	if (n < 0)
		return n;
	m = solo_req_become(r, &id);
	/* setfsuid never fails: it tells the old id. */
	return m < 0 && !fs ? m : n;
}

int64_t solo_cred_getgroups(struct solo_req *r)
{
	int size = (int)r->args[0];
	const struct solo_id *w = r->who;

	if (size < 0 || (size > 0 && (uint32_t)size < w->ngroups))
		return -EINVAL;
	if (size > 0 && solo_req_write(r, r->args[1], w->groups, w->ngroups * sizeof *w->groups) < 0)
		return -EFAULT;
	return w->ngroups;
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* The kernel keeps them sorted. */
int64_t solo_cred_setgroups(struct solo_req *r)
{
	uint32_t groups[SOLO_ID_GROUPS_MAX];
	struct solo_id id = *r->who;
	uint32_t n = (uint32_t)r->args[0];

	if (!id.effective || lacks(r, CAP_SETGID))
		return -EPERM;
	if (n > SOLO_ID_GROUPS_MAX)
		return -EINVAL;
	if (solo_req_read(r, r->args[1], groups, n * sizeof groups[0]) < 0)
		return -EFAULT;
	for (uint32_t i = 0; i < n; i++)
		if (groups[i] == SOLO_ID_KEEP)
			return -EINVAL;
	qsort(groups, n, sizeof groups[0], compare_ids);
	id.groups = groups;
	id.ngroups = n;
	return solo_req_become(r, &id);
}

int64_t solo_cred_prctl(struct solo_req *r)
{
	struct solo_id id = *r->who;
	int64_t n;

	switch ((int)r->args[0]) {
	case PR_GET_KEEPCAPS:
		return id.keepcaps;
	case PR_SET_KEEPCAPS:
		if (r->args[1] > 1)
			return -EINVAL;
		id.keepcaps = r->args[1];
		return solo_req_become(r, &id);
	default: /* PR_SET_SECUREBITS */
		if (!id.effective)
			return -EPERM;
		id.keepcaps = r->args[1] & SECBIT_KEEP_CAPS;
		id.nofixup = r->args[1] & SECBIT_NO_SETUID_FIXUP;
		n = solo_req_become(r, &id);
		return n < 0 ? n : SOLO_NATIVE;
	}
}

/* --- capabilities --- */

/* Entries of the user's array by the header's version; 0: not known. */
static unsigned cap_words(const struct __user_cap_header_struct *h)
{
	switch (h->version) {
	case _LINUX_CAPABILITY_VERSION_1:
		return _LINUX_CAPABILITY_U32S_1;
	case _LINUX_CAPABILITY_VERSION_2:
	case _LINUX_CAPABILITY_VERSION_3:
		return _LINUX_CAPABILITY_U32S_3;
	default:
		return 0;
	}
}

/* A switched user has natively kept all, which it must not see. */
int64_t solo_cred_capget(struct solo_req *r)
{
	struct __user_cap_header_struct h, native = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3];
	const struct solo_id *id = r->who;
	unsigned words;

	if (r->args[1] == 0 || solo_req_read(r, r->args[0], &h, sizeof h) < 0 || (words = cap_words(&h)) == 0)
		return SOLO_NATIVE;
	if (h.pid != 0)
		id = solo_req_identity(r->s, h.pid, NULL);
	if (id->effective && id->permitted)
		return SOLO_NATIVE;
	native.pid = h.pid ? h.pid : r->tid;
	if (syscall(SYS_capget, &native, d) < 0)
		return SOLO_NATIVE;
	for (unsigned i = 0; i < words; i++) {
		if (!id->permitted)
			d[i].permitted = 0;
		if (!id->effective)
			d[i].effective = 0;
	}
	return solo_req_write(r, r->args[1], d, words * sizeof d[0]);
}

int64_t solo_cred_capset(struct solo_req *r)
{
	struct __user_cap_header_struct h;
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3] = {0};
	struct solo_id id = *r->who;
	unsigned words;
	int64_t n;

	if (solo_req_read(r, r->args[0], &h, sizeof h) < 0 || (words = cap_words(&h)) == 0 ||
	    solo_req_read(r, r->args[1], d, words * sizeof d[0]) < 0)
		return SOLO_NATIVE;
	if (!id.permitted && (d[0].permitted || d[1].permitted || d[0].effective || d[1].effective))
		return -EPERM;
	id.permitted = d[0].permitted || d[1].permitted;
	id.effective = d[0].effective || d[1].effective;
	/* All given up, and uid 0: its next program has them again, so there is nothing to keep. */
	n = solo_req_become(r, &id);
	return n < 0 ? n : SOLO_NATIVE;
}

/* --- the limit --- */

/* getrlimit, setrlimit, prlimit64: as if it were what it was before the step, and could be set. */
int64_t solo_cred_rlimit(struct solo_req *r)
{
	int8_t out = r->call->what;

	if (out < 0 || r->args[out] == 0)
		return 0;
	return solo_req_write(r, r->args[out], &r->s->unused, sizeof r->s->unused);
}
