/* A blob that is read while it is written. */
#include "oci/blobtail.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/util/mem.h"

/* A sleeper is woken after so many bytes: a call for each packet would cost more than it gains. */
#define BLOBTAIL_WAKE_BYTES ((uint64_t)256 << 10)
/* Nobody sleeps longer than this without looking, whatever becomes of a call that was to wake. */
#define BLOBTAIL_SLEEP_S 2

struct blobtail *blobtail_new(size_t n, struct err *e)
{
	void *p = mmap(NULL, (n + 1) * sizeof(struct blobtail), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		       0);

	if (p != MAP_FAILED)
		return p;
	err_sys(e, ERR_HOST, errno, "memory that two processes share");
	return NULL;
}

void blobtail_free(struct blobtail *t, size_t n)
{
	if (t)
		munmap(t, (n + 1) * sizeof(*t));
}

static void blobtail_wake(struct blobtail *t)
{
	atomic_fetch_add(&t->turn, 1);
	syscall(SYS_futex, &t->turn, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void blobtail_end(struct blobtail *t, uint32_t state)
{
	uint32_t grows = BLOBTAIL_GROWS;

	atomic_compare_exchange_strong(&t->state, &grows, state);
	blobtail_wake(t);
}

void blobtail_wrote(struct blobtail *t, uint64_t have, uint64_t size)
{
	uint64_t before = atomic_load(&t->have);

	if (have < before) {
		blobtail_end(t, BLOBTAIL_GONE);
		return;
	}
	atomic_store(&t->have, have);
	if (have == size || have / BLOBTAIL_WAKE_BYTES != before / BLOBTAIL_WAKE_BYTES)
		blobtail_wake(t);
}

uint32_t blobtail_state(const struct blobtail *t)
{
	return atomic_load(&t->state);
}

/* Until there are more than `off` bytes (UINT64_MAX: never) or the end has come. */
static void blobtail_sleep(struct blobtail *t, uint64_t off)
{
	struct timespec most = {.tv_sec = BLOBTAIL_SLEEP_S};

	for (;;) {
		uint32_t turn = atomic_load(&t->turn);

		if (atomic_load(&t->have) > off || blobtail_state(t) != BLOBTAIL_GROWS)
			return;
		syscall(SYS_futex, &t->turn, FUTEX_WAIT, turn, &most, NULL, 0);
	}
}

uint32_t blobtail_wait(struct blobtail *t)
{
	blobtail_sleep(t, UINT64_MAX);
	return blobtail_state(t);
}

/* --- reading --- */

struct blobtail_reader {
	struct blobtail *t;
	int fd;
	uint64_t off, size;
};

static int blobtail_gone(struct err *e)
{
	return err_set(e, ERR_TEMP, "the blob begins anew, or does not come");
}

static ssize_t blobtail_read(struct rstream *s, void *p, size_t n, struct err *e)
{
	struct blobtail_reader *r = s->self;
	uint64_t left;
	ssize_t got;

	if (r->off == r->size)
		return blobtail_wait(r->t) == BLOBTAIL_WHOLE ? 0 : blobtail_gone(e);
	blobtail_sleep(r->t, r->off);
	left = atomic_load(&r->t->have) - r->off;
	if (blobtail_state(r->t) == BLOBTAIL_GONE || !left)
		return blobtail_gone(e);
	do
		got = pread(r->fd, p, left < n ? (size_t)left : n, (off_t)r->off);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_sys(e, ERR_HOST, errno, "reading a blob that is being fetched");
	r->off += (uint64_t)got;
	return got ? got : blobtail_gone(e); /* cut by its writer, who begins anew */
}

static void blobtail_close(struct rstream *s)
{
	struct blobtail_reader *r = s->self;

	close(r->fd);
	free(r);
	free(s);
}

struct rstream *blobtail_reader(struct blobtail *t, int fd, uint64_t size)
{
	struct blobtail_reader *r = mem_new(struct blobtail_reader);
	struct rstream *s = mem_new(struct rstream);

	*r = (struct blobtail_reader){.t = t, .fd = fd, .size = size};
	*s = (struct rstream){.read = blobtail_read, .close = blobtail_close, .self = r};
	return s;
}
