#include "src/flavor/ftestset.h"

#include <fcntl.h>
#include <strings.h>

#include "src/util/io.h"
#include "src/util/json.h"
#include "src/util/mem.h"

void ftestset_release(struct ftestset *s)
{
	strv_release(&s->files);
	strv_release(&s->folders);
	strv_release(&s->generic);
}

static int ftestset_add(const struct json *set, struct ftestset *out, struct err *e)
{
	const struct {
		const char *key;
		struct strv *to;
	} lists[] = {{"files", &out->files}, {"folders", &out->folders}, {"generic_language_tests", &out->generic}};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (json_to_strv(json_get(set, lists[i].key), lists[i].to, ERR_INPUT, e))
			return err_wrap(e, "%s", lists[i].key);
	return 0;
}

/* The sets of a ci.json; NULL with *e: ERR_NOT_FOUND if there is none. Borrowed from *j. */
static const struct json *ftestset_load(const char *path, struct json **j, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(FTESTSET_MAX_BYTES);
	const struct json *config;

	if (io_read_file(AT_FDCWD, path, &text, e))
		return NULL;
	*j = json_parse(buf_str(&text), text.n, FTESTSET_MAX_BYTES, ERR_INPUT, path, e);
	if (!*j)
		return NULL;
	config = json_need_object(*j, "test_config", ERR_INPUT, e);
	const struct json *sets = config ? json_need_array(config, "test_sets", ERR_INPUT, e) : NULL;

	if (!sets)
		err_wrap(e, "%s", path);
	return sets;
}

static bool ftestset_wanted(const struct json *set, const struct strv *names)
{
	const char *name = json_get_str(set, "name");

	return !names || !names->n || (name && strv_has(names, name));
}

int ftestset_read(const char *flavor_dir, const char *goal, const struct strv *names, struct ftestset *out,
		  struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/ci.json", flavor_dir);
	AUTO_JSON struct json *j = NULL;
	const struct json *sets = ftestset_load(path, &j, e);

	if (!sets && e->code == ERR_NOT_FOUND)
		e->code = ERR_INPUT;
	for (size_t i = 0; sets && i < json_len(sets); i++) {
		const struct json *set = json_at(sets, i);
		const char *of = json_need_str(set, "goal", ERR_INPUT, e);

		if (!of || (strcasecmp(of, goal) == 0 && ftestset_wanted(set, names) && ftestset_add(set, out, e)))
			return err_wrap(e, "%s: test_config.test_sets[%zu]", path, i);
	}
	return sets ? 0 : -1;
}

int ftestset_goals(const char *flavor_dir, const struct strv *names, struct strv *out, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/ci.json", flavor_dir);
	AUTO_JSON struct json *j = NULL;
	const struct json *sets = ftestset_load(path, &j, e);

	if (!sets && e->code == ERR_NOT_FOUND) {
		err_release(e);
		return 0;
	}
	for (size_t i = 0; sets && i < json_len(sets); i++) {
		const char *of = json_need_str(json_at(sets, i), "goal", ERR_INPUT, e);

		if (!of)
			return err_wrap(e, "%s: test_config.test_sets[%zu]", path, i);
		if (ftestset_wanted(json_at(sets, i), names) && !strv_has(out, of))
			strv_add(out, of);
	}
	return sets ? 0 : -1;
}
