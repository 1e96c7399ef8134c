/* slct ls: files of an image. */
#include <time.h>

#include "src/cli/cmd.h"
#include "src/cli/image_src.h"
#include "src/cli/table.h"
#include "src/cli/ui_text.h"
#include "src/cli/work.h"
#include "src/image/imgfiles.h"

static char cmd_ls_letter(const char *type)
{
	static const struct {
		const char *type;
		char letter;
	} letters[] = {{"dir", 'd'}, {"symlink", 'l'}, {"char", 'c'}, {"block", 'b'}, {"fifo", 'p'}, {"socket", 's'}};

	for (size_t i = 0; type && i < ARRAY_LEN(letters); i++) {
		if (strcmp(letters[i].type, type) == 0)
			return letters[i].letter;
	}
	return '-';
}

/* As ls -l writes it. */
static const char *cmd_ls_mode(char letter, int64_t mode, char out[11])
{
	static const char bits[] = "rwxrwxrwx", special[] = "sst";

	out[0] = letter;
	for (int i = 0; i < 9; i++)
		out[i + 1] = mode >> (8 - i) & 1 ? bits[i] : '-';
	for (int i = 0; i < 3; i++) {
		char *x = &out[3 * i + 3];

		if (mode >> (11 - i) & 1)
			*x = *x == 'x' ? special[i] : (char)(special[i] - 'a' + 'A');
	}
	out[10] = '\0';
	return out;
}

static void cmd_ls_row(const struct json *f, struct table *t)
{
	char mode[11], when[32];
	time_t mtime = (time_t)json_get_int(f, "mtime", 0);
	const char *target = json_get_str(f, "target");
	struct tm tm;

	if (!gmtime_r(&mtime, &tm) || !strftime(when, sizeof when, "%Y-%m-%d %H:%M", &tm))
		when[0] = '\0';
	table_cell(t, cmd_ls_mode(cmd_ls_letter(json_get_str(f, "type")), json_get_int(f, "mode", 0), mode));
	table_cellf(t, "%lld:%lld", (long long)json_get_int(f, "uid", 0), (long long)json_get_int(f, "gid", 0));
	table_cellf(t, "%lld", (long long)json_get_int(f, "size", 0));
	table_cell(t, when);
	table_cellf(t, "%s%s%s", json_get_str(f, "name"), target ? " -> " : "", target ? target : "");
}

static int cmd_ls_print(const struct json *list, struct err *e)
{
	static const char *const titles[] = {"MODE", "OWNER", "SIZE", "TIME", "NAME", NULL};
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	AUTO_TABLE struct table t;

	table_init(&t, titles);
	for (size_t i = 0; i < json_len(list); i++)
		cmd_ls_row(json_at(list, i), &t);
	table_write(&t, &out);
	return cli_print(buf_str(&out), out.n, e);
}

static int cmd_ls_run(struct cli *c, const void *opts ATTR_UNUSED, struct err *e)
{
	const char *path = c->args.operands.n > 1 ? c->args.operands.v[1] : "/";
	AUTO_WORK struct work w = {0};
	AUTO_JSON struct json *list = NULL;
	const char *name;

	if (image_src_in_store(c->args.operands.v[0], &name, e) || work_open(&w, c, NULL, NULL, e) ||
	    imgfiles_list(&w.session, name, path, &list, e))
		return -1;
	work_close(&w);
	if (!c->g.json)
		return cmd_ls_print(list, e);
	struct json *j = json_new_object();

	json_set_str(j, "path", path);
	json_set(j, "files", STEAL_PTR(list));
	return cli_print_json(j, e);
}

/* clang-format off */
const struct command cmd_ls = {
	.name = "ls",
	.group = COMMAND_IMAGES,
	.summary = "list files of an image",
	.usage = "[OPTIONS] IMAGE [PATH]",
	.about = "IMAGE is a name in the store, PATH a directory or file in it, / without it. Nothing of the image is run, "
		 "and no link leads out of it. Times are UTC.",
	.example = "slct ls demo:1 /etc",
	.min_operands = 1,
	.max_operands = 2,
	.run = cmd_ls_run,
};
/* clang-format on */
