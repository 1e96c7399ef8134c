#include "src/flavor/fcheck.h"

#include <fcntl.h>
#include <unistd.h>

#include "src/flavor/fexport.h"
#include "src/flavor/langdef.h"
#include "src/util/io.h"
#include "src/util/json.h"
#include "src/util/mem.h"

/* EXASLCT's model of ci.json: lists of strings, and a stage for each test set. */
static int fcheck_test_set(const struct flavor *f, const struct json *set, struct err *e)
{
	static const char *const lists[] = {"files", "folders", "generic_language_tests"};
	const char *goal = json_need_str(set, "goal", ERR_INPUT, e);
	AUTO_STRV struct strv ignored = {0};

	if (!goal || !json_need_str(set, "name", ERR_INPUT, e))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const struct json *list = json_need_array(set, lists[i], ERR_INPUT, e);

		if (!list || json_to_strv(list, &ignored, ERR_INPUT, e))
			return -1;
	}
	if (flavor_stage_find(f, goal))
		return 0;
	return err_set(e, ERR_INPUT, "goal: the flavor has no stage \"%s\"", goal);
}

static int fcheck_ci_json(const struct flavor *f, const struct json *j, struct err *e)
{
	const struct json *config = json_need_object(j, "test_config", ERR_INPUT, e), *sets;

	if (!config)
		return -1;
	sets = json_need_array(config, "test_sets", ERR_INPUT, e);
	for (size_t i = 0; sets && i < json_len(sets); i++) {
		if (fcheck_test_set(f, json_at(sets, i), e))
			return err_wrap(e, "test_config.test_sets[%zu]", i);
	}
	return sets ? 0 : err_wrap(e, "test_config");
}

static int fcheck_ci(const struct flavor *f, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/ci.json", f->path);
	AUTO_BUF struct buf text = BUF_INIT(FCHECK_CI_MAX_BYTES);
	AUTO_JSON struct json *j = NULL;

	if (access(path, F_OK) < 0)
		return 0;
	if (io_read_file(AT_FDCWD, path, &text, e))
		return -1;
	j = json_parse(text.p, text.n, FCHECK_CI_MAX_BYTES, ERR_INPUT, path, e);
	if (!j)
		return -1;
	return fcheck_ci_json(f, j, e) ? err_wrap(e, "%s", path) : 0;
}

static int fcheck_export(const struct flavor *f, struct err *e)
{
	AUTO_FEXPORT struct fexport rules = {0};

	fexport_copy(&rules, &f->export);
	return fexport_load(&rules, e);
}

int fcheck_files(const struct flavor *f, struct err *e)
{
	return langdef_check(f->path, e) || fcheck_ci(f, e) || fcheck_export(f, e) ? -1 : 0;
}
