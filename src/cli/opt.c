/* Option parser. */
#include "src/cli/opt.h"

#include <string.h>

#include "src/cli/foreign.h"
#include "src/util/mem.h"
#include "src/util/nearest.h"
#include "src/util/num.h"

struct opt_state {
	const struct opt_set *sets;
	size_t nsets;
	char *const *args;
	size_t n, at;
	struct opt_result *out;
};

/* An option together with the struct that its value goes to. */
struct opt_hit {
	const struct opt *o;
	void *base;
};

bool opt_has_value(const struct opt *o)
{
	return o->kind != OPT_FLAG && o->kind != OPT_TRI && o->kind != OPT_COUNT;
}

void opt_label(const struct opt *o, struct buf *out)
{
	if (o->letter)
		buf_printf(out, "-%c, ", o->letter);
	else
		buf_str_add(out, "    ");
	buf_printf(out, "--%s%s", o->kind == OPT_TRI ? "[no-]" : "", o->name);
	if (o->arg)
		buf_printf(out, o->bare ? " [%s]" : " %s", o->arg);
	if (o->kind == OPT_LIST)
		buf_str_add(out, " …");
}

static struct opt_hit opt_find(const struct opt_state *st, struct sv name, char letter)
{
	for (size_t s = 0; s < st->nsets; s++) {
		for (size_t i = 0; i < st->sets[s].n; i++) {
			const struct opt *o = &st->sets[s].v[i];

			if (letter ? o->letter == letter : sv_eq_str(name, o->name))
				return (struct opt_hit){o, st->sets[s].base};
		}
	}
	return (struct opt_hit){0};
}

static int opt_unknown(const struct opt_state *st, const char *name, struct err *e)
{
	struct nearest near = NEAREST_INIT(name);

	for (size_t s = 0; s < st->nsets; s++) {
		for (size_t i = 0; i < st->sets[s].n; i++)
			nearest_offer(&near, st->sets[s].v[i].name);
	}
	err_set(e, ERR_USAGE, "unknown option --%s", name);
	if (foreign_option(name))
		return err_hint(e, "%s", foreign_option(name));
	if (near.best)
		return err_hint(e, "did you mean --%s?", near.best);
	return err_hint(e, "--help lists the options");
}

static int opt_bad_value(const struct opt *o, const char *value, const char *want, struct err *e)
{
	AUTO_BUF struct buf quoted = BUF_INIT(BUF_TEXT_MAX);

	buf_quoted_add(&quoted, value);
	return err_set(e, ERR_USAGE, "--%s: %s is not %s", o->name, buf_str(&quoted), want);
}

static bool opt_in_choices(const char *choices, const char *value)
{
	struct sv rest = sv_from(choices);

	while (rest.p) {
		if (sv_eq_str(sv_cut(&rest, '|'), value))
			return true;
	}
	return false;
}

static int opt_set_int(const struct opt *o, int64_t *to, const char *value, struct err *e)
{
	bool minus = value[0] == '-';
	uint64_t n;
	int64_t v;
	char range[96];

	snprintf(range, sizeof(range), "a number from %lld to %lld", (long long)o->min, (long long)o->max);
	if (num_parse(sv_from(value + minus), 10, INT64_MAX, &n))
		return opt_bad_value(o, value, range, e);
	v = minus ? -(int64_t)n : (int64_t)n;
	if (v < o->min || v > o->max)
		return opt_bad_value(o, value, range, e);
	*to = v;
	return 0;
}

static int opt_set_bool(const struct opt *o, const char *value, bool *to, struct err *e)
{
	if (value && strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
		return opt_bad_value(o, value, "true or false", e);
	*to = !value || strcmp(value, "true") == 0;
	return 0;
}

static int opt_store_switch(const struct opt *o, char *at, const char *value, bool negated, struct err *e)
{
	bool on = false;

	if (negated && value)
		return err_set(e, ERR_USAGE, "--no-%s takes no value", o->name);
	if (opt_set_bool(o, value, &on, e))
		return -1;
	if (o->kind == OPT_COUNT)
		*(unsigned *)(void *)at += on;
	else if (o->kind == OPT_TRI)
		*(enum opt_tri *)(void *)at = on != negated ? OPT_YES : OPT_NO;
	else
		*(bool *)(void *)at = on;
	return 0;
}

static int opt_store_value(const struct opt *o, char *at, const char *value, struct err *e)
{
	switch (o->kind) {
	case OPT_STRING:
		*(const char **)(void *)at = value;
		return 0;
	case OPT_LIST:
		strv_add((struct strv *)(void *)at, value);
		return 0;
	case OPT_CHOICE:
		/* What is a switch for docker. */
		if (o->bare && (!strcmp(value, "true") || !strcmp(value, "false")))
			value = strcmp(value, "true") ? o->dflt : o->bare;
		if (!opt_in_choices(o->arg, value))
			return opt_bad_value(o, value, o->arg, e);
		*(const char **)(void *)at = value;
		return 0;
	case OPT_SIZE:
		if (num_parse_size(sv_from(value), (uint64_t *)(void *)at))
			return opt_bad_value(o, value, "a size like 512, 64k, 10MiB or 1.5g", e);
		return 0;
	case OPT_DURATION:
		if (num_parse_duration(sv_from(value), (int64_t *)(void *)at))
			return opt_bad_value(o, value, "a duration like 30s, 5m, 2h or 1h30m", e);
		return 0;
	case OPT_INT:
		return opt_set_int(o, (int64_t *)(void *)at, value, e);
	case OPT_FLAG:
	case OPT_TRI:
	case OPT_COUNT:
		break;
	}
	return err_set(e, ERR_INTERNAL, "--%s: kind of option without a value", o->name);
}

static int opt_store(const struct opt_state *st, struct opt_hit hit, const char *value, bool negated, struct err *e)
{
	char *at = (char *)hit.base + hit.o->offset;

	strv_add(&st->out->given, hit.o->name);
	if (opt_has_value(hit.o))
		return opt_store_value(hit.o, at, value, e);
	return opt_store_switch(hit.o, at, value, negated, e);
}

static bool opt_is_value(const struct opt *o, const char *arg)
{
	return arg && arg[0] != '-' && (opt_in_choices(o->arg, arg) || !strpbrk(arg, "./:"));
}

/* The value that follows as an argument of its own. */
static const char *opt_next(struct opt_state *st, const struct opt *o, struct err *e)
{
	if (o->bare && !opt_is_value(o, st->at < st->n ? st->args[st->at] : NULL))
		return o->bare;
	if (st->at < st->n)
		return st->args[st->at++];
	err_set(e, ERR_USAGE, "--%s needs a value: %s", o->name, o->arg);
	return NULL;
}

/* text: what follows the two dashes. */
static int opt_long(struct opt_state *st, const char *text, struct err *e)
{
	struct sv all = sv_from(text);
	ssize_t eq = sv_find(all, '=');
	struct sv name = eq < 0 ? all : sv_sub(all, 0, (size_t)eq);
	const char *value = eq < 0 ? NULL : text + eq + 1;
	struct opt_hit hit = opt_find(st, name, 0);
	bool negated = false;

	if (!hit.o && sv_starts(name, "no-")) {
		hit = opt_find(st, sv_sub(name, 3, name.n), 0);
		if (hit.o && hit.o->kind == OPT_TRI)
			negated = true;
		else
			hit.o = NULL;
	}
	if (!hit.o) {
		AUTO_FREE char *copy = sv_dup(name);

		return opt_unknown(st, copy, e);
	}
	if (opt_has_value(hit.o) && !value) {
		value = opt_next(st, hit.o, e);
		if (!value)
			return -1;
	}
	return opt_store(st, hit, value, negated, e);
}

/* text: what follows the one dash, not empty. */
static int opt_short(struct opt_state *st, const char *text, struct err *e)
{
	for (const char *p = text; *p; p++) {
		struct opt_hit hit = opt_find(st, SV_NULL, *p);
		const char *value = NULL;

		if (!hit.o) {
			err_set(e, ERR_USAGE, "unknown option -%c", *p);
			return err_hint(e, "--help lists the options");
		}
		if (opt_has_value(hit.o)) {
			value = p[1] == '=' ? p + 2 : p[1] ? p + 1 : opt_next(st, hit.o, e);
			if (!value)
				return -1;
		}
		if (opt_store(st, hit, value, false, e))
			return -1;
		if (value)
			break;
	}
	return 0;
}

int opt_parse(const struct opt_set *sets, size_t nsets, char *const *args, size_t n, bool stop_at_operand,
	      struct opt_result *out, size_t *used, struct err *e)
{
	struct opt_state st = {sets, nsets, args, n, 0, out};
	bool ended = false;
	int rc = 0;

	while (!rc && st.at < n) {
		const char *a = args[st.at];

		if (ended || a[0] != '-' || !a[1]) {
			if (stop_at_operand)
				break;
			strv_add(&out->operands, a);
			st.at++;
			continue;
		}
		st.at++;
		if (a[1] != '-')
			rc = opt_short(&st, a + 1, e);
		else if (a[2])
			rc = opt_long(&st, a + 2, e);
		else
			ended = true;
	}
	if (used)
		*used = st.at;
	return rc;
}

int opt_check_conflicts(const struct opt_conflict *c, size_t n, const struct opt_result *r, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (strv_has(&r->given, c[i].a) && strv_has(&r->given, c[i].b))
			return err_set(e, ERR_USAGE, "--%s and --%s exclude each other", c[i].a, c[i].b);
	}
	return 0;
}

void opt_result_release(struct opt_result *r)
{
	strv_release(&r->operands);
	strv_release(&r->given);
}

void opt_set_release(const struct opt_set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].kind == OPT_LIST)
			strv_release((struct strv *)(void *)((char *)s->base + s->v[i].offset));
	}
}
