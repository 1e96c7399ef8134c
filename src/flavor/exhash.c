#include "src/flavor/exhash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/flavor/expackages.h"
#include "src/flavor/fcontext.h"
#include "src/util/hash.h"
#include "src/util/io.h"
#include "src/util/mem.h"

enum { EXHASH_BYTES = 32, EXHASH_DEPTH_MAX = 100 };

static void exhash_base32(const uint8_t sum[EXHASH_BYTES], char out[EXHASH_CHARS + 1])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	unsigned bits = 0, have = 0;
	size_t n = 0;

	for (size_t i = 0; i < EXHASH_BYTES; i++) {
		bits = (bits << 8 | sum[i]) & 0xfff;
		for (have += 8; have >= 5; have -= 5)
			out[n++] = digits[bits >> (have - 5) & 31];
	}
	if (have)
		out[n++] = digits[bits << (5 - have) & 31];
	out[n] = '\0';
}

static int exhash_file(const char *path, uint8_t out[HASH_MAX_BYTES], struct err *e)
{
	AUTO_HASH struct hash *h = hash_new(HASH_SHA256);
	AUTO_FREE char *block = mem_alloc(1 << 16);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return err_sys(e, ERR_INPUT, errno, "%s", path);
	while ((n = io_read_full(fd, block, 1 << 16, path, e)) > 0)
		hash_add(h, block, (size_t)n);
	hash_end(h, out);
	return n < 0 ? -1 : 0;
}

/* Generated files are not of the context: they are hashed by themselves. */
static int exhash_contents(const struct fcontext *c, struct hash *h, struct err *e)
{
	uint8_t sum[HASH_MAX_BYTES];

	for (size_t i = 0; i < c->n; i++) {
		if (c->v[i].dir || !c->v[i].src)
			continue;
		if (exhash_file(c->v[i].src, sum, e))
			return -1;
		hash_add(h, sum, EXHASH_BYTES);
	}
	return 0;
}

static void exhash_places(const struct fcontext *c, struct hash *h)
{
	AUTO_HASH struct hash *one = hash_new(HASH_SHA256);
	uint8_t sum[HASH_MAX_BYTES];

	for (size_t i = 0; i < c->n; i++) {
		const char *mode = c->v[i].exec ? "64" : "0";

		if (!c->v[i].src)
			continue;
		hash_reset(one);
		hash_add(one, c->v[i].dest, strlen(c->v[i].dest));
		hash_add(one, mode, strlen(mode));
		hash_end(one, sum);
		hash_add(h, sum, EXHASH_BYTES);
	}
}

static int exhash_twice(const struct fcontext *c, struct err *e)
{
	for (size_t i = 1; i < c->n; i++) {
		if (strcmp(c->v[i - 1].dest, c->v[i].dest) == 0)
			return err_set(e, ERR_INPUT, "%s comes twice into the context, which EXASLCT refuses",
				       c->v[i].dest);
	}
	return 0;
}

static int exhash_context(const struct flavor_stage *s, uint8_t out[HASH_MAX_BYTES], struct err *e)
{
	AUTO_HASH struct hash *h = hash_new(HASH_SHA256);
	AUTO_FCONTEXT struct fcontext c = {0};

	if (fcontext_collect(s, &c, e))
		return -1;
	fcontext_sort(&c);
	if (exhash_twice(&c, e) || exhash_contents(&c, h, e))
		return -1;
	exhash_places(&c, h);
	hash_end(h, out);
	return 0;
}

static int exhash_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Keys in byte order, each with its value behind it. */
static void exhash_map(const struct smap *m, struct hash *h)
{
	AUTO_FREE char **keys = mem_array(m->n + 1, sizeof *keys);

	for (size_t i = 0; i < m->n; i++)
		keys[i] = m->v[i].key;
	if (m->n)
		qsort(keys, m->n, sizeof *keys, exhash_compare);
	for (size_t i = 0; i < m->n; i++) {
		const char *val = smap_get(m, keys[i]);

		hash_add(h, keys[i], strlen(keys[i]));
		hash_add(h, val, strlen(val));
	}
}

/* What EXASLCT writes in the place of a generated file of ours: the part of packages.yml. */
static int exhash_packages_one(const struct flavor_stage *s, const struct flavor_mapping *m, struct smap *out,
			       struct err *e)
{
	AUTO_JSON struct json *cut = json_parse(m->text, m->text_len, m->text_len, ERR_INPUT, m->dest, e);
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);

	if (!cut || expackages_write(s->name, json_at(json_get(cut, "build_steps"), 0), &text, e))
		return err_wrap(e, "EXASLCT's %s", m->dest);
	smap_set_str(out, m->dest, buf_str(&text));
	return 0;
}

static int exhash_packages(const struct flavor_stage *s, struct smap *out, struct err *e)
{
	for (size_t i = 0; i < s->ncontext; i++) {
		if (!s->context[i].src && exhash_packages_one(s, &s->context[i], out, e))
			return -1;
	}
	return 0;
}

static int exhash_deep(const struct flavor *f, const struct flavor_stage *s, unsigned depth, char *out, struct err *e);

/* NOLINTNEXTLINE(misc-no-recursion): bounded by EXHASH_DEPTH_MAX */
static int exhash_requires(const struct flavor *f, const struct flavor_stage *s, unsigned depth, struct smap *out,
			   struct err *e)
{
	for (size_t i = 0; i < s->nrequires; i++) {
		const struct flavor_stage *need = flavor_stage_find(f, s->requires[i].stage);
		char hash[EXHASH_CHARS + 1];

		if (!need)
			return err_set(e, ERR_INPUT, "%s requires %s, which is no stage", s->name,
				       s->requires[i].stage);
		if (exhash_deep(f, need, depth + 1, hash, e))
			return -1;
		smap_set_str(out, s->requires[i].alias, hash);
	}
	return 0;
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static int exhash_deep(const struct flavor *f, const struct flavor_stage *s, unsigned depth, char *out, struct err *e)
{
	AUTO_HASH struct hash *h = hash_new(HASH_SHA256);
	AUTO_SMAP struct smap needs = SMAP_STR, packages = SMAP_STR;
	uint8_t context[HASH_MAX_BYTES], sum[HASH_MAX_BYTES];

	if (depth > EXHASH_DEPTH_MAX)
		return err_set(e, ERR_INPUT, "the stages require each other in a circle at %s", s->name);
	if (exhash_packages(s, &packages, e) || exhash_requires(f, s, depth, &needs, e) ||
	    exhash_context(s, context, e))
		return -1;
	exhash_map(&s->args, h);
	exhash_map(&packages, h);
	exhash_map(&needs, h);
	hash_add(h, context, EXHASH_BYTES);
	hash_end(h, sum);
	exhash_base32(sum, out);
	return 0;
}

int exhash_stage(const struct flavor *f, const struct flavor_stage *s, char out[EXHASH_CHARS + 1], struct err *e)
{
	return exhash_deep(f, s, 0, out, e);
}
