#include "src/plan/plan_history.h"

#include <string.h>

#include "src/util/mem.h"

#define SUFFIX " # buildkit"

/* A list as Go prints it: [a b], with quotes ["a" "b"]. */
static void print_list(struct buf *out, const struct strv *list, bool quoted)
{
	buf_char_add(out, '[');
	for (size_t i = 0; i < list->n; i++) {
		if (i)
			buf_char_add(out, ' ');
		if (quoted)
			buf_quoted_add(out, list->v[i]);
		else
			buf_str_add(out, list->v[i]);
	}
	buf_char_add(out, ']');
}

static void print_words(struct buf *out, const struct dast_instr *x, bool list)
{
	AUTO_STRV struct strv words = {0};

	for (size_t i = 0; i < x->words.n; i++)
		strv_add(&words, x->words.v[i].s);
	if (list) {
		print_list(out, &words, false);
		return;
	}
	AUTO_FREE char *text = strv_join(&words, " ");

	buf_str_add(out, text);
}

static void meta_words(const struct plan_eval *v, struct buf *out)
{
	print_words(out, v->x, false);
}

static void meta_list(const struct plan_eval *v, struct buf *out)
{
	print_words(out, v->x, true);
}

static void meta_pairs(const struct plan_eval *v, struct buf *out)
{
	for (size_t i = 0; i < v->x->pairs.n; i++) {
		const struct dast_pair *p = &v->x->pairs.v[i];

		buf_printf(out, "%s%s", i ? " " : "", p->key);
		if (p->value)
			buf_printf(out, "=%s", p->value);
	}
}

static void meta_cmd(const struct plan_eval *v, struct buf *out)
{
	print_list(out, &v->st->config.cmd, true);
}

static void meta_entrypoint(const struct plan_eval *v, struct buf *out)
{
	print_list(out, &v->st->config.entrypoint, true);
}

static void meta_health(const struct plan_eval *v, struct buf *out)
{
	print_list(out, &v->st->config.health->test, true);
}

static const struct {
	enum dast_kind kind;
	void (*print)(const struct plan_eval *v, struct buf *out);
} table[] = {
	{DAST_CMD, meta_cmd},	  {DAST_ENTRYPOINT, meta_entrypoint}, {DAST_HEALTHCHECK, meta_health},
	{DAST_ENV, meta_pairs},	  {DAST_LABEL, meta_pairs},	      {DAST_ARG, meta_pairs},
	{DAST_EXPOSE, meta_list}, {DAST_VOLUME, meta_list},	      {DAST_SHELL, meta_list},
	{DAST_USER, meta_words},  {DAST_STOPSIGNAL, meta_words},      {DAST_MAINTAINER, meta_words},
};

char *plan_history_meta(const struct plan_eval *v)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (table[i].kind != v->x->kind)
			continue;
		buf_printf(&out, "%s ", dast_info(v->x->kind)->name);
		table[i].print(v, &out);
		return buf_steal(&out);
	}
	return NULL;
}

char *plan_history_copy(const struct dast_instr *x)
{
	static const char *const flags[] = {"chown", "chmod"};
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);

	buf_str_add(&out, dast_info(x->kind)->name);
	if (dast_flag_bool(x, "parents"))
		buf_str_add(&out, " --parents");
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (dast_flag(x, flags[i]))
			buf_printf(&out, " --%s=%s", flags[i], dast_flag(x, flags[i]));
	for (size_t i = 0; i < x->words.n; i++) {
		const struct dast_heredoc *h = i + 1 < x->words.n ? dast_heredoc_of(x, i) : NULL;

		buf_printf(&out, " %s%s", h ? "<<" : "", h ? h->name : x->words.v[i].s);
	}
	buf_str_add(&out, SUFFIX);
	return buf_steal(&out);
}

char *plan_history_run(const struct plan_eval *v, const struct strv *argv)
{
	AUTO_STRV struct strv declared = {0};
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	AUTO_FREE char *command = strv_join(argv, " ");

	dargs_declared(v->st->scope, &declared);
	buf_str_add(&out, "RUN ");
	if (declared.n) {
		AUTO_FREE char *args = strv_join(&declared, " ");

		buf_printf(&out, "|%zu %s ", declared.n, args);
	}
	buf_printf(&out, "%s" SUFFIX, command);
	return buf_steal(&out);
}
