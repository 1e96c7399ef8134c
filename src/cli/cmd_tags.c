/* slct tags: the tags of a repository. */
#include <string.h>

#include "oci/ref.h"
#include "src/cli/cli.h"
#include "src/cli/cmd.h"
#include "src/cli/image_src.h"
#include "src/util/log.h"
#include "src/util/mem.h"

struct cmd_tags_opts {
	struct cli_net net;
	bool referrers;
};

/* clang-format off */
static const struct opt cmd_tags_options[] = {
	{.name = "referrers", .kind = OPT_FLAG, .offset = offsetof(struct cmd_tags_opts, referrers),
	 .help = "of REPOSITORY:TAG or REPOSITORY@DIGEST: what refers to that manifest (signatures, SBOMs)"},
	CLI_NET_OPTIONS(struct cmd_tags_opts),
};
/* clang-format on */

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

static int cmd_tags_print_referrers(const struct cli *c, const char *name, const struct json *list, struct err *e)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);

	if (c->g.json) {
		struct json *j = json_new_object();

		json_set_str(j, "image", name);
		json_set(j, "referrers", json_clone(list));
		return cli_print_json(j, e);
	}
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *d = json_at(list, i);
		const char *type = json_get_str(d, "artifactType");
		AUTO_FREE char *shown = log_mask(type ? type : "", type ? strlen(type) : 0, false);

		buf_printf(&out, "%s%s%s\n", json_get_str(d, "digest"), shown[0] ? " " : "", shown);
	}
	return cli_print(buf_str(&out), out.n, e);
}

static int cmd_tags_referrers(const struct cli *c, struct registry *r, const char *text, struct err *e)
{
	AUTO_REF struct ref ref = {0};
	AUTO_JSON struct json *list = NULL;

	if (ref_parse(text, &ref, e) || cli_registry_error(registry_referrers(r, &ref, &list, e), e))
		return -1;
	return cmd_tags_print_referrers(c, text, list, e);
}

static int cmd_tags_list(const struct cli *c, struct registry *r, const char *text, struct err *e)
{
	AUTO_REF struct ref repo = {0};
	AUTO_STRV struct strv tags = {0};

	if (ref_parse_repo(text, &repo, e) || cli_registry_error(registry_tags(r, &repo, &tags, e), e))
		return -1;
	return cmd_tags_print(c, text, &tags, e);
}

static int cmd_tags_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_tags_opts *o = opts;
	const char *text = image_src_reference(c->args.operands.v[0]);
	AUTO_REF struct ref name = {0};
	struct registry_opts net = {0};
	struct registry *r = NULL;
	int rc = -1;

	if (o->referrers ? ref_parse(text, &name, e) : ref_parse_repo(text, &name, e))
		return -1;
	if (cli_net_opts(c, &o->net, name.host, &net, e) == 0 && (r = registry_new(&net, e)) != NULL)
		rc = o->referrers ? cmd_tags_referrers(c, r, text, e) : cmd_tags_list(c, r, text, e);
	registry_free(r);
	cli_net_release(&net);
	return rc;
}

const struct command cmd_tags = {
	.name = "tags",
	.group = COMMAND_IMAGES,
	.summary = "list the tags of a repository in a registry",
	.usage = "[OPTIONS] REPOSITORY",
	.example = "slct tags localhost:5000/demo\n"
		   "slct tags --referrers localhost:5000/demo:1",
	.opts = cmd_tags_options,
	.nopts = ARRAY_LEN(cmd_tags_options),
	.opts_size = sizeof(struct cmd_tags_opts),
	.min_operands = 1,
	.max_operands = 1,
	.run = cmd_tags_run,
};
