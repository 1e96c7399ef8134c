/* Feeds rows of conformance tables to the Dockerfile modules: one JSON object a line in ({"table": ..., the row's
 * inputs}), one out. tables.py compares. Output is written by hand, since words may hold a NUL character. */
#include <stdio.h>
#include <stdlib.h>

#include "oci/imgconfig.h"
#include "oci/manifest.h"
#include "src/dockerfile/dexpand.h"
#include "src/dockerfile/dgit.h"
#include "src/dockerfile/dparse.h"
#include "src/dockerfile/dstage.h"
#include "src/dockerfile/ignore.h"
#include "src/util/json.h"
#include "src/util/mem.h"
#include "src/util/smap.h"

#define ROW_MAX_BYTES ((size_t)16 << 20)

static void put_str(struct sv s)
{
	putchar('"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c == '"' || c == '\\')
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void put_key(const char *key)
{
	put_str(sv_from(key));
	putchar(':');
}

static void put_member(const char *key, const char *value)
{
	put_key(key);
	put_str(sv_from(value ? value : ""));
	putchar(',');
}

static void put_strv(const char *key, const struct strv *s)
{
	put_key(key);
	putchar('[');
	for (size_t i = 0; i < s->n; i++) {
		if (i)
			putchar(',');
		put_str(sv_from(s->v[i]));
	}
	putchar(']');
}

static void put_error(struct err *e)
{
	printf("{\"error\":");
	put_str(sv_from(e->msg ? e->msg : "?"));
	putchar('}');
	err_release(e);
}

static void put_words(const struct dast_instr *in)
{
	bool first = true;

	put_key("words");
	putchar('[');
	for (size_t i = 0; i < in->words.n; i++, first = false) {
		if (!first)
			putchar(',');
		put_str(sv_of(in->words.v[i].s, in->words.v[i].n));
	}
	for (size_t i = 0; in->kind != DAST_ARG && i < in->pairs.n; i++, first = false) {
		const struct dast_pair *p = &in->pairs.v[i];

		if (!first)
			putchar(',');
		put_str(sv_from(p->key));
		putchar(',');
		put_str(sv_from(p->value));
		printf(",\"%s\"", p->sep == '=' ? "=" : "");
	}
	/* The tables give an unknown instruction one empty word. */
	printf("%s]", in->kind == DAST_UNKNOWN ? "\"\"" : "");
}

static void put_flags(const struct dast_instr *in)
{
	put_key("flags");
	putchar('[');
	for (size_t i = 0; i < in->flags.n; i++) {
		const struct dast_flag *f = &in->flags.v[i];
		AUTO_FREE char *s = mem_printf("--%s%s%s", f->name, f->value ? "=" : "", f->value ? f->value : "");

		if (i)
			putchar(',');
		put_str(sv_from(s));
	}
	printf("],");
}

static void put_heredocs(const struct dast_instr *in)
{
	put_key("heredocs");
	putchar('[');
	for (size_t i = 0; i < in->heredocs.n; i++) {
		const struct dast_heredoc *h = &in->heredocs.v[i];

		printf("%s{", i ? "," : "");
		put_member("name", h->name);
		put_member("content", h->content);
		printf("\"fd\":%u,\"expand\":%s,\"chomp\":%s}", h->fd, h->expand ? "true" : "false",
		       h->chomp ? "true" : "false");
	}
	printf("],");
}

static void put_instr(const struct dast_instr *in, bool inner)
{
	putchar('{');
	put_member("written", in->written);
	if (in->flags.n)
		put_flags(in);
	if (in->heredocs.n)
		put_heredocs(in);
	if (in->json)
		printf("\"json\":true,");
	if (in->inner) {
		put_key("onbuild");
		put_instr(in->inner, true);
		putchar(',');
	}
	if (!inner)
		printf("\"first_line\":%u,\"last_line\":%u,", in->first_line, in->last_line);
	put_words(in);
	putchar('}');
}

static void put_stages(const struct dast_file *f)
{
	struct dstage_list l;
	struct err e = ERR_INIT;

	if (dstage_view(f, &l, &e)) {
		err_release(&e);
		return;
	}
	for (size_t i = 0; i < l.stages.n; i++) {
		const struct dstage *s = &l.stages.v[i];
		AUTO_STRV struct strv names = {0};

		for (size_t k = 0; k < s->instrs.n; k++)
			strv_add(&names, s->instrs.v[k]->written);
		printf("%s{", i ? "," : "");
		put_member("from", s->image);
		put_member("name", s->name);
		put_member("platform", s->platform);
		put_strv("commands", &names);
		putchar('}');
	}
	dstage_release(&l);
}

static void run_parse(struct json *row)
{
	struct err e = ERR_INIT;
	AUTO_DAST_FILE struct dast_file *f = dparse_syntax("Dockerfile", sv_from(json_get_str(row, "dockerfile")), &e);
	char escape[2] = {0};

	if (!f) {
		put_error(&e);
		return;
	}
	escape[0] = f->escape;
	printf("{\"nodes\":[");
	for (size_t i = 0; i < f->instrs.n; i++) {
		if (i)
			putchar(',');
		put_instr(f->instrs.v[i], false);
	}
	printf("],");
	put_member("escape", escape);
	put_key("check");
	if (dparse_check(f, &e)) {
		put_error(&e);
	} else {
		putchar('[');
		put_stages(f);
		putchar(']');
	}
	putchar('}');
}

static const char *env_get(void *ctx, struct sv name)
{
	AUTO_FREE char *key = sv_dup(name);

	return smap_get(ctx, key);
}

static void run_words(struct json *row)
{
	AUTO_SMAP struct smap map = SMAP_STR;
	AUTO_STRV struct strv matched = {0}, unmatched = {0}, words = {0};
	AUTO_FREE char *word = NULL;
	struct err e = ERR_INIT;
	struct json *env = json_get(row, "env");
	struct dexpand_env get = {env_get, &map};
	struct dexpand_opts o = {
		.escape = json_get_str(row, "escape")[0], .env = &get, .matched = &matched, .unmatched = &unmatched};
	struct sv in = sv_from(json_get_str(row, "input"));

	for (void *it = json_iter(env); it; it = json_iter_next(env, it))
		smap_set_str(&map, json_iter_key(it), json_str(json_iter_val(it)));
	printf("{\"word\":");
	if (dexpand_word(in, &o, &word, &e)) {
		put_error(&e);
	} else {
		putchar('{');
		put_member("result", word);
		put_strv("matched", &matched);
		putchar(',');
		put_strv("unmatched", &unmatched);
		putchar('}');
	}
	printf(",\"words\":");
	if (dexpand_words(in, &o, &words, &e)) {
		put_error(&e);
	} else {
		putchar('{');
		put_strv("result", &words);
		putchar('}');
	}
	putchar('}');
}

static void run_match(struct json *row)
{
	AUTO_STRV struct strv patterns = {0};
	AUTO_IGNORE struct ignore *ig = NULL;
	struct err e = ERR_INIT;

	if (!json_to_strv(json_get(row, "patterns"), &patterns, ERR_INPUT, &e))
		ig = ignore_new(&patterns, &e);
	if (!ig)
		put_error(&e);
	else
		printf("{\"match\":%s}", ignore_match(ig, json_get_str(row, "path")) ? "true" : "false");
}

static void run_read(struct json *row)
{
	AUTO_STRV struct strv patterns = {0};
	struct err e = ERR_INIT;

	if (ignore_read("file", sv_from(json_get_str(row, "file")), &patterns, &e)) {
		put_error(&e);
		return;
	}
	putchar('{');
	put_strv("patterns", &patterns);
	putchar('}');
}

static void put_git(const struct dgit *g, bool is_short)
{
	putchar('{');
	put_member("Remote", g->remote + (is_short ? strlen("https://") : 0));
	put_member("Ref", g->ref);
	put_member("SubDir", g->subdir);
	put_member("Checksum", g->checksum);
	printf("\"commit_times\":%s,\"FetchByCommit\":%s}", g->mtime_commit ? "true" : "false",
	       g->fetch_by_commit ? "true" : "false");
}

static void run_git(struct json *row)
{
	const char *text = json_get_str(row, "ref");
	AUTO_DGIT struct dgit g = {0};
	struct err e = ERR_INIT;

	if (!dgit_is(text) && !dgit_is_short(text))
		printf("null");
	else if (dgit_parse(text, &g, &e))
		put_error(&e);
	else
		put_git(&g, dgit_is_short(text));
}

static int read_config(const char *text, struct err *e)
{
	struct imgconfig c;
	int rc = imgconfig_parse(text, strlen(text), &c, ERR_INPUT, e);

	if (rc == 0)
		imgconfig_release(&c);
	return rc;
}

static int read_descriptor(const char *text, struct err *e)
{
	AUTO_JSON struct json *j = json_parse(text, strlen(text), ROW_MAX_BYTES, ERR_INPUT, "descriptor", e);
	AUTO_DESCRIPTOR struct descriptor d = {0};

	return j ? descriptor_from_json(j, &d, ERR_INPUT, e) : -1;
}

static int read_manifest(const char *text, struct err *e)
{
	AUTO_MANIFEST struct manifest m = {0};

	return manifest_parse(text, strlen(text), NULL, &m, ERR_INPUT, e);
}

static int read_index(const char *text, struct err *e)
{
	AUTO_INDEX struct index m = {0};

	return index_parse(text, strlen(text), NULL, &m, ERR_INPUT, e);
}

static int read_layout(const char *text, struct err *e)
{
	AUTO_JSON struct json *j = json_parse(text, strlen(text), ROW_MAX_BYTES, ERR_INPUT, "oci-layout", e);

	return j && json_get_str(j, "imageLayoutVersion") ? 0 : -1;
}

/* Documents of images: whether they are taken. */
static void run_document(struct json *row)
{
	static const struct {
		const char *schema;
		int (*read)(const char *text, struct err *e);
	} readers[] = {
		{"config-schema.json", read_config},	       {"content-descriptor.json", read_descriptor},
		{"image-manifest-schema.json", read_manifest}, {"image-index-schema.json", read_index},
		{"image-layout-schema.json", read_layout},
	};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(readers); i++)
		if (strcmp(readers[i].schema, json_get_str(row, "schema")) == 0)
			printf("{\"valid\":%s,\"why\":",
			       readers[i].read(json_get_str(row, "document"), &e) ? "false" : "true");
	put_str(sv_from(e.msg ? e.msg : ""));
	putchar('}');
	err_release(&e);
}

static const struct {
	const char *name;
	void (*run)(struct json *row);
} tables[] = {
	{"dockerfile-parse", run_parse}, {"shell-words", run_words},  {"dockerignore-match", run_match},
	{"dockerignore-read", run_read}, {"git-references", run_git}, {"image-spec-documents", run_document},
};

int main(void)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	while ((n = getline(&line, &cap, stdin)) > 0) {
		struct err e = ERR_INIT;
		AUTO_JSON struct json *row = json_parse(line, (size_t)n, ROW_MAX_BYTES, ERR_INPUT, "row", &e);
		const char *name = json_get_str(row, "table");
		bool done = false;

		for (size_t i = 0; name && i < ARRAY_LEN(tables); i++) {
			if (strcmp(tables[i].name, name) != 0)
				continue;
			tables[i].run(row);
			done = true;
		}
		if (!done)
			put_error(&e);
		putchar('\n');
		fflush(stdout);
	}
	free(line);
	return 0;
}
