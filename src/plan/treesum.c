#include "src/plan/treesum.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "oci/linkmap.h"
#include "src/cache/ckey.h"
#include "src/plan/treelist.h"
#include "src/util/clock.h"
#include "src/util/mem.h"

#define READ_BYTES  ((size_t)256 << 10)
#define TREE_DOMAIN "slct-tree"

struct treesum {
	struct ckey_builder b;
	bool of_root;
	int64_t origin;
	struct linkmap links; /* inode → number of the entry that came first */
	uint64_t n;
};

struct treesum *treesum_new(bool of_root, int64_t origin)
{
	struct treesum *t = mem_new(struct treesum);

	t->of_root = of_root;
	t->origin = origin;
	ckey_begin(&t->b, TREE_DOMAIN, false);
	ckey_int(&t->b, "root", of_root);
	return t;
}

void treesum_free(struct treesum *t)
{
	if (!t)
		return;
	hash_free(t->b.h);
	linkmap_release(&t->links);
	free(t);
}

void treesum_match(struct treesum *t, const struct source_match *m)
{
	ckey_str(&t->b, "match", m->path);
}

/* The entry that has the same inode and came first; NULL if there is none. */
static const char *link_group(struct treesum *t, const struct stat *st)
{
	char number[24];

	if (st->st_nlink < 2 || !S_ISREG(st->st_mode))
		return NULL;
	snprintf(number, sizeof number, "%" PRIu64, t->n);
	return linkmap_first(&t->links, st, number);
}

static void add_root_fields(struct treesum *t, const struct source_entry *en)
{
	ckey_int(&t->b, "uid", en->st.st_uid);
	ckey_int(&t->b, "gid", en->st.st_gid);
	ckey_int(&t->b, "mtime", en->st.st_mtim.tv_sec > t->origin ? INT64_MAX : en->st.st_mtim.tv_sec);
}

static void add_xattrs(struct ckey_builder *b, const struct source_xattrs *x)
{
	for (size_t i = 0; i < x->v.n; i++) {
		ckey_str(b, "xattr", x->v.v[i].name);
		ckey_field(b, "value", x->v.v[i].value, x->v.v[i].n);
	}
}

void treesum_fold(uint8_t sum[STATIDX_SUM_BYTES], const struct source_xattrs *x)
{
	struct ckey_builder b;
	uint8_t full[HASH_MAX_BYTES];

	if (!x->v.n)
		return;
	ckey_begin(&b, TREE_DOMAIN "-file", false);
	ckey_field(&b, "content", sum, STATIDX_SUM_BYTES);
	add_xattrs(&b, x);
	hash_end(b.h, full);
	hash_free(b.h);
	memcpy(sum, full, STATIDX_SUM_BYTES);
}

void treesum_entry(struct treesum *t, const struct source_entry *en, const struct source_xattrs *x,
		   const uint8_t *content)
{
	/* Sockets are never copied. */
	if (S_ISSOCK(en->st.st_mode))
		return;
	ckey_str(&t->b, "entry", en->rel);
	ckey_int(&t->b, "mode", en->st.st_mode & (S_IFMT | 07777));
	if (en->target)
		ckey_str(&t->b, "target", en->target);
	if (content)
		ckey_field(&t->b, "content", content, STATIDX_SUM_BYTES);
	ckey_str(&t->b, "link", link_group(t, &en->st));
	if (S_ISCHR(en->st.st_mode) || S_ISBLK(en->st.st_mode))
		ckey_int(&t->b, "device", (int64_t)en->st.st_rdev);
	if (t->of_root)
		add_root_fields(t, en);
	if (x)
		add_xattrs(&t->b, x);
	t->n++;
}

void treesum_end(struct treesum *t, struct digest *out)
{
	struct ckey k;
	AUTO_FREE char *text = NULL;
	struct err e = ERR_INIT;

	ckey_end(&t->b, &k, NULL);
	text = mem_printf("sha256:%s", k.hex);
	digest_parse(sv_from(text), out, ERR_INTERNAL, &e);
	treesum_free(t);
}

int treesum_file(int fd, const char *name, uint8_t sum[STATIDX_SUM_BYTES], struct err *e)
{
	AUTO_HASH struct hash *h = hash_new(HASH_SHA256);
	AUTO_FREE char *buf = mem_alloc(READ_BYTES);
	uint8_t full[HASH_MAX_BYTES];

	for (;;) {
		ssize_t n = read(fd, buf, READ_BYTES);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, ERR_INPUT, errno, "reading %s", name);
		if (n == 0)
			break;
		hash_add(h, buf, (size_t)n);
	}
	hash_end(h, full);
	memcpy(sum, full, STATIDX_SUM_BYTES);
	return 0;
}

static int context_file(const struct source_set *s, const struct source_entry *en, struct statidx *x,
			uint8_t sum[STATIDX_SUM_BYTES], struct err *e)
{
	int64_t now = clock_wall();

	if (en->st.st_ino && statidx_get(x, &en->st, sum))
		return 0;
	AUTO_CLOSE int fd = source_open(s, en, e);
	struct source_xattrs attrs = {0};
	int rc = fd < 0 ? -1 : treesum_file(fd, en->open_path, sum, e);

	if (rc == 0)
		rc = source_xattrs_get(s, en, &attrs, e);
	if (rc == 0) {
		treesum_fold(sum, &attrs);
		if (en->st.st_ino)
			statidx_put(x, &en->st, now, sum);
	}
	source_xattrs_release(&attrs);
	return rc;
}

static int add_context_other(struct treesum *t, const struct source_set *s, const struct source_entry *en,
			     struct err *e)
{
	struct source_xattrs attrs = {0};
	int rc = source_xattrs_get(s, en, &attrs, e);

	treesum_entry(t, en, &attrs, NULL);
	source_xattrs_release(&attrs);
	return rc;
}

/* The directory that a match names gives only its content: its attributes do not count. */
static int add_context_entry(struct treesum *t, const struct source_set *s, const struct source_match *m, size_t i,
			     struct statidx *x, struct buf *list, struct err *e)
{
	const struct source_entry *en = &m->entries.v[i];
	uint8_t sum[STATIDX_SUM_BYTES];
	bool top = i == 0;

	if (list && !S_ISREG(en->st.st_mode))
		treelist_add(list, m, en, NULL);
	if (!S_ISREG(en->st.st_mode) && !top)
		return add_context_other(t, s, en, e);
	if (S_ISREG(en->st.st_mode) && context_file(s, en, x, sum, e) < 0)
		return -1;
	if (list && S_ISREG(en->st.st_mode))
		treelist_add(list, m, en, sum);
	treesum_entry(t, en, NULL, S_ISREG(en->st.st_mode) ? sum : NULL);
	return 0;
}

static int add_context_match(struct treesum *t, const struct source_set *s, const struct source_match *m,
			     struct statidx *x, struct buf *list, struct err *e)
{
	treesum_match(t, m);
	for (size_t i = 0; i < m->entries.n; i++)
		if (add_context_entry(t, s, m, i, x, list, e) < 0)
			return -1;
	return 0;
}

int treesum_of_context(const struct source_set *s, const struct source_list *l, struct statidx *x, struct digest *out,
		       struct buf *list, struct err *e)
{
	struct treesum *t = treesum_new(false, 0);

	if (list)
		treelist_begin(list);
	for (size_t i = 0; i < l->matches.n; i++)
		if (add_context_match(t, s, &l->matches.v[i], x, list, e) < 0) {
			treesum_free(t);
			return -1;
		}
	treesum_end(t, out);
	return 0;
}
