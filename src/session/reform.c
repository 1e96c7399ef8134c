#include "src/session/reform.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "oci/layer.h"
#include "src/sandbox/idmap.h"
#include "src/sandbox/userns.h"
#include "src/session/treeview.h"
#include "src/util/mem.h"

/* The tier whose trees have this form, if it is one that this user can enter now. */
static bool tier_of(const char *name, struct tier_info *t)
{
	/* "-w": whiteouts are attributes there, which any tier can read; "-x": the same, not marked for overlays */
	size_t n = strlen(name),
	       cut = n > 2 && (strcmp(name + n - 2, "-w") == 0 || strcmp(name + n - 2, "-x") == 0) ? 2 : 0;
	AUTO_FREE char *form = mem_strndup(name, n - cut);
	struct err e = ERR_INIT;
	bool ours = false;

	*t = (struct tier_info){.tier = TIER_ROOT};
	if (strcmp(form, "real") == 0)
		return geteuid() == 0;
	t->tier = TIER_NONE;
	if (strcmp(form, "plain") == 0)
		return true;
	t->tier = TIER_SOLO;
	idmap_solo(t);
	if (strcmp(form, t->form) == 0)
		return true;
	t->tier = TIER_RANGE;
	ours = strncmp(form, "map-", 4) == 0 && idmap_load(t, &e) == 0 && strcmp(form, t->form) == 0;
	err_release(&e);
	return ours;
}

char *reform_find(const struct session *s, const struct digest *diff_id)
{
	int fd = openat(store_fd(s->store), "layers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSEDIR DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *de;
	struct tier_info t;

	while (d && (de = readdir(d))) {
		if (strchr(de->d_name, '.') || strcmp(de->d_name, s->tier.form) == 0)
			continue;
		if (store_layer_has(s->store, de->d_name, diff_id) && tier_of(de->d_name, &t))
			return mem_strdup(de->d_name);
	}
	return NULL;
}

static int pack(const struct reform *r, struct treeview *tv, struct err *e)
{
	AUTO_FREE char *rel = store_layer_path(r->form, r->diff_id);
	AUTO_CLOSE int tree = openat(store_fd(r->s->store), rel, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int out = openat(store_fd(r->s->store), r->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	const struct layer_codec plain = {CODEC_NONE, 0};
	struct layer_info info = {0};

	if (tree < 0 || out < 0)
		return err_sys(e, ERR_HOST, errno, "%s", tree < 0 ? rel : r->path);
	if (store_layer_owners(r->s->store, r->form, r->diff_id, &tv->view, e) < 0)
		return -1;
	struct wstream *w = stream_to_fd(out, false, "layer");
	int rc = layer_pack_as(tree, &tv->view, NULL, &plain, w, &info, e);

	stream_wclose(w);
	if (rc < 0 || digest_eq(&info.diff_id, r->diff_id))
		return rc;
	return err_set(e, ERR_INTEGRITY, "its tree has changed: its digest is now %s", info.diff_id.text);
}

static int convert(void *arg, struct worker *w, struct json **result, struct err *e)
{
	const struct reform *r = arg;
	AUTO_TREEVIEW struct treeview tv = {0};
	struct tier_info t;

	(void)w, (void)result;
	if (!tier_of(r->form, &t))
		return err_set(e, ERR_HOST, "layers of form %s cannot be entered any more", r->form);
	treeview_open_as(&tv, t.tier);
	if (userns_join(r->nsfd, e) < 0 || pack(r, &tv, e) < 0)
		return err_wrap(e, "layer %s (%s)", r->diff_id->text, r->form);
	return 0;
}

int reform_start(struct reform *r, worker_done_fn *done, void *ctx, struct err *e)
{
	struct worker_spec spec = {.role = "pack", .fn = convert, .arg = r, .done = done, .ctx = ctx};
	struct tier_info t;
	struct worker *w;

	if (!tier_of(r->form, &t))
		return err_set(e, ERR_HOST, "layers of form %s cannot be entered", r->form);
	r->nsfd = -1;
	if (t.tier == TIER_RANGE || t.tier == TIER_SOLO) {
		r->nsfd = userns_open(&t, e);
		if (r->nsfd < 0)
			return -1;
		spec.fds[spec.nfds++] = r->nsfd;
	}
	w = worker_start(r->s, &spec, e);
	if (r->nsfd >= 0)
		close(r->nsfd);
	return w ? 0 : -1;
}
