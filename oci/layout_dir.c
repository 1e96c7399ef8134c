#include "oci/layout_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "oci/indexfile.h"
#include "oci/layout_priv.h"
#include "oci/limits.h"
#include "src/util/clock.h"
#include "src/util/io.h"
#include "src/util/lock.h"
#include "src/util/mem.h"
#include "src/util/path.h"

#define LAYOUT_DIR_DAY_S INT64_C(86400)

char *layout_dir_blob_name(const struct digest *d)
{
	return mem_printf("blobs/%s/%s", digest_alg(d) == HASH_SHA512 ? "sha512" : "sha256", digest_hex(d));
}

/* Fifos and devices never block. */
int layout_dir_file(int dirfd, const char *name, struct err *e)
{
	AUTO_CLOSE int fd = path_open_nolinks(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return err_set(e, ERR_NOT_FOUND, "%s is missing", name);
	if (fd < 0 && errno == ELOOP) {
		err_set(e, ERR_INPUT, "%s is or leads through a symbolic link", name);
		return err_hint(e, "copy the layout with its links replaced by files (cp -rL)");
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, ERR_INPUT, errno, "cannot open %s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INPUT, "%s is not a regular file", name);
	return STEAL_FD(fd);
}

static int layout_dir_text(const struct layout_dir *d, const char *name, struct buf *out, struct err *e)
{
	AUTO_CLOSE int fd = layout_dir_file(d->fd, name, e);

	return fd < 0 ? -1 : io_read_all(fd, out, name, e);
}

static int layout_dir_load(struct layout_dir *d, struct err *e)
{
	AUTO_BUF struct buf version = BUF_INIT(4096), text = BUF_INIT(MANIFEST_MAX_BYTES);

	/* A directory that a first build is still filling has no index yet. */
	if (layout_dir_text(d, "oci-layout", &version, e) < 0 || layout_dir_text(d, "index.json", &text, e) < 0)
		return -1;
	if (layout_check_text(version.p, version.n, e) < 0 ||
	    index_parse(text.p, text.n, NULL, &d->index, ERR_INPUT, e) < 0)
		return -1;
	for (size_t i = 0; i < d->index.n; i++) {
		struct descriptor *entry = &d->index.manifests[i];
		const char *tag = json_get_str(entry->annotations, INDEXFILE_REF_NAME);

		if (tag && !smap_has(&d->tags, tag))
			smap_set(&d->tags, tag, entry);
	}
	return 0;
}

int layout_dir_open(struct layout_dir *d, const char *path, struct err *e)
{
	*d = (struct layout_dir){.path = mem_strdup(path), .tags = SMAP_INIT(NULL)};
	d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->fd < 0)
		err_sys(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_INPUT, errno, "cannot open the layout %s", path);
	else if (layout_dir_load(d, e) == 0)
		return 0;
	else
		err_wrap(e, "layout %s", path);
	layout_dir_close(d);
	return -1;
}

void layout_dir_close(struct layout_dir *d)
{
	smap_release(&d->tags);
	index_release(&d->index);
	free(d->path);
	if (d->fd >= 0)
		close(d->fd);
	*d = LAYOUT_DIR_INIT;
}

const struct descriptor *layout_dir_find(const struct layout_dir *d, const char *tag)
{
	return smap_get(&d->tags, tag);
}

int layout_dir_read(const struct layout_dir *d, const struct descriptor *what, size_t max, struct buf *out,
		    struct err *e)
{
	AUTO_FREE char *name = layout_dir_blob_name(&what->digest);
	AUTO_BUF struct buf text = BUF_INIT(max);
	AUTO_HASH struct hash *h = hash_new(digest_alg(&what->digest));
	struct digest found;

	if (layout_dir_text(d, name, &text, e) < 0)
		return err_wrap(e, "layout %s", d->path);
	hash_add(h, text.p, text.n);
	digest_from_hash(digest_alg(&what->digest), h, &found);
	if (!digest_eq(&found, &what->digest) || text.n != what->size)
		return err_set(e, ERR_INTEGRITY, "layout %s: blob %s is damaged: it has %zu bytes and digest %s",
			       d->path, what->digest.text, text.n, found.text);
	buf_add(out, text.p, text.n);
	return 0;
}

static bool layout_dir_has(const struct layout_dir *d, const struct descriptor *what)
{
	AUTO_FREE char *name = layout_dir_blob_name(&what->digest);
	struct stat st;

	return fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size == what->size;
}

/* A collection takes as long as it takes to list and unlink; who keeps the lock longer is ill or ill-willed. */
#define LAYOUT_DIR_HOLD_NS (60 * CLOCK_NS_PER_S)

int layout_dir_hold(const char *path)
{
	AUTO_CLOSE int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e = ERR_INIT;
	int fd = -1;

	if (dir >= 0 && faccessat(dir, "oci-layout", F_OK, 0) == 0) {
		layout_make_use(dir);
		fd = lock_take(dir, LAYOUT_USE, LOCK_SHARED, LAYOUT_DIR_HOLD_NS, &e);
	}
	err_release(&e);
	return fd;
}

int64_t layout_dir_last_use(const struct layout_dir *d, const struct descriptor *entry)
{
	AUTO_FREE char *name = layout_dir_blob_name(&entry->digest);
	struct stat st;

	return fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_mtim.tv_sec : 0;
}

void layout_dir_used(const struct layout_dir *d, const struct descriptor *entry)
{
	AUTO_FREE char *name = layout_dir_blob_name(&entry->digest);

	/* Whether it works does not matter: then it counts from the day when it was written. */
	if (clock_wall() / CLOCK_NS_PER_S - layout_dir_last_use(d, entry) > LAYOUT_DIR_DAY_S &&
	    utimensat(d->fd, name, NULL, AT_SYMLINK_NOFOLLOW) < 0)
		errno = 0;
}

bool layout_dir_whole(const struct layout_dir *d, const struct descriptor *manifest)
{
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_MANIFEST struct manifest m = {0};
	struct err e = ERR_INIT;
	bool whole = layout_dir_read(d, manifest, MANIFEST_MAX_BYTES, &text, &e) == 0 &&
		     manifest_parse(text.p, text.n, manifest->media_type, &m, ERR_INPUT, &e) == 0 &&
		     layout_dir_has(d, &m.config);

	err_release(&e);
	for (size_t i = 0; whole && i < m.nlayers; i++)
		whole = layout_dir_has(d, &m.layers[i]) ||
			mediatype_kind_of(m.layers[i].media_type) == MEDIATYPE_FOREIGN_LAYER;
	return whole;
}

static int layout_dir_sum(int fd, const char *name, struct hash *h, uint64_t *size, struct err *e)
{
	uint8_t chunk[65536];
	ssize_t n;

	*size = 0;
	while ((n = io_read_full(fd, chunk, sizeof chunk, name, e)) > 0) {
		hash_add(h, chunk, (size_t)n);
		*size += (uint64_t)n;
	}
	return n < 0 ? -1 : 0;
}

int layout_dir_open_blob(const struct layout_dir *d, const struct descriptor *what, struct err *e)
{
	AUTO_FREE char *name = layout_dir_blob_name(&what->digest);
	AUTO_CLOSE int fd = layout_dir_file(d->fd, name, e);
	AUTO_HASH struct hash *h = hash_new(digest_alg(&what->digest));
	struct digest found;
	uint64_t size;

	if (fd < 0 || layout_dir_sum(fd, name, h, &size, e) < 0)
		return err_wrap(e, "layout %s", d->path);
	digest_from_hash(digest_alg(&what->digest), h, &found);
	if (!digest_eq(&found, &what->digest) || size != what->size)
		return err_set(e, ERR_INTEGRITY, "layout %s: blob %s is damaged: it has %llu bytes and digest %s",
			       d->path, what->digest.text, (unsigned long long)size, found.text);
	return STEAL_FD(fd);
}

int layout_dir_fetch(const struct layout_dir *d, struct store *s, const struct descriptor *what, struct err *e)
{
	AUTO_FREE char *name = layout_dir_blob_name(&what->digest);
	AUTO_CLOSE int fd = -1;
	uint64_t size;

	if (store_blob_has(s, &what->digest, &size) && size == what->size)
		return 0;
	fd = layout_dir_file(d->fd, name, e);
	if (fd < 0 || layout_load_fd(s, fd, what, e) < 0)
		return err_wrap(e, "layout %s", d->path);
	return 0;
}
