/* Platforms: os/arch[/variant] (image-spec image-index.md "platform"; names of Go's GOOS and GOARCH). */
#ifndef SLCT_PLATFORM_H
#define SLCT_PLATFORM_H

#include "src/util/base.h"
#include "src/util/err.h"
#include "src/util/json.h"

struct platform {
	char os[32], arch[32], variant[32]; /* variant may be "" */
};

void platform_host(struct platform *out); /* of this machine, by uname(2) */
/* "linux/arm64", "amd64", "arm/v7", "linux/arm/v7"; names as uname(2) gives them become Go's. ERR_INPUT. */
int platform_parse(const char *text, struct platform *out, struct err *e);
const char *platform_format(const struct platform *p, char out[100]);
void platform_from_json(const struct json *j, struct platform *out);
struct json *platform_to_json(const struct platform *p);
/* 0: does not match; higher is better (exact variant before compatible one). */
int platform_match(const struct platform *want, const struct platform *have);

#endif
