/* Git repositories. */
#include "src/build/gitrepo.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/util/buf.h"
#include "src/util/cleanup.h"
#include "src/util/log.h"
#include "src/util/mem.h"
#include "src/util/path.h"
#include "src/util/proc.h"
#include "src/util/vec.h"

#define GITREPO_WORDS_MAX ((size_t)64 << 10)

/* --- names --- */

bool gitrepo_is(const char *text)
{
	return dgit_is(text) || (dgit_is_short(text) && access(text, F_OK) < 0);
}

void gitrepo_release(struct gitrepo *g)
{
	dgit_release(&g->at);
}

/* git-check-ref-format(1) allows more; nobody needs it here. '-' in front would be an option, '+' and ':' belong to
 * refspecs. */
static int gitrepo_check_ref(const char *ref, struct err *e)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-+=@#,%";

	if (ref[0] == '-' || ref[0] == '+' || strspn(ref, allowed) != strlen(ref))
		return err_set(e, ERR_INPUT, "\"%s\" cannot be the name of a branch, tag or commit", ref);
	return 0;
}

static bool gitrepo_is_commit(const char *ref)
{
	size_t n = strlen(ref);

	return n >= 7 && n <= 64 && strspn(ref, "0123456789abcdef") == n;
}

static int gitrepo_check_commit(const char *text, struct err *e)
{
	return gitrepo_is_commit(text)
		       ? 0
		       : err_set(e, ERR_INPUT, "\"%s\" is no commit's name of 7 to 64 hex digits", text);
}

static int gitrepo_check_url(const char *url, struct err *e)
{
	for (const char *p = url; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 127)
			return err_set(e, ERR_INPUT, "a git URL has no spaces and control characters");
	/* ssh takes a host that begins so for an option; git refuses it too, since 2.14. */
	if (strstr(url, "://-") || strstr(url, "@-"))
		return err_set(e, ERR_INPUT, "%s: a host does not begin with \"-\"", url);
	return 0;
}

/* "https://user:password@host/...": the password is not for messages. */
static void gitrepo_remember_secret(const char *url)
{
	const char *start = strstr(url, "://");
	struct sv rest = sv_from(start ? start + 3 : ""), host = sv_cut(&rest, '/');
	ssize_t at = sv_rfind(host, '@');
	struct sv password = sv_sub(host, 0, at < 0 ? 0 : (size_t)at), user = sv_cut(&password, ':');

	if (password.p && password.n) {
		AUTO_FREE char *text = sv_dup(password);

		log_add_secret(text);
	} else if (user.n && at > 0 && strncmp(url, "http", 4) == 0) {
		AUTO_FREE char *token = sv_dup(user);

		log_add_secret(token);
	}
}

int gitrepo_parse(const char *text, struct gitrepo *out, struct err *e)
{
	*out = (struct gitrepo){0};
	if (dgit_parse(text, &out->at, e) < 0)
		return -1;
	gitrepo_remember_secret(out->at.remote);
	if (gitrepo_check_url(out->at.remote, e) < 0 || (out->at.ref && gitrepo_check_ref(out->at.ref, e) < 0) ||
	    (out->at.checksum && gitrepo_check_commit(out->at.checksum, e) < 0))
		return -1;
	return 0;
}

/* --- running git --- */

/* The caller's environment without what would lead git elsewhere, as hooks of another repository have it. */
static void gitrepo_env(const struct gitrepo *g, struct strv *env)
{
	static const char *const drop[] = {"GIT_DIR=",
					   "GIT_WORK_TREE=",
					   "GIT_INDEX_FILE=",
					   "GIT_OBJECT_DIRECTORY=",
					   "GIT_ALTERNATE_OBJECT_DIRECTORIES=",
					   "GIT_COMMON_DIR=",
					   "GIT_NAMESPACE=",
					   "GIT_TERMINAL_PROMPT=",
					   "GIT_ALLOW_PROTOCOL=",
					   "LC_ALL=",
					   "GIT_TEMPLATE_DIR="};

	for (char **v = environ; *v; v++) {
		bool keep = true;

		for (size_t i = 0; i < ARRAY_LEN(drop); i++)
			keep &= strncmp(*v, drop[i], strlen(drop[i])) != 0;
		if (keep)
			strv_add(env, *v);
	}
	strv_add(env, "GIT_TERMINAL_PROMPT=0");
	strv_add(env, "LC_ALL=C");
	/* Submodules may not name local paths unless the repository itself is one. */
	strv_add(env, strncmp(g->at.remote, "file:", 5) == 0 ? "GIT_ALLOW_PROTOCOL=http:https:ssh:git:file"
							     : "GIT_ALLOW_PROTOCOL=http:https:ssh:git");
	if (!getenv("GIT_SSH_COMMAND") && !getenv("GIT_SSH"))
		strv_add(env, "GIT_SSH_COMMAND=ssh -oBatchMode=yes");
}

/* Words of git without secrets: the lines of its complaint, in one. */
static int gitrepo_failed(const struct gitrepo *g, const struct buf *words, struct err *e)
{
	AUTO_FREE char *text = log_mask(buf_str(words), words->n, false);
	AUTO_FREE char *url = log_mask(g->at.remote, strlen(g->at.remote), false);
	size_t n = strlen(text);

	while (n && text[n - 1] == '\n')
		text[--n] = 0;
	for (char *p = text; *p; p++)
		if (*p == '\n')
			*p = ' ';
	return err_set(e, ERR_REGISTRY, "git repository %s: %s", url, n ? text : "git failed");
}

/* out may be NULL. */
static int gitrepo_run(const struct gitrepo *g, const char *dir, struct strv *args, struct buf *out, struct err *e)
{
	static const char *const before[] = {"git",
					     "-c",
					     "core.hooksPath=/dev/null",
					     "-c",
					     "core.fsmonitor=false",
					     "-c",
					     "advice.detachedHead=false",
					     "-c",
					     "protocol.version=2",
					     "-C"};
	AUTO_STRV struct strv argv = {0}, env = {0};
	AUTO_BUF struct buf words = BUF_INIT(GITREPO_WORDS_MAX);
	struct proc_io io = {.out = out, .errout = &words};
	int status;

	for (size_t i = 0; i < ARRAY_LEN(before); i++)
		strv_add(&argv, before[i]);
	strv_add(&argv, dir);
	strv_copy(&argv, args);
	gitrepo_env(g, &env);
	io.envp = strv_argv(&env);
	if (proc_run(strv_argv(&argv), &io, &status, e)) {
		if (e->code != ERR_NOT_FOUND)
			return -1;
		err_set(e, ERR_HOST, "git repository %s: git is not installed", g->at.remote);
		return err_hint(e, "install git");
	}
	return status == 0 ? 0 : gitrepo_failed(g, &words, e);
}

#define GITREPO_RUN(g, dir, out, e, ...) gitrepo_words(g, dir, (const char *const[]){__VA_ARGS__, NULL}, out, e)

static int gitrepo_words(const struct gitrepo *g, const char *dir, const char *const *words, struct buf *out,
			 struct err *e)
{
	AUTO_STRV struct strv args = {0};

	for (; *words; words++)
		strv_add(&args, *words);
	return gitrepo_run(g, dir, &args, out, e);
}

/* What is asked of the server, and looked for if it does not give that out alone. */
static const char *gitrepo_wanted(const struct gitrepo *g)
{
	if (g->at.checksum && (g->at.fetch_by_commit || !g->at.ref))
		return g->at.checksum;
	return g->at.ref;
}

/* A commit by its whole name is given out by most servers; else everything is fetched, and it is looked for. */
static int gitrepo_fetch(const struct gitrepo *g, const char *dir, const char **what, struct err *e)
{
	struct err first = ERR_INIT;
	const char *wanted = gitrepo_wanted(g);

	*what = "FETCH_HEAD";
	if (GITREPO_RUN(g, dir, NULL, &first, "fetch", "-q", "--depth=1", "--no-tags", "--no-recurse-submodules", "--",
			g->at.remote, wanted ? wanted : "HEAD") == 0)
		return 0;
	if (!wanted || !gitrepo_is_commit(wanted)) {
		err_move(e, &first);
		return -1;
	}
	err_release(&first);
	*what = wanted;
	return GITREPO_RUN(g, dir, NULL, e, "fetch", "-q", "--tags", "--no-recurse-submodules", "--", g->at.remote,
			   "+refs/heads/*:refs/remotes/origin/*");
}

static int gitrepo_submodules(const struct gitrepo *g, const char *dir, struct err *e)
{
	AUTO_FREE char *file = mem_printf("%s/.gitmodules", dir);

	if (g->at.submodules == DGIT_NO || access(file, F_OK) < 0)
		return 0;
	/* Relative addresses of submodules begin at this remote. */
	if (GITREPO_RUN(g, dir, NULL, e, "remote", "add", "origin", "--", g->at.remote))
		return -1;
	return GITREPO_RUN(g, dir, NULL, e, "submodule", "--quiet", "update", "--init", "--recursive", "--depth=1");
}

static int gitrepo_drop_git(const char *dir, struct err *e)
{
	AUTO_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? 0 : path_remove_tree(fd, ".git", e);
}

static int gitrepo_steps(const struct gitrepo *g, const char *dir, const char **what, struct err *e)
{
	if (GITREPO_RUN(g, "/", NULL, e, "init", "-q", "--template=", "--", dir) || gitrepo_fetch(g, dir, what, e) ||
	    GITREPO_RUN(g, dir, NULL, e, "checkout", "-q", "--force", "--detach", *what, "--"))
		return -1;
	return gitrepo_submodules(g, dir, e);
}

static int gitrepo_check(const struct gitrepo *g, struct sv commit, struct err *e)
{
	if (!g->at.checksum || sv_starts(commit, g->at.checksum))
		return 0;
	return err_set(e, ERR_INTEGRITY, "git repository: its commit is %.*s, but checksum=%s is asked for",
		       SV_ARG(commit), g->at.checksum);
}

int gitrepo_checkout(const struct gitrepo *g, const char *dir, bool keep_git, char **commit, struct err *e)
{
	AUTO_BUF struct buf name = BUF_INIT(GITREPO_WORDS_MAX);
	const char *what;
	mode_t old = umask(022); /* modes that do not depend on the caller */
	int rc = gitrepo_steps(g, dir, &what, e);

	umask(old);
	if (rc || GITREPO_RUN(g, dir, &name, e, "rev-parse", "--verify", "-q", "HEAD") ||
	    gitrepo_check(g, sv_trim(buf_sv(&name)), e))
		return -1;
	if (commit)
		*commit = sv_dup(sv_trim(buf_sv(&name)));
	return keep_git || g->at.keep_git_dir == DGIT_YES ? 0 : gitrepo_drop_git(dir, e);
}

int gitrepo_enter(const struct gitrepo *g, char **dir, struct err *e)
{
	AUTO_CLOSE int root = -1, sub = -1;
	char *below;

	if (!g->at.subdir)
		return 0;
	root = open(*dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	sub = root < 0 ? -1 : path_open_nolinks(root, g->at.subdir, O_RDONLY | O_DIRECTORY, 0);
	if (sub < 0)
		return err_sys(e, ERR_INPUT, errno, "directory %s of the repository", g->at.subdir);
	below = mem_printf("%s/%s", *dir, g->at.subdir);
	free(*dir);
	*dir = below;
	return 0;
}
