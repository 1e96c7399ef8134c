/* Selections as text, for tests: "a[ x d/ d/y l@target] b[]" for what the patterns name. */
#ifndef SLCT_SOURCE_UTIL_H
#define SLCT_SOURCE_UTIL_H

#include "src/plan/source.h"
#include "tests/unit/cache_util.h"

static inline void source_util_words(struct strv *out, const char *words)
{
	struct sv rest = sv_from(words);

	while (rest.p)
		strv_take(out, sv_dup(sv_cut(&rest, ' ')));
}

static inline char *source_util_print(const struct source_list *l)
{
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);

	for (size_t i = 0; i < l->matches.n; i++) {
		const struct source_match *m = &l->matches.v[i];

		buf_printf(&b, "%s%s[", i ? " " : "", m->path);
		for (size_t k = 0; k < m->entries.n; k++) {
			const struct source_entry *en = &m->entries.v[k];

			buf_printf(&b, "%s%s", k ? " " : "", en->rel);
			if (S_ISDIR(en->st.st_mode))
				buf_str_add(&b, "/");
			if (en->target)
				buf_printf(&b, "@%s", en->target);
		}
		buf_str_add(&b, "]");
	}
	return mem_strdup(buf_str(&b));
}

/* The patterns (separated by blanks) name exactly this. */
static inline void source_util_selects(const struct source_set *s, const char *patterns, const char *want)
{
	AUTO_STRV struct strv list = {0};
	AUTO_SOURCE_LIST struct source_list l = {0};
	struct err e = ERR_INIT;

	source_util_words(&list, patterns);
	unit_ok(source_select(s, &(struct source_query){.patterns = &list}, &l, &e), e);
	AUTO_FREE char *have = source_util_print(&l);

	ck_assert_str_eq(have, want);
}

/* The patterns cannot be selected; *hint (if asked for) is the caller's. */
static inline void source_util_refuses(const struct source_set *s, const char *patterns, enum err_code code,
				       const char *text, const char *hint)
{
	AUTO_STRV struct strv list = {0};
	AUTO_SOURCE_LIST struct source_list l = {0};
	struct err e = ERR_INIT;

	source_util_words(&list, patterns);
	ck_assert_msg(source_select(s, &(struct source_query){.patterns = &list}, &l, &e) < 0, "%s is selected",
		      patterns);
	if (hint)
		ck_assert_msg(e.hint && strstr(e.hint, hint), "hint: %s", e.hint ? e.hint : "none");
	else
		ck_assert_msg(!e.hint, "hint: %s", e.hint);
	unit_failed(e, code, text);
}

static inline void source_util_ignore(struct source_set *s, const char *text)
{
	struct err e = ERR_INIT;

	ignore_free(s->ignore);
	s->ignore = ignore_parse(".dockerignore", sv_from(text), &e);
	ck_assert_msg(s->ignore != NULL, "%s", e.msg ? e.msg : "no message");
}

/* A context of one directory, ready to be walked. */
static inline void source_util_context(struct source_set *s, const struct unit_dir *d, const char *sub)
{
	AUTO_FREE char *path = path_join(d->path, sub);
	struct err e = ERR_INIT;

	source_init(s);
	source_add(s, "", path);
	unit_ok(source_prepare(s, &e), e);
}

#define AUTO_SOURCE AUTO(source_release)

#endif
