#include "src/build/ctxmount.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "src/build/copyto.h"

static int check_unchanged(const struct plan_mount *pm, struct treesum *sum, struct err *e)
{
	struct digest now;

	treesum_end(sum, &now);
	if (digest_eq(&now, &pm->tree))
		return 0;
	err_set(e, ERR_INPUT, "the build context changed while it was being copied");
	e->retryable = true;
	return err_hint(e, "build again when nothing writes into the context");
}

/* A directory that copyto made is the destination's, with the time of its making. */
static int set_time(int dirfd, int64_t logical, struct err *e)
{
	const struct timespec times[2] = {{.tv_sec = logical}, {.tv_sec = logical}};

	if (utimensat(dirfd, CTXMOUNT_NAME, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, ERR_HOST, errno, "time of the mounted context");
	return 0;
}

int ctxmount_copy(const struct step_job *j, const struct plan_mount *pm, int dirfd, struct err *e)
{
	struct source_set *context = &j->b->plan->sources.v[pm->index]->context;
	AUTO_SOURCE_LIST struct source_list list = {0};
	AUTO_STRV struct strv patterns = {0};
	struct source_query q = {.patterns = &patterns};
	struct copyto c = {.rootfd = dirfd,
			   .src = context,
			   .list = &list,
			   .dest = "/" CTXMOUNT_NAME,
			   .uid = COPYTO_KEEP,
			   .gid = COPYTO_KEEP,
			   .logical = j->def->logical,
			   .real_times = j->b->plan->timestamps_real};

	plan_mount_pattern(pm, &patterns);
	if (source_prepare(context, e) < 0 || source_select(context, &q, &list, e) < 0)
		return -1;
	c.sum = treesum_new(false, 0);
	if (copyto_run(&c, e) < 0) {
		treesum_free(c.sum);
		return -1;
	}
	if (check_unchanged(pm, c.sum, e) < 0)
		return -1;
	return c.real_times ? 0 : set_time(dirfd, c.logical, e);
}
