#include "src/cli/deploy.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "registry/bucketfs.h"
#include "src/session/worker.h"
#include "src/util/mem.h"

/* A segment of a URL's path: RFC 3986 unreserved characters and slashes stay. */
static void deploy_escape(struct buf *out, const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/+";

	for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
		if (strchr(plain, *p))
			buf_char_add(out, (char)*p);
		else
			buf_printf(out, "%%%02X", *p);
	}
}

char *deploy_url(const struct deploy_target *t, const char *container, const char *suffix)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	struct sv path = sv_from(t->path ? t->path : "");

	while (path.n && path.p[0] == '/')
		path = sv_sub(path, 1, path.n);
	while (path.n && path.p[path.n - 1] == '/')
		path.n--;
	AUTO_FREE char *clean = sv_dup(path);
	/* An IPv6 address needs brackets in a URL. */
	bool v6 = strchr(t->host, ':') && t->host[0] != '[';

	buf_printf(&out, "http%s://%s%s%s:%u/", t->tls ? "s" : "", v6 ? "[" : "", t->host, v6 ? "]" : "", t->port);
	deploy_escape(&out, t->bucket);
	buf_char_add(&out, '/');
	deploy_escape(&out, clean);
	if (path.n)
		buf_char_add(&out, '/');
	deploy_escape(&out, container);
	buf_str_add(&out, suffix);
	return buf_steal(&out);
}

static int deploy_path_is_clean(const char *path, struct err *e)
{
	struct sv rest = sv_from(path ? path : "");

	while (rest.p) {
		struct sv part = sv_cut(&rest, '/');

		if (sv_eq_str(part, "..") || sv_eq_str(part, "."))
			return err_set(e, ERR_USAGE, "--path-in-bucket: \"%s\" leaves the bucket", path);
	}
	return 0;
}

int deploy_check(const struct deploy_target *t, struct err *e)
{
	if (strpbrk(t->host, "/@ ?#") || !t->host[0]) {
		err_set(e, ERR_USAGE, "\"%s\" is no host name", t->host);
		return err_hint(e, "the host alone, without http:// and without the port");
	}
	if (strpbrk(t->bucket, "/ ?#") || !t->bucket[0])
		return err_set(e, ERR_USAGE, "\"%s\" is no name of a bucket", t->bucket);
	if (t->user && strchr(t->user, ':'))
		return err_set(e, ERR_USAGE, "a user name has no colon");
	if (t->ca_file && access(t->ca_file, R_OK) < 0)
		return err_sys(e, ERR_USAGE, errno, "--ssl-cert-path %s", t->ca_file);
	return deploy_path_is_clean(t->path, e);
}

static int deploy_worker(void *arg, struct worker *w ATTR_UNUSED, struct json **result, struct err *e)
{
	struct bucketfs *b = arg;

	if (bucketfs_put(b, e))
		return -1;
	*result = json_new_bool(b->read_back);
	return 0;
}

static int deploy_ask_worker(void *arg, struct worker *w ATTR_UNUSED, struct json **result, struct err *e)
{
	bool there;

	if (bucketfs_is_there(arg, &there, e))
		return -1;
	*result = json_new_bool(there);
	return 0;
}

/* *yes is what fn answers. */
static int deploy_call(struct session *s, const struct deploy_target *t, const struct deploy_item *it, worker_fn *fn,
		       bool *yes, struct err *e)
{
	AUTO_CLOSE int fd = open(it->file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	AUTO_JSON struct json *answer = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", it->file);
	struct bucketfs b = {
		.url = it->url,
		.username = t->user,
		.password = t->password,
		.ca_file = t->ca_file,
		.insecure = !t->verify,
		.fd = fd,
		.size = (uint64_t)st.st_size,
	};
	struct worker_spec spec = {.role = "upload", .fn = fn, .arg = &b, .fds = {fd}, .nfds = 1};

	if (worker_call(s, &spec, &answer, e))
		return -1;
	*yes = json_bool(answer, false);
	return 0;
}

int deploy_is_there(struct session *s, const struct deploy_target *t, const struct deploy_item *it, bool *there,
		    struct err *e)
{
	return deploy_call(s, t, it, deploy_ask_worker, there, e);
}

int deploy_put(struct session *s, const struct deploy_target *t, const struct deploy_item *it, struct err *e)
{
	bool read_back;

	if (deploy_call(s, t, it, deploy_worker, &read_back, e))
		return err_wrap(e, "uploading %s", it->file);
	if (!read_back)
		session_warn(s, "", "%s: the server does not say the file's size, so it could not be checked", it->url);
	return 0;
}
