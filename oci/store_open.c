/* Opening and creating the local store. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "oci/store_priv.h"
#include "src/util/io.h"
#include "src/util/json.h"
#include "src/util/lock.h"
#include "src/util/log.h"
#include "src/util/mem.h"
#include "src/util/path.h"

#define STORE_FORMAT_FILE "slct-store.json"
#define STORE_LAYOUT_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}"

static const char *const store_dirs[] = {
	"lock", "tmp", "trash", "blobs", "blobs/sha256", "blobs/sha512", "images", "layers", "cache", "stat", "mounts",
};

/* A directory that holds nothing but these is new, or a store whose creation was interrupted. */
static const char *const store_unborn[] = {
	"lost+found", "lock", "tmp", "trash", "blobs", "images", "layers", "cache", "stat", "mounts",
};

/* How long a command waits for a running gc. */
#define STORE_GC_WAIT_NS (INT64_C(300) * 1000000000)

/* --- the directory --- */

static char *store_absolute(const char *root)
{
	AUTO_FREE char *cwd = root[0] == '/' ? NULL : getcwd(NULL, 0);

	return path_join(cwd ? cwd : "/", root);
}

static int store_make_root(const char *root, struct err *e)
{
	AUTO_FREE char *path = mem_strdup(root);

	for (char *p = path + 1;; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return err_sys(e, ERR_HOST, errno, "cannot make the store's directory %s", path);
		if (c == '\0')
			return 0;
		*p = c;
	}
}

static int store_check_owner(const struct store *s, struct err *e)
{
	struct stat st;

	if (fstat(s->fd, &st) < 0)
		return err_sys(e, ERR_HOST, errno, "cannot stat the store %s", s->root);
	if (st.st_uid != geteuid()) {
		err_set(e, ERR_HOST, "the store %s belongs to user %u, not to user %u", s->root, (unsigned)st.st_uid,
			(unsigned)geteuid());
		return err_hint(e, "run slct as that user, or name another store with --root or SLCT_ROOT");
	}
	if (st.st_mode & 077) {
		err_set(e, ERR_HOST, "the store %s is open to other users (mode %04o)", s->root,
			(unsigned)st.st_mode & 07777);
		return err_hint(e, "chmod 700 %s", s->root);
	}
	return 0;
}

static int store_open_root(struct store *s, struct err *e)
{
	s->fd = open(s->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->fd < 0 && errno == ENOENT) {
		if (store_make_root(s->root, e) < 0)
			return -1;
		s->fd = open(s->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	if (s->fd < 0) {
		err_sys(e, ERR_HOST, errno, "cannot open the store %s", s->root);
		return e->hint ? -1 : err_hint(e, "--root or SLCT_ROOT names another place for the store");
	}
	return store_check_owner(s, e);
}

static bool store_in(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(name, list[i]) == 0)
			return true;
	}
	return false;
}

/* A directory without the format file must be empty: nothing of anybody else's is taken for a store. */
static int store_check_unborn(struct store *s, struct err *e)
{
	AUTO_CLOSEDIR DIR *d = store_opendir(s, ".", e);
	const char *name;
	int r;

	if (!d)
		return -1;
	while ((r = store_readdir(d, &name, e)) > 0) {
		if (store_in(name, store_unborn, ARRAY_LEN(store_unborn)))
			continue;
		err_set(e, ERR_HOST, "%s is neither empty nor a store of slct (no %s)", s->root, STORE_FORMAT_FILE);
		return err_hint(e, "name an empty or new directory with --root or SLCT_ROOT");
	}
	return r;
}

/* 1: a store of this version, 0: an empty directory. */
static int store_check_version(struct store *s, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(4096);
	AUTO_JSON struct json *j = NULL;
	int64_t version;

	if (io_read_file(s->fd, STORE_FORMAT_FILE, &b, e) < 0) {
		if (e->code != ERR_NOT_FOUND)
			return err_wrap(e, "opening the store %s", s->root);
		err_release(e);
		return store_check_unborn(s, e);
	}
	j = json_parse(b.p, b.n, b.max, ERR_INTEGRITY, STORE_FORMAT_FILE, e);
	if (!j || json_need_int(j, "version", 1, INT64_MAX, &version, ERR_INTEGRITY, e) < 0)
		return err_wrap(e, "opening the store %s", s->root);
	if (version != STORE_VERSION) {
		err_set(e, ERR_HOST, "the store %s has format version %lld, this slct knows version %d", s->root,
			(long long)version, STORE_VERSION);
		return err_hint(e, "use the slct that made it, or name another store with --root or SLCT_ROOT");
	}
	return 1;
}

static int store_make_dirs(struct store *s, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(store_dirs); i++) {
		if (mkdirat(s->fd, store_dirs[i], 0700) < 0 && errno != EEXIST)
			return err_sys(e, ERR_HOST, errno, "cannot make %s/%s", s->root, store_dirs[i]);
	}
	return 0;
}

static int store_write_format(struct store *s, struct err *e)
{
	AUTO_FREE char *format = mem_printf("{\"version\":%d}\n", STORE_VERSION);

	return store_record_put(s, STORE_FORMAT_FILE, format, strlen(format), true, e);
}

/* After the format file, so that a foreign image layout is never taken for an interrupted creation; index.json is last
 * and tells that both are there. */
static int store_make_layout(struct store *s, struct err *e)
{
	if (faccessat(s->fd, "index.json", F_OK, 0) == 0)
		return 0;
	if (store_record_put(s, "oci-layout", STORE_LAYOUT_TEXT, strlen(STORE_LAYOUT_TEXT), true, e) < 0)
		return -1;
	return store_index_init(s, e);
}

static int store_take_lock(struct store *s, bool exclusive, struct err *e)
{
	const char *path = "lock/store";

	s->lock = lock_take(s->fd, path, exclusive ? LOCK_EXCLUSIVE : LOCK_SHARED, 0, e);
	if (s->lock < 0 && e->code == ERR_TEMP && !exclusive) {
		log_msg(LOG_INFO, "waiting for the store %s: gc is running", s->root);
		err_release(e);
		s->lock = lock_take(s->fd, path, LOCK_SHARED, STORE_GC_WAIT_NS, e);
	}
	if (s->lock >= 0)
		return 0;
	if (e->code == ERR_TEMP)
		err_hint(e, "another slct is working in it; try again when it has ended");
	return err_wrap(e, "the store %s", s->root);
}

/* gc must be able to work in a store whose disk is full. */
static int store_try_session(struct store *s, struct err *e)
{
	if (store_session(s, e))
		return 0;
	if (e->sys != ENOSPC && e->sys != EDQUOT)
		return -1;
	err_release(e);
	return 0;
}

static int store_begin(struct store *s, bool exclusive, struct err *e)
{
	if (store_make_dirs(s, e) < 0 || store_take_lock(s, exclusive, e) < 0)
		return -1;
	return store_try_session(s, e);
}

/* One process creates, under a lock on the directory itself; others that come meanwhile wait and find it made. */
static int store_create(struct store *s, bool exclusive, struct err *e)
{
	AUTO_CLOSE int fd = openat(s->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int known;

	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return err_sys(e, ERR_HOST, errno, "cannot lock the store %s", s->root);
	known = store_check_version(s, e);
	if (known < 0 || store_begin(s, exclusive, e) < 0)
		return -1;
	return known ? 0 : store_write_format(s, e);
}

static int store_open_steps(struct store *s, bool exclusive, struct err *e)
{
	struct err first = ERR_INIT;
	int known;

	if (store_open_root(s, e) < 0)
		return -1;
	/* without the lock the creation of another process looks like somebody's files, so only "known" counts here */
	known = store_check_version(s, &first);
	err_release(&first);
	if ((known == 1 ? store_begin(s, exclusive, e) : store_create(s, exclusive, e)) < 0)
		return -1;
	return store_make_layout(s, e);
}

static struct store *store_open_mode(const char *root, bool exclusive, struct err *e)
{
	struct store *s = mem_new(struct store);

	s->fd = s->lock = s->lease = -1;
	s->owner = getpid();
	s->root = store_absolute(root);
	if (store_open_steps(s, exclusive, e) == 0)
		return s;
	store_close(s);
	return NULL;
}

struct store *store_open(const char *root, struct err *e)
{
	return store_open_mode(root, false, e);
}

struct store *store_open_exclusive(const char *root, struct err *e)
{
	return store_open_mode(root, true, e);
}
