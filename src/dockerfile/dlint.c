/* The table of rules, and how a run goes. */
#include "src/dockerfile/dlint_rule.h"

#include <stdarg.h>

#include "src/util/mem.h"

struct dlint_rule {
	const char *name, *summary;
	dlint_item_fn *item; /* one of the two */
	dlint_file_fn *file;
	bool experimental;
};

static const struct dlint_rule rules[] = {
	{"StageNameCasing", "stage names are in lower case", dlint_style_stage_name, NULL, false},
	{"FromAsCasing", "AS is in the same case as FROM", dlint_style_as, NULL, false},
	{"NoEmptyContinuation", "no empty line stands within continued lines", dlint_style_gap, NULL, false},
	{"ConsistentInstructionCasing", "all instructions are in the same case", NULL, dlint_style_casing, false},
	{"DuplicateStageName", "stage names are unique", dlint_from_duplicate, NULL, false},
	{"ReservedStageName", "no stage is called scratch or context", dlint_from_reserved, NULL, false},
	{"JSONArgsRecommended", "CMD and ENTRYPOINT are JSON lists, and what looks like one is one", dlint_step_json,
	 NULL, false},
	{"MaintainerDeprecated", "a label names the author", dlint_style_maintainer, NULL, false},
	{"UndefinedArgInFrom", "FROM uses declared ARGs only", dlint_from_undefined, NULL, false},
	{"UndefinedVar", "variables are set before they are used", dlint_step_undefined, NULL, false},
	{"WorkdirRelativePath", "the first WORKDIR is absolute", NULL, dlint_step_workdir, false},
	{"MultipleInstructionsDisallowed", "a stage has one CMD, ENTRYPOINT and HEALTHCHECK at most", NULL,
	 dlint_step_multiple, false},
	{"LegacyKeyValueFormat", "ENV and LABEL are written with =", dlint_style_pairs, NULL, false},
	{"RedundantTargetPlatform", "FROM does not ask for the platform that it takes anyway",
	 dlint_from_redundant_platform, NULL, false},
	{"SecretsUsedInArgOrEnv", "ARG and ENV hold no secrets", dlint_step_secrets, NULL, false},
	{"InvalidDefaultArgInFrom", "the defaults of ARGs give FROM an image", dlint_from_default, NULL, false},
	{"FromPlatformFlagConstDisallowed", "FROM --platform is no constant", dlint_from_const_platform, NULL, false},
	{"CopyIgnoredFile", "what is copied is in the context", dlint_step_ignored, NULL, false},
	{"InvalidDefinitionDescription", "comments right above ARG and FROM begin with the name",
	 dlint_style_description, NULL, true},
	{"ExposeProtoCasing", "protocols are in lower case", dlint_step_proto_casing, NULL, false},
	{"ExposeInvalidFormat", "EXPOSE has neither addresses nor ports of the host", dlint_step_port_format, NULL,
	 false},
};

struct found {
	const struct dlint_rule *rule;
	size_t stage;
	unsigned line;
	char *message;
	bool maybe;
};

struct dlint_run {
	struct dlint_view view;
	struct dlint_directive directive;
	const struct dlint_rule *rule;
	VEC_OF(struct found) found;
};

const char *dlint_rule_name(size_t i, const char **summary, bool *experimental)
{
	if (i >= ARRAY_LEN(rules))
		return NULL;
	*summary = rules[i].summary;
	*experimental = rules[i].experimental;
	return rules[i].name;
}

const struct dlint_view *dlint_view_of(const struct dlint_run *r)
{
	return &r->view;
}

/* --- findings --- */

/* Experimental rules are asked for one by one, so "all" does not mean them. */
static bool skipped(const struct dlint_rule *rule, const struct dlint_directive *d)
{
	return (d->skip_all && !rule->experimental) || strv_has(&d->skip, rule->name);
}

static void ATTR_PRINTF(5, 0)
	add(struct dlint_run *r, const struct dlint_item *it, unsigned line, bool maybe, const char *fmt, va_list ap)
{
	struct found f = {.rule = r->rule, .stage = it->stage, .line = line, .maybe = maybe};

	if (skipped(r->rule, &it->own))
		return;
	if (vasprintf(&f.message, fmt, ap) < 0)
		f.message = mem_strdup(fmt);
	vec_push(&r->found, f);
}

void dlint_found(struct dlint_run *r, const struct dlint_item *it, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(r, it, it->in->first_line, false, fmt, ap);
	va_end(ap);
}

void dlint_found_at(struct dlint_run *r, const struct dlint_item *it, unsigned line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(r, it, line, false, fmt, ap);
	va_end(ap);
}

void dlint_found_maybe(struct dlint_run *r, const struct dlint_item *it, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(r, it, it->in->first_line, true, fmt, ap);
	va_end(ap);
}

/* By line, then by rule, then by message. */
static int compare(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->rule != y->rule)
		return x->rule < y->rule ? -1 : 1;
	return strcmp(x->message, y->message);
}

static void emit_all(struct dlint_run *r, dlint_emit_fn *emit, void *ctx, bool *error)
{
	if (r->found.n)
		qsort(r->found.v, r->found.n, sizeof(*r->found.v), compare);
	for (size_t i = 0; i < r->found.n; i++) {
		struct found *f = &r->found.v[i];
		AUTO_FREE char *excerpt = sv_dup(dlint_view_line(&r->view, f->line));

		*error = *error || (r->directive.error && !f->maybe);
		emit(ctx, &(struct dlint_finding){.rule = f->rule->name,
						  .summary = f->rule->summary,
						  .file = r->view.l->file,
						  .stage = f->stage,
						  .line = f->line,
						  .message = f->message,
						  .excerpt = excerpt,
						  .maybe = f->maybe});
		free(f->message);
	}
	vec_release(&r->found);
}

/* --- the run --- */

static bool enabled(const struct dlint_run *r, const struct dlint_rule *rule)
{
	const struct dlint_directive *d = &r->directive;

	if (skipped(rule, d))
		return false;
	return !rule->experimental || r->view.o->experimental || d->experimental_all ||
	       strv_has(&d->experimental, rule->name);
}

static void apply(struct dlint_run *r, const struct dlint_rule *rule)
{
	r->rule = rule;
	if (rule->file)
		rule->file(r);
	for (size_t i = 0; rule->item && i < r->view.items.n; i++)
		rule->item(r, &r->view.items.v[i]);
}

/* The line of the file's "# check=". */
static unsigned directive_line(const struct dast_file *f)
{
	struct sv rest = sv_of(f->text, f->text_n);

	for (unsigned line = 1; rest.p; line++) {
		struct sv v = sv_trim(sv_cut(&rest, '\n'));

		if (sv_starts(v, "#") && dlint_directive_of(sv_sub(v, 1, v.n)).p)
			return line;
	}
	return 0;
}

static int read_directive(struct dlint_run *r, const struct dast_file *f, const char *given, struct err *e)
{
	const char *text = given ? given : f->check;

	if (!text || !dlint_directive_parse(sv_from(text), &r->directive, e))
		return 0;
	return given ? -1 : err_at(e, f->name, directive_line(f), 0);
}

int dlint_run(const struct dstage_list *l, const struct dlint_opts *o, dlint_emit_fn *emit, void *ctx, bool *error,
	      struct err *e)
{
	struct dlint_run r = {0};
	struct err failed = ERR_INIT;
	int rc = read_directive(&r, l->file, o->check, e);

	*error = false;
	if (rc == 0) {
		dlint_view_make(&r.view, l, o, &failed);
		for (size_t i = 0; i < ARRAY_LEN(rules); i++)
			if (enabled(&r, &rules[i]))
				apply(&r, &rules[i]);
		emit_all(&r, emit, ctx, error);
		dlint_view_release(&r.view);
	}
	dlint_directive_release(&r.directive);
	if (rc == 0 && err_is_set(&failed)) {
		err_move(e, &failed);
		rc = -1;
	}
	return rc;
}
