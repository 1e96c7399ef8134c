/* Value of RUN --device. */
#include "src/dockerfile/ddevice.h"

#include <stdlib.h>

#include "src/dockerfile/dcsv.h"
#include "src/dockerfile/dlimit.h"

void ddevice_release(struct ddevice *d)
{
	free(d->name);
	*d = (struct ddevice){0};
}

static int set_name(struct ddevice *d, struct sv name, struct err *e)
{
	if (d->name)
		return err_set(e, ERR_INPUT, "--device: \"%.*s\" is a second name", SV_ARG(name));
	d->name = sv_dup(name);
	return 0;
}

/* A name may have a "=" (vendor.com/class=name), so what is no key of ours is one. */
static int field(struct sv f, struct ddevice *d, struct err *e)
{
	struct sv value = f, key = sv_cut(&value, '=');

	if (sv_ieq_str(key, "required")) {
		if (value.p && dcsv_bool(value, &d->required) < 0)
			return err_set(e, ERR_INPUT, "--device: required=%.*s is no valid value", SV_ARG(value));
		d->required = value.p ? d->required : true;
		return 0;
	}
	return set_name(d, value.p && sv_ieq_str(key, "name") ? value : f, e);
}

int ddevice_parse(struct sv value, struct ddevice *out, struct err *e)
{
	AUTO_BUF struct buf f = BUF_INIT(DLINE_MAX_BYTES);

	*out = (struct ddevice){0};
	while (value.p)
		if (dcsv_cut(&value, "--device", &f, e) || field(buf_sv(&f), out, e))
			return -1;
	if (!out->name || !*out->name)
		return err_set(e, ERR_INPUT, "--device needs the name of a device");
	return 0;
}
