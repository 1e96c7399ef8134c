/* The value of "# check=". */
#include "src/dockerfile/dlint_rule.h"

#include "src/util/cleanup.h"

struct sv dlint_directive_of(struct sv comment)
{
	struct sv rest = comment, name = sv_trim(sv_cut(&rest, '='));

	return rest.p && sv_ieq_str(name, "check") ? sv_trim(rest) : SV_NULL;
}

static void read_names(struct sv v, struct strv *names, bool *all)
{
	if (sv_eq_str(v, "all"))
		*all = true;
	else
		while (v.p)
			strv_take(names, sv_dup(sv_trim(sv_cut(&v, ','))));
}

static int read_bool(struct sv v, bool *out, struct err *e)
{
	static const struct {
		const char *text;
		bool value;
	} words[] = {{"true", true}, {"t", true}, {"1", true}, {"false", false}, {"f", false}, {"0", false}};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (sv_ieq_str(v, words[i].text)) {
			*out = words[i].value;
			return 0;
		}
	return err_set(e, ERR_INPUT, "check: error=%.*s is neither true nor false", SV_ARG(v));
}

static int read_option(struct sv part, struct dlint_directive *out, struct err *e)
{
	struct sv v = part, key = sv_trim(sv_cut(&v, '='));

	if (!v.p) {
		err_set(e, ERR_INPUT, "check: \"%.*s\" is no option", SV_ARG(part));
		return err_hint(e, "write check=skip=RULE,RULE;error=true");
	}
	v = sv_trim(v);
	if (sv_eq_str(key, "skip"))
		read_names(v, &out->skip, &out->skip_all);
	else if (sv_eq_str(key, "experimental"))
		read_names(v, &out->experimental, &out->experimental_all);
	else if (sv_eq_str(key, "error"))
		return read_bool(v, &out->error, e);
	else {
		err_set(e, ERR_INPUT, "check: there is no option \"%.*s\"", SV_ARG(key));
		return err_hint(e, "the options are skip, error and experimental");
	}
	return 0;
}

int dlint_directive_parse(struct sv text, struct dlint_directive *out, struct err *e)
{
	struct sv rest = sv_trim(text);

	while (rest.p && rest.n)
		if (read_option(sv_trim(sv_cut(&rest, ';')), out, e))
			return -1;
	return 0;
}

void dlint_directive_release(struct dlint_directive *d)
{
	strv_release(&d->skip);
	strv_release(&d->experimental);
}
