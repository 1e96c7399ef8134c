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

static int ftestset_sets(const struct json *j, const char *goal, struct ftestset *out, struct err *e)
{
	const struct json *config = json_need_object(j, "test_config", ERR_INPUT, e);
	const struct json *sets = config ? json_need_array(config, "test_sets", ERR_INPUT, e) : NULL;

	if (!sets)
		return -1;
	for (size_t i = 0; i < json_len(sets); i++) {
		const struct json *set = json_at(sets, i);
		const char *of = json_need_str(set, "goal", ERR_INPUT, e);

		if (!of || (strcasecmp(of, goal) == 0 && ftestset_add(set, out, e)))
			return err_wrap(e, "test_config.test_sets[%zu]", i);
	}
	return 0;
}

int ftestset_read(const char *flavor_dir, const char *goal, struct ftestset *out, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/ci.json", flavor_dir);
	AUTO_BUF struct buf text = BUF_INIT(FTESTSET_MAX_BYTES);
	AUTO_JSON struct json *j = NULL;

	if (io_read_file(AT_FDCWD, path, &text, e)) {
		if (e->code == ERR_NOT_FOUND)
			e->code = ERR_INPUT;
		return -1;
	}
	j = json_parse(buf_str(&text), text.n, FTESTSET_MAX_BYTES, ERR_INPUT, path, e);
	if (!j)
		return -1;
	return ftestset_sets(j, goal, out, e) ? err_wrap(e, "%s", path) : 0;
}
