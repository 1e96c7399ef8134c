#include "src/flavor/pkgdiff.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/flavor/packages.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/smap.h"
#include "src/util/yaml.h"

#define PKGDIFF_NO_VERSION "No version specified"

static const struct {
	const char *key, *title;
} pkgdiff_installers[PKGDIFF_INSTALLERS] = {{"apt", "Apt"}, {"pip", "Pip"}, {"r", "R"}, {"conda", "Conda"}};

/* --- reading --- */

struct pkgdiff_package {
	char *version, *step;
};

static void pkgdiff_package_free(void *arg)
{
	struct pkgdiff_package *p = arg;

	free(p->version);
	free(p->step);
	free(p);
}

/* Packages of a file by installer: name → package, in the order of the file. */
struct pkgdiff_file {
	bool there;
	struct smap by[PKGDIFF_INSTALLERS];
};

static void pkgdiff_file_release(struct pkgdiff_file *f)
{
	for (size_t i = 0; i < PKGDIFF_INSTALLERS; i++)
		smap_release(&f->by[i]);
}

static int pkgdiff_read_package(const struct json *one, const char *step, struct smap *to, struct err *e)
{
	const char *name = json_need_str(one, "name", ERR_INPUT, e), *version = json_get_str(one, "version");
	struct pkgdiff_package *p;

	if (!name)
		return err_wrap(e, "a package of %s", step);
	if (smap_has(to, name))
		return 0;
	p = mem_new(struct pkgdiff_package);
	p->version = mem_strdup(version && version[0] ? version : PKGDIFF_NO_VERSION);
	p->step = mem_strdup(step);
	smap_set(to, name, p);
	return 0;
}

static int pkgdiff_read_phase(const struct json *phase, const char *step, struct pkgdiff_file *f, struct err *e)
{
	for (size_t i = 0; i < PKGDIFF_INSTALLERS; i++) {
		const struct json *list = json_get(json_get(phase, pkgdiff_installers[i].key), "packages");

		for (size_t k = 0; k < json_len(list); k++) {
			if (pkgdiff_read_package(json_at(list, k), step, &f->by[i], e))
				return -1;
		}
	}
	return 0;
}

static int pkgdiff_read_step(const struct json *step, struct pkgdiff_file *f, struct err *e)
{
	const struct json *phases = json_get(step, "phases");
	const char *name = json_need_str(step, "name", ERR_INPUT, e);

	if (!name)
		return -1;
	for (size_t i = 0; i < json_len(phases); i++) {
		if (pkgdiff_read_phase(json_at(phases, i), name, f, e))
			return -1;
	}
	return 0;
}

static int pkgdiff_read(const char *path, struct pkgdiff_file *f, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(YAML_MAX_BYTES);
	AUTO_YAML struct yaml_doc *doc = NULL;
	const struct json *steps;

	*f = (struct pkgdiff_file){0};
	for (size_t i = 0; i < PKGDIFF_INSTALLERS; i++)
		f->by[i] = SMAP_INIT(pkgdiff_package_free);
	if (!path || access(path, F_OK) < 0)
		return 0;
	if (io_read_file(AT_FDCWD, path, &text, e))
		return -1;
	doc = yaml_parse(text.p, text.n, path, e);
	if (!doc)
		return -1;
	f->there = true;
	steps = json_get(yaml_root(doc), "build_steps");
	if (json_len(steps) > PACKAGES_STEPS_MAX)
		return err_set(e, ERR_INPUT, "%s: more than %d build steps", path, PACKAGES_STEPS_MAX);
	for (size_t i = 0; i < json_len(steps); i++) {
		if (pkgdiff_read_step(json_at(steps, i), f, e)) {
			err_wrap(e, "%s:%u", path, yaml_line(doc, json_at(steps, i)));
			return -1;
		}
	}
	return 0;
}

/* --- comparing --- */

static unsigned pkgdiff_status(const struct pkgdiff_package *old, const struct pkgdiff_package *new)
{
	if (!old)
		return PKGDIFF_NEW;
	if (!new)
		return PKGDIFF_REMOVED;
	return (strcmp(old->version, new->version) != 0 ? PKGDIFF_UPDATED : 0u) |
	       (strcmp(old->step, new->step) != 0 ? PKGDIFF_MOVED : 0u);
}

static void pkgdiff_add(struct pkgdiff *d, size_t i, const char *name, const struct pkgdiff_package *old,
			const struct pkgdiff_package *new)
{
	struct pkgdiff_row row = {.package = mem_strdup(name), .status = pkgdiff_status(old, new)};

	if (old) {
		row.old_version = mem_strdup(old->version);
		row.old_step = mem_strdup(old->step);
	}
	if (new) {
		row.new_version = mem_strdup(new->version);
		row.new_step = mem_strdup(new->step);
	}
	vec_push(&d->installer[i], row);
}

const char *pkgdiff_status_text(unsigned status, char out[40])
{
	static const char *const names[] = {"NEW", "REMOVED", "UPDATED", "MOVED"};
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (status & 1u << i)
			n += (size_t)snprintf(out + n, 40 - n, "%s%s", n ? " & " : "", names[i]);
	}
	return out;
}

static char *pkgdiff_step(const struct pkgdiff_row *r)
{
	if (r->status & PKGDIFF_MOVED)
		return mem_printf("%s -> %s", r->old_step, r->new_step);
	return mem_strdup(r->new_step ? r->new_step : r->old_step);
}

/* By status downwards ("UPDATED" before "NEW" before unchanged), then build step, then package. */
static int pkgdiff_order(const void *x, const void *y)
{
	const struct pkgdiff_row *a = x, *b = y;
	AUTO_FREE char *step_a = pkgdiff_step(a), *step_b = pkgdiff_step(b);
	char text_a[40], text_b[40];
	int rc = strcmp(pkgdiff_status_text(b->status, text_b), pkgdiff_status_text(a->status, text_a));

	if (!rc)
		rc = strcmp(step_a, step_b);
	return rc ? rc : strcmp(a->package, b->package);
}

static void pkgdiff_installer_compare(struct pkgdiff *d, size_t i, const struct smap *old, const struct smap *new)
{
	for (size_t k = 0; k < old->n; k++)
		pkgdiff_add(d, i, old->v[k].key, old->v[k].val, smap_get(new, old->v[k].key));
	for (size_t k = 0; k < new->n; k++) {
		if (!smap_has(old, new->v[k].key))
			pkgdiff_add(d, i, new->v[k].key, NULL, new->v[k].val);
	}
	if (d->installer[i].n)
		qsort(d->installer[i].v, d->installer[i].n, sizeof *d->installer[i].v, pkgdiff_order);
}

int pkgdiff_compare(const char *old_file, const char *new_file, struct pkgdiff *out, struct err *e)
{
	struct pkgdiff_file old = {0}, new = {0};
	int rc = pkgdiff_read(old_file, &old, e) || pkgdiff_read(new_file, &new, e) ? -1 : 0;

	*out = (struct pkgdiff){.there = new.there};
	for (size_t i = 0; !rc && new.there &&i < PKGDIFF_INSTALLERS; i++)
		pkgdiff_installer_compare(out, i, &old.by[i], &new.by[i]);
	pkgdiff_file_release(&old);
	pkgdiff_file_release(&new);
	return rc;
}

void pkgdiff_release(struct pkgdiff *d)
{
	for (size_t i = 0; i < PKGDIFF_INSTALLERS; i++) {
		for (size_t k = 0; k < d->installer[i].n; k++) {
			struct pkgdiff_row *r = &d->installer[i].v[k];

			free(r->package);
			free(r->old_version);
			free(r->new_version);
			free(r->old_step);
			free(r->new_step);
		}
		vec_release(&d->installer[i]);
	}
}

/* --- the report --- */

enum { PKGDIFF_COLUMNS_MAX = 6 };

/* A table with the columns' widths of EXASLCT's reports: the content's, and two more than the title's. */
struct pkgdiff_table {
	size_t columns;
	char *title[PKGDIFF_COLUMNS_MAX];
	size_t width[PKGDIFF_COLUMNS_MAX];
	struct strv cells; /* row by row */
};

static size_t pkgdiff_width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void pkgdiff_column(struct pkgdiff_table *t, char *title)
{
	t->title[t->columns] = title;
	t->width[t->columns++] = pkgdiff_width(title) + 2;
}

static void pkgdiff_cell(struct pkgdiff_table *t, char *text)
{
	size_t at = t->cells.n % t->columns, n = pkgdiff_width(text);

	strv_take(&t->cells, text);
	if (n > t->width[at])
		t->width[at] = n;
}

static void pkgdiff_pad(struct buf *out, char c, size_t n)
{
	while (n--)
		buf_char_add(out, c);
}

/* The number in the first column stands right, all else left. */
static void pkgdiff_line(const struct pkgdiff_table *t, char *const *cells, struct buf *out)
{
	for (size_t i = 0; i < t->columns; i++) {
		size_t fill = t->width[i] - pkgdiff_width(cells[i]);

		buf_str_add(out, i ? " | " : "| ");
		pkgdiff_pad(out, ' ', i ? 0 : fill);
		buf_str_add(out, cells[i]);
		pkgdiff_pad(out, ' ', i ? fill : 0);
	}
	buf_str_add(out, " |");
}

static void pkgdiff_table_write(struct pkgdiff_table *t, struct buf *out)
{
	pkgdiff_line(t, t->title, out);
	buf_char_add(out, '\n');
	for (size_t i = 0; i < t->columns; i++) {
		buf_str_add(out, i ? "|:" : "|");
		pkgdiff_pad(out, '-', t->width[i] + 1);
		buf_str_add(out, i ? "" : ":");
	}
	buf_char_add(out, '|');
	for (size_t i = 0; i < t->cells.n; i += t->columns) {
		buf_char_add(out, '\n');
		pkgdiff_line(t, t->cells.v + i, out);
	}
}

static void pkgdiff_rows(const struct pkgdiff *d, size_t at, const struct pkgdiff_title *t, struct buf *out)
{
	struct pkgdiff_table table = {0};
	char status[40];

	pkgdiff_column(&table, mem_strdup(""));
	pkgdiff_column(&table, mem_strdup("Package"));
	if (!t->alone)
		pkgdiff_column(&table, mem_printf("Version in %s", t->old_name));
	pkgdiff_column(&table, mem_printf("Version in %s", t->new_name));
	if (!t->alone)
		pkgdiff_column(&table, mem_strdup("Status"));
	pkgdiff_column(&table, mem_strdup("Build-Step"));
	for (size_t i = 0; i < d->installer[at].n; i++) {
		const struct pkgdiff_row *r = &d->installer[at].v[i];

		pkgdiff_cell(&table, mem_printf("%zu", i));
		pkgdiff_cell(&table, mem_strdup(r->package));
		if (!t->alone)
			pkgdiff_cell(&table, mem_strdup(r->old_version ? r->old_version : ""));
		pkgdiff_cell(&table, mem_strdup(r->new_version ? r->new_version : ""));
		if (!t->alone)
			pkgdiff_cell(&table, mem_strdup(pkgdiff_status_text(r->status, status)));
		pkgdiff_cell(&table, pkgdiff_step(r));
	}
	pkgdiff_table_write(&table, out);
	for (size_t i = 0; i < table.columns; i++)
		free(table.title[i]);
	strv_release(&table.cells);
}

char *pkgdiff_title_case(const char *name)
{
	char *out = mem_strdup(name);
	bool begin = true;

	for (char *p = out; *p; p++) {
		bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z');

		if (*p == '_' || *p == '-')
			*p = ' ';
		else if (letter && begin && *p >= 'a')
			*p = (char)(*p - 32);
		else if (letter && !begin && *p <= 'Z')
			*p = (char)(*p + 32);
		begin = !letter;
	}
	return out;
}

void pkgdiff_markdown(const struct pkgdiff *d, const struct pkgdiff_title *t, struct buf *out)
{
	AUTO_FREE char *new = pkgdiff_title_case(t->new_flavor), *old = pkgdiff_title_case(t->old_flavor);
	bool any = false;

	buf_printf(out, "# %s comparison between flavor \"%s\" in %s and flavor \"%s\" in %s\n\n", t->what, new,
		   t->new_name, old, t->old_name);
	buf_str_add(out, "<!-- markdown-link-check-disable -->");
	for (size_t i = 0; i < PKGDIFF_INSTALLERS; i++) {
		if (!d->installer[i].n)
			continue;
		any = true;
		buf_printf(out, "\n\n## %s packages\n\n", pkgdiff_installers[i].title);
		pkgdiff_rows(d, i, t, out);
	}
	if (!any)
		buf_str_add(out, "\nNo packages found.\n");
}
