/* slct why: what made the last build of a goal run. */
#include "src/cli/build_args.h"
#include "src/cli/cmd.h"
#include "src/cli/work.h"

struct cmd_why_opts {
	struct build_args a; /* first: its offsets are those of the table */
	bool all;
};

_Static_assert(offsetof(struct cmd_why_opts, a) == 0, "the rows of build_args.h count from its beginning");

/* clang-format off */
static const struct opt cmd_why_options[] = {
	{.name = "all", .letter = 'a', .kind = OPT_FLAG, .offset = offsetof(struct cmd_why_opts, all),
	 .help = "show the steps that were cached, too"},
	BUILD_ARGS_SELECTION,
	CLI_NET_OPTIONS(struct build_args),
};
/* clang-format on */

static const struct opt_conflict cmd_why_conflicts[] = {{"target", "goal"}};

static const char *cmd_why_str(const struct json *j, const char *key)
{
	const char *s = json_get_str(j, key);

	return s ? s : "-";
}

static void cmd_why_step(const struct json *s, struct buf *out)
{
	const struct json *reasons = json_get(s, "reasons");
	const char *state = cmd_why_str(s, "state");

	buf_printf(out, "[%s %lld/%lld] %s\n", cmd_why_str(s, "stage"), (long long)json_get_int(s, "n", 0),
		   (long long)json_get_int(s, "m", 0), cmd_why_str(s, "instruction"));
	if (strcmp(state, "ran") != 0)
		buf_printf(out, "    %s%s\n", state, json_len(reasons) ? ":" : "");
	for (size_t i = 0; i < json_len(reasons); i++)
		buf_printf(out, "    %s\n", json_str(json_at(reasons, i)));
}

static int cmd_why_print(const struct json *why, bool all, struct err *e)
{
	const struct json *steps = json_get(why, "steps");
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX), head = BUF_INIT(BUF_TEXT_MAX);
	size_t ran = 0;

	for (size_t i = 0; i < json_len(steps); i++) {
		const char *state = cmd_why_str(json_at(steps, i), "state");

		ran += strcmp(state, "ran") == 0;
		if (all || json_get(json_at(steps, i), "reasons"))
			cmd_why_step(json_at(steps, i), &out);
	}
	if (json_get_str(why, "run"))
		buf_printf(&head, "The last build that ran a step, at %s, ran %zu of %zu.\n", json_get_str(why, "run"),
			   ran, json_len(steps));
	else
		buf_str_add(&head, "No step of it has run here.\n");
	buf_sv_add(&head, buf_sv(&out));
	return cli_print(buf_str(&head), head.n, e);
}

static int cmd_why_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_why_opts *o = opts;
	AUTO_WORK struct work w = {0};
	AUTO_JSON struct json *why = NULL;
	struct build_opts b;
	int rc;

	build_opts_init(&b);
	rc = build_args_fill_goal(c, &o->a, &b, e);
	if (!rc)
		rc = work_open(&w, c, &o->a.net, o->a.cache_from.n ? o->a.cache_from.v[0] : NULL, e);
	if (!rc)
		rc = build_why(&w.session, &b, &why, e);
	build_opts_release(&b);
	work_close(&w);
	if (rc)
		return rc;
	return c->g.json ? cli_print_json(STEAL_PTR(why), e) : cmd_why_print(why, o->all, e);
}

/* clang-format off */
const struct command cmd_why = {
	.name = "why",
	.group = COMMAND_BUILD,
	.summary = "what made the last build of a goal run",
	.usage = "[OPTIONS] [GOAL]",
	.about = "GOAL is a context or flavor directory, DIRECTORY:STAGE, or STAGE of the flavor in the current directory, "
		 "which is also what is meant without it. For each step that ran in the last build that ran any, "
		 "and for each that would run now, the nearest earlier record of the same step is looked for in the "
		 "store, and what differs is said: which files, which ARG or ENV, the base image, or only that what "
		 "it stands on was rebuilt. Options that matter for the build (--build-arg and the like) must be "
		 "those of the build.\n\n"
		 "Values that look like secrets are not in records: of these it is only said that something "
		 "changed.",
	.example = "slct why flavors/python-demo:release\nslct build --explain . && slct why --all .",
	.opts = cmd_why_options,
	.nopts = ARRAY_LEN(cmd_why_options),
	.opts_size = sizeof(struct cmd_why_opts),
	.conflicts = cmd_why_conflicts,
	.nconflicts = ARRAY_LEN(cmd_why_conflicts),
	.max_operands = 1,
	.run = cmd_why_run,
};
/* clang-format on */
