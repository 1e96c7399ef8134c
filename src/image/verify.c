#include "src/image/verify.h"

#include <string.h>

#include "src/build/opsbase.h"
#include "src/image/imgdiff.h"
#include "src/util/mem.h"

#define VERIFY_JSON_VERSION 1

/* A walk over the steps of an image: which layer each made. */
struct walk {
	const struct imgconfig *c;
	size_t at, layers;	    /* steps and layers so far */
	const struct digest *layer; /* of the step that was looked at last; NULL: none */
};

/* The next step; NULL at the end. What no history tells of counts as one step each. */
static const char *walk_next(struct walk *w)
{
	bool told = w->at < w->c->nhistory;
	const char *by = told && w->c->history[w->at].created_by ? w->c->history[w->at].created_by : "";
	bool makes = (!told || !w->c->history[w->at].empty_layer) && w->layers < w->c->diff_ids.n;

	if (!told && !makes)
		return NULL;
	w->at++;
	w->layer = makes ? &w->c->diff_ids.v[w->layers++] : NULL;
	return by;
}

/* The first step that made another layer, or one where the other made none. layers: of both, up to and with it; NULL:
 * all are the same. */
static const char *first_step(const struct imgconfig *a, const struct imgconfig *b, size_t layers[2])
{
	struct walk x = {.c = a}, y = {.c = b};
	const char *one, *two;

	do {
		one = walk_next(&x);
		two = walk_next(&y);
		if (!one && !two)
			return NULL;
	} while (one && two && (x.layer && y.layer ? digest_eq(x.layer, y.layer) : x.layer == y.layer));
	layers[0] = x.layers;
	layers[1] = y.layers;
	return two && two[0] ? two : one ? one : two;
}

/* *differ: in what layers[] says. */
static int add_step(struct session *s, const char *one, const char *two, struct json *out, size_t layers[2],
		    bool *differ, struct err *e)
{
	AUTO_STORE_IMAGE struct store_image x = {0}, y = {0};
	AUTO_IMGCONFIG struct imgconfig a = {0}, b = {0};
	const char *step;

	if (opsbase_image(s, one, &x, &a, e) < 0 || opsbase_image(s, two, &y, &b, e) < 0)
		return -1;
	step = first_step(&a, &b, layers);
	*differ = step;
	json_set_str(out, "step", step && step[0] ? step : NULL);
	return 0;
}

/* The time of a directory follows from what was made or removed in it. */
static bool is_time_of_dir(const struct json *x)
{
	const struct json *changes = json_get(x, "changes");
	const char *type = json_get_str(x, "type");

	return json_len(changes) == 1 && json_get(changes, "mtime") && type && strcmp(type, "dir") == 0;
}

/* Whether x is rather to be named than y. */
static bool goes_before(const struct json *x, const struct json *y)
{
	if (!y || is_time_of_dir(x) != is_time_of_dir(y))
		return !y || !is_time_of_dir(x);
	return strcmp(json_get_str(x, "path"), json_get_str(y, "path")) < 0;
}

/* The first file by path, and how many there are. */
static void add_file(const struct json *diff, struct json *out)
{
	static const char *const lists[] = {"changed", "added", "removed"};
	const struct json *first = NULL, *changes;
	const char *what = NULL;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const struct json *list = json_get(diff, lists[i]);

		n += json_len(list);
		for (size_t k = 0; k < json_len(list); k++)
			if (goes_before(json_at(list, k), first)) {
				first = json_at(list, k);
				what = lists[i];
			}
	}
	changes = json_get(first, "changes");
	json_set(out, "changes", changes ? json_deep_copy(changes) : json_new_null());
	json_set_int(out, "files", (int64_t)n);
	json_set_str(out, "file", json_get_str(first, "path"));
	json_set_str(out, "kind", what);
}

static int compare(struct session *s, const struct build_goal *one, const struct build_goal *two, struct json *out,
		   struct err *e)
{
	const char *first = one->name ? one->name : one->image.text;
	AUTO_JSON struct json *diff = NULL;
	size_t layers[2] = {0};
	struct imgdiff_opts o = {.strict = true, .layers = layers};
	bool differ;

	if (add_step(s, first, two->image.text, out, layers, &differ, e) < 0)
		return -1;
	json_set_bool(out, "layers", differ);
	if (!differ)
		return 0;
	/* Later steps may have changed or removed what this one made. */
	if (imgdiff(s, first, two->image.text, &o, &diff, e) < 0)
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

int verify_goals(struct session *s, const struct build_opts *o, struct json **out, struct err *e)
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
