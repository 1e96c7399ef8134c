/* The identities of a step by number. Few in practice, so looked up one after the other. */
#include <errno.h>

#include "src/sandbox/solo_id.h"
#include "src/util/mem.h"

struct solo_id_entry {
	struct solo_id id;
	bool exec; /* of put_exec: only what follows counts */
	uint32_t before, after;
	struct solo_file exe;
};

struct solo_ids {
	size_t n;
	struct solo_id_entry v[SOLO_ID_MAX];
};

struct solo_ids *solo_id_tab_new(void)
{
	/* Pages that no identity uses are never touched. */
	struct solo_ids *t = mem_zalloc(sizeof *t);

	t->v[0].id = solo_id_root();
	t->n = 1;
	return t;
}

void solo_id_tab_free(struct solo_ids *t)
{
	for (size_t i = 0; t && i < t->n; i++)
		free((void *)(uintptr_t)t->v[i].id.groups);
	free(t);
}

static bool same_groups(const struct solo_id *a, const struct solo_id *b)
{
	return a->ngroups == b->ngroups &&
	       (a->ngroups == 0 || memcmp(a->groups, b->groups, a->ngroups * sizeof *a->groups) == 0);
}

static bool same(const struct solo_id *a, const struct solo_id *b)
{
	return a->ruid == b->ruid && a->euid == b->euid && a->suid == b->suid && a->fsuid == b->fsuid &&
	       a->rgid == b->rgid && a->egid == b->egid && a->sgid == b->sgid && a->fsgid == b->fsgid &&
	       a->permitted == b->permitted && a->effective == b->effective && a->keepcaps == b->keepcaps &&
	       a->nofixup == b->nofixup && same_groups(a, b);
}

int solo_id_tab_put(struct solo_ids *t, const struct solo_id *id)
{
	struct solo_id *at;

	for (size_t i = 0; i < t->n; i++)
		if (!t->v[i].exec && same(&t->v[i].id, id))
			return (int)i;
	if (t->n == SOLO_ID_MAX || id->ngroups > SOLO_ID_GROUPS_MAX)
		return -EAGAIN;
	at = &t->v[t->n].id;
	*at = *id;
	at->groups = id->ngroups ? mem_dup(id->groups, id->ngroups * sizeof *id->groups) : NULL;
	return (int)t->n++;
}

int solo_id_tab_put_exec(struct solo_ids *t, uint32_t before, uint32_t after, const struct solo_file *exe)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct solo_id_entry *v = &t->v[i];

		if (v->exec && v->before == before && v->after == after && v->exe.dev == exe->dev &&
		    v->exe.ino == exe->ino)
			return (int)i;
	}
	if (t->n == SOLO_ID_MAX)
		return -EAGAIN;
	t->v[t->n] = (struct solo_id_entry){.exec = true, .before = before, .after = after, .exe = *exe};
	return (int)t->n++;
}

const struct solo_id *solo_id_tab_get(const struct solo_ids *t, uint32_t n)
{
	return n < t->n && !t->v[n].exec ? &t->v[n].id : NULL;
}

bool solo_id_tab_exec(const struct solo_ids *t, uint32_t n, uint32_t *before, uint32_t *after, struct solo_file *exe)
{
	if (n >= t->n || !t->v[n].exec)
		return false;
	*before = t->v[n].before;
	*after = t->v[n].after;
	*exe = t->v[n].exe;
	return true;
}
