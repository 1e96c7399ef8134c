/* What the tests of the cache, the plan and the build share: a store of one's own, keys and digests from words, files.
 */
#ifndef SLCT_CACHE_UTIL_H
#define SLCT_CACHE_UTIL_H

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "oci/store.h"
#include "src/cache/ckey.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

static inline struct ckey cache_util_key(const char *word)
{
	struct ckey_builder b;
	struct ckey k;

	ckey_begin(&b, word, false);
	ckey_end(&b, &k, NULL);
	return k;
}

static inline struct digest cache_util_digest(const char *word)
{
	struct digest d;

	digest_of_bytes(word, strlen(word), &d);
	return d;
}

static inline void cache_util_add(struct digest_list *l, const char *word)
{
	vec_push(l, cache_util_digest(word));
}

static inline struct store *cache_util_store(const struct unit_dir *d)
{
	AUTO_FREE char *root = mem_printf("%s/store", d->path);
	struct err e = ERR_INIT;
	struct store *s = store_open(root, &e);

	ck_assert_msg(s != NULL, "%s", e.msg ? e.msg : "no message");
	return s;
}

static inline void cache_util_store_free(struct store **s)
{
	store_close(*s);
}
#define AUTO_STORE AUTO(cache_util_store_free)

/* Make the missing directories before the last component of path below d. */
static inline void cache_util_parents(const struct unit_dir *d, const char *path)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		AUTO_FREE char *dir = mem_strndup(path, (size_t)(slash - path));

		mkdirat(d->fd, dir, 0755);
	}
}

/* A file (parents too), as it is written by an editor: new inode content, mode 0644. */
static inline void cache_util_file(const struct unit_dir *d, const char *path, const char *text)
{
	struct err e = ERR_INIT;

	cache_util_parents(d, path);
	AUTO_CLOSE int fd = openat(d->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ck_assert_msg(fd >= 0, "%s", path);
	unit_ok(io_write_all(fd, text, strlen(text), path, &e), e);
}

static inline void cache_util_link(const struct unit_dir *d, const char *target, const char *path)
{
	cache_util_parents(d, path);
	ck_assert_int_eq(symlinkat(target, d->fd, path), 0);
}

static inline char *cache_util_read(const struct unit_dir *d, const char *path)
{
	AUTO_BUF struct buf text = BUF_INIT((size_t)1 << 20);
	struct err e = ERR_INIT;

	unit_ok(io_read_file(d->fd, path, &text, &e), e);
	return mem_strdup(buf_str(&text));
}

#endif
