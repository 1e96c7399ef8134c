#include "src/dockerfile/dmode.h"

#include <string.h>

#include "src/util/num.h"

#define MODE_MAX 07777

static const struct {
	char name;
	mode_t mask;
} classes[] = {
	{'u', S_ISUID | S_ISVTX | 0700},
	{'g', S_ISGID | S_ISVTX | 0070},
	{'o', S_ISVTX | 0007},
	{'a', MODE_MAX},
};

static const struct {
	char name;
	mode_t bits;
} perms[] = {{'r', 0444}, {'w', 0222}, {'x', 0111}, {'s', S_ISUID | S_ISGID}, {'t', S_ISVTX}};

static int bad_mode(const char *text, struct err *e)
{
	err_set(e, ERR_INPUT, "--chmod=%s: no mode", text);
	return err_hint(e, "write an octal number from 0 to 07777, or classes like u=rwX,go=rX");
}

static mode_t parse_who(const char **p)
{
	mode_t who = 0;

	for (; **p; ++*p) {
		size_t i;

		for (i = 0; i < ARRAY_LEN(classes) && classes[i].name != **p; i++)
			;
		if (i == ARRAY_LEN(classes))
			break;
		who |= classes[i].mask;
	}
	return who ? who : MODE_MAX;
}

static bool take_perm(char c, struct dmode_op *op)
{
	if (c == 'X') {
		op->exec_if_any = true;
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(perms); i++)
		if (perms[i].name == c) {
			op->bits |= perms[i].bits;
			return true;
		}
	return false;
}

/* "+rw", "=u": one change of the classes before it. */
static void parse_op(const char **p, struct dmode_op *op)
{
	op->op = *(*p)++;
	if (**p && strchr("ugo", **p))
		op->copy = *(*p)++;
	else
		while (**p && take_perm(**p, op))
			++*p;
}

static int parse_symbolic(const char *text, struct dmode *out, struct err *e)
{
	const char *p = text;

	for (;;) {
		mode_t who = parse_who(&p);

		if (!*p || !strchr("+-=", *p))
			return bad_mode(text, e);
		while (*p && strchr("+-=", *p)) {
			if (out->n == DMODE_OPS_MAX)
				return err_set(e, ERR_INPUT, "--chmod: more than %d changes", DMODE_OPS_MAX);
			out->ops[out->n].who = who;
			parse_op(&p, &out->ops[out->n++]);
		}
		if (!*p)
			return 0;
		if (*p++ != ',')
			return bad_mode(text, e);
	}
}

int dmode_parse(const char *text, struct dmode *out, struct err *e)
{
	uint64_t bits;

	*out = (struct dmode){0};
	if (text[0] < '0' || text[0] > '9')
		return parse_symbolic(text, out, e);
	if (num_parse(sv_from(text), 8, MODE_MAX, &bits) < 0)
		return bad_mode(text, e);
	out->absolute = true;
	out->bits = (mode_t)bits;
	return 0;
}

/* rwx of one class, for all of them. */
static mode_t copied_bits(char class, mode_t mode)
{
	unsigned shift = class == 'u' ? 6 : class == 'g' ? 3 : 0;
	mode_t rwx = (mode >> shift) & 7;

	return rwx << 6 | rwx << 3 | rwx;
}

static mode_t apply_op(const struct dmode_op *op, mode_t mode)
{
	mode_t bits = op->copy ? copied_bits(op->copy, mode) : op->bits;

	if (op->exec_if_any && (S_ISDIR(mode) || (mode & 0111)))
		bits |= 0111;
	bits &= op->who;
	if (op->op == '+')
		return mode | bits;
	if (op->op == '-')
		return mode & ~bits;
	return (mode & ~op->who) | bits;
}

mode_t dmode_apply(const struct dmode *m, mode_t mode)
{
	if (m->absolute)
		return m->bits;
	for (size_t i = 0; i < m->n; i++)
		mode = apply_op(&m->ops[i], mode);
	return mode & MODE_MAX;
}
