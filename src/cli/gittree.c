#include "src/cli/gittree.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/util/mem.h"
#include "src/util/proc.h"
#include "src/util/vec.h"

#define GITTREE_OUT_MAX	  ((size_t)16 << 20)
#define GITTREE_DEPTH_MAX 8

/* The environment with an index of our own, and without what would point git elsewhere or download large files. */
static void gittree_env(const char *index, struct strv *out)
{
	extern char **environ;
	static const char *const drop[] = {"GIT_DIR=", "GIT_WORK_TREE=", "GIT_INDEX_FILE=", "GIT_PREFIX="};

	for (char **p = environ; *p; p++) {
		bool keep = true;

		for (size_t i = 0; i < ARRAY_LEN(drop); i++)
			keep = keep && strncmp(*p, drop[i], strlen(drop[i])) != 0;
		if (keep)
			strv_add(out, *p);
	}
	if (index)
		strv_printf(out, "GIT_INDEX_FILE=%s", index);
	strv_add(out, "GIT_LFS_SKIP_SMUDGE=1");
	strv_add(out, "GIT_OPTIONAL_LOCKS=0");
	strv_add(out, "LC_ALL=C");
}

/* git -C dir args; standard output without its last newline in *out (may be NULL). */
static int gittree_run(const char *dir, const char *index, const char *const *args, char **out, struct err *e)
{
	AUTO_STRV struct strv argv = {0}, env = {0};
	AUTO_BUF struct buf text = BUF_INIT(GITTREE_OUT_MAX), errors = BUF_INIT(GITTREE_OUT_MAX);
	int status;

	strv_add(&argv, "git");
	strv_add(&argv, "-C");
	strv_add(&argv, dir);
	for (size_t i = 0; args[i]; i++)
		strv_add(&argv, args[i]);
	gittree_env(index, &env);
	struct proc_io io = {.out = &text, .errout = &errors, .envp = strv_argv(&env)};

	if (proc_run(strv_argv(&argv), &io, &status, e)) {
		if (e->code == ERR_NOT_FOUND) {
			err_set(e, ERR_HOST, "the program git is not installed");
			err_hint(e, "as root: apt-get install git");
		}
		return -1;
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		AUTO_FREE char *why = sv_dup(sv_trim(buf_sv(&errors)));

		return err_set(e, ERR_INPUT, "git %s: %s", args[0], why[0] ? why : "it failed");
	}
	if (out)
		*out = sv_dup(sv_trim(buf_sv(&text)));
	return 0;
}

char *gittree_root(const char *dir, struct err *e)
{
	static const char *const args[] = {"rev-parse", "--show-toplevel", NULL};
	char *root = NULL;

	return gittree_run(dir, NULL, args, &root, e) ? NULL : root;
}

char *gittree_last_tag(const char *root, struct err *e)
{
	static const char *const heads[] = {"refs/remotes/origin/HEAD", "HEAD"};
	char *tag = NULL;

	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		const char *const args[] = {"describe", "--abbrev=0", "--tags", heads[i], NULL};

		err_release(e);
		if (gittree_run(root, NULL, args, &tag, e) == 0)
			return tag;
	}
	err_set(e, ERR_INPUT, "%s has no tag to compare with", root);
	err_hint(e, "name a commit, or fetch the tags: git fetch --tags");
	return NULL;
}

/* "160000 commit <id>\t<path>" lines of git ls-tree are submodules. */
static void gittree_submodules(const char *listing, struct strv *ids, struct strv *paths)
{
	struct sv rest = sv_from(listing);

	while (rest.p) {
		struct sv line = sv_cut(&rest, '\n'), head;

		if (!sv_starts(line, "160000 commit "))
			continue;
		head = sv_cut(&line, '\t');
		strv_take(ids, sv_dup(sv_sub(head, strlen("160000 commit "), head.n)));
		strv_take(paths, sv_dup(line));
	}
}

static int gittree_write_deep(const char *root, const char *commit, const char *to, unsigned depth, struct err *e);

/* A submodule that is not checked out here leaves its directory empty; links into it say so when they are followed. */
/* NOLINTNEXTLINE(misc-no-recursion): bounded by GITTREE_DEPTH_MAX */
static int gittree_submodule(const char *root, const char *id, const char *path, const char *to, unsigned depth,
			     struct err *e)
{
	AUTO_FREE char *from = mem_printf("%s/%s", root, path), *under = mem_printf("%s/%s", to, path);
	AUTO_FREE char *git = mem_printf("%s/.git", from);

	if (depth >= GITTREE_DEPTH_MAX || access(git, F_OK) < 0)
		return 0;
	if (gittree_write_deep(from, id, under, depth + 1, e)) {
		err_wrap(e, "submodule %s", path);
		return err_hint(e, "git -C %s fetch gets the commit", from);
	}
	return 0;
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static int gittree_write_deep(const char *root, const char *commit, const char *to, unsigned depth, struct err *e)
{
	AUTO_FREE char *index = mem_printf("%s.index", to), *prefix = mem_printf("--prefix=%s/", to), *list = NULL;
	AUTO_FREE char *tree = mem_printf("%s^{tree}", commit);
	const char *const read[] = {"read-tree", tree, NULL};
	const char *const write[] = {"checkout-index", "--all", "--force", prefix, NULL};
	const char *const names[] = {"-c", "core.quotePath=false", "ls-tree", "-r", "--full-tree", tree, NULL};
	AUTO_STRV struct strv ids = {0}, paths = {0};
	int rc = gittree_run(root, index, read, NULL, e) || gittree_run(root, index, write, NULL, e) ||
				 gittree_run(root, NULL, names, &list, e)
			 ? -1
			 : 0;

	unlink(index);
	if (rc)
		return -1;
	gittree_submodules(list, &ids, &paths);
	for (size_t i = 0; i < ids.n; i++) {
		if (gittree_submodule(root, ids.v[i], paths.v[i], to, depth, e))
			return -1;
	}
	return 0;
}

int gittree_write(const char *root, const char *commit, const char *to, struct err *e)
{
	if (commit[0] == '-')
		return err_set(e, ERR_USAGE, "\"%s\" is no commit", commit);
	return gittree_write_deep(root, commit, to, 0, e);
}
