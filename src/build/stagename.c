#include "src/build/stagename.h"

#include <string.h>

#include "src/cache/ckey.h"
#include "src/util/mem.h"

char *stagename_key(const struct plan_stage *st)
{
	size_t last = plan_last_layer(st);
	const struct ckey *k = last == PLAN_NONE ? &st->base_key : &st->steps.v[last].key;
	AUTO_BUF struct buf config = BUF_INIT(BUF_TEXT_MAX);
	struct ckey_builder b;
	struct ckey out;
	char tag[CKEY_TAG_BYTES];

	if (!ckey_is_set(k))
		return NULL;
	imgconfig_write(&st->config, &config);
	ckey_begin(&b, "stage", false);
	ckey_str(&b, "layers", k->hex);
	ckey_field(&b, "config", config.p, config.n);
	ckey_end(&b, &out, NULL);
	ckey_tag(&out, tag);
	return mem_strdup(tag + strlen(tag) - STAGENAME_KEY_CHARS);
}

const char *stagename_arch(const struct platform *p)
{
	return strcmp(p->arch, "amd64") == 0 ? "x64" : p->arch;
}

char *stagename_prefix(const char *prefix, const char *flavor)
{
	bool some = prefix && prefix[0];

	return mem_printf("%s%s%s-", some ? prefix : "", some ? "_" : "", flavor);
}

/* distribution-spec 1.1: [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}. */
static bool is_tag(const char *tag)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	return tag[0] != '.' && tag[0] != '-' && strspn(tag, allowed) == strlen(tag);
}

char *stagename_make(const struct stagename *n, struct err *e)
{
	AUTO_FREE char *begin = stagename_prefix(n->prefix, n->flavor);
	AUTO_FREE char *tag = mem_printf("%s%s_%s_%s", begin, n->stage, stagename_arch(n->platform), n->key);

	if (!is_tag(tag)) {
		err_set(e, ERR_USAGE, "an image cannot have the tag \"%s\"", tag);
		err_hint(e, "letters, digits, '_', '.' and '-' make a tag: choose other names for prefix and build");
		return NULL;
	}
	if (strlen(tag) > STAGENAME_TAG_MAX) {
		err_set(e, ERR_USAGE, "the tag %s has %zu characters, and %d is the limit", tag, strlen(tag),
			STAGENAME_TAG_MAX);
		err_hint(e, "a shorter tag prefix or build name helps: tags are never cut");
		return NULL;
	}
	return mem_printf("%s:%s", n->repo, tag);
}
