/* Fuzz target: any bytes as a word to expand. The first byte chooses flags and escape character; A and B are set. */
#include <stdlib.h>

#include "src/dockerfile/dexpand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *get(void *ctx, struct sv name)
{
	(void)ctx;
	if (sv_eq_str(name, "A"))
		return "a/b\\c*d?e";
	return sv_eq_str(name, "B") ? "" : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dexpand_env env = {get, NULL};
	struct strv matched = {0}, unmatched = {0}, words = {0};
	struct dexpand_opts o = {.env = &env, .matched = &matched, .unmatched = &unmatched};
	struct err e = ERR_INIT;
	struct sv in;
	char *out = NULL;
	int one, many;

	if (!size)
		return 0;
	o.flags = data[0] & 15;
	o.escape = data[0] & 16 ? '`' : '\\';
	in = sv_of((const char *)data + 1, size - 1);
	one = dexpand_word(in, &o, &out, &e);
	if ((one == 0) == err_is_set(&e))
		abort();
	err_release(&e);
	many = dexpand_words(in, &o, &words, &e);
	if (one != many)
		abort();
	err_release(&e);
	free(out);
	strv_release(&matched);
	strv_release(&unmatched);
	strv_release(&words);
	return 0;
}
