/* Logins in configuration files. */
#include "registry/credfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "registry/cred.h"
#include "registry/credhelper.h"
#include "src/util/base64.h"
#include "src/util/buf.h"
#include "src/util/cleanup.h"
#include "src/util/io.h"
#include "src/util/json.h"
#include "src/util/lock.h"
#include "src/util/mem.h"
#include "src/util/path.h"

#define CREDFILE_LOCK_NS INT64_C(10000000000)

/* One file, locked against another login at the same time. */
struct credfile {
	char *path; /* links resolved: the file is replaced, not the link to it */
	struct json *root;
	char *lock_path;
	int lock;
	bool there;
};

static void credfile_close(struct credfile *f)
{
	if (f->lock >= 0)
		unlink(f->lock_path); /* before it is dropped: who waits for it makes a new one */
	lock_drop(f->lock);
	json_free(f->root);
	free(f->lock_path);
	free(f->path);
}
#define AUTO_CREDFILE AUTO(credfile_close)

static char *credfile_resolve(const char *path)
{
	char *real = realpath(path, NULL);

	return real ? real : mem_strdup(path);
}

/* The directory of a first login is made for its owner alone. */
static int credfile_make_dir(const char *path, struct err *e)
{
	AUTO_FREE char *dir = path_dir(path), *up = path_dir(dir);
	struct stat st;

	if (stat(dir, &st) == 0)
		return 0;
	if (strcmp(up, dir) != 0 && credfile_make_dir(dir, e))
		return -1;
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_sys(e, ERR_HOST, errno, "directory %s", dir);
	return 0;
}

static int credfile_parse(struct credfile *f, const struct buf *text, struct err *e)
{
	if (!sv_trim(buf_sv(text)).n) {
		f->root = json_object();
		return 0;
	}
	f->root = json_parse(buf_str(text), text->n, CRED_FILE_MAX_BYTES, ERR_INPUT, f->path, e);
	if (f->root && !json_is_object(f->root))
		return err_set(e, ERR_INPUT, "%s: not a JSON object", f->path);
	return f->root ? 0 : -1;
}

/* What is no regular file (/dev/null, to have no logins) counts as missing and is not locked. */
static int credfile_open(struct credfile *f, const char *path, bool make, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(CRED_FILE_MAX_BYTES);
	struct stat st;

	*f = (struct credfile){.path = credfile_resolve(path), .lock = -1};
	f->there = stat(f->path, &st) == 0;
	if (f->there && !S_ISREG(st.st_mode)) {
		f->there = false;
		return make ? err_set(e, ERR_INPUT, "%s is not a regular file", f->path) : 0;
	}
	if (!f->there && !make)
		return 0;
	if (credfile_make_dir(f->path, e))
		return -1;
	f->lock_path = mem_printf("%s.lock", f->path);
	f->lock = lock_take(AT_FDCWD, f->lock_path, LOCK_EXCLUSIVE, CREDFILE_LOCK_NS, e);
	if (f->lock < 0)
		return -1;
	if (io_read_file(AT_FDCWD, f->path, &text, e)) {
		if (e->code != ERR_NOT_FOUND)
			return -1;
		err_release(e);
	}
	return credfile_parse(f, &text, e);
}

static int credfile_write(const struct credfile *f, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(CRED_FILE_MAX_BYTES);
	int rc;

	json_write_pretty(f->root, &text);
	buf_char_add(&text, '\n');
	if (text.over)
		return err_set(e, ERR_HOST, "%s would be too large", f->path);
	rc = io_write_file_atomic(AT_FDCWD, f->path, text.p, text.n, 0600, e);
	explicit_bzero(text.p, text.cap);
	return rc;
}

/* Member of an object, made if it is missing. */
static struct json *credfile_member(struct json *root, const char *key)
{
	if (!json_is_object(json_get(root, key)))
		json_set(root, key, json_object());
	return json_get(root, key);
}

/* The keys of an object that stand for this registry, in whatever spelling. */
static void credfile_keys(struct json *obj, const char *host, struct strv *out)
{
	for (void *it = json_iter(obj); it; it = json_iter_next(obj, it)) {
		AUTO_FREE char *key = cred_key(json_iter_key(it));

		if (strcmp(key, host) == 0)
			strv_add(out, json_iter_key(it));
	}
}

static bool credfile_drop(struct json *obj, const char *host)
{
	AUTO_STRV struct strv keys = {0};

	credfile_keys(obj, host, &keys);
	for (size_t i = 0; i < keys.n; i++)
		json_del(obj, keys.v[i]);
	return keys.n > 0;
}

/* Helper that keeps the host's login by this file, or NULL. */
static const char *credfile_helper(const struct credfile *f, const char *host)
{
	AUTO_STRV struct strv keys = {0};
	struct json *helpers = json_get(f->root, "credHelpers");
	const char *name;

	credfile_keys(helpers, host, &keys);
	name = keys.n ? json_get_str(helpers, keys.v[0]) : json_get_str(f->root, "credsStore");
	return name && name[0] ? name : NULL;
}

static struct json *credfile_entry(const char *username, const char *password)
{
	AUTO_FREE char *plain = mem_printf("%s:%s", username, password);
	AUTO_FREE char *auth = base64_of(sv_from(plain));
	struct json *entry = json_object();

	json_set_str(entry, "auth", auth);
	explicit_bzero(plain, strlen(plain));
	explicit_bzero(auth, strlen(auth));
	return entry;
}

static char *credfile_target(struct err *e)
{
	const char *file = getenv("REGISTRY_AUTH_FILE"), *dir = getenv("DOCKER_CONFIG"), *home = getenv("HOME");

	if (file && file[0])
		return mem_strdup(file);
	if (dir && dir[0])
		return mem_printf("%s/config.json", dir);
	if (home && home[0])
		return mem_printf("%s/.docker/config.json", home);
	err_set(e, ERR_HOST, "there is no place for a login: HOME is not set");
	err_hint(e, "set REGISTRY_AUTH_FILE to a file");
	return NULL;
}

int credfile_save(const char *host, const char *username, const char *password, char **where, struct err *e)
{
	AUTO_FREE char *path = credfile_target(e);
	AUTO_FREE char *server = credhelper_server(host);
	AUTO_CREDFILE struct credfile f = {.lock = -1};
	const char *helper;
	struct json *auths;

	if (!path || credfile_open(&f, path, true, e))
		return -1;
	helper = credfile_helper(&f, host);
	if (helper && credhelper_store(helper, server, username, password, e))
		return -1;
	auths = credfile_member(f.root, "auths");
	credfile_drop(auths, host);
	json_set(auths, server, helper ? json_object() : credfile_entry(username, password));
	*where = helper ? mem_printf("credential helper \"%s\"", helper) : mem_strdup(f.path);
	return credfile_write(&f, e);
}

static int credfile_erase_from(const char *path, const char *host, struct strv *where, struct err *e)
{
	AUTO_FREE char *server = credhelper_server(host);
	AUTO_CREDFILE struct credfile f = {.lock = -1};
	const char *helper;

	if (credfile_open(&f, path, false, e))
		return -1;
	if (!f.there)
		return 0;
	if (credfile_drop(json_get(f.root, "auths"), host)) {
		strv_add(where, f.path);
		if (credfile_write(&f, e))
			return -1;
	}
	helper = credfile_helper(&f, host);
	return helper ? credhelper_erase(helper, server, e) : 0;
}

int credfile_erase(const char *host, struct strv *where, struct err *e)
{
	AUTO_STRV struct strv files = {0};

	cred_sources(&files);
	for (size_t i = 0; i < files.n; i++) {
		if (files.v[i][0] != '{' && credfile_erase_from(files.v[i], host, where, e))
			return -1;
	}
	return 0;
}
