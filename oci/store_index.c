/* The store's index.json. */
#include "oci/indexfile.h"
#include "oci/limits.h"
#include "oci/store_priv.h"
#include "src/util/lock.h"

struct json *store_index_load(struct store *s, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(MANIFEST_MAX_BYTES);
	struct json *j = NULL;

	if (store_record_get(s, "index.json", MANIFEST_MAX_BYTES, &b, e) == 0)
		j = indexfile_parse(b.p, b.n, ERR_INTEGRITY, e);
	if (!j)
		err_wrap(e, "index.json of the store %s", s->root);
	return j;
}

int store_index_init(struct store *s, struct err *e)
{
	int lock = lock_take(s->fd, "lock/index", LOCK_EXCLUSIVE, STORE_LOCK_WAIT_NS, e), r = 0;

	if (lock < 0)
		return -1;
	if (faccessat(s->fd, "index.json", F_OK, 0) < 0) {
		AUTO_JSON struct json *j = indexfile_new();

		r = store_record_put_json(s, "index.json", j, true, e);
	}
	lock_drop(lock);
	return r;
}

/* manifest NULL: remove the name. */
static int store_index_edit(struct store *s, const char *name, const struct descriptor *manifest, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(STORE_RECORD_MAX_BYTES);
	AUTO_JSON struct json *j = store_index_load(s, e);

	if (!j)
		return -1;
	if (manifest)
		indexfile_set(j, name, manifest);
	else if (!indexfile_del(j, name))
		return 0;
	return indexfile_write(j, &b, e) < 0 ? -1 : store_record_put(s, "index.json", b.p, b.n, true, e);
}

static int store_index_change(struct store *s, const char *name, const struct descriptor *manifest, struct err *e)
{
	int lock = lock_take(s->fd, "lock/index", LOCK_EXCLUSIVE, STORE_LOCK_WAIT_NS, e), r;

	if (lock < 0)
		return -1;
	r = store_index_edit(s, name, manifest, e);
	lock_drop(lock);
	return r;
}

int store_index_set(struct store *s, const char *name, const struct descriptor *manifest, struct err *e)
{
	return store_index_change(s, name, manifest, e);
}

int store_index_del(struct store *s, const char *name, struct err *e)
{
	return store_index_change(s, name, NULL, e);
}
