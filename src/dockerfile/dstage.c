/* A Dockerfile seen as stages. */
#include "src/dockerfile/dstage.h"

#include <ctype.h>
#include <strings.h>

#include "src/util/mem.h"
#include "src/util/num.h"
#include "src/util/sv.h"

static void add_stage(struct dstage_list *l, const struct dast_instr *in)
{
	struct dstage s = {.from = in, .image = in->words.v[0].s, .platform = dast_flag(in, "platform")};

	if (in->words.n == 3) {
		s.name = mem_strdup(in->words.v[2].s);
		for (char *p = s.name; *p; p++)
			*p = (char)tolower((unsigned char)*p);
	}
	vec_push(&l->stages, s);
}

int dstage_view(const struct dast_file *f, struct dstage_list *out, struct err *e)
{
	*out = (struct dstage_list){.file = f};
	for (size_t i = 0; i < f->instrs.n; i++) {
		const struct dast_instr *in = f->instrs.v[i];

		if (in->kind == DAST_FROM)
			add_stage(out, in);
		else if (out->stages.n)
			vec_push(&out->stages.v[out->stages.n - 1].instrs, in);
		else
			vec_push(&out->meta, in);
	}
	if (out->stages.n)
		return 0;
	dstage_release(out);
	err_set(e, ERR_INPUT, "the file has no FROM");
	err_hint(e, "a build starts from an image: FROM IMAGE, or FROM scratch for an empty one");
	return err_at(e, f->name, 0, 0);
}

void dstage_release(struct dstage_list *l)
{
	for (size_t i = 0; i < l->stages.n; i++) {
		free(l->stages.v[i].name);
		vec_release(&l->stages.v[i].instrs);
	}
	vec_release(&l->stages);
	vec_release(&l->meta);
}

bool dstage_name_valid(const char *name)
{
	for (const char *p = name; *p; p++) {
		bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z');

		if (!letter && (p == name || !((*p >= '0' && *p <= '9') || *p == '-' || *p == '_' || *p == '.')))
			return false;
	}
	return *name;
}

ssize_t dstage_find(const struct dstage_list *l, const char *name, size_t at, bool index)
{
	uint64_t n;

	if (at > l->stages.n)
		at = l->stages.n;
	for (size_t i = at; i-- > 0;)
		if (l->stages.v[i].name && !strcasecmp(l->stages.v[i].name, name))
			return (ssize_t)i;
	if (index && at && !num_parse(sv_from(name), 10, at - 1, &n))
		return (ssize_t)n;
	return -1;
}
