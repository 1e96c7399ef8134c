/* layers/<form>/<key>.fold/: a tree that stands for a row of layers, and <key>.fold.json, which names them. Made of
 * hard links, it can always be made again. */
#include <errno.h>
#include <sys/stat.h>

#include "oci/store_priv.h"
#include "src/util/json.h"
#include "src/util/mem.h"

/* Changes with what a fold looks like. */
#define STORE_FOLD_VERSION "slct-fold 1"

void store_fold_key(const struct digest *layers, size_t n, struct digest *out)
{
	AUTO_HASH struct hash *h = hash_new(HASH_SHA256);

	hash_add(h, STORE_FOLD_VERSION, strlen(STORE_FOLD_VERSION));
	for (size_t i = 0; i < n; i++)
		hash_add(h, layers[i].text, strlen(layers[i].text) + 1);
	digest_from_hash(HASH_SHA256, h, out);
}

char *store_fold_path(const char *form, const struct digest *key)
{
	return mem_printf("layers/%s/%s.fold", form, digest_hex(key));
}

int store_fold_publish(struct store *s, const char *rel, const char *form, const struct digest_list *layers,
		       struct err *e)
{
	AUTO_FREE char *to = NULL, *names = NULL;
	AUTO_JSON struct json *j = json_object();
	struct digest key;

	store_fold_key(layers->v, layers->n, &key);
	to = store_fold_path(form, &key);
	names = mem_printf("%s.json", to);
	json_set(j, "diff_ids", store_record_from_digests(layers));
	if (store_record_put_json(s, names, j, false, e) < 0)
		return -1;
	if (renameat(s->fd, rel, s->fd, to) == 0)
		return 0;
	if (errno == EEXIST || errno == ENOTEMPTY)
		return store_trash(s, rel, e);
	return err_sys(e, ERR_HOST, errno, "publishing %s", to);
}

int store_fold_layers(struct store *s, const char *rel, struct digest_list *out, struct err *e)
{
	AUTO_JSON struct json *j = store_record_get_json(s, rel, e);

	return j ? store_record_digests(j, "diff_ids", out, e) : -1;
}
