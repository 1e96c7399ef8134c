#include "src/build/lossy.h"

#include <string.h>

static char lossy_yes[] = "yes", lossy_no[] = "no";

void lossy_mark(struct build *b, const struct digest *diff_id)
{
	struct err e = ERR_INIT;

	smap_set(&b->lossy, diff_id->text, lossy_yes);
	if (store_layer_set_lossy(b->s->store, b->s->tier.form, diff_id, &e) < 0)
		session_warn(b->s, "", "record of layer %s: %s", diff_id->text, e.msg);
	err_release(&e);
}

static bool is_lossy(struct build *b, const struct digest *diff_id)
{
	const char *known = smap_get(&b->lossy, diff_id->text);

	if (!known) {
		known = store_layer_is_lossy(b->s->store, b->s->tier.form, diff_id) ? lossy_yes : lossy_no;
		smap_set(&b->lossy, diff_id->text, known == lossy_yes ? lossy_yes : lossy_no);
	}
	return strcmp(known, lossy_yes) == 0;
}

bool lossy_stack(struct build *b, const struct digest_list *stack)
{
	for (size_t i = 0; i < stack->n; i++)
		if (is_lossy(b, &stack->v[i]))
			return true;
	return false;
}

void lossy_key(const struct build *b, const struct ckey *key, struct ckey *out)
{
	struct ckey_builder k;

	ckey_begin(&k, "lossy", false);
	ckey_str(&k, "key", key->hex);
	ckey_str(&k, "form", b->s->tier.form);
	ckey_end(&k, out, NULL);
}
