#include "src/build/squash.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "oci/diff.h"
#include "oci/treewalk.h"
#include "src/build/opsbase.h"
#include "src/build/rootview.h"
#include "src/session/treeview.h"
#include "src/util/mem.h"
#include "src/util/path.h"

#define OPAQUE "user.overlay.opaque"

struct squash {
	struct build *b;
	struct digest_list base, all; /* stacks */
	char *dir;		      /* below the store's tmp/ */
	/* in the worker: */
	struct smap seen; /* paths of the upper layers; a value other than NULL: what the base has there is hidden */
	int upper;	  /* the new layer's tree */
	int base_root;	  /* merged; -1: the base is empty */
	struct treeview view;
};

/* --- what the upper layers have --- */

static bool is_opaque(int fd)
{
	char v[2];

	return fgetxattr(fd, OPAQUE, v, sizeof v) == 1 && v[0] == 'y';
}

/* A directory over a directory shows both; everything else hides what is below it, also from the layers above. */
static void note(struct squash *q, const struct treewalk_item *it)
{
	bool dir = S_ISDIR(it->st.st_mode), hides = !dir || is_opaque(it->fd);

	if (hides || !smap_has(&q->seen, it->path))
		smap_set(&q->seen, it->path, hides ? q : NULL);
}

static int note_layer(struct squash *q, const struct digest *diff_id, struct err *e)
{
	AUTO_FREE char *path = store_layer_path(q->b->s->tier.form, diff_id);
	AUTO_CLOSE int fd = openat(store_fd(q->b->s->store), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_TREEWALK struct treewalk *w = NULL;
	struct treewalk_item it;
	int more;

	if (fd < 0)
		return err_sys(e, ERR_HOST, errno, "%s", path);
	w = treewalk_open(fd, e);
	if (!w)
		return -1;
	while ((more = treewalk_next(w, &it, e)) > 0)
		if (!it.leave && it.path[0])
			note(q, &it);
	return more;
}

/* --- the files --- */

static int mount_stack(const struct squash *q, const struct digest_list *stack, const char *empty_name, struct err *e)
{
	AUTO_FREE char *empty = mem_printf("%s/%s", q->dir, empty_name);

	return rootview_open(q->b, stack, empty, e);
}

/* What no upper layer has is the base's. */
static bool is_base(void *arg, const char *path)
{
	const struct squash *q = arg;

	return !smap_has(&q->seen, path);
}

static int write_tar(struct squash *q, int root, int tar, struct err *e)
{
	struct diff_opts o = {.skip = is_base, .arg = q, .view = &q->view.view};
	struct wstream *out = stream_to_fd(tar, false, "squashed layer");
	struct tar_write *t = tar_write_new(out);
	int rc = diff_write(root, &o, t, e);

	if (rc == 0)
		rc = tar_write_end(t, e);
	if (rc == 0)
		rc = stream_finish(out, e);
	tar_write_free(t);
	stream_wclose(out);
	return rc;
}

/* The mounted root's owner and mode are those of the topmost tree's. */
static int match_root(const struct squash *q, int root, struct err *e)
{
	struct stat st;

	if (fstat(root, &st) < 0 || ownview_read(&q->view.view, root, "", &st) < 0 ||
	    ownview_write(&q->view.view, q->upper, "", &(struct ownrec){st.st_uid, st.st_gid, st.st_mode, 0, 0}) < 0)
		return err_sys(e, ERR_HOST, errno, "%s/upper", q->dir);
	return 0;
}

static int copy_files(struct squash *q, int root, struct err *e)
{
	struct layer_apply_opts o = {
		.plain = true, .may_mknod = tier_makes_nodes(&q->b->s->tier), .view = &q->view.view};
	AUTO_FREE char *path = mem_printf("%s/tar", q->dir);
	AUTO_CLOSE int tar = openat(store_fd(q->b->s->store), path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct layer_info info;

	if (tar < 0)
		return err_sys(e, ERR_HOST, errno, "%s", path);
	if (write_tar(q, root, tar, e) < 0)
		return -1;
	if (lseek(tar, 0, SEEK_SET) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", path);
	if (layer_apply(stream_from_fd(tar, false, "squashed layer"), q->upper, &o, &info, e) < 0)
		return -1;
	return match_root(q, root, e);
}

/* --- whiteouts and opaque directories --- */

/* Type of what is there, 0 if nothing is. No link is followed. */
static mode_t type_at(int root, const char *path)
{
	AUTO_CLOSE int fd = path_open_nolinks(root, path, O_PATH | O_NOFOLLOW, 0);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 ? st.st_mode & S_IFMT : 0;
}

static int make_whiteout(const struct squash *q, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *parent = slash ? mem_strndup(path, (size_t)(slash - path)) : mem_strdup(".");
	AUTO_CLOSE int dir = path_open_nolinks(q->upper, parent, O_RDONLY | O_DIRECTORY, 0);
	struct stat st;

	if (dir < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return 0; /* hidden with its directory */
	if (dir < 0 || fstat(dir, &st) < 0 || mknodat(dir, slash ? slash + 1 : path, S_IFCHR, 0) < 0 ||
	    futimens(dir, (const struct timespec[]){st.st_atim, st.st_mtim}) < 0)
		return err_sys(e, ERR_HOST, errno, "whiteout of %s", path);
	return 0;
}

static int make_opaque(const struct squash *q, const char *path, struct err *e)
{
	AUTO_CLOSE int dir = path_open_nolinks(q->upper, path, O_RDONLY | O_DIRECTORY, 0);

	if (dir < 0 || fsetxattr(dir, OPAQUE, "y", 1, 0) < 0)
		return err_sys(e, ERR_HOST, errno, "marking %s as opaque", path);
	return 0;
}

static int hide(const struct squash *q, const char *path, struct err *e)
{
	mode_t below = type_at(q->base_root, path), now = below ? type_at(q->upper, path) : 0;

	if (!below)
		return 0;
	if (!now)
		return make_whiteout(q, path, e);
	return S_ISDIR(now) && S_ISDIR(below) ? make_opaque(q, path, e) : 0;
}

static int hide_all(struct squash *q, struct err *e)
{
	for (size_t i = 0; i < q->seen.n && q->base.n; i++)
		if (q->seen.v[i].val && hide(q, q->seen.v[i].key, e) < 0)
			return -1;
	return 0;
}

/* --- the worker --- */

static int fill_layer(struct squash *q, const struct worker *w, int upper, struct layer_info *info, struct err *e)
{
	AUTO_CLOSE int root = mount_stack(q, &q->all, "empty", e);
	AUTO_CLOSE int base = root < 0 || !q->base.n ? -1 : mount_stack(q, &q->base, "empty.base", e);

	if (err_is_set(e) || worker_confine(w, &(struct worker_view){-1, root, base, false}, e) < 0)
		return -1;
	q->base_root = base;
	if (treeview_stack(&q->view, q->b->s, &q->all, e) < 0)
		return -1;
	for (size_t i = q->base.n; i < q->all.n; i++)
		if (note_layer(q, &q->all.v[i], e) < 0)
			return -1;
	if (copy_files(q, root, e) < 0 || hide_all(q, e) < 0)
		return -1;
	return layer_pack_as(upper, &q->view.view, &q->view.made, NULL, NULL, info, e);
}

static int make_layer(void *arg, struct worker *w, struct json **result, struct err *e)
{
	struct squash *q = arg;
	AUTO_FREE char *upper = mem_printf("%s/upper", q->dir);
	AUTO_CLOSE int fd = openat(store_fd(q->b->s->store), upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct layer_info info = {0};

	umask(0);
	if (fd < 0)
		return err_sys(e, ERR_HOST, errno, "%s", upper);
	q->upper = fd;
	treeview_open(&q->view, q->b->s);
	if (fill_layer(q, w, fd, &info, e) < 0)
		return -1;
	if (info.entries &&
	    store_layer_publish_with(q->b->s->store, upper, q->b->s->tier.form, &info.diff_id, &q->view.made, e) < 0)
		return -1;
	*result = step_commit_json(&info);
	return 0;
}

static int make_dirs(struct squash *q, struct err *e)
{
	static const char *const names[] = {"", "/upper", "/empty", "/empty.base"};
	struct build *b = q->b;

	if (!b->tmp && store_tmp_dir(b->s->store, "run", &b->tmp, e) < 0)
		return -1;
	q->dir = mem_printf("%s/squash.%u", b->tmp, b->tmp_count++);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_FREE char *path = mem_printf("%s%s", q->dir, names[i]);

		if (mkdirat(store_fd(b->s->store), path, 0755) < 0)
			return err_sys(e, ERR_HOST, errno, "%s", path);
	}
	return 0;
}

static int run(struct squash *q, struct layer_info *info, struct err *e)
{
	struct worker_spec spec = {.role = "squash", .enter = WORKER_MOUNT, .fn = make_layer, .arg = q};
	AUTO_JSON struct json *answer = NULL;

	if (make_dirs(q, e) < 0 || opsbase_trees(q->b, &q->all, "layers to squash", e) < 0 ||
	    worker_call(q->b->s, &spec, &answer, e) < 0 || step_commit_result(answer, info, e) < 0)
		return -1;
	if (info->entries)
		record_layer(q->b, info);
	return store_sync(q->b->s->store, e);
}

/* --- the config --- */

static const struct plan_image *base_image(const struct plan *p, size_t at)
{
	while (p->stages.v[at].base_stage != PLAN_NONE)
		at = p->stages.v[at].base_stage;
	return p->stages.v[at].base_image == PLAN_NONE ? NULL : &p->images.v[p->stages.v[at].base_image];
}

static void rewrite(const struct plan_image *base, const struct layer_info *info, struct imgconfig *c)
{
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	AUTO_FREE char *comment = NULL;
	struct digest whole;

	imgconfig_write(c, &text);
	digest_of_bytes(text.p, text.n, &whole);
	comment = base ? mem_printf("merge %s to %s", whole.text, base->config_digest.text)
		       : mem_printf("create new from %s", whole.text);
	for (size_t i = base ? base->config.nhistory : 0; i < c->nhistory; i++)
		c->history[i].empty_layer = true;
	digest_list_release(&c->diff_ids);
	if (base)
		digest_list_copy(&c->diff_ids, &base->diff_ids);
	if (info->entries)
		vec_push(&c->diff_ids, info->diff_id);
	imgconfig_add_history(c, c->created, NULL, comment, !info->entries);
}

int squash_goal(struct build *b, size_t stage, struct imgconfig *config, struct err *e)
{
	const struct plan_image *base = base_image(b->plan, stage);
	struct squash q = {.b = b, .seen = SMAP_INIT(NULL), .base_root = -1};
	struct layer_info info = {0};
	int rc;

	if (base && base->diff_ids.n == config->diff_ids.n)
		return 0;
	if (base)
		digest_list_copy(&q.base, &base->diff_ids);
	digest_list_copy(&q.all, &config->diff_ids);
	rc = q.all.n ? run(&q, &info, e) : 0;
	if (rc == 0 && q.all.n)
		rewrite(base, &info, config);
	digest_list_release(&q.base);
	digest_list_release(&q.all);
	smap_release(&q.seen);
	free(q.dir);
	return rc < 0 ? err_wrap(e, "--squash") : 0;
}
