#include "src/flavor/fexport.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "src/flavor/flink.h"
#include "src/util/hash.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/path.h"

#define FEXPORT_ID_DIGITS 16

/* flavors.md "Commands", export. The manifest comes last: the database takes an archive that has it for whole. */
static const char *const fexport_excluded[] = {"dev/*",		"proc/*",      "etc/resolv.conf", "etc/hosts",
					       "var/cache/apt", "var/lib/apt", "var/lib/dpkg"};
static const struct {
	const char *path, *target;
} fexport_links[] = {{"etc/resolv.conf", "/conf/resolv.conf"}, {"etc/hosts", "/conf/hosts"}};

#define FEXPORT_MANIFEST      "exasol-manifest.json"
#define FEXPORT_MANIFEST_TEXT "{}"

/* --- rules --- */

static void fexport_item_release(struct fexport_item *i)
{
	free(i->path);
	free(i->target);
	free(i->text);
	free(i->from);
}

static struct fexport_item fexport_item_copy(const struct fexport_item *i)
{
	struct fexport_item c = *i;

	c.path = mem_strdup(i->path);
	c.target = mem_strdup_opt(i->target);
	c.from = mem_strdup_opt(i->from);
	c.text = i->text ? mem_dup(i->text, i->len + 1) : NULL;
	return c;
}

/* In the place of one of the same path, whose position it keeps. */
static void fexport_put(struct fexport_items *l, struct fexport_item new)
{
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i].path, new.path) != 0)
			continue;
		fexport_item_release(&l->v[i]);
		l->v[i] = new;
		return;
	}
	vec_push(l, new);
}

void fexport_release(struct fexport *x)
{
	struct fexport_items *lists[] = {&x->links, &x->files, &x->last};

	for (size_t k = 0; k < ARRAY_LEN(lists); k++) {
		for (size_t i = 0; i < lists[k]->n; i++)
			fexport_item_release(&lists[k]->v[i]);
		vec_release(lists[k]);
	}
	strv_release(&x->exclude);
	free(x->declared);
	*x = (struct fexport){0};
}

void fexport_copy(struct fexport *to, const struct fexport *from)
{
	const struct fexport_items *lists[] = {&from->links, &from->files, &from->last};
	struct fexport_items *copies[] = {&to->links, &to->files, &to->last};

	for (size_t k = 0; k < ARRAY_LEN(lists); k++)
		for (size_t i = 0; i < lists[k]->n; i++)
			vec_push(copies[k], fexport_item_copy(&lists[k]->v[i]));
	strv_copy(&to->exclude, &from->exclude);
	to->own = from->own;
	to->declared = mem_strdup_opt(from->declared);
}

void fexport_usual(struct fexport *x)
{
	struct fexport_item manifest = {.path = mem_strdup(FEXPORT_MANIFEST),
					.text = mem_strdup(FEXPORT_MANIFEST_TEXT),
					.len = strlen(FEXPORT_MANIFEST_TEXT),
					.mode = 0644};

	for (size_t i = 0; i < ARRAY_LEN(fexport_excluded); i++)
		strv_add(&x->exclude, fexport_excluded[i]);
	for (size_t i = 0; i < ARRAY_LEN(fexport_links); i++)
		fexport_put(&x->links, (struct fexport_item){.path = mem_strdup(fexport_links[i].path),
							     .target = mem_strdup(fexport_links[i].target)});
	fexport_put(&x->last, manifest);
}

/* --- flavor.yml --- */

struct fexport_reader {
	struct flavor *f;
	const struct yaml_doc *doc;
	const char *file;
};

static int fexport_at(const struct fexport_reader *r, const struct json *v, struct err *e)
{
	return err_at(e, r->file, yaml_line(r->doc, v), 0);
}

/* A place in the tree, clean and without the slash at its beginning; NULL with *e. */
static char *fexport_path(const char *text, struct err *e)
{
	const char *rel = text + strspn(text, "/");
	AUTO_FREE char *clean = path_clean(rel);

	if (path_is_beneath(rel) && strcmp(clean, ".") != 0)
		return STEAL_PTR(clean);
	err_set(e, ERR_INPUT, "\"%s\" is no place below the root", text);
	return NULL;
}

static int fexport_exclude_one(struct fexport *x, const char *glob, struct err *e)
{
	AUTO_FREE char *clean = glob ? fexport_path(glob, e) : NULL;

	if (!glob)
		return err_set(e, ERR_INPUT, "a glob is a text");
	if (!clean)
		return -1;
	if (strstr(clean, "**")) {
		err_set(e, ERR_INPUT, "%s: ** has no meaning in a glob", glob);
		return err_hint(e, "* stands for any part of one name; what lies below a match is left out with it");
	}
	strv_add(&x->exclude, clean);
	return 0;
}

static int fexport_exclude(struct fexport_reader *r, struct json *v, struct err *e)
{
	if (!json_is_array(v)) {
		err_set(e, ERR_INPUT, "exclude is a list of globs");
		return fexport_at(r, v, e);
	}
	for (size_t i = 0; i < json_len(v); i++)
		if (fexport_exclude_one(&r->f->export, json_str(json_at(v, i)), e))
			return fexport_at(r, json_at(v, i), e);
	return 0;
}

static int fexport_link(struct fexport_reader *r, const char *path, struct json *v, struct err *e)
{
	const char *target = json_str(v);
	char *place;

	if (!target || !target[0])
		return err_set(e, ERR_INPUT, "the target of the link %s is no text", path);
	place = fexport_path(path, e);
	if (!place)
		return -1;
	fexport_put(&r->f->export.links,
		    (struct fexport_item){.path = place, .target = mem_strdup(target), .line = yaml_line(r->doc, v)});
	return 0;
}

static int fexport_file(struct fexport_reader *r, const char *path, struct json *v, struct err *e)
{
	const char *from = json_str(v);
	struct fexport_item item = {.line = yaml_line(r->doc, v)};

	if (!from || !from[0] || !path_is_beneath(from))
		return err_set(e, ERR_INPUT, "the source of %s is no file below the flavor", path);
	if (r->f->export.files.n == FEXPORT_FILES_MAX)
		return err_set(e, ERR_INPUT, "there are more than %d files", FEXPORT_FILES_MAX);
	item.path = fexport_path(path, e);
	if (!item.path)
		return -1;
	item.from = path_join(r->f->path, from);
	fexport_put(strcmp(item.path, FEXPORT_MANIFEST) == 0 ? &r->f->export.last : &r->f->export.files, item);
	return 0;
}

static int fexport_each(struct fexport_reader *r, struct json *v,
			int (*fn)(struct fexport_reader *, const char *, struct json *, struct err *), struct err *e)
{
	if (!json_is_object(v)) {
		err_set(e, ERR_INPUT, "a mapping from paths to texts is expected here");
		return fexport_at(r, v, e);
	}
	for (void *it = json_iter(v); it; it = json_iter_next(v, it))
		if (fn(r, json_iter_key(it), json_iter_val(it), e))
			return fexport_at(r, json_iter_val(it), e);
	return 0;
}

static int fexport_usual_or_not(struct fexport_reader *r, struct json *v, struct err *e)
{
	bool ignored;

	/* Its value was heeded before the other keys. */
	if (yaml_bool(v, &ignored) == 0)
		return 0;
	err_set(e, ERR_INPUT, "usual is true or false");
	return fexport_at(r, v, e);
}

static int fexport_links_of(struct fexport_reader *r, struct json *v, struct err *e)
{
	return fexport_each(r, v, fexport_link, e);
}

static int fexport_files_of(struct fexport_reader *r, struct json *v, struct err *e)
{
	return fexport_each(r, v, fexport_file, e);
}

static const struct {
	const char *name;
	int (*read)(struct fexport_reader *r, struct json *v, struct err *e);
} fexport_keys[] = {
	{"exclude", fexport_exclude},
	{"links", fexport_links_of},
	{"files", fexport_files_of},
	{"usual", fexport_usual_or_not},
};

static int fexport_key(struct fexport_reader *r, const char *key, struct json *v, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(fexport_keys); i++)
		if (strcmp(fexport_keys[i].name, key) == 0)
			return fexport_keys[i].read(r, v, e);
	err_set(e, ERR_INPUT, "unknown key %s", key);
	err_hint(e, "keys that can stand here: exclude, links, files, usual");
	return fexport_at(r, v, e);
}

/* path is prefix itself or lies below it. */
static bool fexport_is_below(const char *path, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(path, prefix, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static int fexport_apart(const struct fexport_item *a, const struct fexport_item *b, const char *file, struct err *e)
{
	if (a == b || (!fexport_is_below(a->path, b->path) && !fexport_is_below(b->path, a->path)))
		return 0;
	err_set(e, ERR_INPUT, "%s and %s: one is, or lies below, the other", b->path, a->path);
	return err_at(e, file, a->line > b->line ? a->line : b->line, 0);
}

/* What is put into the tree does not stand in each other's way. */
static int fexport_check(const struct fexport *x, const char *file, struct err *e)
{
	const struct fexport_items *lists[] = {&x->links, &x->files, &x->last};

	for (size_t i = 0; i < ARRAY_LEN(lists) * ARRAY_LEN(lists); i++) {
		const struct fexport_items *a = lists[i / ARRAY_LEN(lists)], *b = lists[i % ARRAY_LEN(lists)];

		for (size_t k = 0; k < a->n * b->n; k++)
			if (fexport_apart(&a->v[k / b->n], &b->v[k % b->n], file, e))
				return -1;
	}
	return 0;
}

int fexport_read(struct flavor *f, const struct yaml_doc *doc, const char *file, struct json *map, struct err *e)
{
	struct fexport_reader r = {f, doc, file};
	bool usual = true;

	if (!json_is_object(map) && !json_is_null(map)) {
		err_set(e, ERR_INPUT, "a mapping is expected here");
		return fexport_at(&r, map, e);
	}
	if (json_get(map, "usual") && yaml_bool(json_get(map, "usual"), &usual) == 0 && !usual)
		fexport_release(&f->export);
	f->export.own = json_len(map) > 0;
	f->export.declared = mem_strdup(file);
	for (void *it = json_iter(map); it; it = json_iter_next(map, it))
		if (fexport_key(&r, json_iter_key(it), json_iter_val(it), e))
			return -1;
	return fexport_check(&f->export, file, e);
}

/* --- contents --- */

static int fexport_item_load(struct fexport_item *i, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(FEXPORT_FILE_MAX_BYTES);
	struct stat st;

	if (flink_stat(i->from, &st, e) || io_read_file(AT_FDCWD, i->from, &text, e))
		return -1;
	free(i->text);
	i->text = mem_dup(buf_str(&text), text.n + 1);
	i->len = text.n;
	/* As git has it: the rest of the mode depends on the umask of whoever checked the flavor out. */
	i->mode = st.st_mode & S_IXUSR ? 0755 : 0644;
	return 0;
}

int fexport_load(struct fexport *x, struct err *e)
{
	struct fexport_items *lists[] = {&x->files, &x->last};

	for (size_t k = 0; k < ARRAY_LEN(lists); k++)
		for (size_t i = 0; i < lists[k]->n; i++) {
			struct fexport_item *it = &lists[k]->v[i];

			if (!it->from || !fexport_item_load(it, e))
				continue;
			if (e->code == ERR_NOT_FOUND)
				e->code = ERR_INPUT;
			err_wrap(e, "export, %s", it->path);
			return err_at(e, x->declared, it->line, 0);
		}
	return 0;
}

/* With its length, so that no two rules give the same bytes. */
static void fexport_hash(struct hash *h, const void *p, size_t n)
{
	uint64_t len = n;

	hash_add(h, &len, sizeof len);
	hash_add(h, p, n);
}

static void fexport_hash_text(struct hash *h, const char *s)
{
	fexport_hash(h, s ? s : "", s ? strlen(s) : 0);
}

char *fexport_id(const struct fexport *x)
{
	const struct fexport_items *lists[] = {&x->links, &x->files, &x->last};
	AUTO_HASH struct hash *h = hash_new(HASH_SHA256);
	uint8_t sum[HASH_MAX_BYTES];
	char hex[HASH_HEX_MAX];

	if (!x->own)
		return NULL;
	fexport_hash(h, &x->exclude.n, sizeof x->exclude.n);
	for (size_t i = 0; i < x->exclude.n; i++)
		fexport_hash_text(h, x->exclude.v[i]);
	for (size_t k = 0; k < ARRAY_LEN(lists); k++) {
		fexport_hash(h, &lists[k]->n, sizeof lists[k]->n);
		for (size_t i = 0; i < lists[k]->n; i++) {
			const struct fexport_item *it = &lists[k]->v[i];

			fexport_hash_text(h, it->path);
			fexport_hash_text(h, it->target);
			fexport_hash(h, it->text ? it->text : "", it->len);
			fexport_hash(h, &it->mode, sizeof it->mode);
		}
	}
	hash_end(h, sum);
	hash_hex(sum, hash_size(HASH_SHA256), hex);
	return mem_strndup(hex, FEXPORT_ID_DIGITS);
}
