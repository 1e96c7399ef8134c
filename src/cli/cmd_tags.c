/* slct tags: the tags of a repository. */
#include "oci/ref.h"
#include "src/cli/cli.h"
#include "src/cli/cmd.h"
#include "src/cli/image_src.h"

struct cmd_tags_opts {
	struct cli_net net;
};

static const struct opt cmd_tags_options[] = {
	CLI_NET_OPTIONS(struct cmd_tags_opts),
};

static int cmd_tags_print(const struct cli *c, const char *repo, struct strv *tags, struct err *e)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);

	strv_sort(tags);
	if (c->g.json) {
		struct json *j = json_new_object();

		json_set_str(j, "repository", repo);
		json_set(j, "tags", json_from_strv(tags));
		return cli_print_json(j, e);
	}
	for (size_t i = 0; i < tags->n; i++)
		buf_printf(&out, "%s\n", tags->v[i]);
	return cli_print(buf_str(&out), out.n, e);
}

static int cmd_tags_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_tags_opts *o = opts;
	const char *text = image_src_reference(c->args.operands.v[0]);
	AUTO_REF struct ref repo = {0};
	AUTO_STRV struct strv tags = {0};
	struct registry_opts net = {0};
	struct registry *r = NULL;
	int rc = -1;

	if (ref_parse_repo(text, &repo, e))
		return -1;
	if (cli_net_opts(c, &o->net, repo.host, &net, e) == 0 && (r = registry_new(&net, e)) != NULL)
		rc = cli_registry_error(registry_tags(r, &repo, &tags, e), e);
	if (r)
		registry_free(r);
	cli_net_release(&net);
	return rc ? -1 : cmd_tags_print(c, text, &tags, e);
}

const struct command cmd_tags = {
	.name = "tags",
	.group = COMMAND_IMAGES,
	.summary = "list the tags of a repository in a registry",
	.usage = "[OPTIONS] REPOSITORY",
	.example = "slct tags localhost:5000/demo",
	.opts = cmd_tags_options,
	.nopts = ARRAY_LEN(cmd_tags_options),
	.opts_size = sizeof(struct cmd_tags_opts),
	.min_operands = 1,
	.max_operands = 1,
	.run = cmd_tags_run,
};
