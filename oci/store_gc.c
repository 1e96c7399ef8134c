/* Garbage: what no image, tag or recent cache record reaches. */
#include "oci/store_gc_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "oci/limits.h"
#include "oci/store_priv.h"
#include "src/util/clock.h"
#include "src/util/json.h"
#include "src/util/mem.h"

/* --- files of a directory --- */

/* fn gets each name in the directory (not "." and ".."); a missing directory has none. */
typedef int store_gc_fn(struct store_gc_run *g, const char *dir, const char *name, struct err *e);

static int store_gc_walk(struct store_gc_run *g, const char *dir, store_gc_fn *fn, struct err *e)
{
	AUTO_CLOSEDIR DIR *d = store_opendir(g->s, dir, e);
	const char *name;
	int r;

	if (!d)
		return store_gc_forgive(e, ERR_NOT_FOUND);
	while ((r = store_readdir(d, &name, e)) > 0) {
		if (fn(g, dir, name, e) < 0)
			return -1;
	}
	return r;
}

static bool store_gc_is_dir(struct store_gc_run *g, const char *rel)
{
	struct stat st;

	return fstatat(g->s->fd, rel, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static int store_gc_unlink(struct store_gc_run *g, const char *rel, uint64_t *count, struct err *e)
{
	struct stat st = {0};

	if (fstatat(g->s->fd, rel, &st, AT_SYMLINK_NOFOLLOW) == 0)
		g->stats->bytes += (uint64_t)st.st_size;
	++*count;
	return g->dry_run ? 0 : store_record_delete(g->s, rel, e);
}

/* --- sweep --- */

/* Lists of files (files/<hex>) that a record's inputs name by the digest of the tree. */
static void store_gc_mark_lists(struct store_gc_run *g, struct json *inputs)
{
	for (void *it = json_iter(inputs); it; it = json_iter_next(inputs, it)) {
		const char *text = json_str(json_iter_val(it));
		struct err none = ERR_INIT;
		struct digest d;

		if (text && digest_parse(sv_from(text), &d, ERR_INTEGRITY, &none) == 0)
			store_gc_add(&g->lists, &d);
		err_release(&none);
	}
}

/* 1: keep, 0: garbage (too old, or not a record that we understand). */
static int store_gc_mark_record(struct store_gc_run *g, const char *rel, struct err *e)
{
	AUTO_DIGEST_LIST struct digest_list ids = {0}, blobs = {0};
	AUTO_JSON struct json *j = store_record_get_json(g->s, rel, e);

	if (!j)
		return store_gc_forgive(e, ERR_INTEGRITY);
	if (json_get_int(j, "used", INT64_MIN) < g->cutoff)
		return 0;
	if (store_record_digests(j, "diff_ids", &ids, e) < 0 ||
	    (json_get(j, "blobs") && store_record_digests(j, "blobs", &blobs, e) < 0))
		return store_gc_forgive(e, ERR_INTEGRITY);
	store_gc_mark_lists(g, json_get(j, "inputs"));
	for (size_t i = 0; i < blobs.n; i++)
		store_gc_add(&g->blobs, &blobs.v[i]);
	return store_gc_mark_layers(g, &ids, e) < 0 ? -1 : 1;
}

/* Records are swept while they are marked: nothing refers to them. */
static int store_gc_cache(struct store_gc_run *g, const char *dir, const char *name, struct err *e)
{
	AUTO_FREE char *rel = mem_printf("%s/%s", dir, name);
	int keep;

	if (store_gc_is_dir(g, rel))
		return store_gc_walk(g, rel, store_gc_cache, e);
	keep = store_gc_mark_record(g, rel, e);
	if (keep < 0)
		return -1;
	g->stats->kept += keep == 1;
	return keep ? 0 : store_gc_unlink(g, rel, &g->stats->records, e);
}

static int store_gc_blob(struct store_gc_run *g, const char *dir, const char *name, struct err *e)
{
	AUTO_FREE char *rel = mem_printf("%s/%s", dir, name);
	struct digest d;

	if (store_blob_of_name(name, strlen(name), &d) < 0 || smap_has(&g->blobs, d.text)) {
		struct stat st;

		g->stats->kept++;
		if (fstatat(g->s->fd, rel, &st, AT_SYMLINK_NOFOLLOW) == 0)
			g->stats->kept_bytes += (uint64_t)st.st_size;
		return 0;
	}
	return store_gc_unlink(g, rel, &g->stats->blobs, e);
}

static int store_gc_tree(struct store_gc_run *g, const char *rel, const struct digest *diff_id, struct err *e)
{
	AUTO_LAYER_REC struct store_layer_rec r = {0};
	struct err none = ERR_INIT;

	if (store_layer_rec_get(g->s, diff_id, &r, &none) == 0)
		g->stats->bytes += r.size;
	err_release(&none);
	g->stats->layers++;
	return g->dry_run ? 0 : store_trash(g->s, rel, e);
}

/* A tree goes before its list of recorded owners, without which it would look damaged. */
static int store_gc_tree_and_list(struct store_gc_run *g, const char *rel, const struct digest *diff_id, struct err *e)
{
	AUTO_FREE char *list = mem_printf("%s.owners", rel);

	if (store_gc_tree(g, rel, diff_id, e) < 0)
		return -1;
	if (faccessat(g->s->fd, list, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return store_gc_unlink(g, list, &g->stats->records, e);
}

/* "<hex>.owners" of a tree that is there goes with it. */
static bool store_gc_has_tree(struct store_gc_run *g, const char *rel)
{
	AUTO_FREE char *tree = mem_strndup(rel, strcspn(rel, "."));

	return strchr(rel, '.') && store_gc_is_dir(g, tree);
}

/* A fold, or its record, stays while all layers stay that it stands for. */
static bool store_gc_keeps_fold(struct store_gc_run *g, const char *dir, const char *name)
{
	AUTO_FREE char *rel = mem_printf("%s/%.*s.fold.json", dir, (int)strcspn(name, "."), name);
	AUTO_DIGEST_LIST struct digest_list ids = {0};
	struct err none = ERR_INIT;
	bool keep = store_fold_layers(g->s, rel, &ids, &none) == 0 && ids.n;

	err_release(&none);
	for (size_t i = 0; i < ids.n; i++)
		keep = keep && smap_has(&g->layers, ids.v[i].text);
	return keep;
}

static int store_gc_fold(struct store_gc_run *g, const char *dir, const char *name, struct err *e)
{
	AUTO_FREE char *rel = mem_printf("%s/%s", dir, name);

	if (store_gc_keeps_fold(g, dir, name))
		return 0;
	if (!store_gc_is_dir(g, rel))
		return store_gc_unlink(g, rel, &g->stats->records, e);
	return g->dry_run ? 0 : store_trash(g->s, rel, e);
}

static bool store_gc_is_fold(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot && strncmp(dot, ".fold", strlen(".fold")) == 0;
}

static uint64_t store_gc_layer_bytes(struct store_gc_run *g, const struct digest *diff_id)
{
	AUTO_LAYER_REC struct store_layer_rec r = {0};
	struct err none = ERR_INIT;

	if (!digest_is_set(diff_id) || store_layer_rec_get(g->s, diff_id, &r, &none) < 0)
		err_release(&none);
	return r.size;
}

/* A tree, or a side table "<hex>.owners". */
static int store_gc_layer(struct store_gc_run *g, const char *dir, const char *name, struct err *e)
{
	AUTO_FREE char *rel = mem_printf("%s/%s", dir, name);
	struct digest d;

	if (store_gc_is_fold(name))
		return store_gc_fold(g, dir, name, e);
	if (store_blob_of_name(name, strcspn(name, "."), &d) < 0 || smap_has(&g->layers, d.text)) {
		g->stats->kept++;
		if (!strchr(name, '.'))
			g->stats->kept_bytes += store_gc_layer_bytes(g, &d);
		return 0;
	}
	if (store_gc_is_dir(g, rel))
		return store_gc_tree_and_list(g, rel, &d, e);
	return store_gc_has_tree(g, rel) ? 0 : store_gc_unlink(g, rel, &g->stats->records, e);
}

static int store_gc_list(struct store_gc_run *g, const char *dir, const char *name, struct err *e)
{
	AUTO_FREE char *rel = mem_printf("%s/%s", dir, name);
	struct digest d;

	if (store_blob_of_name(name, strlen(name), &d) == 0 && smap_has(&g->lists, d.text))
		return 0;
	return store_gc_unlink(g, rel, &g->stats->records, e);
}

static int store_gc_form(struct store_gc_run *g, const char *dir, const char *name, struct err *e)
{
	AUTO_FREE char *rel = mem_printf("%s/%s", dir, name);

	return store_gc_is_dir(g, rel) ? store_gc_walk(g, rel, store_gc_layer, e) : 0;
}

/* layers/<hex>.json and origins/<hex>.json. */
static int store_gc_layer_record(struct store_gc_run *g, const char *dir, const char *name, struct err *e)
{
	AUTO_FREE char *rel = mem_printf("%s/%s", dir, name);
	struct digest d;

	if (store_gc_is_dir(g, rel))
		return 0;
	if (store_blob_of_name(name, strcspn(name, "."), &d) == 0 && smap_has(&g->layers, d.text))
		return 0;
	return store_gc_unlink(g, rel, &g->stats->records, e);
}

static int64_t store_gc_cutoff(int64_t keep_ns)
{
	return keep_ns > 0 ? clock_wall() / CLOCK_NS_PER_S - keep_ns / CLOCK_NS_PER_S : INT64_MAX;
}

/* Records go before what they name, so that an interruption leaves no record of something that is gone. */
static int store_gc_steps(struct store_gc_run *g, struct err *e)
{
	if (store_gc_mark_images(g, e) < 0 || store_gc_mark_tags(g, e) < 0)
		return -1;
	if (store_gc_walk(g, "cache", store_gc_cache, e) < 0 || store_gc_walk(g, "urls", store_gc_cache, e) < 0)
		return -1;
	if (store_gc_walk(g, "layers", store_gc_form, e) < 0 ||
	    store_gc_walk(g, "layers", store_gc_layer_record, e) < 0 ||
	    store_gc_walk(g, "origins", store_gc_layer_record, e) < 0 ||
	    store_gc_walk(g, "files", store_gc_list, e) < 0)
		return -1;
	if (store_gc_walk(g, "blobs/sha256", store_gc_blob, e) < 0)
		return -1;
	return store_gc_walk(g, "blobs/sha512", store_gc_blob, e);
}

int store_gc(struct store *s, int64_t keep_ns, bool dry_run, struct store_gc_stats *out, struct err *e)
{
	struct store_gc_run g = {
		.s = s,
		.blobs = SMAP_INIT(NULL),
		.layers = SMAP_INIT(NULL),
		.lists = SMAP_INIT(NULL),
		.cutoff = store_gc_cutoff(keep_ns),
		.dry_run = dry_run,
		.stats = out,
	};
	int r;

	*out = (struct store_gc_stats){0};
	r = store_gc_steps(&g, e);
	smap_release(&g.blobs);
	smap_release(&g.layers);
	smap_release(&g.lists);
	return r < 0 ? err_wrap(e, "gc") : 0;
}
