#include "src/util/utf8.h"

#include "src/util/base.h"

/* A sequence of n bytes: how it begins, the bits of the first byte that count, the least code point that needs it. */
static const struct utf8_form {
	unsigned char lead, mask;
	uint32_t least;
} utf8_forms[] = {{0x00, 0x80, 0}, {0xc0, 0xe0, 0x80}, {0xe0, 0xf0, 0x800}, {0xf0, 0xf8, 0x10000}};

size_t utf8_len(struct sv v, uint32_t *cp)
{
	const unsigned char *p = (const unsigned char *)v.p;
	uint32_t c;
	size_t n = 1;

	while (v.n && n <= ARRAY_LEN(utf8_forms) && (p[0] & utf8_forms[n - 1].mask) != utf8_forms[n - 1].lead)
		n++;
	if (n > v.n || n > ARRAY_LEN(utf8_forms))
		return 0;
	c = p[0] & (unsigned char)~utf8_forms[n - 1].mask;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < utf8_forms[n - 1].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	if (cp)
		*cp = c;
	return n;
}

ssize_t utf8_bad(struct sv v)
{
	for (size_t i = 0, n; i < v.n; i += n) {
		n = (unsigned char)v.p[i] < 0x80 ? 1 : utf8_len(sv_of(v.p + i, v.n - i), NULL);
		if (!n)
			return (ssize_t)i;
	}
	return -1;
}

size_t utf8_put(uint32_t cp, char out[4])
{
	size_t n = 1;

	while (n < ARRAY_LEN(utf8_forms) && cp >= utf8_forms[n].least)
		n++;
	for (size_t i = n - 1; i > 0; i--, cp >>= 6)
		out[i] = (char)(0x80 | (cp & 0x3f));
	out[0] = (char)(utf8_forms[n - 1].lead | cp);
	return n;
}
