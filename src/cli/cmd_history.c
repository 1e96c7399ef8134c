/* slct history: the instructions that made an image, newest first. */
#include "oci/manifest.h"
#include "src/cli/cli.h"
#include "src/cli/cmd.h"
#include "src/cli/image_src.h"
#include "src/cli/table.h"
#include "src/util/mem.h"
#include "src/util/num.h"

struct cmd_history_opts {
	struct cli_net net;
	bool no_trunc;
	const char *platform;
};

#define CMD_HISTORY_AT(member) .offset = offsetof(struct cmd_history_opts, member)

/* clang-format off */
static const struct opt cmd_history_options[] = {
	{.name = "no-trunc", .kind = OPT_FLAG, CMD_HISTORY_AT(no_trunc), .help = "whole instructions"},
	{.name = "platform", .arg = "P", .kind = OPT_STRING, CMD_HISTORY_AT(platform), .dflt = "this machine's",
	 .help = "os/arch[/variant] to choose from an index"},
	CLI_NET_OPTIONS(struct cmd_history_opts),
};
/* clang-format on */

#define CMD_HISTORY_WIDTH 60 /* bytes of an instruction that are shown */

struct cmd_history_row {
	const struct imgconfig_history *h;
	const struct digest *layer; /* NULL: made none */
	uint64_t size;
};

static uint64_t cmd_history_size(struct store *s, const struct digest *diff_id)
{
	AUTO_LAYER_REC struct store_layer_rec rec = {0};
	struct err e = ERR_INIT;
	uint64_t size = 0;

	if (store_layer_rec_get(s, diff_id, &rec, &e) == 0)
		size = rec.size;
	err_release(&e);
	return size;
}

/* Rows in the order of the config; the caller frees. m: of an image elsewhere, whose layers are as long as it says; or
 * NULL. */
static struct cmd_history_row *cmd_history_rows(struct store *s, const struct imgconfig *cfg, const struct manifest *m)
{
	struct cmd_history_row *rows = mem_zalloc((cfg->nhistory + 1) * sizeof(*rows));
	size_t layer = 0;

	for (size_t i = 0; i < cfg->nhistory; i++) {
		rows[i].h = &cfg->history[i];
		if (cfg->history[i].empty_layer || layer >= cfg->diff_ids.n)
			continue;
		rows[i].layer = &cfg->diff_ids.v[layer];
		if (!m)
			rows[i].size = cmd_history_size(s, rows[i].layer);
		else if (layer < m->nlayers)
			rows[i].size = m->layers[layer].size;
		layer++;
	}
	return rows;
}

static int cmd_history_json(const struct cmd_history_row *rows, size_t n, struct err *e)
{
	struct json *j = json_new_object(), *v = json_new_array();

	for (size_t i = n; i-- > 0;) {
		struct json *one = json_new_object();

		json_set_str(one, "created", rows[i].h->created);
		json_set_str(one, "created_by", rows[i].h->created_by);
		json_set_str(one, "comment", rows[i].h->comment);
		json_set_str(one, "layer", rows[i].layer ? rows[i].layer->text : NULL);
		json_set_int(one, "size", (int64_t)rows[i].size);
		json_append(v, one);
	}
	json_set(j, "history", v);
	return cli_print_json(j, e);
}

static int cmd_history_table(const struct cmd_history_row *rows, size_t n, bool whole, struct err *e)
{
	static const char *const titles[] = {"CREATED", "SIZE", "CREATED BY", NULL};
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	AUTO_TABLE struct table t;
	char text[32];

	table_init(&t, titles);
	for (size_t i = n; i-- > 0;) {
		const char *by = rows[i].h->created_by ? rows[i].h->created_by : "";
		bool cut = !whole && strlen(by) > CMD_HISTORY_WIDTH;

		table_cell(&t, rows[i].h->created ? rows[i].h->created : "-");
		table_cell(&t, rows[i].layer ? num_human_size(rows[i].size, text) : "-");
		table_cellf(&t, "%.*s%s", cut ? CMD_HISTORY_WIDTH - 1 : (int)strlen(by), by, cut ? "…" : "");
	}
	table_write(&t, &out);
	return cli_print(buf_str(&out), out.n, e);
}

static bool cmd_history_is_elsewhere(const char *text)
{
	return strncmp(text, "docker://", 9) == 0 || strncmp(text, "oci:", 4) == 0;
}

/* Manifest and config are enough: no layer is asked for. */
static int cmd_history_elsewhere(const struct cli *c, const struct cmd_history_opts *o, struct imgconfig *cfg,
				 struct manifest *m, struct err *e)
{
	AUTO_IMAGE_SRC struct image_src i = {0};
	struct platform p;

	if (cli_platform(o->platform, &p, e) || image_src_read(c, &o->net, c->args.operands.v[0], &p, &i, e) ||
	    manifest_parse(i.manifest_text.p, i.manifest_text.n, NULL, m, ERR_INPUT, e))
		return -1;
	return imgconfig_parse(i.config_text.p, i.config_text.n, cfg, ERR_INPUT, e);
}

static int cmd_history_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_history_opts *o = opts;
	const char *name = c->args.operands.v[0];
	bool elsewhere = cmd_history_is_elsewhere(name);
	AUTO_STORE_IMAGE struct store_image i = {0};
	AUTO_IMGCONFIG struct imgconfig cfg = {0};
	AUTO_MANIFEST struct manifest m = {0};
	AUTO_FREE struct cmd_history_row *rows = NULL;

	if (elsewhere ? cmd_history_elsewhere(c, o, &cfg, &m, e)
		      : image_src_find(c->store, name, &i, e) || store_image_config(c->store, &i, &cfg, e))
		return -1;
	rows = cmd_history_rows(c->store, &cfg, elsewhere ? &m : NULL);
	if (c->g.json)
		return cmd_history_json(rows, cfg.nhistory, e);
	return cmd_history_table(rows, cfg.nhistory, o->no_trunc, e);
}

/* clang-format off */
const struct command cmd_history = {
	.name = "history",
	.group = COMMAND_IMAGES,
	.flags = COMMAND_STORE,
	.summary = "show the instructions that made an image",
	.usage = "[OPTIONS] IMAGE",
	.about = "IMAGE is a name in the store, or store:NAME, docker://REFERENCE or oci:DIRECTORY[:TAG]. Newest first. SIZE "
		 "is that of the uncompressed layer, of an image outside of the store that of the layer as it lies there; "
		 "\"-\" where the instruction made none.",
	.example = "slct history --no-trunc demo:1\nslct history docker://localhost:5000/demo:1",
	.opts = cmd_history_options,
	.nopts = ARRAY_LEN(cmd_history_options),
	.opts_size = sizeof(struct cmd_history_opts),
	.min_operands = 1,
	.max_operands = 1,
	.run = cmd_history_run,
};
/* clang-format on */
