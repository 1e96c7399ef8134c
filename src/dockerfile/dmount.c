/* Value of RUN --mount. */
#include "src/dockerfile/dmount.h"

#include "src/dockerfile/dcsv.h"
#include "src/dockerfile/dlimit.h"
#include "src/util/buf.h"
#include "src/util/mem.h"
#include "src/util/num.h"

static const char *const types[] = {"bind", "cache", "tmpfs", "secret", "ssh"};
static const char *const sharings[] = {"shared", "private", "locked"};

#define T(type) (1u << DMOUNT_##type)
#define ANY	(T(BIND) | T(CACHE) | T(TMPFS) | T(SECRET) | T(SSH))

enum key_kind { KEY_TYPE, KEY_STRING, KEY_RO, KEY_RW, KEY_REQUIRED, KEY_SHARING, KEY_MODE, KEY_NUMBER, KEY_SIZE };

static const struct key {
	const char *name;
	enum key_kind kind;
	size_t member; /* in struct dmount */
	unsigned types;
} keys[] = {
	{"type", KEY_TYPE, 0, ANY},
	{"from", KEY_STRING, offsetof(struct dmount, from), T(BIND) | T(CACHE)},
	{"source", KEY_STRING, offsetof(struct dmount, source), T(BIND) | T(CACHE) | T(SECRET)},
	{"src", KEY_STRING, offsetof(struct dmount, source), T(BIND) | T(CACHE) | T(SECRET)},
	{"target", KEY_STRING, offsetof(struct dmount, target), ANY},
	{"dst", KEY_STRING, offsetof(struct dmount, target), ANY},
	{"destination", KEY_STRING, offsetof(struct dmount, target), ANY},
	{"id", KEY_STRING, offsetof(struct dmount, id), T(CACHE) | T(SECRET) | T(SSH)},
	{"env", KEY_STRING, offsetof(struct dmount, env), T(SECRET)},
	{"readonly", KEY_RO, 0, ANY},
	{"ro", KEY_RO, 0, ANY},
	{"readwrite", KEY_RW, 0, ANY},
	{"rw", KEY_RW, 0, ANY},
	{"required", KEY_REQUIRED, 0, T(SECRET) | T(SSH)},
	{"sharing", KEY_SHARING, 0, T(CACHE)},
	{"mode", KEY_MODE, offsetof(struct dmount, mode), T(CACHE) | T(SECRET) | T(SSH)},
	{"uid", KEY_NUMBER, offsetof(struct dmount, uid), T(CACHE) | T(SECRET) | T(SSH)},
	{"gid", KEY_NUMBER, offsetof(struct dmount, gid), T(CACHE) | T(SECRET) | T(SSH)},
	{"size", KEY_SIZE, 0, T(TMPFS)},
};

const char *dmount_type_name(enum dmount_type type)
{
	return types[type];
}

void dmount_release(struct dmount *m)
{
	free(m->from);
	free(m->source);
	free(m->target);
	free(m->id);
	free(m->env);
	*m = (struct dmount){0};
}

static const struct key *find_key(struct sv name)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (sv_ieq_str(name, keys[i].name))
			return &keys[i];
	return NULL;
}

static int bad_value(const struct key *k, struct sv v, struct err *e)
{
	return err_set(e, ERR_INPUT, "--mount: %s=%.*s is no valid value", k->name, SV_ARG(v));
}

static int parse_bool(const struct key *k, struct sv v, bool *out, struct err *e)
{
	return dcsv_bool(v, out) < 0 ? bad_value(k, v, e) : 0;
}

static int choose(const struct key *k, struct sv v, const char *const *names, size_t n, unsigned *out, struct err *e)
{
	for (unsigned i = 0; i < n; i++) {
		if (!sv_eq_str(v, names[i]))
			continue;
		*out = i;
		return 0;
	}
	bad_value(k, v, e);
	return n == ARRAY_LEN(types) ? err_hint(e, "types are bind, cache, tmpfs, secret and ssh")
				     : err_hint(e, "it is shared, private or locked");
}

static int set_number(const struct key *k, struct sv v, unsigned base, struct dmount *m, struct err *e)
{
	uint32_t *out = (uint32_t *)(void *)((char *)m + k->member);
	uint64_t n;

	if (num_parse(v, base, DMOUNT_UNSET - 1, &n))
		return bad_value(k, v, e);
	*out = (uint32_t)n;
	return 0;
}

static int set(const struct key *k, struct sv v, struct dmount *m, struct err *e)
{
	unsigned choice = 0;
	bool b = false;

	switch (k->kind) {
	case KEY_TYPE:
		if (choose(k, v, types, ARRAY_LEN(types), &choice, e))
			return -1;
		m->type = (enum dmount_type)choice;
		return 0;
	case KEY_SHARING:
		if (choose(k, v, sharings, ARRAY_LEN(sharings), &choice, e))
			return -1;
		m->sharing = (enum dmount_sharing)choice;
		return 0;
	case KEY_RO:
	case KEY_RW:
		if (parse_bool(k, v, &b, e))
			return -1;
		m->readonly = b == (k->kind == KEY_RO);
		return 0;
	case KEY_REQUIRED:
		return parse_bool(k, v, &m->required, e);
	case KEY_MODE:
		return set_number(k, v, 8, m, e);
	case KEY_NUMBER:
		return set_number(k, v, 10, m, e);
	case KEY_SIZE:
		return num_parse_size(v, &m->size) ? bad_value(k, v, e) : 0;
	case KEY_STRING:
	default: {
		char **s = (char **)(void *)((char *)m + k->member);

		free(*s);
		*s = sv_dup(v);
		return 0;
	}
	}
}

static int field(struct sv f, struct dmount *m, unsigned *seen, struct err *e)
{
	ssize_t eq = sv_find(f, '=');
	struct sv name = sv_sub(f, 0, eq < 0 ? f.n : (size_t)eq);
	const struct key *k = find_key(name);
	bool flag = k && (k->kind == KEY_RO || k->kind == KEY_RW || k->kind == KEY_REQUIRED);

	if (!k) {
		err_set(e, ERR_INPUT, "--mount: unknown key \"%.*s\"", SV_ARG(name));
		return err_hint(e, "known are type, from, source, target, id, env, ro, rw, required, sharing, mode, "
				   "uid, gid, size");
	}
	if (eq < 0 && !flag)
		return err_set(e, ERR_INPUT, "--mount: %s needs a value", k->name);
	*seen |= 1u << (k - keys);
	return set(k, eq < 0 ? SV("true") : sv_sub(f, (size_t)eq + 1, f.n), m, e);
}

/* Keys that the type does not have; what must be there. */
static int check(const struct dmount *m, unsigned seen, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if ((seen >> i & 1) && !(keys[i].types >> m->type & 1))
			return err_set(e, ERR_INPUT, "--mount: type %s has no %s", types[m->type], keys[i].name);
	if (m->type == DMOUNT_SECRET) {
		if (m->source && m->id)
			return err_set(e, ERR_INPUT, "--mount: source and id of a secret are the same thing");
		if (!m->source && !m->id && !m->target)
			return err_set(e, ERR_INPUT, "--mount: a secret needs an id or a target");
		return 0;
	}
	if (m->type != DMOUNT_SSH && (!m->target || !*m->target))
		return err_set(e, ERR_INPUT, "--mount: type %s needs a target", types[m->type]);
	return 0;
}

int dmount_parse(struct sv value, struct dmount *out, struct err *e)
{
	AUTO_BUF struct buf f = BUF_INIT(DLINE_MAX_BYTES);
	unsigned seen = 0, access = 0;

	*out = (struct dmount){.mode = DMOUNT_UNSET, .uid = DMOUNT_UNSET, .gid = DMOUNT_UNSET};
	while (value.p)
		if (dcsv_cut(&value, "--mount", &f, e) || field(buf_sv(&f), out, &seen, e))
			return -1;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (keys[i].kind == KEY_RO || keys[i].kind == KEY_RW)
			access |= seen >> i & 1;
	/* A bind mount is read-only unless it says otherwise. */
	if (!access)
		out->readonly = out->type == DMOUNT_BIND;
	return check(out, seen, e);
}

static void add_field(struct buf *out, struct sv name, const char *value)
{
	bool quoted = strpbrk(value, ",\"\n\r") != NULL;

	if (out->n)
		buf_char_add(out, ',');
	if (quoted)
		buf_char_add(out, '"');
	buf_sv_add(out, name);
	buf_char_add(out, '=');
	for (const char *p = value; *p; p++) {
		if (*p == '"')
			buf_char_add(out, '"');
		buf_char_add(out, *p);
	}
	if (quoted)
		buf_char_add(out, '"');
}

static int check_from(struct sv v, struct err *e)
{
	if (sv_find(v, '$') < 0)
		return 0;
	err_set(e, ERR_INPUT, "variables are not expanded in from=%.*s", SV_ARG(v));
	return err_hint(e, "add a stage FROM that image with a name, and mount from the name");
}

static int expand_field(struct sv f, const struct dexpand_opts *o, struct buf *out, struct err *e)
{
	ssize_t eq = sv_find(f, '=');
	AUTO_FREE char *value = NULL;
	struct sv name, v;

	if (eq < 0) {
		if (out->n)
			buf_char_add(out, ',');
		buf_sv_add(out, f);
		return 0;
	}
	name = sv_sub(f, 0, (size_t)eq);
	v = sv_sub(f, (size_t)eq + 1, f.n);
	if (sv_ieq_str(name, "from") && check_from(v, e))
		return -1;
	if (dexpand_word(v, o, &value, e))
		return -1;
	add_field(out, name, value);
	return 0;
}

int dmount_expand(struct sv value, const struct dexpand_opts *o, char **out, struct err *e)
{
	AUTO_BUF struct buf f = BUF_INIT(DLINE_MAX_BYTES), b = BUF_INIT(DEXPAND_MAX_BYTES);

	while (value.p)
		if (dcsv_cut(&value, "--mount", &f, e) || expand_field(buf_sv(&f), o, &b, e))
			return -1;
	if (b.over)
		return err_set(e, ERR_INPUT, "--mount: the expanded value has more than %zu bytes", b.max);
	*out = buf_steal(&b);
	return 0;
}

int dmount_from(struct sv value, char **from, struct err *e)
{
	AUTO_BUF struct buf f = BUF_INIT(DLINE_MAX_BYTES);
	AUTO_FREE char *found = NULL;

	*from = NULL;
	while (value.p) {
		struct sv rest, name;

		if (dcsv_cut(&value, "--mount", &f, e))
			return -1;
		rest = buf_sv(&f);
		name = sv_cut(&rest, '=');
		if (!sv_ieq_str(name, "from") || !rest.p)
			continue;
		if (check_from(rest, e))
			return -1;
		free(found);
		found = sv_dup(rest);
	}
	*from = STEAL_PTR(found);
	return 0;
}
