/* slct manifest: indexes of several platforms' images. */
#include "oci/limits.h"
#include "src/cli/cmd.h"
#include "src/cli/work.h"
#include "src/image/imgbring.h"
#include "src/image/imggive.h"
#include "src/image/imgindex.h"

struct cmd_manifest_opts {
	struct cli_net net;
};

static const struct opt cmd_manifest_options[] = {
	CLI_NET_OPTIONS(struct cmd_manifest_opts),
};

static int cmd_manifest_result(const struct cli *c, struct work *w, const struct digest *d, struct err *e)
{
	struct json *j;

	work_close(w);
	if (!c->g.json)
		return cli_printf(e, "%s\n", d->text);
	j = json_new_object();
	json_set_str(j, "digest", d->text);
	return cli_print_json(j, e);
}

/* Operands behind the action and the name. */
static void cmd_manifest_rest(const struct cli *c, struct strv *out)
{
	for (size_t i = 2; i < c->args.operands.n; i++)
		strv_add(out, c->args.operands.v[i]);
}

static int cmd_manifest_make(const struct cli *c, struct work *w, bool add, struct err *e)
{
	AUTO_STRV struct strv images = {0};
	struct digest d;

	cmd_manifest_rest(c, &images);
	if (!images.n)
		return err_set(e, ERR_USAGE, "slct manifest %s: an image is missing", c->args.operands.v[0]);
	if (imgindex_make(&w->session, c->args.operands.v[1], &images, add, &d, e))
		return -1;
	return cmd_manifest_result(c, w, &d, e);
}

static int cmd_manifest_create(const struct cli *c, struct work *w, struct err *e)
{
	return cmd_manifest_make(c, w, false, e);
}

static int cmd_manifest_add(const struct cli *c, struct work *w, struct err *e)
{
	return cmd_manifest_make(c, w, true, e);
}

static int cmd_manifest_push(const struct cli *c, struct work *w, struct err *e)
{
	const char *name = c->args.operands.v[1], *to = c->args.operands.n > 2 ? c->args.operands.v[2] : name;
	AUTO_IMGPLACE struct imgplace p = {0};
	AUTO_DESCRIPTOR struct descriptor index = {0};

	if (imgplace_parse(to, &p, e))
		return -1;
	/* A bare reference is one of a registry here. */
	if (p.kind == IMGPLACE_STORE)
		p.kind = IMGPLACE_DOCKER;
	if (imgindex_find(&w->session, name, &index, e) || imggive(&w->session, &index, &p, e))
		return -1;
	return cmd_manifest_result(c, w, &index.digest, e);
}

static int cmd_manifest_inspect(const struct cli *c, struct work *w, struct err *e)
{
	AUTO_DESCRIPTOR struct descriptor index = {0};
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_IMGPLACE struct imgplace p = {0};
	const char *name = c->args.operands.v[1];
	int rc;

	if (imgplace_parse(name, &p, e))
		return -1;
	if (p.kind == IMGPLACE_STORE)
		rc = imgindex_find(&w->session, p.name, &index, e);
	else
		rc = imgbring(&w->session, &p, NULL, true, &index, e);
	if (rc || store_blob_read(w->session.store, &index.digest, MANIFEST_MAX_BYTES, &text, e))
		return -1;
	work_close(w);
	return cli_print(text.p, text.n, e);
}

static const struct {
	const char *name;
	size_t max;
	int (*run)(const struct cli *c, struct work *w, struct err *e);
} cmd_manifest_actions[] = {
	{"create", COMMAND_ANY, cmd_manifest_create},
	{"add", COMMAND_ANY, cmd_manifest_add},
	{"push", 3, cmd_manifest_push},
	{"inspect", 2, cmd_manifest_inspect},
};

static int cmd_manifest_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_manifest_opts *o = opts;
	const char *action = c->args.operands.v[0];
	AUTO_WORK struct work w = {0};

	for (size_t i = 0; i < ARRAY_LEN(cmd_manifest_actions); i++) {
		if (strcmp(cmd_manifest_actions[i].name, action) != 0)
			continue;
		if (c->args.operands.n > cmd_manifest_actions[i].max)
			return err_set(e, ERR_USAGE, "slct manifest %s: \"%s\" is too much", action,
				       c->args.operands.v[cmd_manifest_actions[i].max]);
		if (work_open(&w, c, &o->net, c->args.operands.v[c->args.operands.n - 1], e))
			return -1;
		return cmd_manifest_actions[i].run(c, &w, e);
	}
	return err_set(e, ERR_USAGE, "slct manifest: \"%s\" is not create, add, push or inspect", action);
}

/* clang-format off */
const struct command cmd_manifest = {
	.name = "manifest",
	.group = COMMAND_IMAGES,
	.summary = "make and push indexes of several platforms' images",
	.usage = "[OPTIONS] create|add|push|inspect NAME [IMAGE…|DESTINATION]",
	.about = "create NAME IMAGE… makes an index of the images, which are operands as of slct copy, and keeps it in the "
		 "store; add puts further ones in, in the place of those for the same platform. push NAME [DESTINATION] "
		 "sends the index and all its images to a registry (a bare DESTINATION is one of a registry), or writes "
		 "them where slct copy could. inspect prints the index's exact bytes.\n\n"
		 "The digest of the index is printed.",
	.example = "slct manifest create demo-all:1 demo-amd64:1 docker://localhost:5000/demo:arm64\n"
		   "slct manifest push demo-all:1 docker://localhost:5000/demo:1",
	.opts = cmd_manifest_options,
	.nopts = ARRAY_LEN(cmd_manifest_options),
	.opts_size = sizeof(struct cmd_manifest_opts),
	.min_operands = 2,
	.max_operands = COMMAND_ANY,
	.run = cmd_manifest_run,
};
/* clang-format on */
