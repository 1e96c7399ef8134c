#include "src/build/oddname.h"

#include <string.h>

/* Length of the UTF-8 sequence at p (RFC 3629: no surrogates, nothing overlong), 0 if it is none. */
static size_t sequence(const unsigned char *p)
{
	static const struct {
		unsigned char lead, lead_max, second, second_max, more;
	} forms[] = {{0xc2, 0xdf, 0x80, 0xbf, 0}, {0xe0, 0xe0, 0xa0, 0xbf, 1}, {0xe1, 0xec, 0x80, 0xbf, 1},
		     {0xed, 0xed, 0x80, 0x9f, 1}, {0xee, 0xef, 0x80, 0xbf, 1}, {0xf0, 0xf0, 0x90, 0xbf, 2},
		     {0xf1, 0xf3, 0x80, 0xbf, 2}, {0xf4, 0xf4, 0x80, 0x8f, 2}};

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (p[0] < forms[i].lead || p[0] > forms[i].lead_max)
			continue;
		if (p[1] < forms[i].second || p[1] > forms[i].second_max)
			return 0;
		for (unsigned k = 0; k < forms[i].more; k++)
			if (p[2 + k] < 0x80 || p[2 + k] > 0xbf)
				return 0;
		return 2u + forms[i].more;
	}
	return 0;
}

const char *oddname_why(const char *path)
{
	const unsigned char *p = (const unsigned char *)path;

	if (strlen(path) > ODDNAME_PATH_MAX)
		return "a very long path";
	while (*p) {
		size_t n = *p < 0x80 ? 1 : sequence(p);

		if (!n)
			return "bytes that are not UTF-8";
		if (*p < 0x20 || *p == 0x7f)
			return "a control character";
		if (*p == '\\')
			return "a backslash";
		p += n;
	}
	return NULL;
}
