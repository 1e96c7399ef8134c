#include "src/util/base64.h"

#include <string.h>

#include "src/util/buf.h"
#include "src/util/cleanup.h"
#include "src/util/mem.h"

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_of(struct sv plain)
{
	char *out = mem_zalloc((plain.n + 2) / 3 * 4 + 1), *p = out;

	for (size_t i = 0; i < plain.n; i += 3) {
		size_t have = plain.n - i < 3 ? plain.n - i : 3;
		uint32_t bits = 0;

		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 | (k < have ? (unsigned char)plain.p[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			*p++ = k <= have ? base64_digits[bits >> (18 - 6 * k) & 63] : '=';
	}
	return out;
}

static int base64_digit(char c)
{
	const char *p = c ? strchr(base64_digits, c) : NULL;

	return p ? (int)(p - base64_digits) : -1;
}

char *base64_text(struct sv text)
{
	struct sv s = sv_trim(text);
	AUTO_BUF struct buf out = BUF_INIT(BASE64_MAX_BYTES);
	uint32_t bits = 0;
	unsigned have = 0;

	while (s.n && s.p[s.n - 1] == '=')
		s.n--;
	for (size_t i = 0; i < s.n; i++) {
		int d = base64_digit(s.p[i]);

		if (d < 0)
			return NULL;
		bits = bits << 6 | (uint32_t)d;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		buf_char_add(&out, (char)(bits >> have & 0xff));
		if (!out.p[out.n - 1])
			return NULL;
	}
	return s.n % 4 == 1 || out.over ? NULL : mem_strdup(buf_str(&out));
}
