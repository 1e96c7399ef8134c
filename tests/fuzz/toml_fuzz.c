/* Fuzz target: any bytes as TOML. What is accepted is written as JSON and read again. */
#include <stdlib.h>

#include "src/util/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	AUTO_JSON struct json *back = NULL;
	struct err e = ERR_INIT;
	AUTO_JSON struct json *j = toml_parse((const char *)data, size, "fuzz", &e);

	must((j != NULL) == !err_is_set(&e));
	err_release(&e);
	if (!j)
		return 0;
	json_write(j, &text);
	back = json_parse(buf_str(&text), text.n, BUF_TEXT_MAX, ERR_INPUT, "again", &e);
	must(back && json_eq(j, back));
	return 0;
}
