/* slct fsck: verify the store. */
#include "src/cli/cmd.h"
#include "src/cli/ui_text.h"
#include "src/cli/work.h"
#include "src/image/image_ops.h"

static void cmd_fsck_problem(void *arg, const char *text)
{
	strv_take(arg, ui_text_line(text, false));
}

static int cmd_fsck_print(const struct cli *c, const struct strv *problems, struct err *e)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);

	if (c->g.json) {
		struct json *j = json_new_object();

		json_set(j, "problems", json_from_strv(problems));
		return cli_print_json(j, e);
	}
	for (size_t i = 0; i < problems->n; i++)
		buf_printf(&out, "%s\n", problems->v[i]);
	if (!problems->n && !c->g.quiet)
		buf_str_add(&out, "the store is clean\n");
	return cli_print(buf_str(&out), out.n, e);
}

static int cmd_fsck_run(struct cli *c, const void *opts ATTR_UNUSED, struct err *e)
{
	AUTO_WORK struct work w = {0};
	AUTO_STRV struct strv problems = {0};
	int n;

	if (work_open(&w, c, NULL, NULL, e))
		return -1;
	n = image_ops_fsck(&w.session, cmd_fsck_problem, &problems, e);
	work_close(&w);
	if (n < 0 || cmd_fsck_print(c, &problems, e))
		return -1;
	if (n == 0)
		return 0;
	err_set(e, ERR_INTEGRITY, "the store has %d problem%s", n, n == 1 ? "" : "s");
	return err_hint(
		e,
		"what is damaged can be made anew: slct rm the images that need it, slct gc --all, then pull, load or "
		"build them again");
}

const struct command cmd_fsck = {
	.name = "fsck",
	.group = COMMAND_HOUSE,
	.summary = "verify everything in the store",
	.usage = "[OPTIONS]",
	.about = "Blobs are read and compared with their digests, records with what they name, and unpacked "
		 "layers are packed again and compared. Each problem is a line; with any the exit status is 6. "
		 "Nothing is changed.",
	.example = "slct fsck",
	.run = cmd_fsck_run,
};
