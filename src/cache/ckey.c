#include "src/cache/ckey.h"

#include <stdio.h>
#include <string.h>

static void put_length(struct hash *h, uint64_t n)
{
	uint8_t be[8];

	for (int i = 7; i >= 0; i--, n >>= 8)
		be[i] = (uint8_t)(n & 0xff);
	hash_add(h, be, sizeof be);
}

static void put_text(struct hash *h, const void *p, size_t n)
{
	put_length(h, n);
	if (n)
		hash_add(h, p, n);
}

void ckey_begin(struct ckey_builder *b, const char *domain, bool keep_why)
{
	b->h = hash_new(HASH_SHA256);
	b->why = keep_why ? json_object() : NULL;
	put_length(b->h, CKEY_FORMAT_VERSION);
	put_text(b->h, domain, strlen(domain));
}

/* A name that comes again (documents, mounts) is kept as "name#2" and so on. */
static void keep(struct ckey_builder *b, const char *name, struct json *value)
{
	char numbered[64];

	if (!json_get(b->why, name)) {
		json_set(b->why, name, value);
		return;
	}
	for (unsigned i = 2;; i++) {
		snprintf(numbered, sizeof numbered, "%s#%u", name, i);
		if (!json_get(b->why, numbered))
			break;
	}
	json_set(b->why, numbered, value);
}

void ckey_field(struct ckey_builder *b, const char *name, const void *value, size_t n)
{
	put_text(b->h, name, strlen(name));
	put_text(b->h, value, n);
	if (b->why)
		keep(b, name, json_new_strn(value ? value : "", n));
}

/* A list of no value or one value, so that an absent text differs from an empty one. */
void ckey_str(struct ckey_builder *b, const char *name, const char *value)
{
	put_text(b->h, name, strlen(name));
	put_length(b->h, value ? 1 : 0);
	if (value)
		put_text(b->h, value, strlen(value));
	if (b->why && value)
		keep(b, name, json_new_str(value));
}

void ckey_int(struct ckey_builder *b, const char *name, int64_t value)
{
	put_text(b->h, name, strlen(name));
	put_length(b->h, (uint64_t)value);
	if (b->why)
		keep(b, name, json_new_int(value));
}

void ckey_list(struct ckey_builder *b, const char *name, const struct strv *values)
{
	put_text(b->h, name, strlen(name));
	put_length(b->h, values->n);
	for (size_t i = 0; i < values->n; i++)
		put_text(b->h, values->v[i], strlen(values->v[i]));
	if (b->why)
		keep(b, name, json_from_strv(values));
}

void ckey_end(struct ckey_builder *b, struct ckey *out, struct json **why)
{
	uint8_t sum[HASH_MAX_BYTES];

	hash_end(b->h, sum);
	hash_hex(sum, hash_size(HASH_SHA256), out->hex);
	hash_free(b->h);
	b->h = NULL;
	if (why)
		*why = b->why;
	else
		json_free(b->why);
	b->why = NULL;
}

static unsigned hex_digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

void ckey_tag(const struct ckey *k, char out[CKEY_TAG_BYTES])
{
	static const char base32[] = "abcdefghijklmnopqrstuvwxyz234567";
	char *o = out;

	memcpy(o, "slct-", 5);
	o += 5;
	/* Five hex digits are twenty bits, four base32 digits. */
	for (const char *p = k->hex; p < k->hex + 40; p += 5) {
		unsigned bits = 0;

		for (int i = 0; i < 5; i++)
			bits = bits << 4 | hex_digit(p[i]);
		for (int i = 3; i >= 0; i--)
			*o++ = base32[bits >> (5 * i) & 31];
	}
	*o = '\0';
}
