#include "src/build/step_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "src/build/copyto.h"
#include "src/build/secret.h"
#include "src/util/hash.h"
#include "src/util/lock.h"
#include "src/util/mem.h"

#define CACHE_DIR    "mounts"
#define CACHE_MODE   0755
#define SECRET_MODE  0400
#define SCRIPT_MODE  0755
#define CONTEXT_PART "data"
/* Copies of a cache with sharing=private: more steps than that never run at once. */
#define PRIVATE_MAX  1024

/* --- files of the context --- */

bool step_mount_needs_files(const struct plan_step *s)
{
	for (size_t i = 0; i < s->mounts.n; i++)
		if (s->mounts.v[i].context)
			return true;
	return false;
}

static char *files_dir(const struct step_job *j, size_t i)
{
	return mem_printf("%s/mount.%zu", j->dir, i);
}

static int copy_files(const struct step_job *j, size_t i, struct err *e)
{
	const struct plan_mount *m = &j->def->mounts.v[i];
	struct source_set *src = &j->b->plan->sources.v[j->st->source]->context;
	AUTO_SOURCE_LIST struct source_list list = {0};
	AUTO_FREE char *rel = files_dir(j, i);

	if (mkdirat(store_fd(j->b->s->store), rel, 0755) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", rel);
	AUTO_CLOSE int root = openat(store_fd(j->b->s->store), rel, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return err_sys(e, ERR_HOST, errno, "%s", rel);
	if (source_prepare(src, e) < 0 ||
	    source_select(src, &(struct source_query){.patterns = &m->sources}, &list, e) < 0)
		return -1;
	struct copyto c = {.rootfd = root,
			   .src = src,
			   .list = &list,
			   .dest = "/" CONTEXT_PART,
			   .uid = COPYTO_KEEP,
			   .gid = COPYTO_KEEP,
			   .logical = j->def->logical,
			   .real_times = j->b->plan->timestamps_real,
			   .sum = treesum_new(false, 0)};

	if (copyto_run(&c, e) < 0) {
		treesum_free(c.sum);
		return -1;
	}
	return step_copy_unchanged(&m->tree, c.sum, e);
}

int step_mount_files(void *arg, struct worker *w, struct json **result, struct err *e)
{
	const struct step_job *j = arg;

	(void)w;
	(void)result;
	umask(0);
	for (size_t i = 0; i < j->def->mounts.n; i++)
		if (j->def->mounts.v[i].context && copy_files(j, i, e) < 0)
			return err_wrap(e, "--mount on %s", j->def->mounts.v[i].target);
	return 0;
}

/* --- the list --- */

static const char *keep(struct step_mounts *out, char *s)
{
	vec_push(&out->strings, s);
	return s;
}

static uint32_t or_else(uint32_t value, uint32_t fallback)
{
	return value == DMOUNT_UNSET ? fallback : value;
}

/* Where a mount starts in its source: everything, or a path that cannot leave it. */
static const char *source_of(const struct plan_mount *m)
{
	return m->def.source && strcmp(m->def.source, "/") != 0 && strcmp(m->def.source, ".") != 0 ? m->def.source
												   : NULL;
}

static int make_dir(const struct step_job *j, const char *rel, struct err *e)
{
	if (mkdirat(store_fd(j->b->s->store), rel, CACHE_MODE) < 0 && errno != EEXIST)
		return err_sys(e, ERR_HOST, errno, "%s", rel);
	return 0;
}

/* An overlay of one of the step's inputs; upper NULL: read-only. */
static int fill_layers(const struct step_job *j, size_t i, const char *upper, struct step_mounts *out,
		       struct sandbox_mount *to, struct err *e)
{
	const struct plan_mount *m = &j->def->mounts.v[i];
	struct strv *lower = mem_new(struct strv);
	const char *empty = keep(out, mem_printf("%s/empty.%zu", j->dir, i));
	const char *work = keep(out, mem_printf("%s/work.%zu", j->dir, i));

	vec_push(&out->lowers, lower);
	step_lower_paths(j->b, &j->from.v[m->input], lower);
	if (make_dir(j, empty, e) < 0 || (upper && make_dir(j, work, e) < 0))
		return -1;
	to->kind = SANDBOX_MOUNT_LAYERS;
	to->source = source_of(m);
	to->layers = (struct overlay_spec){.dirfd = store_fd(j->b->s->store),
					   .lower = (const char *const *)lower->v,
					   .nlower = lower->n,
					   .upper = upper,
					   .work = upper ? work : NULL,
					   .empty = empty};
	return 0;
}

static int fill_bind(const struct step_job *j, size_t i, struct step_mounts *out, struct sandbox_mount *to,
		     struct err *e)
{
	const struct plan_mount *m = &j->def->mounts.v[i];

	to->readonly = m->def.readonly;
	if (m->context) {
		to->kind = SANDBOX_MOUNT_DIR;
		to->dir = keep(out, files_dir(j, i));
		to->source = CONTEXT_PART;
		return 0;
	}
	if (m->def.readonly)
		return fill_layers(j, i, NULL, out, to, e);
	const char *upper = keep(out, mem_printf("%s/upper.%zu", j->dir, i));

	return make_dir(j, upper, e) < 0 ? -1 : fill_layers(j, i, upper, out, to, e);
}

/* --- caches --- */

/* A cache belongs to its id and to what it began with. */
static void cache_name(const struct step_job *j, const struct plan_mount *m, char hex[2 * HASH_MAX_BYTES + 1])
{
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	uint8_t sum[HASH_MAX_BYTES];

	buf_printf(&text, "%s\n%s\n", m->def.id ? m->def.id : m->target, j->b->s->tier.form);
	for (size_t i = 0; m->input != PLAN_NONE && i < j->from.v[m->input].n; i++)
		buf_printf(&text, "%s\n", j->from.v[m->input].v[i].text);
	hash_bytes(HASH_SHA256, text.p, text.n, sum);
	hash_hex(sum, 32, hex);
}

static int lock_cache(const struct step_job *j, const char *name, enum lock_mode mode, int64_t wait,
		      struct step_mounts *out, struct err *e)
{
	AUTO_FREE char *path = mem_printf("lock/mount-%s", name);
	int fd = lock_take(store_fd(j->b->s->store), path, mode, wait, e);

	if (fd < 0)
		return -1;
	vec_push(&out->locks, fd);
	return 0;
}

/* The first copy that nobody uses. */
static char *private_cache(const struct step_job *j, const char *hex, struct step_mounts *out, struct err *e)
{
	for (unsigned n = 0; n < PRIVATE_MAX; n++) {
		AUTO_FREE char *name = n ? mem_printf("%s.%u", hex, n) : mem_strdup(hex);

		if (lock_cache(j, name, LOCK_EXCLUSIVE, 0, out, e) == 0)
			return STEAL_PTR(name);
		if (e->code != ERR_TEMP)
			return NULL;
		err_release(e);
	}
	err_set(e, ERR_HOST, "more than %u copies of a cache are in use", PRIVATE_MAX);
	return NULL;
}

static int fill_cache(const struct step_job *j, size_t i, struct step_mounts *out, struct sandbox_mount *to,
		      struct err *e)
{
	const struct plan_mount *m = &j->def->mounts.v[i];
	char hex[2 * HASH_MAX_BYTES + 1];
	int fd = store_fd(j->b->s->store);

	cache_name(j, m, hex);
	AUTO_FREE char *name = m->def.sharing == DMOUNT_PRIVATE ? private_cache(j, hex, out, e) : mem_strdup(hex);

	if (!name)
		return -1;
	const char *dir = keep(out, mem_printf(CACHE_DIR "/%s", name));

	to->readonly = m->def.readonly;
	to->own = mkdirat(fd, dir, CACHE_MODE) == 0;
	if (!to->own && errno != EEXIST)
		return err_sys(e, ERR_HOST, errno, "%s", dir);
	to->mode = or_else(m->def.mode, CACHE_MODE);
	to->uid = or_else(m->def.uid, 0);
	to->gid = or_else(m->def.gid, 0);
	if (m->input != PLAN_NONE)
		return fill_layers(j, i, dir, out, to, e);
	to->kind = SANDBOX_MOUNT_DIR;
	to->dir = dir;
	return 0;
}

/* --- locks: in the order of their names, each once, so that two steps never wait for each other --- */

struct wanted_lock {
	char hex[2 * HASH_MAX_BYTES + 1];
	enum lock_mode mode;
};

static int compare_locks(const void *a, const void *b)
{
	const struct wanted_lock *x = a, *y = b;
	int c = strcmp(x->hex, y->hex);

	/* the exclusive one first, which then stands for all */
	return c ? c : (y->mode == LOCK_EXCLUSIVE) - (x->mode == LOCK_EXCLUSIVE);
}

static int take_locks(const struct step_job *j, struct step_mounts *out, struct err *e)
{
	VEC_OF(struct wanted_lock) want = {0};
	int rc = 0;

	for (size_t i = 0; i < j->def->mounts.n; i++) {
		const struct plan_mount *m = &j->def->mounts.v[i];
		struct wanted_lock w = {.mode = m->def.sharing == DMOUNT_LOCKED ? LOCK_EXCLUSIVE : LOCK_SHARED};

		if (m->def.type != DMOUNT_CACHE || m->def.sharing == DMOUNT_PRIVATE)
			continue;
		cache_name(j, m, w.hex);
		vec_push(&want, w);
	}
	if (want.n)
		qsort(want.v, want.n, sizeof *want.v, compare_locks);
	for (size_t i = 0; rc == 0 && i < want.n; i++)
		if (i == 0 || strcmp(want.v[i].hex, want.v[i - 1].hex) != 0)
			rc = lock_cache(j, want.v[i].hex, want.v[i].mode, -1, out, e);
	vec_release(&want);
	return rc;
}

/* --- texts --- */

static void fill_text(struct step_mounts *out, struct buf *text, struct sandbox_mount *to)
{
	vec_push(&out->texts, text);
	to->kind = SANDBOX_MOUNT_TEXT;
	to->text = text->p;
	to->text_len = text->n;
	to->readonly = true;
}

static const char *secret_id(const struct plan_mount *m)
{
	const char *slash = m->def.target ? strrchr(m->def.target, '/') : NULL;

	return m->def.id ? m->def.id : slash ? slash + 1 : m->def.target;
}

/* 1: mounted, 0: nothing to mount. Without a target of its own, a secret with env= is only a variable. */
static int fill_secret(const struct step_job *j, const struct plan_mount *m, struct step_mounts *out,
		       struct sandbox_mount *to, struct err *e)
{
	struct buf *text = mem_new(struct buf);
	int found;

	*text = BUF_INIT(SECRET_MAX_BYTES);
	found = secret_read(&j->b->o->secrets, secret_id(m), text, e);
	if (found > 0 && m->def.env)
		strv_printf(&out->env, "%s=%s", m->def.env, buf_str(text));
	if (found > 0 && (!m->def.env || m->def.target)) {
		to->mode = or_else(m->def.mode, SECRET_MODE);
		to->uid = or_else(m->def.uid, 0);
		to->gid = or_else(m->def.gid, 0);
		fill_text(out, text, to);
		return 1;
	}
	buf_release(text);
	free(text);
	if (found == 0 && m->def.required) {
		err_set(e, ERR_INPUT, "the secret \"%s\" is required, but was not given", secret_id(m));
		return err_hint(e, "give it with --secret id=%s,src=FILE", secret_id(m));
	}
	return found < 0 ? -1 : 0;
}

static void fill_script(const struct plan_doc *script, struct step_mounts *out)
{
	struct buf *text = mem_new(struct buf);
	struct sandbox_mount to = {.target = keep(out, mem_printf(PLAN_SCRIPT_DIR "%s", script->name)),
				   .mode = SCRIPT_MODE};

	*text = BUF_INIT(BUF_TEXT_MAX);
	buf_add(text, script->text, script->n);
	fill_text(out, text, &to);
	vec_push(&out->v, to);
}

/* 1: there is something to mount. */
static int fill_one(const struct step_job *j, size_t i, struct step_mounts *out, struct sandbox_mount *to,
		    struct err *e)
{
	const struct plan_mount *m = &j->def->mounts.v[i];

	switch (m->def.type) {
	case DMOUNT_BIND:
		return fill_bind(j, i, out, to, e) < 0 ? -1 : 1;
	case DMOUNT_CACHE:
		return fill_cache(j, i, out, to, e) < 0 ? -1 : 1;
	case DMOUNT_SECRET:
		return fill_secret(j, m, out, to, e);
	case DMOUNT_TMPFS:
		to->kind = SANDBOX_MOUNT_TMPFS;
		to->size = m->def.size;
		return 1;
	case DMOUNT_SSH:
		break;
	}
	return 0;
}

int step_mount_fill(const struct step_job *j, struct step_mounts *out, struct err *e)
{
	*out = (struct step_mounts){.dir = mem_printf("%s/mounts", j->dir)};
	if (!j->def->mounts.n && !j->def->script.name)
		return 0;
	if (make_dir(j, out->dir, e) < 0 || take_locks(j, out, e) < 0)
		return -1;
	for (size_t i = 0; i < j->def->mounts.n; i++) {
		struct sandbox_mount to = {.target = j->def->mounts.v[i].target};
		int r = fill_one(j, i, out, &to, e);

		if (r < 0)
			return err_wrap(e, "--mount on %s", to.target ? to.target : "?");
		if (r > 0)
			vec_push(&out->v, to);
	}
	if (j->def->script.name)
		fill_script(&j->def->script, out);
	return 0;
}

void step_mount_release(struct step_mounts *m)
{
	for (size_t i = 0; i < m->locks.n; i++)
		lock_drop(m->locks.v[i]);
	for (size_t i = 0; i < m->strings.n; i++)
		free(m->strings.v[i]);
	for (size_t i = 0; i < m->lowers.n; i++) {
		strv_release(m->lowers.v[i]);
		free(m->lowers.v[i]);
	}
	for (size_t i = 0; i < m->texts.n; i++) {
		buf_release(m->texts.v[i]);
		free(m->texts.v[i]);
	}
	vec_release(&m->v);
	vec_release(&m->locks);
	vec_release(&m->strings);
	vec_release(&m->lowers);
	vec_release(&m->texts);
	strv_release(&m->env);
	free(m->dir);
}
