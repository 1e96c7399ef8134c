/* What is tried again, and when. */
#include "registry/retry.h"

#include <time.h>

#include "src/util/clock.h"
#include "src/util/num.h"

bool retry_status(int status)
{
	if (status == 408 || status == 429)
		return true;
	return status >= 500 && status <= 599 && status != 501 && status != 505;
}

static int retry_month(struct sv s)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++)
		if (sv_eq(s, sv_of(names + 3 * i, 3)))
			return i;
	return -1;
}

/* Two or four digits at a fixed place. */
static int retry_digits(struct sv s, size_t at, size_t n, int *out)
{
	uint64_t v;

	if (num_parse(sv_sub(s, at, n), 10, 9999, &v))
		return -1;
	*out = (int)v;
	return 0;
}

int retry_parse_date(struct sv s, int64_t *unix_seconds)
{
	struct tm tm = {0};

	if (s.n != 29 || !sv_ends(s, " GMT") || s.p[3] != ',' || s.p[19] != ':' || s.p[22] != ':')
		return -1;
	tm.tm_mon = retry_month(sv_sub(s, 8, 3));
	if (tm.tm_mon < 0 || retry_digits(s, 5, 2, &tm.tm_mday) || retry_digits(s, 12, 4, &tm.tm_year) ||
	    retry_digits(s, 17, 2, &tm.tm_hour) || retry_digits(s, 20, 2, &tm.tm_min) ||
	    retry_digits(s, 23, 2, &tm.tm_sec))
		return -1;
	if (tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return -1;
	tm.tm_year -= 1900;
	*unix_seconds = timegm(&tm);
	return 0;
}

int64_t retry_after(struct sv value, int64_t now_s)
{
	struct sv v = sv_trim(value);
	uint64_t s;
	int64_t date;

	if (!num_parse(v, 10, UINT32_MAX, &s))
		return (int64_t)s * CLOCK_NS_PER_S;
	if (!retry_parse_date(v, &date) && date > now_s && date - now_s < INT64_C(1) << 31)
		return (date - now_s) * CLOCK_NS_PER_S;
	return RETRY_AFTER_NONE;
}

bool retry_next(struct retry *r, int64_t after, int64_t now_mono, int64_t *pause)
{
	if (!r->since)
		r->since = now_mono;
	if (r->used >= r->max || after > RETRY_AFTER_MAX_NS)
		return false;
	*pause = after >= 0 ? after : clock_backoff(r->used, RETRY_BASE_NS, RETRY_CAP_NS);
	if (now_mono - r->since + *pause > RETRY_TOTAL_NS)
		return false;
	r->used++;
	return true;
}

void retry_progress(struct retry *r)
{
	r->used = 0;
	r->since = 0;
}
