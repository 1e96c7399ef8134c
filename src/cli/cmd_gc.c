/* slct gc: delete what nothing needs. */
#include "src/cli/cmd.h"
#include "src/cli/work.h"
#include "src/image/image_ops.h"
#include "src/util/clock.h"
#include "src/util/num.h"

#define CMD_GC_KEEP_TEXT "168h"
#define CMD_GC_KEEP_NS	 (INT64_C(168) * 3600 * CLOCK_NS_PER_S)

struct cmd_gc_opts {
	int64_t keep, keep_last;
	uint64_t keep_storage;
	bool all, dry_run;
};

#define CMD_GC_AT(member) .offset = offsetof(struct cmd_gc_opts, member)

/* clang-format off */
static const struct opt cmd_gc_options[] = {
	{.name = "keep", .arg = "D", .kind = OPT_DURATION, CMD_GC_AT(keep), .dflt = CMD_GC_KEEP_TEXT,
	 .help = "keep cache entries that were used within this time, and what they need"},
	{.name = "keep-last", .arg = "D", .kind = OPT_DURATION, CMD_GC_AT(keep_last), .help = "another name of --keep"},
	{.name = "keep-storage", .arg = "SIZE", .kind = OPT_SIZE, CMD_GC_AT(keep_storage),
	 .help = "keep as many cache entries as fit into SIZE with the images, those used last before others"},
	{.name = "all", .kind = OPT_FLAG, CMD_GC_AT(all), .help = "keep no cache entries, only the images"},
	{.name = "dry-run", .kind = OPT_FLAG, CMD_GC_AT(dry_run), .help = "delete nothing, only count"},
};

static const struct opt_conflict cmd_gc_conflicts[] = {
	{"keep", "all"}, {"keep", "keep-last"}, {"keep-last", "all"}, {"keep-storage", "all"},
};
/* clang-format on */

static int cmd_gc_print(const struct cli *c, const struct store_gc_stats *st, bool dry_run, struct err *e)
{
	char size[32];
	struct json *j;

	if (!c->g.json)
		return cli_printf(e, "%s %llu blobs, %llu layers, %llu records: %s; %llu kept\n",
				  dry_run ? "would delete" : "deleted", (unsigned long long)st->blobs,
				  (unsigned long long)st->layers, (unsigned long long)st->records,
				  num_human_size(st->bytes, size), (unsigned long long)st->kept);
	j = json_new_object();
	json_set_bool(j, "dry_run", dry_run);
	json_set_int(j, "blobs", (int64_t)st->blobs);
	json_set_int(j, "layers", (int64_t)st->layers);
	json_set_int(j, "records", (int64_t)st->records);
	json_set_int(j, "bytes", (int64_t)st->bytes);
	json_set_int(j, "kept", (int64_t)st->kept);
	return cli_print_json(j, e);
}

/* With --keep-storage alone the size decides, not a time. */
static int cmd_gc_time(const struct cli *c, const struct cmd_gc_opts *o, struct work *w, int64_t *keep, struct err *e)
{
	bool given = true;

	if (strv_has(&c->args.given, "keep"))
		*keep = o->keep;
	else if (strv_has(&c->args.given, "keep-last"))
		*keep = o->keep_last;
	else
		given = false;
	if (!given)
		*keep = o->all || strv_has(&c->args.given, "keep-storage") ? 0 : CMD_GC_KEEP_NS;
	if (!strv_has(&c->args.given, "keep-storage"))
		return 0;
	return image_ops_gc_fit(&w->session, o->keep_storage, *keep, keep, e);
}

static int cmd_gc_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_gc_opts *o = opts;
	AUTO_WORK struct work w = {0};
	struct store_gc_stats st = {0};
	int64_t keep;

	if (work_open_exclusive(&w, c, e) || cmd_gc_time(c, o, &w, &keep, e) ||
	    image_ops_gc(&w.session, keep, o->dry_run, &st, e))
		return -1;
	work_close(&w);
	return cmd_gc_print(c, &st, o->dry_run, e);
}

const struct command cmd_gc = {
	.name = "gc",
	.group = COMMAND_HOUSE,
	.summary = "delete what no image and no recent cache entry needs",
	.usage = "[OPTIONS]",
	.about = "Needs the store alone: while another slct works in it, gc ends with status 75.",
	.example = "slct gc --dry-run\nslct gc --keep-storage 20g --keep-last 720h\nslct gc --all",
	.opts = cmd_gc_options,
	.nopts = ARRAY_LEN(cmd_gc_options),
	.opts_size = sizeof(struct cmd_gc_opts),
	.conflicts = cmd_gc_conflicts,
	.nconflicts = ARRAY_LEN(cmd_gc_conflicts),
	.run = cmd_gc_run,
};
