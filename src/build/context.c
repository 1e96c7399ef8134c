/* Contexts from elsewhere. */
#include "src/build/context.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "oci/layer.h"
#include "registry/urlget.h"
#include "src/build/gitrepo.h"
#include "src/build/unarchive.h"
#include "src/session/worker.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/path.h"

/* A lone Dockerfile; the parser has the same limit. */
#define CONTEXT_DOCKERFILE_MAX ((size_t)4 << 20)

static bool is_stdin(const char *text)
{
	return strcmp(text, "-") == 0;
}

static bool is_web(const char *text)
{
	return strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0;
}

bool context_is_foreign(const char *text)
{
	return is_stdin(text) || gitrepo_is(text) || is_web(text);
}

/* --- places --- */

static int open_tmp(struct session *s, struct context *c, struct err *e)
{
	if (c->tmp)
		return 0;
	if (!s->store) {
		err_set(e, ERR_USAGE, "--offline reads directories only");
		return -1;
	}
	return store_tmp_dir(s->store, "context", &c->tmp, e);
}

static char *place(struct session *s, const struct context *c, const char *name)
{
	return mem_printf("%s/%s/%s.%u", store_root(s->store), c->tmp, name, c->count);
}

char *context_place(struct session *s, struct context *c, const char *name, struct err *e)
{
	if (open_tmp(s, c, e))
		return NULL;
	c->count++;
	return place(s, c, name);
}

static int make_dir(const char *path, struct err *e)
{
	return mkdir(path, 0755) < 0 ? err_sys(e, ERR_HOST, errno, "%s", path) : 0;
}

static int new_file(const char *path, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	return fd < 0 ? err_sys(e, ERR_HOST, errno, "%s", path) : fd;
}

/* --- bytes to a directory --- */

struct bytes {
	struct session *s;
	const char *what; /* for messages */
	const char *url;  /* NULL: standard input */
	const char *dir;
	bool files_only; /* of a context without a Dockerfile: what is no archive is a file of it */
	int fd;		 /* where the bytes are kept until it is known what they are */
};

static int receive(void *arg, struct worker *w, struct json **result, struct err *e)
{
	struct bytes *b = arg;
	struct urlget get = {.url = b->url,
			     .insecure = &b->s->net.insecure,
			     .fd = b->fd,
			     .ca_file = b->s->net.ca_file,
			     .cert_dir = b->s->net.cert_dir};
	int rc;

	(void)w, (void)result;
	if (!b->url)
		return io_copy(STDIN_FILENO, b->fd, UINT64_MAX, NULL, "standard input", e);
	rc = urlget_file(&get, e);
	urlget_release(&get);
	return rc;
}

static int write_dockerfile(const struct bytes *b, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(CONTEXT_DOCKERFILE_MAX);
	AUTO_FREE char *path = mem_printf("%s/Dockerfile", b->dir);
	AUTO_CLOSE int fd = -1;

	if (io_read_all(b->fd, &text, b->what, e))
		return -1;
	if (!text.n)
		return err_set(e, ERR_INPUT, "%s is empty", b->what);
	if (memchr(text.p, 0, text.n)) {
		err_set(e, ERR_INPUT, "%s is neither a tar archive nor a Dockerfile", b->what);
		return err_hint(e, "archives may be compressed with gzip, bzip2, xz or zstd");
	}
	fd = new_file(path, e);
	return fd < 0 ? -1 : io_write_all(fd, text.p, text.n, path, e);
}

/* No archive. */
static int take_file(const struct bytes *b, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/context", b->dir);
	AUTO_CLOSE int fd = -1;

	if (lseek(b->fd, 0, SEEK_SET) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", b->what);
	if (!b->files_only)
		return write_dockerfile(b, e);
	fd = new_file(path, e);
	return fd < 0 ? -1 : io_copy(b->fd, fd, UINT64_MAX, NULL, b->what, e);
}

static int unpack(void *arg, struct worker *w, struct json **result, struct err *e)
{
	static const struct layer_apply_opts opts = {.plain = true, .own = true};
	struct bytes *b = arg;
	struct layer_info info;
	AUTO_CLOSE int dir = open(b->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)w, (void)result;
	if (dir < 0 || lseek(b->fd, 0, SEEK_SET) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", b->dir);
	if (!unarchive_is_archive(b->fd))
		return take_file(b, e);
	if (layer_apply(stream_from_fd(b->fd, false, b->what), dir, &opts, &info, e))
		return err_wrap(e, "unpacking %s", b->what);
	return 0;
}

static int run(struct bytes *b, const char *role, worker_fn *fn, bool fetches, struct err *e)
{
	struct worker_spec spec = {
		.role = role, .reads_host = true, .fetches = fetches, .fn = fn, .arg = b, .fds = {b->fd}, .nfds = 1};
	AUTO_JSON struct json *answer = NULL;

	return worker_call(b->s, &spec, &answer, e);
}

/* What has no layout of its own is received first, by a process that does not look at it. */
static int from_bytes(struct session *s, struct context *c, const char *url, const char *dir, bool files_only,
		      struct err *e)
{
	struct bytes b = {
		.s = s, .what = url ? url : "standard input", .url = url, .dir = dir, .files_only = files_only};
	AUTO_FREE char *path = place(s, c, "bytes");
	AUTO_CLOSE int fd = new_file(path, e);
	int rc;

	if (fd < 0 || make_dir(dir, e))
		return -1;
	b.fd = fd;
	rc = run(&b, "fetch", receive, true, e);
	if (!rc)
		rc = run(&b, "unpack", unpack, false, e);
	unlink(path);
	return rc;
}

/* --- git --- */

static int from_git(const struct build_opts *o, const char *text, char **dir, struct err *e)
{
	AUTO_GITREPO struct gitrepo g = {0};
	const char *keep = smap_get(&o->args, "BUILDKIT_CONTEXT_KEEP_GIT_DIR");

	if (gitrepo_parse(text, &g, e) || gitrepo_checkout(&g, *dir, keep && strcmp(keep, "1") == 0, NULL, e))
		return -1;
	return gitrepo_enter(&g, dir, e);
}

/* --- the Dockerfile in it --- */

/* A link of a foreign context may point anywhere: what is read before the build must lie in the context. An ignore file
 * that is a link is refused; a Dockerfile that is one is resolved inside and copied. */
static int check_ignore(int root, const char *name, struct err *e)
{
	struct stat st;

	if (fstatat(root, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISLNK(st.st_mode))
		return 0;
	return err_set(e, ERR_INPUT, "%s of the context is a symbolic link", name);
}

static const char *dockerfile_name(int root, const char *file)
{
	if (file)
		return file;
	return faccessat(root, "Dockerfile", F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? "Dockerfile" : "Containerfile";
}

static int copy_dockerfile(struct session *s, struct context *c, int from, struct err *e)
{
	AUTO_FREE char *path = place(s, c, "Dockerfile");
	AUTO_CLOSE int to = new_file(path, e);

	if (to < 0 || io_copy(from, to, UINT64_MAX, NULL, "Dockerfile", e))
		return -1;
	free(c->file);
	c->file = STEAL_PTR(path);
	return 0;
}

/* o->file is relative to a foreign context, where the reference builder looks, too. */
static int find_file(struct session *s, struct context *c, const struct build_opts *o, const char *dir, struct err *e)
{
	AUTO_CLOSE int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), plain = -1, fd = -1;
	AUTO_FREE char *own = NULL;
	const char *name;

	if (root < 0)
		return err_sys(e, ERR_HOST, errno, "%s", dir);
	if (check_ignore(root, ".dockerignore", e) || check_ignore(root, ".containerignore", e))
		return -1;
	if (c->file) /* from standard input */
		return 0;
	name = dockerfile_name(root, o->file);
	c->shown = mem_strdup(name);
	own = mem_printf("%s.dockerignore", name);
	if (check_ignore(root, own, e))
		return -1;
	plain = path_open_nolinks(root, name, O_RDONLY, 0);
	if (plain >= 0) {
		c->file = mem_printf("%s/%s", dir, name);
		return 0;
	}
	fd = path_open_in(root, name, O_RDONLY, 0);
	if (fd < 0 && errno == ENOENT)
		return err_set(e, ERR_INPUT, "there is no %s in it", o->file ? o->file : "Dockerfile");
	if (fd < 0)
		return err_sys(e, ERR_INPUT, errno, "%s", name);
	return copy_dockerfile(s, c, fd, e);
}

/* --- all of them --- */

static int add_foreign(struct session *s, struct context *c, const struct build_opts *o, const char *text,
		       struct err *e)
{
	AUTO_FREE char *dir = NULL;
	int rc;

	if (open_tmp(s, c, e))
		return -1;
	c->count++;
	dir = place(s, c, "root");
	if (gitrepo_is(text))
		rc = from_git(o, text, &dir, e);
	else
		rc = from_bytes(s, c, is_stdin(text) ? NULL : text, dir, false, e);
	if (rc || find_file(s, c, o, dir, e))
		return -1;
	strv_add(&c->paths, dir);
	return 0;
}

static int file_from_stdin(struct session *s, struct context *c, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(CONTEXT_DOCKERFILE_MAX);
	AUTO_CLOSE int fd = -1;

	if (open_tmp(s, c, e))
		return -1;
	c->file = place(s, c, "Dockerfile");
	c->shown = mem_strdup("-");
	if (io_read_all(STDIN_FILENO, &text, "standard input", e))
		return -1;
	if (!text.n)
		return err_set(e, ERR_INPUT, "-f -: standard input is empty");
	fd = new_file(c->file, e);
	return fd < 0 ? -1 : io_write_all(fd, text.p, text.n, c->file, e);
}

static int check(const struct build_opts *o, struct err *e)
{
	size_t foreign = 0, in = o->file && is_stdin(o->file);

	for (size_t i = 0; i < o->paths.n; i++) {
		foreign += context_is_foreign(o->paths.v[i]);
		in += is_stdin(o->paths.v[i]);
		if (o->offline && context_is_foreign(o->paths.v[i]) && !is_stdin(o->paths.v[i]))
			return err_set(e, ERR_USAGE, "--offline: %s is not on this machine", o->paths.v[i]);
	}
	if (in > 1)
		return err_set(e, ERR_USAGE, "standard input can be read once only");
	if (foreign && o->paths.n > 1)
		return err_set(e, ERR_USAGE, "a context that is no directory goes alone, but %zu are named",
			       o->paths.n);
	return 0;
}

int context_prepare(struct session *s, const struct build_opts *o, struct context *c, struct err *e)
{
	*c = (struct context){.count = 0};
	if (check(o, e) || (o->file && is_stdin(o->file) && file_from_stdin(s, c, e)))
		return -1;
	for (size_t i = 0; i < o->paths.n; i++) {
		if (!context_is_foreign(o->paths.v[i]))
			strv_add(&c->paths, o->paths.v[i]);
		else if (add_foreign(s, c, o, o->paths.v[i], e))
			return err_wrap(e, "context %s", is_stdin(o->paths.v[i]) ? "-" : o->paths.v[i]);
	}
	if (!c->file)
		c->file = mem_strdup_opt(o->file);
	return 0;
}

int context_fetch(struct session *s, struct context *c, const struct build_opts *o, const char *text, const char *dir,
		  struct err *e)
{
	AUTO_GITREPO struct gitrepo g = {0};
	AUTO_FREE char *root = mem_strdup(dir);

	if (o->offline)
		return err_set(e, ERR_USAGE, "--offline: %s is not on this machine", text);
	if (!gitrepo_is(text))
		return from_bytes(s, c, text, dir, true, e);
	if (gitrepo_parse(text, &g, e) < 0 || gitrepo_checkout(&g, dir, false, NULL, e) < 0)
		return -1;
	return gitrepo_enter(&g, &root, e); /* for its error */
}

void context_release(struct session *s, struct context *c)
{
	struct err e = ERR_INIT;

	if (c->tmp && path_remove_tree(store_fd(s->store), c->tmp, &e)) {
		session_warn(s, "", "cleaning up: %s", e.msg);
		err_release(&e);
	}
	for (size_t i = 0; i < c->named.n; i++) {
		free(c->named.v[i].text);
		free(c->named.v[i].dir);
		free(c->named.v[i].root);
	}
	vec_release(&c->named);
	strv_release(&c->paths);
	free(c->file);
	free(c->shown);
	free(c->tmp);
	*c = (struct context){.count = 0};
}
