#include "src/image/imgfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "src/build/opsbase.h"
#include "src/build/rootview.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/path.h"

/* JSON of one answer: a difference in a million files has some hundred bytes for each. */
#define ANSWER_MAX_BYTES ((size_t)512 << 20)

/* --- roots --- */

int imgfiles_open(const struct build *b, const struct digest_list *stack, unsigned number, struct imgfiles_root *out,
		  struct err *e)
{
	AUTO_FREE char *empty = mem_printf("%s/empty%u", b->tmp, number);

	*out = IMGFILES_ROOT_INIT;
	if (mkdirat(store_fd(b->s->store), empty, 0755) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", empty);
	treeview_open(&out->view, b->s);
	out->fd = rootview_open(b, stack, empty, e);
	if (out->fd >= 0 && treeview_stack(&out->view, b->s, stack, e) == 0)
		return 0;
	imgfiles_close(out);
	return -1;
}

void imgfiles_close(struct imgfiles_root *r)
{
	if (r->fd >= 0)
		close(r->fd);
	treeview_release(&r->view);
	*r = IMGFILES_ROOT_INIT;
}

int imgfiles_stat(const struct imgfiles_root *r, int dirfd, const char *name, struct stat *st, struct err *e)
{
	if (fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0 ||
	    ownview_read(&r->view.view, dirfd, name, st) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", name[0] ? name : "a file of the image");
	return 0;
}

const char *imgfiles_type(mode_t mode)
{
	static const struct {
		mode_t type;
		const char *name;
	} types[] = {{S_IFREG, "file"},	 {S_IFDIR, "dir"},  {S_IFLNK, "symlink"}, {S_IFCHR, "char"},
		     {S_IFBLK, "block"}, {S_IFIFO, "fifo"}, {S_IFSOCK, "socket"}};

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].type == (mode & S_IFMT))
			return types[i].name;
	return "unknown";
}

/* --- the worker --- */

static int work(void *arg, struct worker *w, struct json **result, struct err *e)
{
	const struct imgfiles_call *c = arg;

	(void)w;
	(void)result;
	return c->fn(c->arg, c->fd, e);
}

/* Answers are longer than messages may be. */
int imgfiles_run(struct imgfiles_call *c, struct json **out, struct err *e)
{
	AUTO_CLOSE int fd = memfd_create("answer", MFD_CLOEXEC);
	AUTO_BUF struct buf text = BUF_INIT(ANSWER_MAX_BYTES);
	struct worker_spec spec = {.role = "copy", .enter = WORKER_MOUNT, .fn = work, .arg = c, .fds = {fd}, .nfds = 1};
	AUTO_JSON struct json *ignored = NULL;

	if (fd < 0)
		return err_sys(e, ERR_HOST, errno, "memfd_create");
	c->fd = fd;
	if (worker_call(c->b.s, &spec, &ignored, e) < 0)
		return -1;
	if (!out)
		return 0;
	if (lseek(fd, 0, SEEK_SET) < 0 || io_read_all(fd, &text, "an answer", e) < 0)
		return -1;
	*out = json_parse(text.p, text.n, ANSWER_MAX_BYTES, ERR_INTERNAL, "an answer", e);
	return *out ? 0 : -1;
}

/* --- ls, cat --- */

struct look {
	struct imgfiles_call call;
	const struct digest_list *stack;
	const char *path;
};

static int not_there(const char *path, struct err *e)
{
	if (errno == ENOENT || errno == ENOTDIR)
		return err_set(e, ERR_NOT_FOUND, "no %s in it", path);
	return err_sys(e, ERR_INPUT, errno, "%s", path);
}

static int add_file(const struct imgfiles_root *r, int dirfd, const char *at, const char *name, struct json *list,
		    struct err *e)
{
	struct json *j = json_object();
	struct stat st;

	if (imgfiles_stat(r, dirfd, at, &st, e) < 0) {
		json_free(j);
		return -1;
	}
	json_set_str(j, "name", name);
	json_set_str(j, "type", imgfiles_type(st.st_mode));
	json_set_int(j, "mode", st.st_mode & 07777);
	json_set_int(j, "uid", st.st_uid);
	json_set_int(j, "gid", st.st_gid);
	json_set_int(j, "size", S_ISREG(st.st_mode) ? st.st_size : 0);
	json_set_int(j, "mtime", st.st_mtim.tv_sec);
	if (S_ISLNK(st.st_mode)) {
		AUTO_FREE char *target = path_readlink_at(dirfd, at);

		json_set_str(j, "target", target);
	}
	json_append(list, j);
	return 0;
}

static int add_directory(const struct imgfiles_root *r, int dirfd, struct json *list, struct err *e)
{
	AUTO_CLOSE int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSEDIR DIR *d = fd < 0 ? NULL : fdopendir(fd);
	AUTO_STRV struct strv names = {0};
	const struct dirent *ent;

	if (!d)
		return err_sys(e, ERR_HOST, errno, "reading a directory of the image");
	int at = STEAL_FD(fd);

	while ((ent = readdir(d)))
		if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
			strv_add(&names, ent->d_name);
	strv_sort(&names);
	for (size_t i = 0; i < names.n; i++)
		if (add_file(r, at, names.v[i], names.v[i], list, e) < 0)
			return -1;
	return 0;
}

static int list_path(void *arg, int out, struct err *e)
{
	const struct look *l = arg;
	AUTO_IMGFILES_ROOT struct imgfiles_root r = IMGFILES_ROOT_INIT;
	AUTO_BUF struct buf text = BUF_INIT(ANSWER_MAX_BYTES);
	AUTO_JSON struct json *list = json_array();
	AUTO_CLOSE int fd = -1;
	struct stat st;

	if (imgfiles_open(&l->call.b, l->stack, 0, &r, e) < 0)
		return -1;
	fd = path_open_in(r.fd, l->path, O_PATH, 0);
	if (fd < 0)
		return not_there(l->path, e);
	if (fstat(fd, &st) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", l->path);
	if ((S_ISDIR(st.st_mode) ? add_directory(&r, fd, list, e) : add_file(&r, fd, "", l->path, list, e)) < 0)
		return -1;
	json_write(list, &text);
	return io_write_all(out, text.p, text.n, "an answer", e);
}

static int cat_path(void *arg, int out, struct err *e)
{
	const struct look *l = arg;
	AUTO_IMGFILES_ROOT struct imgfiles_root r = IMGFILES_ROOT_INIT;
	AUTO_CLOSE int fd = -1;
	struct stat st;

	(void)out;
	if (imgfiles_open(&l->call.b, l->stack, 0, &r, e) < 0)
		return -1;
	fd = path_open_in(r.fd, l->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return not_there(l->path, e);
	if (imgfiles_stat(&r, fd, "", &st, e) < 0)
		return -1;
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INPUT, "%s is no regular file but a %s", l->path, imgfiles_type(st.st_mode));
	return io_copy(fd, STDOUT_FILENO, UINT64_MAX, NULL, l->path, e);
}

static int look_into(struct session *s, const char *image, const char *path, imgfiles_fn *fn, struct json **out,
		     struct err *e)
{
	AUTO_STORE_IMAGE struct store_image im = {0};
	struct look l = {.call = {.fn = fn, .arg = &l}, .stack = &im.diff_ids, .path = path};
	int rc;

	if (opsbase_image(s, image, &im, NULL, e) < 0)
		return -1;
	rc = opsbase_init(&l.call.b, s, e);
	if (rc == 0)
		rc = opsbase_trees(&l.call.b, &im.diff_ids, image, e);
	if (rc == 0)
		rc = imgfiles_run(&l.call, out, e);
	opsbase_release(&l.call.b);
	return rc < 0 ? err_wrap(e, "%s", image) : 0;
}

int imgfiles_list(struct session *s, const char *image, const char *path, struct json **out, struct err *e)
{
	return look_into(s, image, path, list_path, out, e);
}

int imgfiles_cat(struct session *s, const char *image, const char *path, struct err *e)
{
	return look_into(s, image, path, cat_path, NULL, e);
}
