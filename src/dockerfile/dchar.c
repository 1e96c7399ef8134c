/* Characters of Dockerfile text. */
#include "src/dockerfile/dchar.h"

/* Length of a well-formed UTF-8 sequence at v, 0 if it is none. */
static size_t sequence(struct sv v, uint32_t *cp)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char c = (unsigned char)v.p[0];
	size_t n = c < 0x80 ? 1 : c >= 0xf0 && c < 0xf8 ? 4 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xc0 && c < 0xe0 ? 2 : 0;

	if (!n || n > v.n)
		return 0;
	*cp = n == 1 ? c : c & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)v.p[i] & 0xc0) != 0x80)
			return 0;
		*cp = *cp << 6 | ((unsigned char)v.p[i] & 0x3f);
	}
	if (*cp < least[n] || *cp > 0x10ffff || (*cp >= 0xd800 && *cp < 0xe000))
		return 0;
	return n;
}

size_t dchar_space(struct sv v)
{
	uint32_t cp = 0;
	size_t n;

	if (!v.n)
		return 0;
	if ((unsigned char)v.p[0] < 0x80)
		return v.p[0] == ' ' || (v.p[0] >= '\t' && v.p[0] <= '\r');
	n = sequence(v, &cp);
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
	uint32_t cp;
	size_t n = sequence(v, &cp);

	return n ? n : 1;
}

ssize_t dchar_bad_utf8(struct sv v)
{
	for (size_t i = 0, n; i < v.n; i += n) {
		uint32_t cp;

		n = (unsigned char)v.p[i] < 0x80 ? 1 : sequence(sv_of(v.p + i, v.n - i), &cp);
		if (!n)
			return (ssize_t)i;
	}
	return -1;
}

size_t dchar_put(uint32_t cp, char out[4])
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}
