#include "src/build/lockfile.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "src/util/io.h"
#include "src/util/mem.h"

#define LOCKFILE_VERSION 1

static struct json *load(const char *dir, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/" LOCKFILE_NAME, dir);
	AUTO_BUF struct buf text = BUF_INIT(LOCKFILE_MAX_BYTES);
	AUTO_JSON struct json *j = NULL;

	if (io_read_file(AT_FDCWD, path, &text, e) < 0) {
		if (e->code == ERR_NOT_FOUND)
			err_release(e);
		return NULL;
	}
	j = json_parse(text.p, text.n, LOCKFILE_MAX_BYTES, ERR_INPUT, path, e);
	if (j && json_get_int(j, "version", 0) != LOCKFILE_VERSION) {
		err_set(e, ERR_INPUT, "%s: not a lock file of version %d", path, LOCKFILE_VERSION);
		err_hint(e, "slct lock writes it anew");
		return NULL;
	}
	return STEAL_PTR(j);
}

/* What a lock can say something about. */
static bool is_lockable(const struct plan_image *im)
{
	return im->place == PLAN_PLACE_ANY && im->ref.path;
}

static const struct json *entry_of(const struct json *lock, const struct plan_image *im)
{
	const struct json *list = json_get(lock, "images");
	AUTO_FREE char *name = ref_format(&im->ref);
	char platform[100];

	platform_format(&im->platform, platform);
	for (size_t i = 0; i < json_len(list); i++) {
		const char *n = json_get_str(json_at(list, i), "name"), *p = json_get_str(json_at(list, i), "platform");

		if (n && p && strcmp(n, name) == 0 && strcmp(p, platform) == 0)
			return json_at(list, i);
	}
	return NULL;
}

static int pin(struct plan_image *im, const struct json *entry, struct err *e)
{
	const char *digest = json_get_str(entry, "digest");

	if (digest_parse(sv_from(json_get_str(entry, "id")), &im->pinned_id, ERR_INPUT, e) < 0)
		return -1;
	return digest ? digest_parse(sv_from(digest), &im->ref.digest, ERR_INPUT, e) : 0;
}

static int apply(struct build *b, const struct json *lock, struct err *e)
{
	for (size_t i = 0; i < b->plan->images.n; i++) {
		struct plan_image *im = &b->plan->images.v[i];
		const struct json *entry;

		if (!is_lockable(im) || digest_is_set(&im->ref.digest) || digest_is_set(&im->pinned_id))
			continue;
		entry = entry_of(lock, im);
		if (entry && pin(im, entry, e) < 0)
			return err_wrap(e, LOCKFILE_NAME ": %s", im->text);
	}
	return 0;
}

int lockfile_apply(struct build *b, struct err *e)
{
	for (size_t i = 0; i < b->context.paths.n; i++) {
		AUTO_JSON struct json *lock = load(b->context.paths.v[i], e);

		if (err_is_set(e) || (lock && apply(b, lock, e) < 0))
			return -1;
	}
	return 0;
}

int lockfile_check(const struct build *b, struct err *e)
{
	for (size_t i = 0; i < b->plan->images.n; i++) {
		const struct plan_image *im = &b->plan->images.v[i];

		if (!im->resolved || !digest_is_set(&im->pinned_id) || digest_eq(&im->pinned_id, &im->config_digest))
			continue;
		err_set(e, ERR_INPUT, "image %s is %.19s, but " LOCKFILE_NAME " pins %.19s", im->text,
			im->config_digest.text, im->pinned_id.text);
		return err_hint(e, "slct lock pins what there is now");
	}
	return 0;
}

/* --- writing --- */

static int by_name(const void *a, const void *b)
{
	const struct json *x = *(struct json *const *)a, *y = *(struct json *const *)b;
	int order = strcmp(json_get_str(x, "name"), json_get_str(y, "name"));

	return order ? order : strcmp(json_get_str(x, "platform"), json_get_str(y, "platform"));
}

static struct json *entry_json(const struct plan_image *im)
{
	struct json *j = json_object();
	AUTO_FREE char *name = ref_format(&im->ref);
	char platform[100];

	json_set_str(j, "name", name);
	json_set_str(j, "platform", platform_format(&im->platform, platform));
	json_set(j, "digest",
		 digest_is_set(&im->manifest_digest) && !ref_is_store_only(&im->ref)
			 ? json_new_str(im->manifest_digest.text)
			 : json_new_null());
	json_set_str(j, "id", im->config_digest.text);
	return j;
}

struct json *lockfile_make(const struct build *b)
{
	AUTO_FREE struct json **v = mem_array(b->plan->images.n + 1, sizeof *v);
	struct json *j = json_object(), *list = json_array();
	size_t n = 0;

	for (size_t i = 0; i < b->plan->images.n; i++) {
		const struct plan_image *im = &b->plan->images.v[i];

		if (im->resolved && is_lockable(im) && !digest_is_set(&im->ref.digest))
			v[n++] = entry_json(im);
	}
	qsort(v, n, sizeof(struct json *), by_name);
	for (size_t i = 0; i < n; i++)
		json_append(list, v[i]);
	json_set_int(j, "version", LOCKFILE_VERSION);
	json_set(j, "images", list);
	return j;
}
