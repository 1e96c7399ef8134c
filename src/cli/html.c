#include "src/cli/html.h"

#include <string.h>

#include "src/cache/inputs.h"
#include "src/util/log.h"

static const char *html_reference(char c)
{
	static const struct {
		char c;
		const char *reference;
	} table[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].c == c)
			return table[i].reference;
	return NULL;
}

/* Clean text. */
static void html_escape(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *reference = html_reference(s[i]);

		if (reference)
			buf_str_add(out, reference);
		else
			buf_char_add(out, s[i]);
	}
}

void html_textn(struct buf *out, const char *s, size_t n)
{
	AUTO_FREE char *clean = log_mask(s, n, false);

	html_escape(out, clean, strlen(clean));
}

void html_text(struct buf *out, const char *s)
{
	if (s)
		html_textn(out, s, strlen(s));
}

void html_command(struct buf *out, const char *s)
{
	AUTO_FREE char *masked = inputs_mask_text(s ? s : "");

	html_text(out, masked);
}

static bool html_is_first(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

size_t html_width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += html_is_first(*s);
	return n;
}

/* Bytes of the first max characters. */
static size_t html_prefix(const char *s, size_t max)
{
	size_t i = 0;

	for (; s[i]; i++)
		if (html_is_first(s[i]) && max-- == 0)
			break;
	return i;
}

void html_short(struct buf *out, const char *s, size_t max)
{
	AUTO_FREE char *masked = inputs_mask_text(s ? s : "");
	AUTO_FREE char *clean = log_mask(masked, strlen(masked), false);

	if (html_width(clean) <= max) {
		html_escape(out, clean, strlen(clean));
		return;
	}
	html_escape(out, clean, html_prefix(clean, max - 1));
	buf_str_add(out, "…");
}

void html_element(struct buf *out, const char *tag, const char *class_name, const char *text)
{
	buf_printf(out, "<%s", tag);
	if (class_name)
		buf_printf(out, " class=\"%s\"", class_name);
	buf_char_add(out, '>');
	html_text(out, text);
	buf_printf(out, "</%s>", tag);
}
