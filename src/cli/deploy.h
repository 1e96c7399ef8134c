/* From a flavor to a bucket: build, export to a file, upload, statements. Used by deploy and upload, EXASLCT's and
 * ours. */
#ifndef SLCT_DEPLOY_H
#define SLCT_DEPLOY_H

#include "src/cli/exrun.h"
#include "src/cli/release.h"

struct deploy_target {
	const char *host, *user, *password; /* password owned by the caller, NULL before it is known */
	uint16_t port;
	bool tls, verify;
	const char *ca_file;
	const char *bucketfs, *bucket, *path; /* path NULL or "": none */
};

/* Check what can be wrong before anything is built. ERR_USAGE. */
int deploy_check(const struct deploy_target *t, struct err *e);
/* "http[s]://host:port/bucket/[path/]container+suffix". Caller frees. */
char *deploy_url(const struct deploy_target *t, const char *container, const char *suffix);

/* One release that was exported to a file. */
struct deploy_item {
	const struct build_goal *goal;
	const char *flavor_path;
	char *file;	 /* exported archive */
	char *container; /* name in the bucket without ending */
	char *url;
};

/* Whether the bucket has a file of this name and size. */
int deploy_is_there(struct session *s, const struct deploy_target *t, const struct deploy_item *it, bool *there,
		    struct err *e);
/* Upload and check the size; the password is masked in errors. */
int deploy_put(struct session *s, const struct deploy_target *t, const struct deploy_item *it, struct err *e);

#endif
