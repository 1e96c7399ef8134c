/* layers/<form>/<hex>.owners: what is recorded in a tree, by path. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "oci/store_priv.h"
#include "src/util/json.h"
#include "src/util/log.h"
#include "src/util/mem.h"

/* On a tree's root: the digest of the list that its records agree with. */
#define STORE_OWNERS_MARK "user.slct.owners"

static char *store_owners_path(const char *form, const struct digest *diff_id)
{
	return mem_printf("layers/%s/%s.owners", form, digest_hex(diff_id));
}

bool store_layer_has_owners(struct store *s, const char *form, const struct digest *diff_id)
{
	AUTO_FREE char *rel = store_owners_path(form, diff_id);

	return faccessat(s->fd, rel, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int store_owners_open(struct store *s, const char *rel, struct err *e)
{
	int fd = openat(s->fd, rel, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? err_sys(e, ERR_HOST, errno, "%s", rel) : fd;
}

static int store_owners_mark(int tree, const struct digest *list, struct err *e)
{
	if (fsetxattr(tree, STORE_OWNERS_MARK, list->text, strlen(list->text), 0) == 0)
		return 0;
	return err_sys(e, ERR_HOST, errno, "marking a layer tree");
}

/* A step's upper directory may have it from the root below. */
static int store_owners_unmark(struct store *s, const char *rel, struct err *e)
{
	AUTO_CLOSE int tree = store_owners_open(s, rel, e);

	if (tree < 0)
		return -1;
	if (fremovexattr(tree, STORE_OWNERS_MARK) == 0 || errno == ENODATA || errno == ENOTSUP)
		return 0;
	return err_sys(e, ERR_HOST, errno, "%s", rel);
}

/* --- publication --- */

struct store_owners_change {
	const char *form;
	const struct digest *list;
};

static int store_owners_set(void *arg, struct store_layer_rec *r)
{
	const struct store_owners_change *c = arg;

	if (!r->owners)
		r->owners = json_new_object();
	json_set_str(r->owners, c->form, c->list->text);
	return 1;
}

static int store_owners_put(struct store *s, const char *rel, const char *form, const struct digest *diff_id,
			    struct owners *owners, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(OWNERS_MAX_BYTES);
	AUTO_FREE char *path = store_owners_path(form, diff_id);
	AUTO_CLOSE int tree = store_owners_open(s, rel, e);
	struct digest list;
	struct store_owners_change change = {form, &list};

	if (tree < 0)
		return -1;
	owners_write(owners, &text);
	if (text.over)
		return err_set(e, ERR_INPUT, "layer %s: too many recorded owners", diff_id->text);
	digest_of_bytes(text.p, text.n, &list);
	if (store_owners_mark(tree, &list, e) < 0 || store_record_put(s, path, text.p, text.n, false, e) < 0)
		return -1;
	return store_layer_rec_change(s, diff_id, store_owners_set, &change, e);
}

int store_layer_publish_with(struct store *s, const char *rel, const char *form, const struct digest *diff_id,
			     struct owners *owners, struct err *e)
{
	int rc = owners && owners->n ? store_owners_put(s, rel, form, diff_id, owners, e)
				     : store_owners_unmark(s, rel, e);

	return rc < 0 ? err_wrap(e, "recorded owners of layer %s", diff_id->text)
		      : store_layer_publish(s, rel, form, diff_id, e);
}

/* --- use --- */

/* What the layer's record says; false if it says nothing (the record is no more than a cache of what is there). */
static bool store_owners_known(struct store *s, const char *form, const struct digest *diff_id, struct digest *out)
{
	AUTO_LAYER_REC struct store_layer_rec r = {0};
	struct err e = ERR_INIT;
	bool known = store_layer_rec_get(s, diff_id, &r, &e) == 0 && r.owners && json_get_str(r.owners, form) &&
		     digest_parse(sv_from(json_get_str(r.owners, form)), out, ERR_INTEGRITY, &e) == 0;

	err_release(&e);
	return known;
}

static bool store_owners_is_marked(int tree, const struct digest *list)
{
	char text[DIGEST_TEXT_MAX];
	ssize_t n = fgetxattr(tree, STORE_OWNERS_MARK, text, sizeof text);

	return n > 0 && sv_eq_str(sv_of(text, (size_t)n), list->text);
}

/* No list: fine, unless something says that there was one. */
static int store_owners_absent(struct store *s, const char *form, const struct digest *diff_id, int tree, struct err *e)
{
	struct digest known;

	if (fgetxattr(tree, STORE_OWNERS_MARK, NULL, 0) < 0 && !store_owners_known(s, form, diff_id, &known))
		return 0;
	return err_set(e, ERR_INTEGRITY, "its list of recorded owners is missing");
}

static int store_owners_apply(struct store *s, const char *form, const struct digest *diff_id, int tree, struct sv text,
			      const struct ownview *view, struct err *e)
{
	AUTO_OWNERS struct owners list = {0};
	struct digest now, known;
	size_t repaired;
	bool intact;

	digest_of_bytes(text.p, text.n, &now);
	intact = store_owners_is_marked(tree, &now);
	if (!intact && store_owners_known(s, form, diff_id, &known) && !digest_eq(&now, &known))
		return err_set(e, ERR_INTEGRITY, "its list of recorded owners has the digest %s instead of %s",
			       now.text, known.text);
	if (owners_parse(text, &list, e) < 0 || owners_check(tree, &list, view, !intact, &repaired, e) < 0)
		return -1;
	if (view->names)
		owners_names(&list, view->names);
	if (repaired)
		log_msg(LOG_WARN, "layer %s: %zu recorded owners had been lost and were repaired", diff_id->text,
			repaired);
	return intact ? 0 : store_owners_mark(tree, &now, e);
}

static int store_owners_load(struct store *s, const char *form, const struct digest *diff_id,
			     const struct ownview *view, struct err *e)
{
	AUTO_FREE char *rel = store_layer_path(form, diff_id), *path = store_owners_path(form, diff_id);
	AUTO_CLOSE int tree = store_owners_open(s, rel, e);
	AUTO_BUF struct buf text = BUF_INIT(OWNERS_MAX_BYTES);

	if (tree < 0)
		return -1;
	if (store_record_get(s, path, OWNERS_MAX_BYTES, &text, e) == 0)
		return store_owners_apply(s, form, diff_id, tree, buf_sv(&text), view, e);
	if (e->code != ERR_NOT_FOUND)
		return -1;
	err_release(e);
	return store_owners_absent(s, form, diff_id, tree, e);
}

int store_layer_owners(struct store *s, const char *form, const struct digest *diff_id, const struct ownview *view,
		       struct err *e)
{
	if (store_owners_load(s, form, diff_id, view, e) == 0)
		return 0;
	err_wrap(e, "layer %s", diff_id->text);
	if (e->code == ERR_INTEGRITY)
		err_hint(e, "remove %s/layers/%s/%s: it is unpacked or built again", s->root, form,
			 digest_hex(diff_id));
	return -1;
}
