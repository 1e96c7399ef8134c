#include "src/plan/treelist.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/plan/statidx.h"
#include "src/util/hash.h"
#include "src/util/mem.h"
#include "src/util/num.h"
#include "src/util/smap.h"

#define HEAD	   "slct-files 1\n"
#define SUM_DIGITS 32

void treelist_begin(struct buf *list)
{
	buf_str_add(list, HEAD);
}

static const char *sum_text(const struct source_entry *en, const uint8_t *content, char out[HASH_HEX_MAX])
{
	uint8_t target[HASH_MAX_BYTES];

	if (content) {
		hash_hex(content, STATIDX_SUM_BYTES, out);
	} else if (en->target) {
		hash_bytes(HASH_SHA256, en->target, strlen(en->target), target);
		hash_hex(target, hash_size(HASH_SHA256), out);
	} else {
		return "-";
	}
	out[SUM_DIGITS] = '\0';
	return out;
}

void treelist_add(struct buf *list, const struct source_match *m, const struct source_entry *en, const uint8_t *content)
{
	const char *slash = m->path[0] && en->rel[0] ? "/" : "";
	char sum[HASH_HEX_MAX];

	if (list->n < TREELIST_MAX_BYTES)
		buf_printf(list, "%o %s %zu:%s%s%s\n", (unsigned)en->st.st_mode, sum_text(en, content, sum),
			   strlen(m->path) + strlen(slash) + strlen(en->rel), m->path, slash, en->rel);
}

static char *list_path(const struct digest *tree)
{
	return mem_printf("files/%s", digest_hex(tree));
}

bool treelist_has(struct store *s, const struct digest *tree)
{
	AUTO_FREE char *path = list_path(tree);

	return faccessat(store_fd(s), path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int treelist_put(struct store *s, const struct digest *tree, const struct buf *list, struct err *e)
{
	AUTO_FREE char *path = list_path(tree);

	return store_record_put(s, path, list->p, list->n, false, e);
}

/* --- reading --- */

/* One entry off the front: path → "MODE SUM". False at the end or where it is damaged. */
static bool take_entry(struct sv *rest, struct sv *what, struct sv *path)
{
	ssize_t colon = sv_find(*rest, ':'), space;
	struct sv head = sv_sub(*rest, 0, colon < 0 ? 0 : (size_t)colon);
	uint64_t n;

	for (space = (ssize_t)head.n; space > 0 && head.p[space - 1] != ' ';)
		space--;
	if (colon < 0 || space <= 0 || num_parse(sv_sub(head, (size_t)space, head.n), 10, rest->n, &n))
		return false;
	*what = sv_sub(head, 0, (size_t)space - 1);
	if ((size_t)colon + 1 + n >= rest->n || rest->p[(size_t)colon + 1 + n] != '\n')
		return false;
	*path = sv_sub(*rest, (size_t)colon + 1, (size_t)n);
	*rest = sv_sub(*rest, (size_t)colon + 1 + (size_t)n + 1, rest->n);
	return true;
}

/* Whether all of it could be read. */
static bool parse(struct sv text, struct smap *out)
{
	struct sv rest = text, what, name;

	if (!sv_starts(rest, HEAD))
		return false;
	rest = sv_sub(rest, strlen(HEAD), rest.n);
	while (take_entry(&rest, &what, &name)) {
		AUTO_FREE char *key = sv_dup(name), *val = sv_dup(what);

		smap_set_str(out, key, val);
	}
	return rest.n == 0;
}

bool treelist_get(struct store *s, const char *tree, size_t max, struct buf *out)
{
	AUTO_FREE char *path = NULL;
	struct digest d;
	struct err e = ERR_INIT;

	if (digest_parse(sv_from(tree), &d, ERR_INPUT, &e) == 0 &&
	    store_record_get(s, path = list_path(&d), max, out, &e) == 0)
		return true;
	err_release(&e);
	return false;
}

static bool load(struct store *s, const char *tree, struct smap *out)
{
	AUTO_BUF struct buf text = BUF_INIT(TREELIST_MAX_BYTES + (64 << 10));

	if (!treelist_get(s, tree, text.max, &text) || !sv_starts(buf_sv(&text), HEAD))
		return false;
	parse(buf_sv(&text), out);
	return true;
}

static void note(struct strv *out, size_t most, size_t *n, const char *path, const char *what)
{
	if (++*n <= most)
		strv_printf(out, "%s %s", path[0] ? path : ".", what);
}

static bool compare(const struct smap *old, const struct smap *new, size_t most, struct strv *out)
{
	size_t n = 0;

	for (size_t i = 0; i < new->n; i++) {
		const char *was = smap_get(old, new->v[i].key);

		if (!was)
			note(out, most, &n, new->v[i].key, "is new");
		else if (strcmp(was, new->v[i].val) != 0)
			note(out, most, &n, new->v[i].key, "changed");
	}
	for (size_t i = 0; i < old->n; i++)
		if (!smap_has(new, old->v[i].key))
			note(out, most, &n, old->v[i].key, "is gone");
	if (n > most)
		strv_printf(out, "and %zu more", n - most);
	return n > 0;
}

bool treelist_changes(struct store *s, const char *then, const char *now, size_t most, struct strv *out)
{
	AUTO_SMAP struct smap old = SMAP_STR, new = SMAP_STR;

	return load(s, then, &old) && load(s, now, &new) && compare(&old, &new, most, out);
}

bool treelist_changes_from(struct store *s, struct sv then, const char *now, size_t most, struct strv *out)
{
	AUTO_SMAP struct smap old = SMAP_STR, new = SMAP_STR;

	return parse(then, &old) && load(s, now, &new) && compare(&old, &new, most, out);
}
