/* slct images: what the store holds. */
#include "src/cli/cli.h"
#include "src/cli/cmd.h"
#include "src/cli/image_src.h"
#include "src/cli/table.h"
#include "src/util/clock.h"
#include "src/util/num.h"

#define CMD_IMAGES_ID_DIGITS 12

/* Bytes of all layers, uncompressed; a layer without a record counts nothing. */
static uint64_t cmd_images_size(struct store *s, const struct store_image *i)
{
	uint64_t sum = 0;

	for (size_t k = 0; k < i->diff_ids.n; k++) {
		AUTO_LAYER_REC struct store_layer_rec rec = {0};
		struct err e = ERR_INIT;

		if (store_layer_rec_get(s, &i->diff_ids.v[k], &rec, &e) == 0)
			sum += rec.size;
		err_release(&e);
	}
	return sum;
}

static struct json *cmd_images_json(struct store *s, const struct store_image *i)
{
	struct json *j = json_new_object(), *layers = json_new_array();
	AUTO_FREE char *name = image_src_name(i);
	char time[32];

	json_set_str(j, "name", name);
	json_set_str(j, "reference", i->name);
	json_set_str(j, "id", i->config.text);
	if (digest_is_set(&i->manifest.digest))
		json_set_str(j, "manifest", i->manifest.digest.text);
	json_set_str(j, "updated", clock_rfc3339(i->updated, time));
	json_set_int(j, "size", (int64_t)cmd_images_size(s, i));
	for (size_t k = 0; k < i->diff_ids.n; k++)
		json_append(layers, json_new_str(i->diff_ids.v[k].text));
	json_set(j, "layers", layers);
	return j;
}

static int cmd_images_print_json(struct store *s, const struct store_image_list *all, struct err *e)
{
	struct json *j = json_new_object(), *v = json_new_array();

	for (size_t i = 0; i < all->n; i++)
		json_append(v, cmd_images_json(s, &all->v[i]));
	json_set(j, "images", v);
	return cli_print_json(j, e);
}

static int cmd_images_print_names(const struct store_image_list *all, struct err *e)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);

	for (size_t i = 0; i < all->n; i++) {
		AUTO_FREE char *name = image_src_name(&all->v[i]);

		buf_printf(&out, "%s\n", name[0] ? name : all->v[i].config.text);
	}
	return cli_print(buf_str(&out), out.n, e);
}

static int cmd_images_print_table(struct store *s, const struct store_image_list *all, struct err *e)
{
	static const char *const titles[] = {"NAME", "ID", "UPDATED", "LAYERS", "SIZE", NULL};
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	AUTO_TABLE struct table t;
	char text[32];

	table_init(&t, titles);
	for (size_t i = 0; i < all->n; i++) {
		const struct store_image *im = &all->v[i];
		AUTO_FREE char *name = image_src_name(im);

		table_cell(&t, name[0] ? name : "-");
		table_cellf(&t, "%.*s", CMD_IMAGES_ID_DIGITS, digest_hex(&im->config));
		table_cell(&t, clock_rfc3339(im->updated, text));
		table_cellf(&t, "%zu", im->diff_ids.n);
		table_cell(&t, num_human_size(cmd_images_size(s, im), text));
	}
	table_write(&t, &out);
	return cli_print(buf_str(&out), out.n, e);
}

static int cmd_images_run(struct cli *c, const void *opts ATTR_UNUSED, struct err *e)
{
	struct store_image_list all = {0};
	int rc;

	if (store_image_list(c->store, &all, e))
		return -1;
	if (c->g.json)
		rc = cmd_images_print_json(c->store, &all, e);
	else if (c->g.quiet)
		rc = cmd_images_print_names(&all, e);
	else
		rc = cmd_images_print_table(c->store, &all, e);
	store_image_list_release(&all);
	return rc;
}

const struct command cmd_images = {
	.name = "images",
	.group = COMMAND_IMAGES,
	.flags = COMMAND_STORE,
	.summary = "list the images of the store",
	.usage = "[OPTIONS]",
	.about = "SIZE is the sum of the uncompressed layers; images share layers. With -q only the names are printed.",
	.example = "slct images\nslct images --json | jq -r '.images[].name'",
	.run = cmd_images_run,
};
