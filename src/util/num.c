/* Checked arithmetic and bounded parsing. */
#include "src/util/num.h"

int num_add(uint64_t a, uint64_t b, uint64_t *out)
{
	return __builtin_add_overflow(a, b, out) ? -1 : 0;
}

int num_mul(uint64_t a, uint64_t b, uint64_t *out)
{
	return __builtin_mul_overflow(a, b, out) ? -1 : 0;
}

static unsigned num_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A') + 10;
	return UINT32_MAX;
}

int num_parse(struct sv s, unsigned base, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		unsigned d = num_digit(s.p[i]);

		if (d >= base || num_mul(v, base, &v) < 0 || num_add(v, d, &v) < 0 || v > max)
			return -1;
	}
	*out = v;
	return 0;
}

/* Leading digits of *s, which moves behind them. */
static struct sv num_cut_digits(struct sv *s)
{
	size_t n = 0;
	struct sv head;

	while (n < s->n && num_digit(s->p[n]) < 10)
		n++;
	head = sv_sub(*s, 0, n);
	*s = sv_sub(*s, n, s->n);
	return head;
}

/* A decimal number as text has it; the fraction has at most 9 digits. */
struct num_dec {
	uint64_t whole, frac, scale; /* whole + frac / scale */
};

static int num_cut_decimal(struct sv *s, struct num_dec *d)
{
	struct sv whole = num_cut_digits(s), frac;

	*d = (struct num_dec){0, 0, 1};
	if (whole.n == 0 || num_parse(whole, 10, UINT64_MAX, &d->whole) < 0)
		return -1;
	if (s->n == 0 || s->p[0] != '.')
		return 0;
	*s = sv_sub(*s, 1, s->n);
	frac = num_cut_digits(s);
	if (frac.n > 9 || num_parse(frac, 10, UINT64_MAX, &d->frac) < 0)
		return -1;
	for (size_t i = 0; i < frac.n; i++)
		d->scale *= 10;
	return 0;
}

static int num_scale(const struct num_dec *d, uint64_t unit, uint64_t *out)
{
	uint64_t a, b;

	/* unit is at most 2^60 and frac below 10^9: the product needs more than 64 bits. */
	b = (uint64_t)((unsigned __int128)d->frac * unit / d->scale);
	if (num_mul(d->whole, unit, &a) < 0)
		return -1;
	return num_add(a, b, out);
}

int num_parse_size(struct sv s, uint64_t *out)
{
	static const char letters[] = "kmgtpe";
	struct num_dec d;
	unsigned shift = 0;
	const char *hit;
	char c;

	if (num_cut_decimal(&s, &d) < 0)
		return -1;
	if (s.n == 0 || sv_ieq_str(s, "b"))
		return d.scale == 1 ? num_scale(&d, 1, out) : -1;
	c = (char)(s.p[0] | 0x20);
	hit = strchr(letters, c);
	if (!c || !hit)
		return -1;
	s = sv_sub(s, 1, s.n);
	if (s.n && !sv_ieq_str(s, "b") && !sv_ieq_str(s, "ib"))
		return -1;
	shift = 10 * (unsigned)(hit - letters + 1);
	return num_scale(&d, UINT64_C(1) << shift, out);
}

/* "ms" is before "m", which begins it. */
static const struct {
	const char *name;
	uint64_t ns;
} num_units[] = {
	{"ns", 1},
	{"us", 1000},
	{"ms", 1000000},
	{"s", UINT64_C(1000000000)},
	{"m", UINT64_C(60000000000)},
	{"h", UINT64_C(3600000000000)},
	{"d", UINT64_C(86400000000000)},
};

static uint64_t num_cut_unit(struct sv *s)
{
	for (size_t i = 0; i < ARRAY_LEN(num_units); i++)
		if (sv_starts(*s, num_units[i].name)) {
			*s = sv_sub(*s, strlen(num_units[i].name), s->n);
			return num_units[i].ns;
		}
	return 0;
}

int num_parse_duration(struct sv s, int64_t *ns)
{
	uint64_t sum = 0, last = UINT64_MAX;

	if (s.n == 0)
		return -1;
	while (s.n) {
		struct num_dec d;
		uint64_t unit, part;

		if (num_cut_decimal(&s, &d) < 0)
			return -1;
		/* A number without a unit is seconds, but only alone: "1h30" is a guess. */
		unit = s.n == 0 && last == UINT64_MAX ? (uint64_t)1000000000 : num_cut_unit(&s);
		if (unit == 0 || unit >= last || num_scale(&d, unit, &part) < 0 || num_add(sum, part, &sum) < 0)
			return -1;
		last = unit;
	}
	if (sum > INT64_MAX)
		return -1;
	*ns = (int64_t)sum;
	return 0;
}

const char *num_human_size(uint64_t n, char out[32])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double v = (double)n;
	size_t u = 0;

	if (n < 1024) {
		snprintf(out, 32, "%u B", (unsigned)n);
		return out;
	}
	/* 1023.95 would be printed as 1024.0. */
	while (v >= 1023.95 && u + 1 < ARRAY_LEN(units)) {
		v /= 1024;
		u++;
	}
	snprintf(out, 32, "%.1f %s", v, units[u]);
	return out;
}

const char *num_human_time(int64_t ns, char out[32])
{
	uint64_t tenths = ns > 0 ? ((uint64_t)ns + 50000000) / 100000000 : 0, s = (tenths + 5) / 10;

	if (tenths < 600)
		snprintf(out, 32, "%u.%us", (unsigned)(tenths / 10), (unsigned)(tenths % 10));
	else if (s < 3600)
		snprintf(out, 32, "%um%02us", (unsigned)(s / 60), (unsigned)(s % 60));
	else
		snprintf(out, 32, "%lluh%02um", (unsigned long long)(s / 3600), (unsigned)(s % 3600 / 60));
	return out;
}
