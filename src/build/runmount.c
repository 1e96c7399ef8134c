#include "src/build/roots.h"
#include "src/build/runmount.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "src/build/cacheclock.h"
#include "src/build/ctxmount.h"
#include "src/build/lowers.h"
#include "src/build/sshproxy.h"
#include "src/build/updir.h"
#include "src/session/nsjob.h"
#include "src/session/treeview.h"
#include "src/util/mem.h"
#include "src/util/vec.h"

/* Defaults of the reference (Dockerfile reference, "RUN --mount=type=secret"). */
#define SECRET_MODE 0400
#define SSH_MODE    0600
#define SSH_NAME    "agent"
/* Of a script of RUN, as the reference's. */
#define SCRIPT_MODE 0755

static char *keep(struct runmounts *m, char *text)
{
	strv_take(&m->texts, text);
	return text;
}

/* Directory of the step for its n-th mount, relative to the store. */
char *runmount_dir(const struct step_job *j, const struct plan_mount *pm, const char *suffix)
{
	return mem_printf("%s/mount.%td%s", j->dir, pm - j->def->mounts.v, suffix);
}

char *runmount_updir(const struct step_job *j, const struct plan_mount *pm, const char *suffix)
{
	AUTO_FREE char *name = mem_printf("mount.%td%s", pm - j->def->mounts.v, suffix);

	return updir_path(j, name);
}

static struct sandbox_mount *add(struct runmounts *m, enum sandbox_mount_kind kind, const struct plan_mount *pm)
{
	struct sandbox_mount sm = {.kind = kind, .target = pm->m.target, .readonly = pm->m.readonly};

	vec_push(&m->list, sm);
	return &m->list.v[m->list.n - 1];
}

/* --- tmpfs --- */

static int add_tmpfs(const struct step_job *j, struct runmounts *m, const struct plan_mount *pm, struct err *e)
{
	(void)j;
	(void)e;
	add(m, SANDBOX_TMPFS, pm)->size = pm->m.size;
	return 0;
}

/* --- secret, ssh --- */

static const struct build_secret *find_given(const struct build_secret_list *list, const char *id)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i].id, id) == 0)
			return &list->v[i];
	return NULL;
}

static int not_given(const struct plan_mount *pm, const char *what, const char *place, struct err *e)
{
	if (!pm->m.required)
		return 0;
	err_set(e, ERR_INPUT, "--mount: the %s %s is required and was not given", what, pm->m.id);
	return err_hint(e, "give it with --%s%s%s", what, place, pm->m.id);
}

static int add_secret(const struct step_job *j, struct runmounts *m, const struct plan_mount *pm, struct err *e)
{
	const struct build_secret *given = find_given(&j->b->o->secrets, pm->m.id);
	const struct secret *s;

	if (!given)
		return not_given(pm, "secret", " src=FILE,id=", e);
	s = secret_read(given, &m->secrets, e);
	if (!s)
		return -1;
	if (pm->m.env)
		strv_printf(&m->env, "%s=%s", pm->m.env, s->value);
	if (!pm->m.target)
		return 0;
	struct sandbox_mount *sm = add(m, SANDBOX_FILE, pm);

	sm->readonly = true;
	sm->mode = pm->m.mode == DMOUNT_UNSET ? SECRET_MODE : pm->m.mode;
	sm->uid = pm->m.uid == DMOUNT_UNSET ? 0 : pm->m.uid;
	sm->gid = pm->m.gid == DMOUNT_UNSET ? 0 : pm->m.gid;
	sm->data = s->value;
	sm->len = s->n;
	return 0;
}

static bool has_variable(const struct strv *env, const char *start)
{
	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], start, strlen(start)) == 0)
			return true;
	return false;
}

static int new_dir(const struct step_job *j, const char *rel, struct err *e)
{
	int store = store_fd(j->b->s->store);
	int fd = mkdirat(store, rel, 0755) < 0 ? -1 : openat(store, rel, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_sys(e, ERR_HOST, errno, "%s", rel) : fd;
}

static int add_ssh(const struct step_job *j, struct runmounts *m, const struct plan_mount *pm, struct err *e)
{
	const char *agent = sshagent_socket(&j->b->agents, &j->b->o->ssh, pm->m.id);

	if (!agent)
		return not_given(pm, "ssh", " ", e);
	AUTO_FREE char *dir = runmount_dir(j, pm, "");
	AUTO_CLOSE int fd = new_dir(j, dir, e);
	struct runmount_ssh proxy = {pm, fd < 0 ? -1 : sshproxy_start(agent, fd, SSH_NAME, e)};

	if (proxy.pid < 0)
		return err_wrap(e, "--mount %s", pm->m.target);
	vec_push(&m->proxies, proxy);
	if (!has_variable(&m->env, "SSH_AUTH_SOCK="))
		strv_printf(&m->env, "SSH_AUTH_SOCK=%s", pm->m.target);
	add(m, SANDBOX_BIND, pm)->source = keep(m, mem_printf("%s/" SSH_NAME, dir));
	return 0;
}

/* --- bind --- */

static int add_context(const struct step_job *j, struct runmounts *m, const struct plan_mount *pm, struct err *e)
{
	AUTO_FREE char *dir = runmount_dir(j, pm, "");

	if (mkdirat(store_fd(j->b->s->store), dir, 0755) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", dir);
	add(m, SANDBOX_BIND, pm)->source = keep(m, mem_printf("%s/%s", dir, CTXMOUNT_NAME));
	return 0;
}

/* Place of the mount's stack among what the step reads. */
const struct digest_list *runmount_stack(const struct step_job *j, const struct plan_mount *pm)
{
	static const struct digest_list scratch = {0};
	const struct plan_mount *all = j->def->mounts.v;
	size_t n = 0;

	if (pm->index == PLAN_NONE)
		return &scratch;
	for (size_t i = 0; &all[i] < pm; i++)
		n += all[i].origin != PLAN_FROM_CONTEXT && all[i].index != PLAN_NONE;
	return &j->from.v[n];
}

static int make_updirs(const struct overlay_spec *o, struct err *e)
{
	if (mkdirat(o->dirfd, o->upper, 0755) < 0 || mkdirat(o->dirfd, o->work, 0755) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", o->upper);
	return 0;
}

/* On a tmpfs they are made when that is there. */
static int set_writable(const struct step_job *j, struct runmounts *m, const struct plan_mount *pm,
			struct overlay_spec *o, struct err *e)
{
	o->upper = keep(m, runmount_updir(j, pm, ".upper"));
	o->work = keep(m, runmount_updir(j, pm, ".work"));
	return j->memory ? 0 : make_updirs(o, e);
}

static int add_stack(const struct step_job *j, struct runmounts *m, const struct plan_mount *pm, struct err *e)
{
	struct strv *lower = mem_new(struct strv);
	struct sandbox_mount *sm = add(m, SANDBOX_STACK, pm);

	vec_push(&m->stacks, lower);
	lowers_paths(j->b, runmount_stack(j, pm), lower);
	sm->source = pm->m.source ? pm->m.source : "/";
	sm->stack = (struct overlay_spec){.dirfd = store_fd(j->b->s->store),
					  .lower = (const char *const *)lower->v,
					  .nlower = lower->n,
					  .empty = keep(m, mem_printf("%s/empty", j->dir))};
	if (j->b->s->tier.trees) {
		sm->stack.tree = keep(m, runmount_dir(j, pm, ".tree"));
		return 0;
	}
	/* cacheclock.h gives files another time in the upper directory. */
	return pm->m.readonly && !m->caches.n ? 0 : set_writable(j, m, pm, &sm->stack, e);
}

static int add_bind(const struct step_job *j, struct runmounts *m, const struct plan_mount *pm, struct err *e)
{
	m->keep_sync |= !pm->m.readonly;
	return plan_mount_of_context(pm) ? add_context(j, m, pm, e) : add_stack(j, m, pm, e);
}

/* --- all --- */

static int add_cache(const struct step_job *j, struct runmounts *m, const struct plan_mount *pm, struct err *e)
{
	struct sandbox_mount *sm = add(m, SANDBOX_BIND, pm);

	(void)j;
	(void)e;
	m->keep_sync = true;
	sm->source = cachemount_of(&m->caches, pm)->data;
	/* other steps may be at work in it */
	sm->unlisted = true;
	return 0;
}

typedef int add_fn(const struct step_job *j, struct runmounts *m, const struct plan_mount *pm, struct err *e);

static add_fn *const adders[] = {
	[DMOUNT_BIND] = add_bind,     [DMOUNT_CACHE] = add_cache, [DMOUNT_TMPFS] = add_tmpfs,
	[DMOUNT_SECRET] = add_secret, [DMOUNT_SSH] = add_ssh,
};

/* A here-document that is executed. */
static void add_script(const struct plan_doc *script, struct runmounts *m)
{
	struct sandbox_mount sm = {.kind = SANDBOX_FILE,
				   .target = keep(m, mem_printf(PLAN_SCRIPT_DIR "%s", script->name)),
				   .readonly = true,
				   .mode = SCRIPT_MODE,
				   .data = script->text,
				   .len = script->n};

	vec_push(&m->list, sm);
}

struct filling {
	const struct step_job *j;
	const struct runmounts *m;
};

static int fill_context(const struct step_job *j, const struct plan_mount *pm, struct err *e)
{
	AUTO_FREE char *dir = runmount_dir(j, pm, "");
	AUTO_CLOSE int fd = openat(store_fd(j->b->s->store), dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, ERR_HOST, errno, "%s", dir);
	return ctxmount_copy(j, pm, fd, e) < 0 ? err_wrap(e, "--mount %s", pm->m.target) : 0;
}

static int give_agent(const struct step_job *j, const struct plan_mount *pm, struct err *e)
{
	AUTO_FREE char *dir = runmount_dir(j, pm, ""), *path = mem_printf("%s/" SSH_NAME, dir);
	mode_t mode = pm->m.mode == DMOUNT_UNSET ? SSH_MODE : pm->m.mode;
	uid_t uid = pm->m.uid == DMOUNT_UNSET ? 0 : pm->m.uid;
	gid_t gid = pm->m.gid == DMOUNT_UNSET ? 0 : pm->m.gid;
	int store = store_fd(j->b->s->store);

	/* runmount_owners() records it */
	if (j->b->s->tier.tier == TIER_SOLO)
		uid = gid = 0;
	if (fchownat(store, path, uid, gid, AT_SYMLINK_NOFOLLOW) == 0 && fchmodat(store, path, mode & 07777, 0) == 0)
		return 0;
	return err_sys(e, ERR_INPUT, errno, "--mount %s: owner %u:%u, mode %o", pm->m.target, uid, gid, mode);
}

static int record_agent(const struct step_job *j, const struct plan_mount *pm, const struct ownview *view,
			struct err *e)
{
	AUTO_FREE char *dir = runmount_dir(j, pm, ""), *path = mem_printf("%s/" SSH_NAME, dir);
	const struct ownrec want = {
		.uid = pm->m.uid == DMOUNT_UNSET ? 0 : pm->m.uid,
		.gid = pm->m.gid == DMOUNT_UNSET ? 0 : pm->m.gid,
		.mode = S_IFSOCK | (pm->m.mode == DMOUNT_UNSET ? SSH_MODE : pm->m.mode & 07777),
	};

	if (ownview_write(view, store_fd(j->b->s->store), path, &want) < 0)
		return err_sys(e, ERR_HOST, errno, "--mount %s: owner %u:%u", pm->m.target, want.uid, want.gid);
	return 0;
}

static int open_copied(const struct step_job *j, int flags)
{
	AUTO_FREE char *path = mem_printf("%s/copied", j->dir);

	return openat(store_fd(j->b->s->store), path, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
}

int runmount_owners(const struct step_job *j, const struct runmounts *m, struct owntab *rows, struct err *e)
{
	const struct ownview view = {.rows = rows, .plain = true};
	AUTO_CLOSE int copied = open_copied(j, O_RDONLY);

	if (copied >= 0 && owntab_load(rows, copied, e) < 0)
		return -1;
	for (size_t i = 0; i < m->proxies.n; i++)
		if (record_agent(j, m->proxies.v[i].pm, &view, e) < 0)
			return -1;
	return 0;
}

static bool is_context_bind(const struct plan_mount *pm)
{
	return pm->m.type == DMOUNT_BIND && plan_mount_of_context(pm);
}

/* What needs the user namespace: files with the ids of the image. */
static bool is_stack(const struct plan_mount *pm)
{
	return pm->m.type == DMOUNT_BIND && !plan_mount_of_context(pm);
}

/* Links and the like in copies, for runmount_owners(). */
static int save_copied(const struct step_job *j, const struct treeview *tv, struct err *e)
{
	AUTO_CLOSE int fd = -1;

	if (j->b->s->tier.tier != TIER_SOLO || !owntab_len(tv->view.rows))
		return 0;
	fd = open_copied(j, O_WRONLY | O_CREAT | O_EXCL);
	return fd < 0 ? err_sys(e, ERR_HOST, errno, "%s/copied", j->dir) : owntab_save(tv->view.rows, fd, e);
}

static int copy_stack(const struct step_job *j, const struct plan_mount *pm, struct treeview *tv, struct err *e)
{
	AUTO_FREE char *tree = runmount_dir(j, pm, ".tree");
	const struct digest_list *stack = runmount_stack(j, pm);

	if (treeview_stack(tv, j->b->s, stack, e) < 0)
		return -1;
	return roots_copy(j->b, stack, tree, false, &tv->view, e);
}

/* Where there is no overlay, a mounted stack is a copy that the step may have for itself. */
static int copy_stacks(const struct step_job *j, struct err *e)
{
	AUTO_TREEVIEW struct treeview tv = {0};

	treeview_open(&tv, j->b->s);
	for (size_t i = 0; j->b->s->tier.trees && i < j->def->mounts.n; i++) {
		const struct plan_mount *pm = &j->def->mounts.v[i];

		if (is_stack(pm) && copy_stack(j, pm, &tv, e) < 0)
			return err_wrap(e, "--mount %s", pm->m.target);
	}
	return save_copied(j, &tv, e);
}

static int fill(void *arg, struct err *e)
{
	const struct filling *f = arg;
	const struct step_job *j = f->j;

	for (size_t i = 0; i < j->def->mounts.n; i++)
		if (is_context_bind(&j->def->mounts.v[i]) && fill_context(j, &j->def->mounts.v[i], e) < 0)
			return -1;
	if (copy_stacks(j, e) < 0)
		return -1;
	for (size_t i = 0; j->memory && i < f->m->list.n; i++)
		if (f->m->list.v[i].stack.upper && make_updirs(&f->m->list.v[i].stack, e) < 0)
			return -1;
	for (size_t i = 0; i < f->m->caches.n; i++)
		if (cachemount_make(j, &f->m->caches.v[i], e) < 0)
			return -1;
	for (size_t i = 0; i < f->m->proxies.n; i++)
		if (give_agent(j, f->m->proxies.v[i].pm, e) < 0)
			return -1;
	return cacheclock_prepare(j, &f->m->caches, e);
}

static bool needs_filling(const struct step_job *j, const struct runmounts *m)
{
	if (m->proxies.n || (j->memory && m->list.n))
		return true;
	for (size_t i = 0; i < j->def->mounts.n; i++)
		if (plan_mount_of_context(&j->def->mounts.v[i]) || j->def->mounts.v[i].m.type == DMOUNT_CACHE ||
		    (j->b->s->tier.trees && is_stack(&j->def->mounts.v[i])))
			return true;
	return false;
}

int runmount_prepare(const struct step_job *j, struct runmounts *m, struct err *e)
{
	if (cachemount_take(j, &m->caches, e) < 0)
		return -1;
	for (size_t i = 0; i < j->def->mounts.n; i++) {
		const struct plan_mount *pm = &j->def->mounts.v[i];

		if (adders[pm->m.type](j, m, pm, e) < 0)
			return -1;
	}
	if (j->def->script.name)
		add_script(&j->def->script, m);
	return 0;
}

int runmount_fill(const struct step_job *j, struct runmounts *m, int nsfd, struct err *e)
{
	struct filling f = {j, m};

	return needs_filling(j, m) ? nsjob_run(nsfd, fill, &f, e) : 0;
}

int runmount_finish(const struct step_job *j, struct runmounts *m, struct err *e)
{
	if (cacheclock_finish(j, &m->caches, e) < 0)
		return -1;
	if (!m->secrets.n || j->b->o->allow_secret_in_layer)
		return 0;
	AUTO_CLOSE int fd = updir_open(j);

	if (fd < 0)
		return err_sys(e, ERR_HOST, errno, "%s/upper", j->dir);
	return secret_scan(fd, &m->secrets, e);
}

void runmount_release(struct runmounts *m)
{
	for (size_t i = 0; i < m->proxies.n; i++)
		sshproxy_end(m->proxies.v[i].pid);
	vec_release(&m->proxies);
	secret_release(&m->secrets);
	cachemount_release(&m->caches);
	for (size_t i = 0; i < m->stacks.n; i++) {
		strv_release(m->stacks.v[i]);
		free(m->stacks.v[i]);
	}
	vec_release(&m->stacks);
	strv_release(&m->env);
	strv_release(&m->texts);
	vec_release(&m->list);
}
