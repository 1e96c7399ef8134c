/* slct verify: the goals once as always, once more without any cache, and what differs. */
#include <string.h>

#include "src/build/build.h"
#include "src/build/imgdiff.h"
#include "src/build/opsbase.h"
#include "src/util/mem.h"

#define VERIFY_JSON_VERSION 1

/* What made the layer in which the two differ first; NULL if that is not known. */
static const char *first_step(const struct imgconfig *a, const struct imgconfig *b)
{
	size_t at = 0, layer = 0;

	while (at < a->diff_ids.n && at < b->diff_ids.n && digest_eq(&a->diff_ids.v[at], &b->diff_ids.v[at]))
		at++;
	for (size_t i = 0; i < b->nhistory; i++)
		if (!b->history[i].empty_layer && layer++ == at)
			return b->history[i].created_by;
	return NULL;
}

static int add_step(struct session *s, const char *one, const char *two, struct json *out, struct err *e)
{
	AUTO_STORE_IMAGE struct store_image x = {0}, y = {0};
	AUTO_IMGCONFIG struct imgconfig a, b;
	int rc;

	imgconfig_init(&a, NULL);
	imgconfig_init(&b, NULL);
	imgconfig_release(&a);
	imgconfig_release(&b);
	rc = opsbase_image(s, one, &x, &a, e);
	if (rc == 0)
		rc = opsbase_image(s, two, &y, &b, e);
	if (rc == 0)
		json_set_str(out, "step", first_step(&a, &b));
	return rc;
}

/* The first file by path, and how many there are. */
static void add_file(const struct json *diff, struct json *out)
{
	static const char *const lists[] = {"changed", "added", "removed"};
	const char *first = NULL, *what = NULL;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const struct json *list = json_get(diff, lists[i]), *x = json_at(list, 0);
		const char *path = json_get_str(x, "path");

		n += json_len(list);
		if (!path || (first && strcmp(path, first) >= 0))
			continue;
		first = path;
		what = lists[i];
		json_set(out, "changes", json_get(x, "changes") ? json_deep_copy(json_get(x, "changes")) : json_new_null());
	}
	json_set_int(out, "files", (int64_t)n);
	json_set_str(out, "file", first);
	json_set_str(out, "kind", what);
}

static int compare(struct session *s, const struct build_goal *one, const struct build_goal *two, struct json *out,
		   struct err *e)
{
	const char *first = one->name ? one->name : one->image.text;
	AUTO_JSON struct json *diff = NULL;

	if (add_step(s, first, two->image.text, out, e) < 0 || imgdiff(s, first, two->image.text, &diff, e) < 0)
		return -1;
	add_file(diff, out);
	return 0;
}

static int compare_goal(struct session *s, const struct build_goal *one, const struct build_goal *two,
			struct json *goals, struct err *e)
{
	bool same = digest_eq(&one->image, &two->image);
	struct json *j = json_object();
	int rc = 0;

	json_set_str(j, "stage", one->stage);
	json_set_str(j, "id", one->image.text);
	json_set_str(j, "again", two->image.text);
	json_set_bool(j, "same", same);
	json_append(goals, j);
	if (!same)
		rc = compare(s, one, two, j, e);
	/* The second one was for this alone; its layers go with the next gc. */
	if (!same || one->name) {
		struct err ignored = ERR_INIT;

		store_image_delete(s->store, two->image.text, &ignored);
		err_release(&ignored);
	}
	return rc;
}

int build_verify(struct session *s, const struct build_opts *o, struct json **out, struct err *e)
{
	struct build_opts again = *o;
	struct build_result one = {0}, two = {0};
	AUTO_JSON struct json *j = json_object();
	struct json *goals = json_array();
	int rc = build_run(s, o, &one, e);

	json_set_int(j, "version", VERIFY_JSON_VERSION);
	json_set(j, "goals", goals);
	again.no_cache = again.scratch = true;
	again.cache_to = again.cache_from = again.tags = (struct strv){0};
	if (rc == 0)
		rc = build_run(s, &again, &two, e);
	if (rc == 0 && one.n != two.n)
		rc = err_set(e, ERR_INTERNAL, "%zu goals, then %zu", one.n, two.n);
	for (size_t i = 0; rc == 0 && i < one.n; i++)
		rc = compare_goal(s, &one.v[i], &two.v[i], goals, e);
	build_result_release(&one);
	build_result_release(&two);
	if (rc == 0)
		*out = STEAL_PTR(j);
	return rc;
}
