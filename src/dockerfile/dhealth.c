/* Flags of HEALTHCHECK. */
#include "src/dockerfile/dhealth.h"

#include <limits.h>
#include <string.h>

#include "src/dockerfile/dlex.h"
#include "src/util/num.h"

struct health {
	const char *name;
	struct sv text;
	struct dast_instr *in;
	struct err *e;
};

static int at(const struct health *c, struct dast_pos pos)
{
	return dlex_err_at(c->name, c->text, pos, c->e);
}

static int64_t unit_ns(struct sv *v)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {
		{"ns", 1},
		{"us", 1000},
		{"\xc2\xb5s", 1000},
		{"\xce\xbcs", 1000},
		{"ms", 1000000},
		{"s", INT64_C(1000000000)},
		{"m", INT64_C(60000000000)},
		{"h", INT64_C(3600000000000)},
	};

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (!sv_starts(*v, units[i].name))
			continue;
		*v = sv_sub(*v, strlen(units[i].name), v->n);
		return units[i].ns;
	}
	return 0;
}

/* "1h30m", "1.5s", "0": numbers with units, as HEALTHCHECK has them; -1 if it is none or too large. */
static int duration(struct sv v, int64_t *ns)
{
	double sum = 0;

	*ns = 0;
	if (sv_eq_str(v, "0"))
		return 0;
	if (!v.n)
		return -1;
	while (v.n) {
		double number = 0, scale = 1;
		size_t n = 0, digits = 0;
		int64_t unit;

		for (bool dot = false; n < v.n && ((v.p[n] >= '0' && v.p[n] <= '9') || (v.p[n] == '.' && !dot)); n++) {
			if (v.p[n] == '.') {
				dot = true;
				continue;
			}
			digits++;
			number = number * 10 + (v.p[n] - '0');
			scale = dot ? scale * 10 : scale;
		}
		v = sv_sub(v, n, v.n);
		unit = unit_ns(&v);
		if (!digits || !unit)
			return -1;
		sum += number / scale * (double)unit;
	}
	if (!(sum < (double)INT64_MAX))
		return -1;
	*ns = (int64_t)sum;
	return 0;
}

/* The reference takes no interval below a millisecond, 0 stands for the default. */
#define HEALTH_MIN_NS 1000000

static int health_time(const struct health *c, const struct dast_flag *f, int64_t *ns)
{
	if (!*f->value || (!duration(sv_from(f->value), ns) && (*ns == 0 || *ns >= HEALTH_MIN_NS)))
		return 0;
	err_set(c->e, ERR_INPUT, "--%s: \"%s\" is no duration of at least 1ms", f->name, f->value);
	err_hint(c->e, "write a number with a unit, for instance 30s or 1m30s");
	return at(c, f->pos);
}

static int health_retries(const struct health *c, const struct dast_flag *f)
{
	uint64_t n = 0;

	if (*f->value && num_parse(sv_from(f->value), 10, INT_MAX, &n)) {
		err_set(c->e, ERR_INPUT, "--retries: \"%s\" is no number", f->value);
		return at(c, f->pos);
	}
	c->in->health.retries = (unsigned)n;
	return 0;
}

int dhealth_flags(const char *name, struct sv text, struct dast_instr *in, struct err *e)
{
	struct health check = {name, text, in, e}, *c = &check;
	struct dast_health *h = &in->health;
	const struct {
		const char *name;
		int64_t *ns;
	} times[] = {{"interval", &h->interval},
		     {"timeout", &h->timeout},
		     {"start-period", &h->start_period},
		     {"start-interval", &h->start_interval}};

	for (size_t i = 0; i < c->in->flags.n; i++) {
		const struct dast_flag *f = &c->in->flags.v[i];

		if (!strcmp(f->name, "retries") && health_retries(c, f))
			return -1;
		for (size_t k = 0; k < ARRAY_LEN(times); k++)
			if (!strcmp(f->name, times[k].name) && health_time(c, f, times[k].ns))
				return -1;
	}
	return 0;
}
