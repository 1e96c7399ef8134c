/* slct verify: whether a build gives the same again. */
#include "src/cli/build_args.h"
#include "src/cli/cmd.h"
#include "src/cli/work.h"
#include "src/image/verify.h"
#include "src/util/mem.h"

static const struct opt cmd_verify_options[] = {
	BUILD_ARGS_SELECTION,
	BUILD_ARGS_RUNNING,
	CLI_NET_OPTIONS(struct build_args),
};

static const struct opt_conflict cmd_verify_conflicts[] = {{"target", "goal"}};

static char *cmd_verify_changes(const struct json *g)
{
	struct json *changes = json_get(g, "changes");
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);

	if (json_is_object(changes))
		for (void *it = json_iter(changes); it; it = json_iter_next(changes, it))
			buf_printf(&out, "%s%s", out.n ? ", " : "", json_iter_key(it));
	return out.n ? buf_steal(&out) : mem_strdup(json_get_str(g, "kind"));
}

static int cmd_verify_goal(const struct json *g, bool *same, struct err *e)
{
	const char *stage = json_get_str(g, "stage"), *step = json_get_str(g, "step"), *file = json_get_str(g, "file");
	AUTO_FREE char *changes = NULL;

	if (json_get_bool(g, "same", false))
		return cli_printf(e, "%s: the same again, %s\n", stage, json_get_str(g, "id"));
	*same = false;
	if (cli_printf(e, "%s: %s, but again %s\n", stage, json_get_str(g, "id"), json_get_str(g, "again")) ||
	    (step && cli_printf(e, "  first in: %s\n", step)))
		return -1;
	if (!json_get_bool(g, "layers", true))
		return cli_printf(e, "  the layers are the same, the image's config is not\n");
	if (!file)
		return cli_printf(e, "  no file differs, but the layer's bytes do\n");
	changes = cmd_verify_changes(g);
	return cli_printf(e, "  first file: %s (%s), of %lld\n", file, changes, (long long)json_get_int(g, "files", 0));
}

static int cmd_verify_print(const struct cli *c, struct json *v, struct err *e)
{
	const struct json *goals = json_get(v, "goals");
	bool same = true;

	for (size_t i = 0; i < json_len(goals); i++) {
		if (c->g.json)
			same &= json_get_bool(json_at(goals, i), "same", false);
		else if (cmd_verify_goal(json_at(goals, i), &same, e))
			return -1;
	}
	if (c->g.json && cli_print_json(json_ref(v), e))
		return -1;
	if (same)
		return 0;
	err_set(e, ERR_STEP, "the build does not give the same again");
	return err_hint(e, "what steps write from the clock, the network or at random is theirs to make repeatable; "
			   "SOURCE_DATE_EPOCH is set in them");
}

static int cmd_verify_run(struct cli *c, const void *opts, struct err *e)
{
	const struct build_args *a = opts;
	AUTO_WORK struct work w = {0};
	AUTO_JSON struct json *v = NULL;
	struct build_opts b;
	int rc;

	build_opts_init(&b);
	rc = build_args_fill_goal(c, a, &b, e);
	if (!rc)
		rc = work_open(&w, c, &a->net, NULL, e);
	if (!rc)
		rc = build_args_tier(a, &w.session, e);
	if (!rc)
		rc = verify_goals(&w.session, &b, &v, e);
	build_opts_release(&b);
	work_close(&w);
	return rc ? rc : cmd_verify_print(c, v, e);
}

/* clang-format off */
const struct command cmd_verify = {
	.name = "verify",
	.group = COMMAND_BUILD,
	.summary = "build again without cache and compare",
	.usage = "[OPTIONS] [GOAL]",
	.about = "GOAL is as of slct why. It is built as always, then once more with every step run; nothing of the second "
		 "build is kept as a cache entry. If the images differ, the step is named in whose layer they differ first, "
		 "and the first file that this step leaves in another state: content, type, mode, owner, time, extended "
		 "attributes or what it is a link to; the exit status is 1.",
	.example = "slct verify flavors/python-demo:release\nslct verify --isolation root .",
	.opts = cmd_verify_options,
	.nopts = ARRAY_LEN(cmd_verify_options),
	.opts_size = sizeof(struct build_args),
	.conflicts = cmd_verify_conflicts,
	.nconflicts = ARRAY_LEN(cmd_verify_conflicts),
	.max_operands = 1,
	.run = cmd_verify_run,
};
/* clang-format on */
