#include "src/cli/dbresult.h"

#include <string.h>

#include "src/util/mem.h"

void dbresult_release(struct dbresult *r)
{
	for (size_t i = 0; i < r->n; i++) {
		for (size_t k = 0; k < r->v[i].n; k++)
			free(r->v[i].v[k].output);
		free(r->v[i].flavor_path);
		free(r->v[i].goal);
		vec_release(&r->v[i]);
	}
	vec_release(r);
}

/* --- groups: tests of one folder in one language, or all test files --- */

struct dbresult_group {
	const struct dbresult_test *v;
	size_t n;
	bool ok;
};

static bool dbresult_same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool dbresult_together(const struct dbtest_item *a, const struct dbtest_item *b)
{
	return a->kind == b->kind && dbresult_same(a->folder, b->folder) && dbresult_same(a->language, b->language);
}

/* The group of this kind that begins at *at or later; false: there is none. */
static bool dbresult_next(const struct dbresult_goal *g, enum dbtest_kind kind, size_t *at, struct dbresult_group *out)
{
	while (*at < g->n && g->v[*at].item->kind != kind)
		++*at;
	*out = (struct dbresult_group){.v = g->v + *at, .ok = true};
	for (; *at < g->n && dbresult_together(out->v[0].item, g->v[*at].item); ++*at, out->n++)
		out->ok &= g->v[*at].ok;
	return out->n > 0;
}

static bool dbresult_kind_ok(const struct dbresult_goal *g, enum dbtest_kind kind)
{
	bool ok = true;

	for (size_t i = 0; i < g->n; i++)
		ok &= g->v[i].ok || g->v[i].item->kind != kind;
	return ok;
}

static bool dbresult_goal_ok(const struct dbresult_goal *g)
{
	bool ok = true;

	for (size_t i = 0; i < g->n; i++)
		ok &= g->v[i].ok;
	return ok;
}

/* Goals from `at` on that are of the same flavor. */
static size_t dbresult_flavor(const struct dbresult *r, size_t at, bool *ok)
{
	size_t n = 0;

	*ok = true;
	for (; at + n < r->n && strcmp(r->v[at].flavor_path, r->v[at + n].flavor_path) == 0; n++)
		*ok &= dbresult_goal_ok(&r->v[at + n]);
	return n;
}

bool dbresult_ok(const struct dbresult *r)
{
	bool ok = true;

	for (size_t i = 0; i < r->n; i++)
		ok &= dbresult_goal_ok(&r->v[i]);
	return ok;
}

/* --- text --- */

static const char *dbresult_word(bool ok)
{
	return ok ? "OK" : "FAILED";
}

static void dbresult_folders(const struct dbresult_goal *g, enum dbtest_kind kind, struct buf *out)
{
	struct dbresult_group group;

	for (size_t at = 0; dbresult_next(g, kind, &at, &group);)
		buf_printf(out, "      - Tests in test folder %s with language %s: %s\n", group.v[0].item->folder,
			   group.v[0].item->language ? group.v[0].item->language : "None", dbresult_word(group.ok));
}

static void dbresult_goal_text(const struct dbresult_goal *g, struct buf *out)
{
	buf_printf(out, "    - Tests for release goal %s: %s\n", g->goal, dbresult_word(dbresult_goal_ok(g)));
	dbresult_folders(g, DBTEST_GENERIC, out);
	dbresult_folders(g, DBTEST_FOLDER, out);
	buf_printf(out, "      - Tests in test files with language None: %s\n",
		   dbresult_word(dbresult_kind_ok(g, DBTEST_FILES)));
}

void dbresult_text(const struct dbresult *r, struct buf *out)
{
	bool ok;

	for (size_t i = 0, n; i < r->n; i += n) {
		n = dbresult_flavor(r, i, &ok);
		buf_printf(out, "- Tests: %s\n  - Tests for flavor %s: %s\n", dbresult_word(ok), r->v[i].flavor_path,
			   dbresult_word(ok));
		for (size_t k = 0; k < n; k++)
			dbresult_goal_text(&r->v[i + k], out);
	}
}

/* --- JSON --- */

struct json *dbresult_test_json(const struct dbresult_test *t)
{
	struct json *j = json_new_object();

	json_set_str(j, "test_file", t->item->file);
	json_set(j, "language", json_new_str(t->item->language));
	json_set_bool(j, "is_ok", t->ok);
	json_set_str(j, "test_output_file", t->output);
	return j;
}

static struct json *dbresult_group_json(const struct dbresult_test *v, size_t n, bool ok)
{
	struct json *j = json_new_object(), *list = json_new_array();

	json_set(j, "language", json_new_str(n ? v[0].item->language : NULL));
	if (n)
		json_set_str(j, "test_folder", v[0].item->folder);
	for (size_t i = 0; i < n; i++)
		json_append(list, dbresult_test_json(&v[i]));
	json_set(j, "test_results", list);
	json_set_bool(j, "tests_are_ok", ok);
	return j;
}

static struct json *dbresult_kind_json(const struct dbresult_goal *g, enum dbtest_kind kind)
{
	struct json *j = json_new_object(), *list = json_new_array();
	struct dbresult_group group;

	for (size_t at = 0; dbresult_next(g, kind, &at, &group);)
		json_append(list, dbresult_group_json(group.v, group.n, group.ok));
	json_set(j, "test_results", list);
	json_set_bool(j, "tests_are_ok", dbresult_kind_ok(g, kind));
	return j;
}

struct json *dbresult_goal_json(const struct dbresult_goal *g)
{
	struct json *j = json_new_object();

	json_set_str(j, "flavor_path", g->flavor_path);
	json_set_str(j, "release_goal", g->goal);
	json_set(j, "generic_language_tests_output", dbresult_kind_json(g, DBTEST_GENERIC));
	json_set(j, "test_folders_output", dbresult_kind_json(g, DBTEST_FOLDER));
	json_set(j, "test_files_output", dbresult_kind_json(g, DBTEST_FILES));
	json_set_bool(j, "tests_are_ok", dbresult_goal_ok(g));
	return j;
}

struct json *dbresult_json(const struct dbresult *r)
{
	struct json *j = json_new_object(), *flavors = json_new_object();
	bool ok;

	json_set(j, "test_results_per_flavor", flavors);
	for (size_t i = 0, n; i < r->n; i += n) {
		struct json *one = json_new_object(), *goals = json_new_object();

		n = dbresult_flavor(r, i, &ok);
		json_set_str(one, "flavor_path", r->v[i].flavor_path);
		for (size_t k = 0; k < n; k++)
			json_set(goals, r->v[i + k].goal, dbresult_goal_json(&r->v[i + k]));
		json_set(one, "test_results_per_release_goal", goals);
		json_set_bool(one, "tests_are_ok", ok);
		json_set(flavors, r->v[i].flavor_path, one);
	}
	json_set_bool(j, "tests_are_ok", dbresult_ok(r));
	return j;
}
