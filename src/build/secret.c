#include "src/build/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "oci/treewalk.h"
#include "src/build/maskstream.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/path.h"
#include "src/util/proc.h"
#include "src/util/vec.h"

#define READ_BYTES ((size_t)64 << 10)
#define SCAN_BYTES ((size_t)1 << 20)
/* Lines of a secret of several lines that are masked by themselves: the others only as part of the whole. */
#define MASK_LINES_MAX	1000
#define MASK_LINE_BYTES 8
#define XATTR_BYTES_MAX 65536

/* --- values --- */

static int read_value(const struct build_secret *from, struct buf *out, struct err *e)
{
	const char *value = from->env ? getenv(from->env) : NULL;

	if (!from->env && io_read_file(AT_FDCWD, from->file, out, e) < 0)
		return err_wrap(e, "secret %s", from->id);
	if (from->env && !value) {
		err_set(e, ERR_INPUT, "secret %s: the environment has no variable %s", from->id, from->env);
		return err_hint(e, "export it before the build");
	}
	if (value)
		buf_str_add(out, value);
	if (out->over)
		return err_set(e, ERR_INPUT, "secret %s: a secret has at most %zu bytes", from->id, SECRET_MAX_BYTES);
	return 0;
}

const struct secret *secret_read(const struct build_secret *from, struct secrets *keep, struct err *e)
{
	AUTO_BUF struct buf value = BUF_INIT(SECRET_MAX_BYTES);

	for (size_t i = 0; i < keep->n; i++)
		if (strcmp(keep->v[i].id, from->id) == 0)
			return &keep->v[i];
	if (read_value(from, &value, e) < 0)
		return NULL;
	size_t n = value.n;

	vec_push(keep, (struct secret){mem_strdup(from->id), buf_steal(&value), n});
	return &keep->v[keep->n - 1];
}

void secret_release(struct secrets *s)
{
	for (size_t i = 0; i < s->n; i++) {
		explicit_bzero(s->v[i].value, s->v[i].n);
		free(s->v[i].value);
		free(s->v[i].id);
	}
	vec_release(s);
}

/* A file's last newline is no part of what has to stay secret. */
static size_t bare(const struct secret *s)
{
	size_t n = s->n;

	while (n > 0 && (s->value[n - 1] == '\n' || s->value[n - 1] == '\r'))
		n--;
	return n;
}

/* --- the output --- */

static void add_lines(struct maskstream *m, const char *p, size_t n)
{
	struct sv rest = sv_of(p, n);

	for (size_t i = 0; rest.p && i < MASK_LINES_MAX; i++) {
		struct sv line = sv_trim(sv_cut(&rest, '\n'));

		if (line.n >= MASK_LINE_BYTES)
			maskstream_add(m, line.p, line.n);
	}
}

static void add_secrets(struct maskstream *m, const struct secrets *s)
{
	for (size_t i = 0; i < s->n; i++) {
		size_t n = bare(&s->v[i]);

		if (n >= SECRET_MASK_MIN)
			maskstream_add(m, s->v[i].value, n);
		if (memchr(s->v[i].value, '\n', n))
			add_lines(m, s->v[i].value, n);
	}
}

static void ATTR_NORETURN filter(const struct secrets *s, int in, int out)
{
	static char p[READ_BYTES];
	struct maskstream m;
	struct err e = ERR_INIT;
	ssize_t n;

	maskstream_init(&m, SECRET_MAX_BYTES + READ_BYTES);
	add_secrets(&m, s);
	do {
		AUTO_BUF struct buf text = BUF_INIT(4 * (SECRET_MAX_BYTES + READ_BYTES));

		do {
			n = read(in, p, sizeof p);
		} while (n < 0 && errno == EINTR);
		if (n > 0)
			maskstream_feed(&m, p, (size_t)n, &text);
		else
			maskstream_end(&m, &text);
		if (text.n && io_write_all(out, text.p, text.n, "output", &e) < 0)
			_exit(1);
	} while (n > 0);
	_exit(0);
}

int secret_filter(const struct secrets *s, int out_fd, pid_t *pid, struct err *e)
{
	pid_t parent = getpid();
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, ERR_HOST, errno, "pipe for the step's output");
	*pid = fork();
	if (*pid == 0) {
		int keep[] = {p[0] < out_fd ? p[0] : out_fd, p[0] < out_fd ? out_fd : p[0]};

		proc_die_with_parent(parent);
		io_close_from(3, keep, ARRAY_LEN(keep));
		filter(s, p[0], out_fd);
	}
	close(p[0]);
	if (*pid > 0)
		return p[1];
	close(p[1]);
	return err_sys(e, ERR_HOST, errno, "fork");
}

/* --- the layer --- */

struct scan {
	const struct secrets *s;
	size_t longest;
	char *block; /* SCAN_BYTES and the longest secret before them */
};

static const struct secret *find(const struct scan *sc, const void *p, size_t n)
{
	for (size_t i = 0; i < sc->s->n; i++) {
		size_t len = bare(&sc->s->v[i]);

		if (len >= SECRET_SCAN_MIN && memmem(p, n, sc->s->v[i].value, len))
			return &sc->s->v[i];
	}
	return NULL;
}

static int found(const struct secret *s, const char *path, struct err *e)
{
	err_set(e, ERR_STEP, "the layer holds the secret %s: in /%s", s->id, path);
	return err_hint(e, "keep it out of the image, or build with --allow secret-in-layer");
}

/* Blocks overlap by what a secret at their border may have before it. */
static int scan_file(const struct scan *sc, const struct treewalk_item *it, struct err *e)
{
	AUTO_CLOSE int fd = openat(it->dirfd, it->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	size_t kept = 0;

	if (fd < 0)
		return err_sys(e, ERR_HOST, errno, "looking for secrets in /%s", it->path);
	for (;;) {
		ssize_t n = io_read_full(fd, sc->block + kept, SCAN_BYTES, it->path, e);
		const struct secret *s;

		if (n <= 0)
			return n < 0 ? -1 : 0;
		s = find(sc, sc->block, kept + (size_t)n);
		if (s)
			return found(s, it->path, e);
		size_t all = kept + (size_t)n;

		kept = all < sc->longest ? all : sc->longest;
		memmove(sc->block, sc->block + all - kept, kept);
	}
}

static int scan_xattrs(const struct scan *sc, const struct treewalk_item *it, struct err *e)
{
	AUTO_CLOSE int fd = openat(it->fd >= 0 ? it->fd : it->dirfd, it->fd >= 0 ? "." : it->name,
				   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char names[XATTR_BYTES_MAX];
	AUTO_FREE char *value = mem_alloc(XATTR_BYTES_MAX);
	ssize_t n = fd < 0 ? 0 : flistxattr(fd, names, sizeof names);

	for (const char *p = names; n > 0 && p < names + n; p += strlen(p) + 1) {
		ssize_t len = fgetxattr(fd, p, value, XATTR_BYTES_MAX);
		const struct secret *s = find(sc, p, strlen(p));

		if (!s && len > 0)
			s = find(sc, value, (size_t)len);
		if (s)
			return found(s, it->path, e);
	}
	return 0;
}

static int scan_item(const struct scan *sc, const struct treewalk_item *it, struct err *e)
{
	const struct secret *s = it->name ? find(sc, it->name, strlen(it->name)) : NULL;

	if (!s && S_ISLNK(it->st.st_mode)) {
		AUTO_FREE char *target = path_readlink_at(it->dirfd, it->name);

		s = target ? find(sc, target, strlen(target)) : NULL;
	}
	if (s)
		return found(s, "a name or link", e);
	if (S_ISREG(it->st.st_mode) && scan_file(sc, it, e) < 0)
		return -1;
	return S_ISREG(it->st.st_mode) || S_ISDIR(it->st.st_mode) ? scan_xattrs(sc, it, e) : 0;
}

int secret_scan(int treefd, const struct secrets *s, struct err *e)
{
	struct scan sc = {.s = s};
	struct treewalk_item it;
	int rc;

	for (size_t i = 0; i < s->n; i++)
		sc.longest = s->v[i].n > sc.longest ? s->v[i].n : sc.longest;
	if (sc.longest < SECRET_SCAN_MIN)
		return 0;
	AUTO_TREEWALK struct treewalk *w = treewalk_open(treefd, e);
	AUTO_FREE char *block = mem_alloc(SCAN_BYTES + sc.longest);

	sc.block = block;
	if (!w)
		return -1;
	while ((rc = treewalk_next(w, &it, e)) > 0)
		if (!it.leave && scan_item(&sc, &it, e) < 0)
			return -1;
	return rc;
}
