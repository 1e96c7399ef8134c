#include "src/cache/clocal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "src/util/clock.h"
#include "src/util/mem.h"

void clocal_release(struct clocal *r)
{
	digest_list_release(&r->diff_ids);
	free(r->made);
	free(r->step);
	json_free(r->inputs);
	free(r->stage);
	free(r->file);
	*r = (struct clocal){0};
}

bool clocal_made_valid(const char *made, size_t layers)
{
	size_t ones = 0, n = made ? strlen(made) : 0;

	if (!n || strspn(made, "01") != n)
		return false;
	for (size_t i = 0; i < n; i++)
		ones += made[i] == '1';
	return ones <= layers;
}

static char *record_path(const struct ckey *key)
{
	return mem_printf("cache/%s.json", key->hex);
}

static int read_diff_ids(const struct json *list, struct digest_list *out, struct err *e)
{
	for (size_t i = 0; i < json_len(list); i++) {
		const char *text = json_str(json_at(list, i));
		struct digest d;

		if (digest_parse(sv_from(text), &d, ERR_INTEGRITY, e) < 0)
			return -1;
		vec_push(out, d);
	}
	return 0;
}

static int read_record(const struct json *j, const struct ckey *key, struct clocal *out, struct err *e)
{
	const char *found = json_get_str(j, "key");
	const char *made = json_get_str(j, "made");

	if (json_get_int(j, "version", 0) != CLOCAL_VERSION || !found || strcmp(found, key->hex) != 0)
		return err_set(e, ERR_INTEGRITY, "record of another version or key");
	out->key = *key;
	out->made = mem_strdup_opt(made);
	out->step = mem_strdup_opt(json_get_str(j, "step"));
	out->used = json_get_int(j, "used", 0);
	out->built = json_get_int(j, "built", 0);
	out->stage = mem_strdup_opt(json_get_str(j, "stage"));
	out->file = mem_strdup_opt(json_get_str(j, "file"));
	out->n = (unsigned)json_get_int(j, "n", 0);
	out->run = json_get_int(j, "run", 0);
	if (json_get(j, "inputs"))
		out->inputs = json_deep_copy(json_get(j, "inputs"));
	if (read_diff_ids(json_get(j, "diff_ids"), &out->diff_ids, e) < 0)
		return -1;
	if (!clocal_made_valid(made, out->diff_ids.n))
		return err_set(e, ERR_INTEGRITY, "record with a wrong list of layers");
	return 0;
}

bool clocal_get(struct store *s, const struct ckey *key, struct clocal *out)
{
	AUTO_FREE char *path = record_path(key);
	AUTO_BUF struct buf text = BUF_INIT(CLOCAL_MAX_BYTES);
	struct err e = ERR_INIT;
	bool ok = false;

	*out = (struct clocal){0};
	if (store_record_get(s, path, CLOCAL_MAX_BYTES, &text, &e) == 0) {
		AUTO_JSON struct json *j = json_parse(text.p, text.n, CLOCAL_MAX_BYTES, ERR_INTEGRITY, path, &e);

		ok = j && read_record(j, key, out, &e) == 0;
	}
	if (!ok)
		clocal_release(out);
	err_release(&e);
	return ok;
}

static bool key_of_name(const char *name, struct ckey *out)
{
	size_t n = strspn(name, "0123456789abcdef");

	if (n != CKEY_HEX_BYTES - 1 || strcmp(name + n, ".json") != 0)
		return false;
	memcpy(out->hex, name, n);
	out->hex[n] = '\0';
	return true;
}

int clocal_each(struct store *s, clocal_each_fn *fn, void *arg, struct err *e)
{
	int fd = openat(store_fd(s), "cache", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSEDIR DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *ent;

	if (!d && errno == ENOENT)
		return 0;
	if (!d) {
		err_sys(e, ERR_HOST, errno, "%s/cache", store_root(s));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((ent = readdir(d))) {
		AUTO_CLOCAL struct clocal r = {0};
		struct ckey key;

		if (key_of_name(ent->d_name, &key) && clocal_get(s, &key, &r) && r.stage && r.inputs)
			fn(arg, &r);
	}
	return 0;
}

int clocal_put(struct store *s, const struct clocal *r, struct err *e)
{
	AUTO_FREE char *path = record_path(&r->key);
	AUTO_JSON struct json *j = json_object();
	AUTO_BUF struct buf text = BUF_INIT(CLOCAL_MAX_BYTES);
	struct json *ids = json_array();
	int64_t now = clock_wall() / CLOCK_NS_PER_S;

	for (size_t i = 0; i < r->diff_ids.n; i++)
		json_append(ids, json_new_str(r->diff_ids.v[i].text));
	json_set_int(j, "version", CLOCAL_VERSION);
	json_set_str(j, "key", r->key.hex);
	json_set_str(j, "made", r->made);
	json_set_str(j, "step", r->step);
	json_set(j, "diff_ids", ids);
	json_set_int(j, "used", now);
	json_set_int(j, "built", r->built ? r->built : now);
	if (r->inputs)
		json_set(j, "inputs", json_ref(r->inputs));
	if (r->stage)
		json_set_int(j, "n", r->n);
	if (r->run)
		json_set_int(j, "run", r->run);
	json_set_str(j, "stage", r->stage);
	json_set_str(j, "file", r->file);
	json_write(j, &text);
	if (text.over)
		return err_set(e, ERR_INTERNAL, "cache record of %s is larger than %zu bytes", r->step,
			       CLOCAL_MAX_BYTES);
	return store_record_put(s, path, text.p, text.n, false, e);
}
