/* Time. */
#include "src/util/clock.h"

#include <sys/random.h>
#include <time.h>

#include "src/util/num.h"

/* Years 0 to 9999: RFC 3339 has four digits. */
#define CLOCK_FIRST_S INT64_C(-62167219200)
#define CLOCK_LAST_S  INT64_C(253402300799)

static int64_t clock_get(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) < 0)
		abort(); /* every Linux has both clocks */
	return (int64_t)ts.tv_sec * CLOCK_NS_PER_S + ts.tv_nsec;
}

int64_t clock_mono(void)
{
	return clock_get(CLOCK_MONOTONIC);
}

int64_t clock_wall(void)
{
	return clock_get(CLOCK_REALTIME);
}

const char *clock_rfc3339(int64_t unix_seconds, char out[32])
{
	struct tm tm;
	time_t t;

	if (unix_seconds < CLOCK_FIRST_S)
		unix_seconds = CLOCK_FIRST_S;
	if (unix_seconds > CLOCK_LAST_S)
		unix_seconds = CLOCK_LAST_S;
	t = (time_t)unix_seconds;
	gmtime_r(&t, &tm);
	snprintf(out, 32, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)(tm.tm_year + 1900) % 10000,
		 (unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100,
		 (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
	return out;
}

/* Exactly n digits between min and max off the front of *s. */
static int clock_cut_num(struct sv *s, size_t n, unsigned min, unsigned max, int *out)
{
	uint64_t v;

	if (s->n < n || num_parse(sv_sub(*s, 0, n), 10, max, &v) < 0 || v < min)
		return -1;
	*s = sv_sub(*s, n, s->n);
	*out = (int)v;
	return 0;
}

static int clock_cut_char(struct sv *s, const char *any)
{
	if (s->n == 0 || s->p[0] == '\0' || !strchr(any, s->p[0]))
		return -1;
	*s = sv_sub(*s, 1, s->n);
	return 0;
}

static int clock_month_days(int year, int month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static int clock_cut_date(struct sv *s, struct tm *tm)
{
	int year, month, day;

	if (clock_cut_num(s, 4, 0, 9999, &year) < 0 || clock_cut_char(s, "-") < 0 ||
	    clock_cut_num(s, 2, 1, 12, &month) < 0 || clock_cut_char(s, "-") < 0 ||
	    clock_cut_num(s, 2, 1, 31, &day) < 0 || day > clock_month_days(year, month))
		return -1;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	tm->tm_mday = day;
	return 0;
}

/* With the fraction, which is dropped. Second 60 is a leap second and becomes the next minute's first. */
static int clock_cut_time(struct sv *s, struct tm *tm)
{
	size_t digits = 0;

	if (clock_cut_num(s, 2, 0, 23, &tm->tm_hour) < 0 || clock_cut_char(s, ":") < 0 ||
	    clock_cut_num(s, 2, 0, 59, &tm->tm_min) < 0 || clock_cut_char(s, ":") < 0 ||
	    clock_cut_num(s, 2, 0, 60, &tm->tm_sec) < 0)
		return -1;
	if (clock_cut_char(s, ".") < 0)
		return 0;
	while (clock_cut_char(s, "0123456789") == 0)
		digits++;
	return digits ? 0 : -1;
}

static int clock_cut_zone(struct sv *s, int *east_seconds)
{
	int sign = s->n && s->p[0] == '-' ? -1 : 1, h, m;

	*east_seconds = 0;
	if (clock_cut_char(s, "Zz") == 0)
		return 0;
	if (clock_cut_char(s, "+-") < 0 || clock_cut_num(s, 2, 0, 23, &h) < 0 || clock_cut_char(s, ":") < 0 ||
	    clock_cut_num(s, 2, 0, 59, &m) < 0)
		return -1;
	*east_seconds = sign * (h * 3600 + m * 60);
	return 0;
}

int clock_parse_rfc3339(struct sv s, int64_t *unix_seconds)
{
	struct tm tm = {0};
	int east;

	if (clock_cut_date(&s, &tm) < 0 || clock_cut_char(&s, "Tt ") < 0 || clock_cut_time(&s, &tm) < 0 ||
	    clock_cut_zone(&s, &east) < 0 || s.n)
		return -1;
	*unix_seconds = (int64_t)timegm(&tm) - east;
	return 0;
}

int64_t clock_backoff(unsigned n, int64_t base, int64_t cap)
{
	uint64_t limit, r;

	if (base <= 0 || cap <= 0)
		return 0;
	limit = n < 62 && base <= cap >> n ? (uint64_t)base << n : (uint64_t)cap;
	if (getrandom(&r, sizeof(r), 0) != (ssize_t)sizeof(r))
		r = (uint64_t)clock_mono();
	return (int64_t)(r % (limit + 1));
}
