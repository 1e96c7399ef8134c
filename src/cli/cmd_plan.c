/* slct plan: what a build would do. */
#include "src/cli/build_args.h"
#include "src/cli/cmd.h"
#include "src/cli/plandot.h"
#include "src/cli/table.h"
#include "src/cli/work.h"

struct cmd_plan_opts {
	struct build_args a; /* first: its offsets are those of the table */
	const char *format;
};

_Static_assert(offsetof(struct cmd_plan_opts, a) == 0, "the rows of build_args.h count from its beginning");

/* clang-format off */
static const struct opt cmd_plan_options[] = {
	{.name = "format", .arg = "text|json|dot", .kind = OPT_CHOICE, .offset = offsetof(struct cmd_plan_opts, format),
	 .dflt = "text", .help = "a table, the JSON of --json, or a graph for dot(1)"},
	BUILD_ARGS_SELECTION,
	CLI_NET_OPTIONS(struct build_args),
};
/* clang-format on */

static const struct opt_conflict cmd_plan_conflicts[] = {{"file", "flavor-path"}, {"target", "goal"}};

static const char *cmd_plan_str(const struct json *j, const char *key)
{
	const char *s = json_get_str(j, key);

	return s ? s : "-";
}

/* "from a/base, copy debian:12" */
static char *cmd_plan_needs(const struct json *stage)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	const struct json *needs = json_get(stage, "needs");

	for (size_t i = 0; i < json_len(needs); i++) {
		const struct json *n = json_at(needs, i);
		const char *what = json_get_str(n, "stage");

		buf_printf(&out, "%s%s %s", i ? ", " : "", cmd_plan_str(n, "kind"),
			   what ? what : cmd_plan_str(n, "ref"));
	}
	return buf_steal(&out);
}

static int cmd_plan_table(const struct json *plan, struct err *e)
{
	static const char *const titles[] = {"STAGE", "GOAL", "STATE", "STEPS", "NEEDS", NULL};
	const struct json *stages = json_get(plan, "stages");
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	AUTO_TABLE struct table t;

	table_init(&t, titles);
	for (size_t i = 0; i < json_len(stages); i++) {
		const struct json *s = json_at(stages, i);
		AUTO_FREE char *needs = cmd_plan_needs(s);

		table_cell(&t, cmd_plan_str(s, "name"));
		table_cell(&t, json_get_bool(s, "goal", false) ? "goal" : "");
		table_cell(&t, cmd_plan_str(s, "state"));
		table_cellf(&t, "%zu", json_len(json_get(s, "steps")));
		table_cell(&t, needs);
	}
	table_write(&t, &out);
	return cli_print(buf_str(&out), out.n, e);
}

/* With -v: the steps of each stage. */
static int cmd_plan_steps(const struct json *plan, struct err *e)
{
	static const char *const titles[] = {"STAGE", "STEP", "STATE", "INSTRUCTION", NULL};
	const struct json *stages = json_get(plan, "stages");
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	AUTO_TABLE struct table t;

	table_init(&t, titles);
	for (size_t i = 0; i < json_len(stages); i++) {
		const struct json *s = json_at(stages, i), *steps = json_get(s, "steps");

		for (size_t k = 0; k < json_len(steps); k++) {
			const struct json *step = json_at(steps, k);

			table_cell(&t, cmd_plan_str(s, "name"));
			table_cellf(&t, "%lld", (long long)json_get_int(step, "n", 0));
			table_cell(&t, cmd_plan_str(step, "state"));
			table_cell(&t, cmd_plan_str(step, "instruction"));
		}
	}
	buf_char_add(&out, '\n');
	table_write(&t, &out);
	return cli_print(buf_str(&out), out.n, e);
}

static int cmd_plan_dot(const struct json *plan, struct err *e)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);

	plandot_write(plan, &out);
	return cli_print(out.p, out.n, e);
}

static int cmd_plan_print(const struct cli *c, const char *format, struct json *plan, struct err *e)
{
	if (c->g.json || (format && strcmp(format, "json") == 0))
		return cli_print_json(json_ref(plan), e);
	if (format && strcmp(format, "dot") == 0)
		return cmd_plan_dot(plan, e);
	if (cmd_plan_table(plan, e))
		return -1;
	return c->g.verbose ? cmd_plan_steps(plan, e) : 0;
}

static int cmd_plan_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_plan_opts *o = opts;
	AUTO_WORK struct work w = {0};
	AUTO_JSON struct json *plan = NULL;
	struct build_opts b;
	const char *ref = o->a.cache_from.n ? o->a.cache_from.v[0] : NULL;
	int rc;

	build_opts_init(&b);
	rc = build_args_fill(c, &o->a, &b, e);
	if (!rc)
		rc = b.offline ? work_open_files(&w, c) : work_open(&w, c, &o->a.net, ref, e);
	if (!rc)
		rc = build_plan(&w.session, &b, &plan, e);
	work_close(&w);
	if (!rc)
		rc = cmd_plan_print(c, o->format, plan, e);
	build_opts_release(&b);
	return rc;
}

const struct command cmd_plan = {
	.name = "plan",
	.group = COMMAND_BUILD,
	.summary = "show what a build would do",
	.usage = "[OPTIONS] CONTEXT|FLAVOR…",
	.about = "Each stage has a state: local (the store has it), remote (a cache repository has it), build "
		 "(it would be built) or unknown. Without --goal all stages are listed. With --offline no "
		 "registry is asked: then nothing but the files is needed, and what a registry would have to "
		 "say is unknown. -v lists the steps.",
	.example = "slct plan flavors/python-demo\n"
		   "slct plan --offline --format dot flavors/python-demo | dot -Tsvg > plan.svg",
	.opts = cmd_plan_options,
	.nopts = ARRAY_LEN(cmd_plan_options),
	.opts_size = sizeof(struct cmd_plan_opts),
	.conflicts = cmd_plan_conflicts,
	.nconflicts = ARRAY_LEN(cmd_plan_conflicts),
	.max_operands = COMMAND_ANY,
	.run = cmd_plan_run,
};
