#include "src/build/lowers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "oci/limits.h"
#include "oci/merge.h"
#include "src/build/apart.h"
#include "src/session/treeview.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/path.h"
#include "src/util/tmp.h"

#define FOLD_PREFIX "fold."
#define IDS_PREFIX  "ids."
/* A row's list of digests. */
#define IDS_MAX ((size_t)LAYERS_MAX * DIGEST_TEXT_MAX)

/* Part of a stack that is one lower directory: a layer, a copy of one (apart.h), or a row of them. */
struct part {
	size_t at, n;
	bool apart;
};

struct parts {
	struct part *v;
	size_t n, cap;
};

/* --- rows --- */

static size_t row_size(size_t at, size_t left)
{
	size_t n = 1;

	while (n * LOWERS_ROW <= left && at % (n * LOWERS_ROW) == 0)
		n *= LOWERS_ROW;
	return n;
}

/* From `from` up to `to`, the rows counted from `from`. */
static void cut(size_t from, size_t to, struct parts *out)
{
	for (size_t at = from; at < to;) {
		size_t n = row_size(at - from, to - at);

		vec_push(out, (struct part){at, n, false});
		at += n;
	}
}

static char large_layer[] = "", small_layer[] = "";

static bool read_large(const struct build *b, const struct digest *diff_id)
{
	AUTO_LAYER_REC struct store_layer_rec r = {0};
	struct err e = ERR_INIT;
	bool large = store_layer_rec_get(b->s->store, diff_id, &r, &e) == 0 && r.size >= LOWERS_LARGE_BYTES;

	err_release(&e);
	return large;
}

static bool is_large(const struct build *b, const struct digest *diff_id)
{
	const char *known = smap_get(&b->large, diff_id->text);

	return known ? known == large_layer : read_large(b, diff_id);
}

void lowers_learn(struct build *b, const struct digest_list *stack)
{
	for (size_t i = 0; stack->n > LOWERS_PLAIN && i < stack->n; i++)
		if (!smap_has(&b->large, stack->v[i].text))
			smap_set(&b->large, stack->v[i].text, read_large(b, &stack->v[i]) ? large_layer : small_layer);
}

static bool folds(const struct build *b, const struct digest_list *stack)
{
	return stack->n > LOWERS_PLAIN && !b->s->tier.trees;
}

/* Trees that stand apart are in no row: a row may lie in stacks where they need not. */
static void divide_rows(const struct build *b, const struct digest_list *stack, const bool *apart, struct parts *out)
{
	size_t from = 0, large = 0;

	for (size_t i = 0; i < stack->n; i++) {
		bool alone = apart && apart[i];

		if (!alone && (large == LOWERS_LARGE_MAX || !is_large(b, &stack->v[i])))
			continue;
		cut(from, i, out);
		vec_push(out, (struct part){i, 1, alone});
		from = i + 1;
		large += !alone;
	}
	cut(from, stack->n, out);
}

static void divide(const struct build *b, const struct digest_list *stack, struct parts *out)
{
	AUTO_FREE bool *apart = apart_find(b, stack);

	if (folds(b, stack)) {
		divide_rows(b, stack, apart, out);
		return;
	}
	for (size_t i = 0; i < stack->n; i++)
		vec_push(out, (struct part){i, 1, apart && apart[i]});
}

/* Whether something must be made that stands for it. */
static bool is_made(const struct part *p)
{
	return p->n > 1 || p->apart;
}

/* --- paths --- */

static char *own_path(const struct build *b, const char *prefix, const struct digest *key)
{
	return mem_printf("%s/%s%s", b->tmp, prefix, digest_hex(key));
}

/* Where the fold is: of this run, or in the store. NULL: nowhere. */
static char *find(const struct build *b, const struct digest_list *stack, const struct part *p)
{
	int store = store_fd(b->s->store);
	struct digest key;

	store_fold_key(&stack->v[p->at], p->n, &key);
	AUTO_FREE char *there = store_fold_path(b->s->tier.form, &key);
	AUTO_FREE char *own = b->tmp ? own_path(b, FOLD_PREFIX, &key) : NULL;

	if (faccessat(store, there, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return STEAL_PTR(there);
	return own && faccessat(store, own, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? STEAL_PTR(own) : NULL;
}

/* A row that is not there is taken as the smaller ones that it is made of, down to the layers. */
static void add_paths(const struct build *b, const struct digest_list *stack, struct part p, struct strv *out)
{
	char *fold = is_made(&p) ? find(b, stack, &p) : NULL;
	size_t n = p.n / LOWERS_ROW;

	if (fold)
		strv_take(out, fold);
	else if (p.n == 1)
		strv_take(out, store_layer_path(b->s->tier.form, &stack->v[p.at]));
	for (size_t i = 0; !fold && p.n > 1 && i < LOWERS_ROW; i++)
		add_paths(b, stack, (struct part){p.at + i * n, n, false}, out);
}

void lowers_paths(const struct build *b, const struct digest_list *stack, struct strv *out)
{
	struct parts parts = {0};

	divide(b, stack, &parts);
	for (size_t i = 0; i < parts.n; i++)
		add_paths(b, stack, parts.v[i], out);
	vec_release(&parts);
}

bool lowers_missing(const struct build *b, const struct digest_list *stack)
{
	struct parts parts = {0};
	bool missing = false;

	divide(b, stack, &parts);
	for (size_t i = 0; i < parts.n && !missing; i++) {
		AUTO_FREE char *there = is_made(&parts.v[i]) ? find(b, stack, &parts.v[i]) : NULL;

		missing = is_made(&parts.v[i]) && !there;
	}
	vec_release(&parts);
	return missing;
}

/* --- making --- */

static int write_ids(const struct build *b, const struct digest_list *stack, const struct part *p,
		     const struct digest *key, struct err *e)
{
	AUTO_FREE char *path = own_path(b, IDS_PREFIX, key);
	AUTO_BUF struct buf text = BUF_INIT(IDS_MAX);

	for (size_t i = 0; i < p->n; i++)
		buf_printf(&text, "%s\n", stack->v[p->at + i].text);
	AUTO_CLOSE int fd = openat(store_fd(b->s->store), path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	return fd < 0 ? err_sys(e, ERR_HOST, errno, "%s", path) : io_write_all(fd, text.p, text.n, path, e);
}

/* *own: what the fold has recorded for itself, because a link could not be a hard link. Nobody would find that. */
static int merge_row(const struct build *b, const struct digest_list *stack, const struct part *p, const char *dir,
		     bool *own, struct err *e)
{
	AUTO_TREEVIEW struct treeview tv = {0};
	const struct merge_opts opts = {.marks = true, .share = true, .own_files = p->apart, .view = &tv.view};
	int store = store_fd(b->s->store);
	AUTO_CLOSE int out = openat(store, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_STRV struct strv members = {0};

	if (out < 0)
		return err_sys(e, ERR_HOST, errno, "%s", dir);
	add_paths(b, stack, (struct part){p->at, p->n, false}, &members);
	treeview_open(&tv, b->s);
	for (size_t i = 0; i < p->n; i++)
		if (treeview_layer(&tv, b->s, &stack->v[p->at + i], e) < 0)
			return -1;
	size_t rows = owntab_len(tv.view.rows);
	int rc = merge_trees(store, (const char *const *)members.v, members.n, out, &opts, e);

	*own = owntab_len(tv.view.rows) != rows;
	return rc;
}

/* Two steps may make the same one at once: the first that is complete stays. */
static int make_row(const struct build *b, const struct digest_list *stack, const struct part *p, struct err *e)
{
	int store = store_fd(b->s->store);
	AUTO_CLOSE int at = openat(store, b->tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FREE char *name = NULL;
	struct digest key;
	bool own = false;

	store_fold_key(&stack->v[p->at], p->n, &key);
	if (at < 0)
		return err_sys(e, ERR_HOST, errno, "%s", b->tmp);
	if (tmp_dir(at, "folding", &name, e) < 0)
		return -1;
	AUTO_FREE char *dir = mem_printf("%s/%s", b->tmp, name), *to = own_path(b, FOLD_PREFIX, &key);

	if (merge_row(b, stack, p, dir, &own, e) < 0 || write_ids(b, stack, p, &key, e) < 0)
		return err_wrap(e, "folding %zu layers", p->n);
	if (own)
		return 0; /* the layers themselves serve */
	if (renameat(store, dir, store, to) < 0 && errno != EEXIST && errno != ENOTEMPTY)
		return err_sys(e, ERR_HOST, errno, "%s", to);
	return 0;
}

int lowers_make(const struct build *b, const struct digest_list *stack, struct err *e)
{
	struct parts parts = {0};
	int rc = 0;

	divide(b, stack, &parts);
	for (size_t i = 0; rc == 0 && i < parts.n; i++) {
		AUTO_FREE char *there = is_made(&parts.v[i]) ? find(b, stack, &parts.v[i]) : NULL;

		if (is_made(&parts.v[i]) && !there)
			rc = make_row(b, stack, &parts.v[i], e);
	}
	vec_release(&parts);
	return rc;
}

/* --- keeping --- */

static int read_ids(const struct build *b, const char *hex, struct digest_list *out, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/" IDS_PREFIX "%s", b->tmp, hex);
	AUTO_BUF struct buf text = BUF_INIT(IDS_MAX);

	if (io_read_file(store_fd(b->s->store), path, &text, e) < 0)
		return -1;
	for (struct sv rest = buf_sv(&text); rest.n;) {
		struct digest d;

		if (digest_parse(sv_cut(&rest, '\n'), &d, ERR_INTERNAL, e) < 0)
			return -1;
		vec_push(out, d);
	}
	return 0;
}

static int publish(const struct build *b, const char *name, struct err *e)
{
	AUTO_FREE char *from = mem_printf("%s/%s", b->tmp, name);
	AUTO_DIGEST_LIST struct digest_list ids = {0};

	if (read_ids(b, name + strlen(FOLD_PREFIX), &ids, e) < 0)
		return -1;
	return store_fold_publish(b->s->store, from, b->s->tier.form, &ids, e);
}

static void list(const struct build *b, struct strv *out)
{
	int fd = openat(store_fd(b->s->store), b->tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSEDIR DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *de;

	while (d && (de = readdir(d)))
		if (strncmp(de->d_name, FOLD_PREFIX, strlen(FOLD_PREFIX)) == 0)
			strv_add(out, de->d_name);
}

static int publish_all(void *arg, struct worker *w, struct json **result, struct err *e)
{
	const struct build *b = arg;
	AUTO_STRV struct strv names = {0};

	(void)w, (void)result;
	list(b, &names);
	for (size_t i = 0; i < names.n; i++)
		if (publish(b, names.v[i], e) < 0)
			return -1;
	return 0;
}

void lowers_publish(struct build *b)
{
	struct worker_spec spec = {.role = "fold", .enter = WORKER_USERNS, .fn = publish_all, .arg = b};
	AUTO_STRV struct strv names = {0};
	struct err e = ERR_INIT;

	if (!b->tmp)
		return;
	list(b, &names);
	/* They can be made again: not worth failing for. */
	if (names.n && worker_call(b->s, &spec, NULL, &e) < 0)
		session_warn(b->s, "", "keeping folded layers: %s", e.msg);
	err_release(&e);
}
