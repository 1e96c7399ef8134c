/* Small records of the store: replaced by rename, never written in place. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "oci/store_priv.h"
#include "src/util/io.h"
#include "src/util/json.h"
#include "src/util/mem.h"
#include "src/util/path.h"
#include "src/util/tmp.h"

int store_record_make_parents(struct store *s, const char *rel, struct err *e)
{
	AUTO_FREE char *path = mem_strdup(rel);

	for (char *p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdirat(s->fd, path, 0700) < 0 && errno != EEXIST)
			return err_sys(e, ERR_HOST, errno, "cannot make %s/%s", s->root, path);
		*p = '/';
	}
	return 0;
}

static int store_record_check(const char *rel, struct err *e)
{
	AUTO_FREE char *clean = path_clean(rel);

	if (rel[0] && strcmp(clean, rel) == 0 && path_is_beneath(rel))
		return 0;
	return err_set(e, ERR_INTERNAL, "\"%s\" is not the path of a record", rel);
}

static int store_record_fill(int fd, const void *p, size_t n, bool durable, const char *rel, struct err *e)
{
	if (io_write_all(fd, p, n, rel, e) < 0)
		return -1;
	if (durable && fdatasync(fd) < 0)
		return err_sys(e, ERR_HOST, errno, "cannot write %s to the disk", rel);
	return 0;
}

int store_record_put(struct store *s, const char *rel, const void *p, size_t n, bool durable, struct err *e)
{
	AUTO_FREE char *name = NULL;
	AUTO_CLOSE int fd = -1;

	if (store_record_check(rel, e) < 0 || store_record_make_parents(s, rel, e) < 0)
		return -1;
	fd = store_tmp_file(s, "record", &name, e);
	if (fd < 0)
		return -1;
	if (store_record_fill(fd, p, n, durable, rel, e) == 0 && tmp_publish(s->fd, name, s->fd, rel, !durable, e) == 0)
		return 0;
	unlinkat(s->fd, name, 0);
	return -1;
}

int store_record_get(struct store *s, const char *rel, size_t max, struct buf *out, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(max);

	if (store_record_check(rel, e) < 0 || io_read_file(s->fd, rel, &b, e) < 0)
		return -1;
	buf_add(out, b.p, b.n);
	return out->over ? err_set(e, ERR_INTEGRITY, "record %s is larger than allowed here", rel) : 0;
}

int store_record_delete(struct store *s, const char *rel, struct err *e)
{
	if (store_record_check(rel, e) < 0)
		return -1;
	if (unlinkat(s->fd, rel, 0) == 0 || errno == ENOENT)
		return 0;
	return err_sys(e, ERR_HOST, errno, "cannot remove %s/%s", s->root, rel);
}

struct json *store_record_get_json(struct store *s, const char *rel, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(STORE_RECORD_MAX_BYTES);
	AUTO_JSON struct json *j = NULL;

	if (store_record_get(s, rel, STORE_RECORD_MAX_BYTES, &b, e) < 0) {
		if (e->code == ERR_INPUT) /* too large, or no regular file */
			e->code = ERR_INTEGRITY;
		return NULL;
	}
	j = json_parse(b.p, b.n, STORE_RECORD_MAX_BYTES, ERR_INTEGRITY, rel, e);
	if (j && !json_is_object(j)) {
		err_set(e, ERR_INTEGRITY, "%s: not an object", rel);
		return NULL;
	}
	return STEAL_PTR(j);
}

int store_record_put_json(struct store *s, const char *rel, const struct json *j, bool durable, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(STORE_RECORD_MAX_BYTES);

	json_write(j, &b);
	if (b.over)
		return err_set(e, ERR_INTERNAL, "record %s is larger than %zu bytes", rel, STORE_RECORD_MAX_BYTES);
	return store_record_put(s, rel, b.p, b.n, durable, e);
}

int store_record_digests(const struct json *j, const char *key, struct digest_list *out, struct err *e)
{
	const struct json *list = json_need_array(j, key, ERR_INTEGRITY, e);

	if (!list)
		return -1;
	for (size_t i = 0; i < json_len(list); i++) {
		const char *text = json_str(json_at(list, i));
		struct digest d;

		if (digest_parse(sv_from(text ? text : ""), &d, ERR_INTEGRITY, e) < 0)
			return err_wrap(e, "\"%s\"", key);
		vec_push(out, d);
	}
	return 0;
}

struct json *store_record_from_digests(const struct digest_list *l)
{
	struct json *list = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_append(list, json_new_str(l->v[i].text));
	return list;
}
