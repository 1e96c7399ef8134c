/* Characters of Dockerfile text. */
#include "src/dockerfile/dchar.h"

#include "src/util/utf8.h"

size_t dchar_space(struct sv v)
{
	uint32_t cp = 0;
	size_t n;

	if (!v.n)
		return 0;
	if ((unsigned char)v.p[0] < 0x80)
		return v.p[0] == ' ' || (v.p[0] >= '\t' && v.p[0] <= '\r');
	n = utf8_len(v, &cp);
	switch (cp) {
	case 0x85:
	case 0xa0:
	case 0x1680:
	case 0x2028:
	case 0x2029:
	case 0x202f:
	case 0x205f:
	case 0x3000:
		return n;
	default:
		return cp >= 0x2000 && cp <= 0x200a ? n : 0;
	}
}

bool dchar_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

struct sv dchar_trim_left(struct sv v)
{
	size_t n;

	while ((n = dchar_space(v)))
		v = sv_of(v.p + n, v.n - n);
	return v;
}

struct sv dchar_trim(struct sv v)
{
	bool more = true;

	v = dchar_trim_left(v);
	while (more) {
		more = false;
		/* White-space characters have one to three bytes. */
		for (size_t k = 1; k <= 3 && k <= v.n && !more; k++) {
			if (dchar_space(sv_of(v.p + v.n - k, k)) == k) {
				v.n -= k;
				more = true;
			}
		}
	}
	return v;
}

size_t dchar_len(struct sv v)
{
	size_t n = utf8_len(v, NULL);

	return n ? n : 1;
}
