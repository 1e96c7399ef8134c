/* slct import: a root file system tar becomes a one-layer image. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "src/build/opsbase.h"
#include "src/image/image_ops.h"
#include "src/session/treeview.h"
#include "src/util/clock.h"
#include "src/util/mem.h"

struct import {
	struct build b;
	int tar;
	const char *dir; /* being unpacked, relative to the store */
};

/* The layer's digest is that of our canonical tar, so equal trees give equal images whatever wrote the archive. */
static int import_tree(void *arg, struct worker *w, struct json **result, struct err *e)
{
	struct import *im = arg;
	struct session *s = im->b.s;
	AUTO_TREEVIEW struct treeview tv = {0};
	struct layer_apply_opts o = {.plain = true, .may_mknod = tier_makes_nodes(&s->tier), .view = &tv.view};
	AUTO_CLOSE int dir = openat(store_fd(s->store), im->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct layer_info raw = {0}, info = {0};

	(void)w;
	if (dir < 0)
		return err_sys(e, ERR_HOST, errno, "%s", im->dir);
	treeview_open(&tv, s);
	if (layer_apply(stream_from_fd(im->tar, false, "archive"), dir, &o, &raw, e) < 0 ||
	    layer_pack_as(dir, &tv.view, &tv.made, NULL, NULL, &info, e) < 0)
		return -1;
	info.lossy = raw.lossy;
	if (!info.entries)
		return err_set(e, ERR_INPUT, "the archive is empty");
	if (store_layer_publish_with(s->store, im->dir, s->tier.form, &info.diff_id, &tv.made, e) < 0)
		return -1;
	*result = json_new_object();
	json_set_str(*result, "diff_id", info.diff_id.text);
	json_set_int(*result, "size", (int64_t)info.size);
	json_set_int(*result, "entries", (int64_t)info.entries);
	json_set_bool(*result, "lossy", info.lossy);
	return 0;
}

static int unpack(struct import *im, struct layer_info *info, struct err *e)
{
	AUTO_FREE char *dir = mem_printf("%s/import", im->b.tmp);
	struct worker_spec spec = {
		.role = "unpack", .enter = WORKER_USERNS, .fn = import_tree, .arg = im, .fds = {im->tar}, .nfds = 1};
	AUTO_JSON struct json *answer = NULL;

	if (mkdirat(store_fd(im->b.s->store), dir, 0755) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", dir);
	im->dir = dir;
	if (worker_call(im->b.s, &spec, &answer, e) < 0)
		return -1;
	return step_commit_result(answer, info, e);
}

static int put_image(struct session *s, const char *name, const struct layer_info *info, const struct platform *p,
		     int64_t epoch, struct digest *id, struct err *e)
{
	AUTO_IMGCONFIG struct imgconfig c;
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	AUTO_LAYER_REC struct store_layer_rec rec = {
		.diff_id = info->diff_id, .size = info->size, .entries = info->entries, .lossy = info->lossy};
	struct descriptor config = {0};
	char when[32];

	imgconfig_init(&c, p);
	vec_push(&c.diff_ids, info->diff_id);
	c.created = mem_strdup(clock_rfc3339(epoch, when));
	imgconfig_add_history(&c, when, "slct import", NULL, false);
	imgconfig_write(&c, &text);
	/* The name is written last, after all that it stands for is durable. */
	if (store_blob_put(s->store, text.p, text.n, MEDIATYPE_OCI_CONFIG, &config, e) < 0 ||
	    store_layer_rec_made(s->store, &rec, e) < 0 || store_sync(s->store, e) < 0)
		return -1;
	*id = config.digest;
	descriptor_release(&config);
	return opsbase_name(s, name, id, &c.diff_ids, NULL, e);
}

int image_ops_import(struct session *s, const char *file, const char *name, const struct platform *p,
		     int64_t created_epoch, struct digest *id, struct err *e)
{
	struct import im = {.tar = strcmp(file, "-") == 0 ? dup(STDIN_FILENO) : open(file, O_RDONLY | O_CLOEXEC)};
	struct layer_info info = {0};
	struct digest found;
	int rc;

	if (im.tar < 0)
		return err_sys(e, ERR_INPUT, errno, "%s", file);
	rc = opsbase_init(&im.b, s, e);
	if (rc == 0)
		rc = unpack(&im, &info, e);
	if (rc == 0)
		rc = put_image(s, name, &info, p, created_epoch, id ? id : &found, e);
	if (rc == 0 && info.lossy)
		session_warn(s, "", "%s: something in it cannot be kept by this file system", file);
	opsbase_release(&im.b);
	close(im.tar);
	return rc < 0 ? err_wrap(e, "importing %s", file) : 0;
}
