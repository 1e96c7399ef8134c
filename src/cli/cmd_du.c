/* slct du: how much of the disk the store takes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "src/cli/cli.h"
#include "src/cli/cmd.h"
#include "src/cli/table.h"
#include "src/util/num.h"

/* The parts of the store, as architecture.md lays them out. */
static const struct {
	const char *dir, *text;
} cmd_du_parts[] = {
	{"blobs", "blobs (pulled, saved and pushed images)"},
	{"layers", "unpacked layers"},
	{"images", "image records"},
	{"cache", "cache records"},
	{"files", "lists of files, for slct why"},
	{"stat", "file digests"},
	{"mounts", "cache mounts"},
	{"logs", "logs"},
	{"tmp", "work in progress"},
	{"trash", "to be deleted"},
};

/* Deeper trees are counted as far as this. */
#define CMD_DU_DEPTH_MAX 256

struct cmd_du_sum {
	uint64_t bytes, files;
	bool partial; /* something could not be read */
};

static void cmd_du_walk(int dirfd, const char *name, unsigned depth, struct cmd_du_sum *sum);

static void cmd_du_entry(int fd, const char *name, unsigned depth, struct cmd_du_sum *sum)
{
	struct stat st;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		sum->partial = true;
		return;
	}
	/* Each link of a file counts its share, so that the sum is what the disk has. */
	sum->bytes += (uint64_t)st.st_blocks * 512 / (S_ISDIR(st.st_mode) || !st.st_nlink ? 1 : st.st_nlink);
	sum->files++;
	if (S_ISDIR(st.st_mode))
		cmd_du_walk(fd, name, depth + 1, sum);
}

static void cmd_du_walk(int dirfd, const char *name, unsigned depth, struct cmd_du_sum *sum)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d AUTO_CLOSEDIR = fd >= 0 && depth <= CMD_DU_DEPTH_MAX ? fdopendir(fd) : NULL;
	const struct dirent *ent;

	if (!d) {
		if (fd >= 0)
			close(fd);
		if (fd >= 0 || errno != ENOENT)
			sum->partial = true;
		return;
	}
	while ((ent = readdir(d)) != NULL) {
		if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
			cmd_du_entry(fd, ent->d_name, depth, sum);
	}
}

static int cmd_du_json(const struct cli *c, const struct cmd_du_sum *sums, const struct cmd_du_sum *all, struct err *e)
{
	struct json *j = json_new_object(), *parts = json_new_object();

	for (size_t i = 0; i < ARRAY_LEN(cmd_du_parts); i++) {
		struct json *one = json_new_object();

		json_set_int(one, "bytes", (int64_t)sums[i].bytes);
		json_set_int(one, "files", (int64_t)sums[i].files);
		json_set_bool(one, "complete", !sums[i].partial);
		json_set(parts, cmd_du_parts[i].dir, one);
	}
	json_set_str(j, "root", store_root(c->store));
	json_set(j, "parts", parts);
	json_set_int(j, "bytes", (int64_t)all->bytes);
	return cli_print_json(j, e);
}

static void cmd_du_row(struct table *t, const char *what, const struct cmd_du_sum *s)
{
	char size[32];

	table_cellf(t, "%s%s", s->partial ? "> " : "", num_human_size(s->bytes, size));
	table_cellf(t, "%llu", (unsigned long long)s->files);
	table_cell(t, what);
}

static int cmd_du_print(const struct cmd_du_sum *sums, const struct cmd_du_sum *all, struct err *e)
{
	static const char *const titles[] = {"SIZE", "FILES", "WHAT", NULL};
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	AUTO_TABLE struct table t;

	table_init(&t, titles);
	for (size_t i = 0; i < ARRAY_LEN(cmd_du_parts); i++) {
		if (sums[i].files)
			cmd_du_row(&t, cmd_du_parts[i].text, &sums[i]);
	}
	cmd_du_row(&t, "all", all);
	table_write(&t, &out);
	return cli_print(buf_str(&out), out.n, e);
}

static int cmd_du_run(struct cli *c, const void *opts ATTR_UNUSED, struct err *e)
{
	struct cmd_du_sum sums[ARRAY_LEN(cmd_du_parts)] = {0}, all = {0};
	AUTO_CLOSE int root = open(store_root(c->store), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return err_sys(e, ERR_HOST, errno, "store %s", store_root(c->store));
	for (size_t i = 0; i < ARRAY_LEN(cmd_du_parts); i++) {
		cmd_du_walk(root, cmd_du_parts[i].dir, 0, &sums[i]);
		all.bytes += sums[i].bytes;
		all.files += sums[i].files;
		all.partial = all.partial || sums[i].partial;
	}
	return c->g.json ? cmd_du_json(c, sums, &all, e) : cmd_du_print(sums, &all, e);
}

const struct command cmd_du = {
	.name = "du",
	.group = COMMAND_HOUSE,
	.flags = COMMAND_STORE,
	.summary = "show how much of the disk the store takes",
	.usage = "[OPTIONS]",
	.about = "\">\" before a size means: at least, since some directories of unpacked layers belong to "
		 "other ids of the user's range and cannot be read from outside.",
	.example = "slct du\nslct du --json",
	.run = cmd_du_run,
};
