/* Identities: the rules of set*id and exec. */
#include "src/sandbox/solo_id.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

struct solo_id solo_id_root(void)
{
	return (struct solo_id){.permitted = true, .effective = true};
}

bool solo_id_is_root(const struct solo_id *id)
{
	return id->effective && id->ruid == 0 && id->euid == 0 && id->suid == 0 && id->fsuid == 0 && id->rgid == 0 &&
	       id->egid == 0 && id->sgid == 0 && id->fsgid == 0;
}

static bool any_root(const struct solo_id *id)
{
	return id->ruid == 0 || id->euid == 0 || id->suid == 0;
}

/* capabilities(7), "Effect of user ID changes on capabilities". */
static void fix_caps(const struct solo_id *old, struct solo_id *id)
{
	if (id->nofixup)
		return;
	if (any_root(old) && !any_root(id) && !id->keepcaps)
		id->permitted = id->effective = false;
	if (old->euid == 0 && id->euid != 0)
		id->effective = false;
	if (old->euid != 0 && id->euid == 0)
		id->effective = id->permitted;
}

static bool uid_ok(const struct solo_id *id, uint32_t u)
{
	return u == SOLO_ID_KEEP || id->effective || u == id->ruid || u == id->euid || u == id->suid;
}

static bool gid_ok(const struct solo_id *id, uint32_t g)
{
	return g == SOLO_ID_KEEP || id->effective || g == id->rgid || g == id->egid || g == id->sgid;
}

static void put(uint32_t *at, uint32_t v)
{
	if (v != SOLO_ID_KEEP)
		*at = v;
}

static int become_uids(struct solo_id *id, uint32_t r, uint32_t e, uint32_t s)
{
	struct solo_id old = *id;

	put(&id->ruid, r);
	put(&id->euid, e);
	put(&id->suid, s);
	id->fsuid = id->euid;
	fix_caps(&old, id);
	return 0;
}

static int become_gids(struct solo_id *id, uint32_t r, uint32_t e, uint32_t s)
{
	put(&id->rgid, r);
	put(&id->egid, e);
	put(&id->sgid, s);
	id->fsgid = id->egid;
	return 0;
}

int solo_id_setuid(struct solo_id *id, uint32_t u)
{
	if (u == SOLO_ID_KEEP)
		return -EINVAL;
	if (id->effective)
		return become_uids(id, u, u, u);
	if (u == id->ruid || u == id->suid)
		return become_uids(id, SOLO_ID_KEEP, u, SOLO_ID_KEEP);
	return -EPERM;
}

int solo_id_setgid(struct solo_id *id, uint32_t g)
{
	if (g == SOLO_ID_KEEP)
		return -EINVAL;
	if (id->effective)
		return become_gids(id, g, g, g);
	if (g == id->rgid || g == id->sgid)
		return become_gids(id, SOLO_ID_KEEP, g, SOLO_ID_KEEP);
	return -EPERM;
}

/* The saved id follows the effective one if the real one is set, or the effective one to another than the real one. */
static uint32_t saved_of(uint32_t r, uint32_t e, uint32_t old_real, uint32_t new_effective)
{
	return r != SOLO_ID_KEEP || (e != SOLO_ID_KEEP && e != old_real) ? new_effective : SOLO_ID_KEEP;
}

int solo_id_setreuid(struct solo_id *id, uint32_t r, uint32_t e)
{
	uint32_t effective = e == SOLO_ID_KEEP ? id->euid : e;

	/* The real id may not be set to the saved one. */
	if (!uid_ok(id, e) || (r != SOLO_ID_KEEP && !id->effective && r != id->ruid && r != id->euid))
		return -EPERM;
	return become_uids(id, r, e, saved_of(r, e, id->ruid, effective));
}

int solo_id_setregid(struct solo_id *id, uint32_t r, uint32_t e)
{
	uint32_t effective = e == SOLO_ID_KEEP ? id->egid : e;

	if (!gid_ok(id, e) || (r != SOLO_ID_KEEP && !id->effective && r != id->rgid && r != id->egid))
		return -EPERM;
	return become_gids(id, r, e, saved_of(r, e, id->rgid, effective));
}

int solo_id_setresuid(struct solo_id *id, uint32_t r, uint32_t e, uint32_t s)
{
	if (!uid_ok(id, r) || !uid_ok(id, e) || !uid_ok(id, s))
		return -EPERM;
	return become_uids(id, r, e, s);
}

int solo_id_setresgid(struct solo_id *id, uint32_t r, uint32_t e, uint32_t s)
{
	if (!gid_ok(id, r) || !gid_ok(id, e) || !gid_ok(id, s))
		return -EPERM;
	return become_gids(id, r, e, s);
}

uint32_t solo_id_setfsuid(struct solo_id *id, uint32_t u)
{
	uint32_t old = id->fsuid;

	if (u != SOLO_ID_KEEP && uid_ok(id, u))
		id->fsuid = u;
	return old;
}

uint32_t solo_id_setfsgid(struct solo_id *id, uint32_t g)
{
	uint32_t old = id->fsgid;

	if (g != SOLO_ID_KEEP && gid_ok(id, g))
		id->fsgid = g;
	return old;
}

void solo_id_exec(struct solo_id *id, uint32_t file_uid, uint32_t file_gid)
{
	put(&id->euid, file_uid);
	put(&id->egid, file_gid);
	id->suid = id->fsuid = id->euid;
	id->sgid = id->fsgid = id->egid;
	id->keepcaps = false;
	id->permitted = id->euid == 0 || id->ruid == 0;
	id->effective = id->euid == 0;
}

static bool has_group(const struct solo_id *id, uint32_t gid)
{
	for (uint32_t i = 0; i < id->ngroups; i++)
		if (id->groups[i] == gid)
			return true;
	return false;
}

bool solo_id_in_group(const struct solo_id *id, uint32_t gid)
{
	return id->fsgid == gid || has_group(id, gid);
}

bool solo_id_owns_all(const struct solo_id *id)
{
	/* setfsuid(2) from 0 takes the capabilities on files away. */
	return id->effective && !(id->euid == 0 && id->fsuid != 0);
}

static bool all_allowed(mode_t mode, int want)
{
	return !(want & X_OK) || S_ISDIR(mode) || (mode & 0111);
}

bool solo_id_may(const struct solo_id *id, bool real, uint32_t uid, uint32_t gid, mode_t mode, int want)
{
	bool caps = real ? id->ruid == 0 && id->permitted : solo_id_owns_all(id);
	uint32_t u = real ? id->ruid : id->fsuid, g = real ? id->rgid : id->fsgid;

	if (caps)
		return all_allowed(mode, want);
	if (u == uid)
		mode >>= 6;
	else if (g == gid || has_group(id, gid))
		mode >>= 3;
	return ((int)mode & want & 7) == (want & 7);
}
