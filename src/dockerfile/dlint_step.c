/* Rules about what instructions do. */
#include "src/dockerfile/dlint_rule.h"

#include <ctype.h>

#include "src/util/mem.h"
#include "src/util/path.h"

/* --- commands --- */

/* A SHELL before it, in the stage or in what it is FROM, says that the shell is meant. */
static bool shell_chosen(const struct dlint_view *v, const struct dlint_item *it)
{
	const struct dstage *df = &v->l->stages.v[it->stage];

	for (size_t i = 0; i < df->instrs.n && df->instrs.v[i] != it->in; i++)
		if (df->instrs.v[i]->kind == DAST_SHELL)
			return true;
	return v->stages[it->stage].base_shell;
}

void dlint_step_json(struct dlint_run *r, const struct dlint_item *it)
{
	const struct dast_instr *in = it->in;
	const char *name = dast_info(in->kind)->name;
	bool command = in->kind == DAST_CMD || in->kind == DAST_ENTRYPOINT;

	if (it->stage == DLINT_NO_STAGE || !dlint_view_wanted(dlint_view_of(r), it))
		return;
	if (in->json_failed)
		dlint_found(r, it, "what follows %s begins like a JSON list but is none, so it is taken as %s", name,
			    in->kind == DAST_ADD || in->kind == DAST_COPY || in->kind == DAST_VOLUME
				    ? "words"
				    : "text for the shell");
	else if (command && !in->json && !shell_chosen(dlint_view_of(r), it))
		dlint_found(r, it, "write %s as a JSON list: a shell stands between it and the signals otherwise",
			    name);
}

/* The one before is what has no effect. */
static void check_once(struct dlint_run *r, enum dast_kind kind)
{
	const struct dlint_view *v = dlint_view_of(r);
	const struct dlint_item *last = NULL;

	for (size_t i = 0; i < v->items.n; i++) {
		const struct dlint_item *it = &v->items.v[i];

		if (it->in->kind != kind || !dlint_view_wanted(v, it))
			continue;
		if (last && last->stage == it->stage)
			dlint_found(r, last, "this %s has no effect, since line %u has another one for the same stage",
				    dast_info(kind)->name, it->in->first_line);
		last = it;
	}
}

void dlint_step_multiple(struct dlint_run *r)
{
	static const enum dast_kind kinds[] = {DAST_CMD, DAST_ENTRYPOINT, DAST_HEALTHCHECK};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		check_once(r, kinds[i]);
}

/* --- variables --- */

void dlint_step_undefined(struct dlint_run *r, const struct dlint_item *it)
{
	const struct dlint_view *v = dlint_view_of(r);

	for (size_t i = 0; it->in->kind != DAST_FROM && i < it->undefined.n; i++) {
		const char *name = it->undefined.v[i], *best = dlint_view_meant(it, i);
		const char *open = best ? " (did you mean $" : "", *close = best ? "?)" : "";

		if (v->stages[it->stage].known)
			dlint_found(r, it, "the variable $%s is not set%s%s%s", name, open, best ? best : "", close);
		else
			dlint_found_maybe(r, it, "the variable $%s is not set, unless the base image sets it%s%s%s",
					  name, open, best ? best : "", close);
	}
}

static bool has_word(const char *name, const char *const *words)
{
	struct sv rest = sv_from(name);

	while (rest.p) {
		struct sv part = sv_cut(&rest, '_');

		for (size_t i = 0; words[i]; i++)
			if (sv_ieq_str(part, words[i]))
				return true;
	}
	return false;
}

void dlint_step_secrets(struct dlint_run *r, const struct dlint_item *it)
{
	static const char *const secret[] = {"apikey", "auth",	 "credential", "credentials", "key", "password",
					     "pword",  "passwd", "secret",     "token",	      NULL};
	static const char *const harmless[] = {"public", "file", "version", NULL};
	const struct dast_instr *in = it->in;

	if (it->stage == DLINT_NO_STAGE || (in->kind != DAST_ARG && in->kind != DAST_ENV) ||
	    !dlint_view_wanted(dlint_view_of(r), it))
		return;
	for (size_t i = 0; i < in->pairs.n; i++)
		if (has_word(in->pairs.v[i].key, secret) && !has_word(in->pairs.v[i].key, harmless))
			dlint_found(r, it,
				    "%s %s: the image keeps the value; secrets go through RUN --mount=type=secret",
				    dast_info(in->kind)->name, in->pairs.v[i].key);
}

/* --- files --- */

/* The first WORKDIR of a stage and those it is FROM; the following ones are right if it is. */
void dlint_step_workdir(struct dlint_run *r)
{
	const struct dlint_view *v = dlint_view_of(r);
	AUTO_FREE bool *set = mem_zalloc(v->l->stages.n + 1);

	for (size_t i = 0; i < v->items.n; i++) {
		const struct dlint_item *it = &v->items.v[i];

		if (it->in->kind == DAST_FROM && v->stages[it->stage].base >= 0)
			set[it->stage] = set[v->stages[it->stage].base];
		if (it->in->kind != DAST_WORKDIR || !it->x || set[it->stage])
			continue;
		set[it->stage] = true;
		if (it->x->words.n && it->x->words.v[0].s[0] != '/')
			dlint_found(r, it, "WORKDIR %s depends on the working directory of the base image",
				    it->x->words.v[0].s);
	}
}

static bool left_out(const struct ignore *ig, const char *source)
{
	AUTO_FREE char *clean = path_clean(source);
	const char *p = clean;

	while (*p == '/')
		p++;
	return !*p || !strcmp(p, ".") ? ignore_everything(ig) : ignore_prune(ig, p);
}

void dlint_step_ignored(struct dlint_run *r, const struct dlint_item *it)
{
	const struct ignore *ig = dlint_view_of(r)->o->ignore;
	const struct dast_instr *x = it->x;

	if (!ig || !x || (x->kind != DAST_COPY && x->kind != DAST_ADD) || dast_flag(x, "from"))
		return;
	for (size_t i = 0; i + 1 < x->words.n; i++) {
		const char *s = x->words.v[i].s;

		if (!x->words.v[i].heredoc && !strstr(s, "://") && strncmp(s, "git@", 4) != 0 && left_out(ig, s))
			dlint_found(r, it, "%s %s: the ignore file leaves it out of the context",
				    dast_info(x->kind)->name, s);
	}
}

/* --- ports --- */

static const char *protocol_of(const char *port)
{
	const char *slash = strchr(port, '/');

	return slash ? slash + 1 : "";
}

void dlint_step_proto_casing(struct dlint_run *r, const struct dlint_item *it)
{
	for (size_t i = 0; it->x && it->in->kind == DAST_EXPOSE && i < it->x->words.n; i++) {
		const char *port = it->x->words.v[i].s, *p = protocol_of(port);

		while (*p && !isupper((unsigned char)*p))
			p++;
		if (*p)
			dlint_found(r, it, "EXPOSE %s: the protocol should be in lower case", port);
	}
}

void dlint_step_port_format(struct dlint_run *r, const struct dlint_item *it)
{
	for (size_t i = 0; it->x && it->in->kind == DAST_EXPOSE && i < it->x->words.n; i++) {
		const char *port = it->x->words.v[i].s;

		if (port[0] != ':' && strchr(port, ':'))
			dlint_found(r, it, "EXPOSE %s: an address or a port of the host has no effect there", port);
	}
}
