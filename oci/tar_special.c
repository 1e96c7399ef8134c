/* Check of PAX records and GNU long names on the raw bytes. */
#include "oci/tar_special.h"

#include "oci/limits.h"
#include "src/util/num.h"

#define TAR_SIZE_AT	124
#define TAR_SIZE_DIGITS 12
#define TAR_TYPE_AT	156

int tar_special_header(const uint8_t block[TAR_SPECIAL_BLOCK], char *type, uint64_t *size, struct err *e)
{
	const char *field = (const char *)block + TAR_SIZE_AT;
	size_t from = 0, to;

	*type = (char)block[TAR_TYPE_AT];
	if (!*type || !strchr("xXgLK", *type))
		return 0;
	while (from < TAR_SIZE_DIGITS && field[from] == ' ')
		from++;
	for (to = from; to < TAR_SIZE_DIGITS && field[to] >= '0' && field[to] <= '7';)
		to++;
	if (to < TAR_SIZE_DIGITS && field[to] != ' ' && field[to] != '\0')
		to = from; /* something else follows: not a number */
	if (num_parse(sv_of(field + from, to - from), 8, UINT64_MAX, size) < 0)
		return err_set(e, ERR_INPUT, "damaged tar: the size of a special header is no number");
	return 1;
}

static bool tar_is_name_key(struct sv key)
{
	static const char *const names[] = {"path", "linkpath", "GNU.sparse.name"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (sv_eq_str(key, names[i]))
			return true;
	return false;
}

static bool tar_is_xattr_key(struct sv key)
{
	return sv_starts(key, "SCHILY.xattr.") || sv_starts(key, "LIBARCHIVE.xattr.");
}

static int tar_check_record(struct sv key, struct sv val, struct err *e)
{
	if (!key.n || memchr(key.p, '\0', key.n))
		return err_set(e, ERR_INPUT, "damaged tar: a PAX record has no valid key");
	if (tar_is_name_key(key) && val.n && memchr(val.p, '\0', val.n))
		return err_set(e, ERR_INPUT, "a NUL byte in the PAX record \"%.*s\"", SV_ARG(key));
	if (tar_is_xattr_key(key) && val.n > LAYER_XATTR_MAX)
		return err_set(e, ERR_INPUT, "the extended attribute \"%.*s\" has %zu bytes; at most %d are possible",
			       SV_ARG(key), val.n, LAYER_XATTR_MAX);
	return 0;
}

/* "LEN key=value\n"; LEN counts the whole record. */
static int tar_cut_record(struct sv *rest, struct err *e)
{
	ssize_t space = sv_find(sv_sub(*rest, 0, 24), ' '), equals;
	struct sv body;
	uint64_t len;

	if (space <= 0 || num_parse(sv_sub(*rest, 0, (size_t)space), 10, rest->n, &len) < 0 ||
	    len < (uint64_t)space + 2 || rest->p[len - 1] != '\n')
		return err_set(e, ERR_INPUT, "damaged tar: the length of a PAX record is wrong");
	body = sv_sub(*rest, (size_t)space + 1, (size_t)len - (size_t)space - 2);
	equals = sv_find(body, '=');
	if (equals < 0)
		return err_set(e, ERR_INPUT, "damaged tar: a PAX record without \"=\"");
	*rest = sv_sub(*rest, (size_t)len, rest->n);
	return tar_check_record(sv_sub(body, 0, (size_t)equals), sv_sub(body, (size_t)equals + 1, body.n), e);
}

int tar_special_body(char type, const uint8_t *p, size_t n, struct err *e)
{
	struct sv rest = sv_of((const char *)p, n);
	size_t name;

	if (type == 'L' || type == 'K') {
		name = strnlen(rest.p, n);
		for (size_t i = name; i < n; i++)
			if (rest.p[i])
				return err_set(e, ERR_INPUT, "a NUL byte in a GNU long name");
		return 0;
	}
	while (rest.n)
		if (tar_cut_record(&rest, e) < 0)
			return -1;
	return 0;
}
