#include "src/build/clockrec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "src/plan/plan_mount.h"
#include "src/util/io.h"
#include "src/util/mem.h"

/* Stages of other files, contexts and names share a cache, but not what is known of it. */
char *clockrec_name(const struct step_job *j, const struct cachemount *c, const struct plan_mount *bind)
{
	bool named = bind && plan_mount_of_context(bind);
	const struct plan_source *s = j->b->plan->sources.v[named ? bind->index : j->st->source];
	struct ckey_builder b;
	struct ckey k;

	ckey_begin(&b, "slct-cache-seen", false);
	ckey_str(&b, "stage", j->st->name);
	ckey_str(&b, "file", j->st->file);
	ckey_str(&b, "context", s->context.parts.n ? s->context.parts.v[0].path : NULL);
	ckey_str(&b, "bind", bind ? bind->m.target : NULL);
	ckey_end(&b, &k, NULL);
	return mem_printf("%s/seen.%u.%.32s", c->dir, c->slot, k.hex);
}

bool clockrec_read(const struct step_job *j, const char *name, struct buf *out)
{
	struct err e = ERR_INIT;
	bool ok = io_read_file(store_fd(j->b->s->store), name, out, &e) == 0 &&
		  strcmp(buf_str(out), CLOCKREC_UNKNOWN) != 0;

	err_release(&e);
	return ok;
}

int clockrec_write(const struct step_job *j, const char *name, const struct buf *now, const struct buf *next,
		   struct err *e)
{
	AUTO_FREE char *name_next = mem_printf("%s.next", name);
	int store = store_fd(j->b->s->store);

	if (now->over || next->over)
		return err_set(e, ERR_HOST, "more than %zu bytes of file names", CLOCKREC_MAX);
	if (io_write_file_atomic(store, name, buf_str(now), now->n, 0600, e) < 0)
		return -1;
	return io_write_file_atomic(store, name_next, buf_str(next), next->n, 0600, e);
}

int clockrec_commit(const struct step_job *j, const char *name, struct err *e)
{
	AUTO_FREE char *next = mem_printf("%s.next", name);
	int store = store_fd(j->b->s->store);

	if (renameat(store, next, store, name) < 0 && errno != ENOENT)
		return err_sys(e, ERR_HOST, errno, "%s", name);
	return 0;
}

int clockrec_touch(int fd, const char *path, struct err *e)
{
	const struct timespec now[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}};

	return futimens(fd, now) < 0 ? err_sys(e, ERR_HOST, errno, "time of %s", path) : 0;
}
