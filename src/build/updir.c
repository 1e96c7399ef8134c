#include "src/build/updir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "oci/merge.h"
#include "src/sandbox/overlay.h"
#include "src/util/mem.h"
#include "src/util/num.h"

#define MEMORY_NAME "memory"
/* What programs say of ENOSPC. */
#define NO_SPACE_TEXT "No space left on device"

char *updir_path(const struct step_job *j, const char *name)
{
	return mem_printf("%s/%s%s", j->dir, j->memory ? MEMORY_NAME "/" : "", name);
}

int updir_open(const struct step_job *j)
{
	AUTO_FREE char *upper = updir_path(j, "upper");

	return openat(store_fd(j->b->s->store), upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Here: a process of its own, which ends with the step. */
static int see_store_from_here(int store, struct err *e)
{
	AUTO_CLOSE int here = overlay_reopen(store);

	if (here < 0 || dup3(here, store, O_CLOEXEC) < 0)
		return err_sys(e, ERR_HOST, errno, "the store in a mount namespace of the step's");
	return 0;
}

int updir_mount(const struct step_job *j, uint64_t limit, struct err *e)
{
	const struct session *s = j->b->s;
	AUTO_FREE char *place = mem_printf("%s/" MEMORY_NAME, j->dir);

	if (see_store_from_here(store_fd(s->store), e) < 0)
		return -1;
	return memupper_mount(store_fd(s->store), place, memupper_size(&s->upper, limit), e);
}

int updir_enter(const struct step_job *j, bool joined, uint64_t limit, struct err *e)
{
	return overlay_enter(joined ? -1 : j->b->s->nsfd, e) < 0 ? -1 : updir_mount(j, limit, e);
}

int updir_save(struct step_job *j, const struct ownview *view, struct err *e)
{
	AUTO_FREE char *from = updir_path(j, "upper");
	const struct merge_opts opts = {.marks = true, .view = view};
	const char *const layer[] = {from};
	AUTO_CLOSE int out = -1;

	j->memory = false;
	out = updir_open(j);
	if (out < 0)
		return err_sys(e, ERR_HOST, errno, "%s/upper", j->dir);
	return merge_trees(store_fd(j->b->s->store), layer, 1, out, &opts, e) < 0
		       ? err_wrap(e, "what the step has changed, from its tmpfs into the store")
		       : 0;
}

uint64_t updir_full(const struct step_job *j)
{
	AUTO_CLOSE int fd = j->memory ? updir_open(j) : -1;
	struct statvfs v;

	if (fd < 0 || !memupper_full(fd) || fstatvfs(fd, &v) < 0)
		return 0;
	return (uint64_t)v.f_blocks * v.f_frsize;
}

static bool says_full(const struct step_job *j)
{
	for (size_t i = 0; i < j->tail.n; i++)
		if (strstr(j->tail.v[i], NO_SPACE_TEXT))
			return true;
	return false;
}

bool updir_explain(const struct step_job *j, uint64_t full, struct err *e)
{
	uint64_t size = full ? full : j->b->s->upper.size;
	char text[32];

	if (!j->b->s->tier.memory || (!full && !says_full(j)))
		return false;
	err_hint(e,
		 "what a step changes lies in memory (--upper tmpfs), at most %s%s: give it more by --upper "
		 "tmpfs:SIZE, or "
		 "let it lie in the store by --upper store",
		 size ? num_human_size(size, text) : "half of what is free", full ? ", and that is full" : "");
	return true;
}
