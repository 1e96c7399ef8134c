/* slct cache: what remote caches hold, and removing what is old. */
#include "src/build/cacheopt.h"
#include "src/cli/cmd.h"
#include "src/cli/table.h"
#include "src/cli/work.h"
#include "src/image/cachehouse.h"
#include "src/util/clock.h"
#include "src/util/num.h"

#define CMD_CACHE_KEEP_TEXT "720h"
#define CMD_CACHE_KEEP_S    (INT64_C(720) * 3600)

struct cmd_cache_opts {
	struct cli_net net;
	int64_t keep;
	bool yes;
};

#define CMD_CACHE_AT(member) .offset = offsetof(struct cmd_cache_opts, member)

/* clang-format off */
static const struct opt cmd_cache_options[] = {
	{.name = "keep", .arg = "D", .kind = OPT_DURATION, CMD_CACHE_AT(keep), .dflt = CMD_CACHE_KEEP_TEXT,
	 .help = "gc: keep entries that were built, or are known to have been used, within this time"},
	{.name = "yes", .letter = 'y', .kind = OPT_FLAG, CMD_CACHE_AT(yes),
	 .help = "gc: remove; without it, what would be removed is only counted"},
	CLI_NET_OPTIONS(struct cmd_cache_opts),
};
/* clang-format on */

static int cmd_cache_ls(const struct cli *c, struct work *w, const char *place, struct err *e)
{
	static const char *const titles[] = {"BUILT", "USED", "LAYERS", "SIZE", "TAGS", NULL};
	AUTO_JSON struct json *list = NULL;
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	AUTO_TABLE struct table t = {0};
	char size[32];

	if (cachehouse_list(&w->session, place, &list, e))
		return -1;
	work_close(w);
	if (c->g.json)
		return cli_print_json(STEAL_PTR(list), e);
	const struct json *entries = json_get(list, "entries");

	table_init(&t, titles);
	for (size_t i = 0; i < json_len(entries); i++) {
		const struct json *x = json_at(entries, i);
		AUTO_STRV struct strv tags = {0};
		const char *built = json_get_str(x, "built"), *used = json_get_str(x, "used");

		if (json_to_strv(json_get(x, "tags"), &tags, ERR_INTERNAL, e))
			return -1;
		AUTO_FREE char *names = strv_join(&tags, " ");

		table_cell(&t, built ? built : "-");
		table_cellf(&t, "%.10s", used ? used : "-"); /* the day */
		table_cellf(&t, "%lld", (long long)json_get_int(x, "layers", 0));
		table_cell(&t, num_human_size((uint64_t)json_get_int(x, "bytes", 0), size));
		table_cell(&t, names);
	}
	table_write(&t, &out);
	buf_printf(&out, "%zu entries, %s in all\n", json_len(entries),
		   num_human_size((uint64_t)json_get_int(list, "bytes", 0), size));
	return cli_print(buf_str(&out), out.n, e);
}

static int cmd_cache_gc(const struct cli *c, struct work *w, const struct cmd_cache_opts *o, const char *place,
			struct err *e)
{
	int64_t keep = strv_has(&c->args.given, "keep") ? o->keep / CLOCK_NS_PER_S : CMD_CACHE_KEEP_S;
	struct cachehouse_stats st;
	struct json *j;
	char size[32];

	if (cachehouse_gc(&w->session, place, clock_wall() / CLOCK_NS_PER_S - keep, !o->yes, &st, e))
		return -1;
	work_close(w);
	if (!c->g.json && st.held)
		return cli_printf(e,
				  "removed %llu entries; their blobs stay for the next time: a build is reading %s\n",
				  (unsigned long long)st.entries, place);
	if (!c->g.json)
		return cli_printf(e, "%s %llu entries, %llu blobs: %s%s\n", o->yes ? "removed" : "would remove",
				  (unsigned long long)st.entries, (unsigned long long)st.blobs,
				  num_human_size(st.bytes, size), o->yes ? "" : "; --yes does it");
	j = json_new_object();
	json_set_bool(j, "dry_run", !o->yes);
	json_set_int(j, "entries", (int64_t)st.entries);
	json_set_bool(j, "in_use", st.held);
	json_set_int(j, "blobs", (int64_t)st.blobs);
	json_set_int(j, "bytes", (int64_t)st.bytes);
	return cli_print_json(j, e);
}

static int cmd_cache_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_cache_opts *o = opts;
	const char *action = c->args.operands.v[0], *place = c->args.operands.v[1];
	AUTO_WORK struct work w = {0};
	bool ls = strcmp(action, "ls") == 0;

	if (!ls && strcmp(action, "gc") != 0)
		return err_set(e, ERR_USAGE, "slct cache: \"%s\" is not ls or gc", action);
	if (work_open(&w, c, &o->net, cacheopt_is_dir(sv_from(place)) ? NULL : place, e))
		return -1;
	return ls ? cmd_cache_ls(c, &w, place, e) : cmd_cache_gc(c, &w, o, place, e);
}

/* clang-format off */
const struct command cmd_cache = {
	.name = "cache",
	.group = COMMAND_HOUSE,
	.summary = "list and clean cache repositories and directories",
	.usage = "[OPTIONS] ls|gc REPOSITORY|DIRECTORY",
	.about = "ls shows the entries that --cache-to has written, the oldest first. gc removes those that were built and "
		 "last used before a time, with --yes; without it, it counts them. Of a directory each day is known on "
		 "which a build used an entry; of a repository those on which a build did that may write there, too "
		 "(--cache-from and --cache-to of one repository): it leaves a note under a tag slct-used-DAY-…, which gc "
		 "removes in its time. Of a directory the blobs that nothing needs any more go too, unless a command is "
		 "reading the directory: then they go the next time. A registry frees blobs by its own collection, and "
		 "must allow deletion. Tags and images that are no cache entries stay.",
	.example = "slct cache ls localhost:5000/cache\nslct cache gc --keep 336h ./cache\n"
		   "slct cache gc --keep 336h --yes localhost:5000/cache",
	.opts = cmd_cache_options,
	.nopts = ARRAY_LEN(cmd_cache_options),
	.opts_size = sizeof(struct cmd_cache_opts),
	.min_operands = 2,
	.max_operands = 2,
	.run = cmd_cache_run,
};
/* clang-format on */
