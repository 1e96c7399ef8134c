#include "src/flavor/fcontext.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/flavor/flink.h"
#include "src/util/mem.h"

struct fcontext_run {
	struct fcontext *out;
	const struct flavor_mapping *mapping;
};

void fcontext_release(struct fcontext *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].dest);
		free(c->v[i].src);
	}
	vec_release(c);
}

static int fcontext_add(struct fcontext_run *r, const char *dest, const char *src, const struct stat *st, struct err *e)
{
	if (r->out->n >= FCONTEXT_ENTRIES_MAX)
		return err_set(e, ERR_INPUT, "%s: more than %u files in a context", src, FCONTEXT_ENTRIES_MAX);
	vec_push(r->out, (struct fcontext_entry){.dest = mem_strdup(dest),
						 .src = mem_strdup(src),
						 .mapping = r->mapping,
						 .dir = S_ISDIR(st->st_mode),
						 .exec = (st->st_mode & S_IXUSR) != 0});
	return 0;
}

static int fcontext_list(const char *dir, struct strv *names, struct err *e)
{
	AUTO_CLOSEDIR DIR *d = opendir(dir);

	if (!d)
		return err_sys(e, ERR_INPUT, errno, "%s", dir);
	for (struct dirent *de; (de = readdir(d));) {
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			strv_add(names, de->d_name);
	}
	strv_sort(names);
	return 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by FCONTEXT_DEPTH_MAX */
static int fcontext_dir(struct fcontext_run *r, const char *dest, const char *src, unsigned depth, struct err *e)
{
	AUTO_STRV struct strv names = {0};

	if (depth > FCONTEXT_DEPTH_MAX)
		return err_set(e, ERR_INPUT, "%s: more than %d directories below each other", src, FCONTEXT_DEPTH_MAX);
	if (fcontext_list(src, &names, e))
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		AUTO_FREE char *to = mem_printf("%s/%s", dest, names.v[i]),
			       *from = mem_printf("%s/%s", src, names.v[i]);
		struct stat st;

		if (flink_stat(from, &st, e) || fcontext_add(r, to, from, &st, e) ||
		    (S_ISDIR(st.st_mode) && fcontext_dir(r, to, from, depth + 1, e)))
			return -1;
	}
	return 0;
}

static int fcontext_mapping(struct fcontext *out, const struct flavor_mapping *m, struct err *e)
{
	struct fcontext_run r = {out, m};
	struct stat st;

	if (!m->src) {
		vec_push(out, (struct fcontext_entry){.dest = mem_strdup(m->dest), .mapping = m});
		return 0;
	}
	if (flink_check_tree(m->src, e) || flink_stat(m->src, &st, e))
		return -1;
	if (S_ISDIR(st.st_mode))
		return fcontext_dir(&r, m->dest, m->src, 1, e);
	return fcontext_add(&r, m->dest, m->src, &st, e);
}

int fcontext_collect(const struct flavor_stage *s, struct fcontext *out, struct err *e)
{
	*out = (struct fcontext){0};
	for (size_t i = 0; i < s->ncontext; i++) {
		if (fcontext_mapping(out, &s->context[i], e))
			return -1;
	}
	return 0;
}

/* A slash sorts before every other byte of a name. */
static int fcontext_compare(const void *a, const void *b)
{
	const char *p = ((const struct fcontext_entry *)a)->dest, *q = ((const struct fcontext_entry *)b)->dest;

	while (*p && *p == *q) {
		p++;
		q++;
	}
	int x = *p == '/' ? 1 : (unsigned char)*p + (*p ? 1 : 0), y = *q == '/' ? 1 : (unsigned char)*q + (*q ? 1 : 0);

	return x - y;
}

void fcontext_sort(struct fcontext *c)
{
	if (c->n)
		qsort(c->v, c->n, sizeof *c->v, fcontext_compare);
}

int fcontext_walk(const struct flavor_stage *s, fcontext_fn *fn, void *arg, struct err *e)
{
	AUTO_FCONTEXT struct fcontext c = {0};

	if (fcontext_collect(s, &c, e))
		return -1;
	fcontext_sort(&c);
	for (size_t i = 0; i < c.n; i++)
		fn(arg, &c.v[i]);
	return 0;
}
