/* Fields of a flag's value. */
#include "src/dockerfile/dcsv.h"

int dcsv_cut(struct sv *rest, const char *flag, struct buf *out, struct err *e)
{
	size_t i = 0;

	buf_clear(out);
	if (!rest->n || rest->p[0] != '"') {
		buf_sv_add(out, sv_cut(rest, ','));
		return 0;
	}
	for (i = 1; i < rest->n; i++) {
		if (rest->p[i] == '"' && (i + 1 == rest->n || rest->p[i + 1] != '"'))
			break;
		i += rest->p[i] == '"';
		buf_char_add(out, rest->p[i]);
	}
	if (i >= rest->n)
		return err_set(e, ERR_INPUT, "%s: a quote is not closed", flag);
	*rest = sv_sub(*rest, i + 1, rest->n);
	if (!rest->n) {
		*rest = SV_NULL;
		return 0;
	}
	if (rest->p[0] != ',')
		return err_set(e, ERR_INPUT, "%s: text follows a quoted field", flag);
	*rest = sv_sub(*rest, 1, rest->n);
	return 0;
}

int dcsv_bool(struct sv v, bool *out)
{
	static const char *const yes[] = {"1", "t", "true"}, *const no[] = {"0", "f", "false"};

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (!sv_ieq_str(v, yes[i]) && !sv_ieq_str(v, no[i]))
			continue;
		*out = sv_ieq_str(v, yes[i]);
		return 0;
	}
	return -1;
}
