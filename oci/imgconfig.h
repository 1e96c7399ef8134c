/* Image configuration (image-spec config.md and Docker's additions: Shell, Healthcheck, OnBuild, ArgsEscaped). Unknown
 * members of a base's config are kept. */
#ifndef SLCT_IMGCONFIG_H
#define SLCT_IMGCONFIG_H

#include "oci/digest.h"
#include "oci/platform.h"
#include "src/util/json.h"
#include "src/util/smap.h"
#include "src/util/vec.h"

struct imgconfig_history {
	char *created; /* RFC 3339 or NULL */
	char *created_by;
	char *comment;
	char *author;
	bool empty_layer;
};

struct imgconfig_health {
	struct strv test; /* {"NONE"}, {"CMD", ...}, {"CMD-SHELL", ...}; empty: inherit */
	int64_t interval, timeout, start_period, start_interval; /* nanoseconds, 0: not set */
	int64_t retries;
};

struct imgconfig {
	struct platform platform;
	char *created; /* RFC 3339 or NULL */
	char *author;
	/* config */
	struct smap env; /* name → value, in order */
	struct strv cmd, entrypoint, onbuild, shell;
	bool has_cmd, has_entrypoint, has_shell; /* an empty list is not an absent one */
	char *user, *workdir, *stop_signal;
	struct strv volumes, ports; /* sorted sets: "/data", "80/tcp" */
	struct smap labels;
	struct imgconfig_health *health; /* NULL: none */
	bool args_escaped;
	/* rootfs, history */
	struct digest_list diff_ids;
	struct imgconfig_history *history;
	size_t nhistory, cap_history;
	struct json *extra;	   /* unknown members at the top, or NULL */
	struct json *extra_config; /* unknown members of "config", or NULL */
};

void imgconfig_init(struct imgconfig *c, const struct platform *p);
void imgconfig_release(struct imgconfig *c);
#define AUTO_IMGCONFIG AUTO(imgconfig_release)
void imgconfig_copy(struct imgconfig *to, const struct imgconfig *from); /* `to` uninitialised */
int imgconfig_parse(const char *text, size_t n, struct imgconfig *out, enum err_code code, struct err *e);
/* Canonical JSON text. */
void imgconfig_write(const struct imgconfig *c, struct buf *out);
/* Append an entry; created_by may be NULL. */
void imgconfig_add_history(struct imgconfig *c, const char *created, const char *created_by, const char *comment,
			   bool empty_layer);
/* Drop all entries. */
void imgconfig_clear_history(struct imgconfig *c);
/* Set insertion, sorted. */
void imgconfig_add_volume(struct imgconfig *c, const char *path);
void imgconfig_add_port(struct imgconfig *c, const char *port);
/* `created` in seconds since 1970, clamped to the limits of cache.md "The logical clock" (1980-01-02 where absent). */
int64_t imgconfig_origin(const struct imgconfig *c);

#endif
