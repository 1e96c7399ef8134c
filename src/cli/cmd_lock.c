/* slct lock: pins base images. */
#include "src/build/lockfile.h"
#include "src/cli/build_args.h"
#include "src/cli/cmd.h"
#include "src/cli/work.h"
#include "src/util/io.h"
#include "src/util/mem.h"

static const struct opt cmd_lock_options[] = {
	BUILD_ARGS_SELECTION,
	CLI_NET_OPTIONS(struct build_args),
};

static int cmd_lock_write(const struct cli *c, const char *dir, struct json *lock, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/" LOCKFILE_NAME, dir);
	AUTO_BUF struct buf text = BUF_INIT(LOCKFILE_MAX_BYTES);

	json_write_pretty(lock, &text);
	buf_char_add(&text, '\n');
	if (io_write_output(path, text.p, text.n, e))
		return -1;
	if (!c->g.json)
		return cli_printf(e, "%s: %zu images\n", path, json_len(json_get(lock, "images")));
	return cli_print_json(json_ref(lock), e);
}

/* Each context has its own file. */
static int cmd_lock_one(struct work *w, const struct build_opts *all, const char *path, struct json **out,
			struct err *e)
{
	struct build_opts one = *all;
	char *paths[] = {mem_strdup(path)};
	int rc;

	one.paths = (struct strv){.v = paths, .n = 1, .cap = 1};
	rc = build_lock(&w->session, &one, out, e);
	free(paths[0]);
	return rc;
}

static int cmd_lock_run(struct cli *c, const void *opts, struct err *e)
{
	const struct build_args *a = opts;
	AUTO_WORK struct work w = {0};
	struct build_opts b;
	int rc;

	build_opts_init(&b);
	rc = build_args_fill(c, a, &b, e);
	if (!rc)
		rc = work_open(&w, c, &a->net, NULL, e);
	for (size_t i = 0; !rc && i < b.paths.n; i++) {
		AUTO_JSON struct json *lock = NULL;

		rc = cmd_lock_one(&w, &b, b.paths.v[i], &lock, e);
		if (!rc)
			rc = cmd_lock_write(c, b.paths.v[i], lock, e);
	}
	build_opts_release(&b);
	return rc;
}

/* clang-format off */
const struct command cmd_lock = {
	.name = "lock",
	.group = COMMAND_BUILD,
	.summary = "pin base images in slct.lock",
	.usage = "[OPTIONS] CONTEXT|FLAVOR…",
	.about = "Asks what each image of FROM, COPY --from and RUN --mount=from stands for now, and writes the digests into "
		 "the file slct.lock of the directory. Builds of it then use these images, whatever their tags point to; a "
		 "pinned image that is stored is not asked for. References with a digest of their own are not in it. An "
		 "image that exists only in the store is pinned by its id: a build with another one fails.",
	.example = "slct lock flavors/python-demo && git add flavors/python-demo/slct.lock",
	.opts = cmd_lock_options,
	.nopts = ARRAY_LEN(cmd_lock_options),
	.opts_size = sizeof(struct build_args),
	.max_operands = COMMAND_ANY,
	.run = cmd_lock_run,
};
/* clang-format on */
