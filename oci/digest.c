/* Digests: "algorithm:hex" (image-spec descriptor.md "Digests"). */
#include "oci/digest.h"

#include "src/util/buf.h"
#include "src/util/vec.h"

static const struct {
	const char *prefix;
	enum hash_alg alg;
	size_t hex; /* digits */
} digest_algs[] = {
	{"sha256:", HASH_SHA256, 64},
	{"sha512:", HASH_SHA512, 128},
};

static bool digest_all_hex(struct sv s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	return true;
}

static int digest_refuse(struct sv text, const char *why, enum err_code code, struct err *e)
{
	AUTO_BUF struct buf b = BUF_INIT(4096);
	AUTO_FREE char *shown = sv_dup(sv_sub(text, 0, DIGEST_TEXT_MAX + 8));

	buf_quoted_add(&b, shown);
	return err_set(e, code, "digest %s: %s", buf_str(&b), why);
}

int digest_parse(struct sv text, struct digest *out, enum err_code code, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(digest_algs); i++) {
		size_t skip = strlen(digest_algs[i].prefix);
		struct sv hex = sv_sub(text, skip, text.n);

		if (!sv_starts(text, digest_algs[i].prefix))
			continue;
		if (hex.n != digest_algs[i].hex || !digest_all_hex(hex))
			return digest_refuse(text,
					     digest_algs[i].hex == 64 ? "not 64 lower-case hex digits after sha256:"
								      : "not 128 lower-case hex digits after sha512:",
					     code, e);
		memcpy(out->text, text.p, text.n);
		out->text[text.n] = '\0';
		return 0;
	}
	return digest_refuse(text, "not of the form sha256:<64 hex digits> or sha512:<128 hex digits>", code, e);
}

bool digest_eq(const struct digest *a, const struct digest *b)
{
	return strcmp(a->text, b->text) == 0;
}

bool digest_is_set(const struct digest *d)
{
	return d->text[0] != '\0';
}

enum hash_alg digest_alg(const struct digest *d)
{
	return strncmp(d->text, "sha512:", 7) == 0 ? HASH_SHA512 : HASH_SHA256;
}

const char *digest_hex(const struct digest *d)
{
	const char *colon = strchr(d->text, ':');

	return colon ? colon + 1 : "";
}

static void digest_from_sum(enum hash_alg alg, const uint8_t *sum, struct digest *out)
{
	const char *prefix = alg == HASH_SHA512 ? "sha512:" : "sha256:";
	size_t n = strlen(prefix);

	memcpy(out->text, prefix, n);
	hash_hex(sum, hash_size(alg), out->text + n);
}

void digest_from_hash(enum hash_alg alg, struct hash *h, struct digest *out)
{
	uint8_t sum[HASH_MAX_BYTES];

	hash_end(h, sum);
	digest_from_sum(alg, sum, out);
}

void digest_of_bytes(const void *p, size_t n, struct digest *out)
{
	uint8_t sum[HASH_MAX_BYTES];

	hash_bytes(HASH_SHA256, p, n, sum);
	digest_from_sum(HASH_SHA256, sum, out);
}

void digest_list_release(struct digest_list *l)
{
	vec_release(l);
}

void digest_list_copy(struct digest_list *to, const struct digest_list *from)
{
	for (size_t i = 0; i < from->n; i++)
		vec_push(to, from->v[i]);
}

bool digest_list_eq(const struct digest_list *a, const struct digest_list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (!digest_eq(&a->v[i], &b->v[i]))
			return false;
	}
	return true;
}
