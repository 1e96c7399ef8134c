/* A blob that one process writes and another one reads. */
#include "oci/blobtail.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/util/mem.h"
#include "unit.h"

#define SIZE ((uint64_t)3 << 20)

struct tail {
	struct blobtail *t;
	int fd;
	uint64_t done;
};

static void open_tail(struct tail *x)
{
	struct err e = ERR_INIT;

	*x = (struct tail){.t = blobtail_new(1, &e), .fd = memfd_create("tail", MFD_CLOEXEC)};
	ck_assert(x->t && x->fd >= 0);
}

static void close_tail(struct tail *x)
{
	blobtail_free(x->t, 1);
	close(x->fd);
}

static unsigned char byte_at(uint64_t off)
{
	return (unsigned char)(off * 31 + (off >> 13));
}

static void write_more(struct tail *x, uint64_t n)
{
	AUTO_FREE unsigned char *p = mem_alloc(n);

	for (uint64_t i = 0; i < n; i++)
		p[i] = byte_at(x->done + i);
	ck_assert(write(x->fd, p, n) == (ssize_t)n);
	x->done += n;
	blobtail_wrote(x->t, x->done, SIZE);
}

static struct rstream *reader(const struct tail *x)
{
	return blobtail_reader(x->t, dup(x->fd), SIZE);
}

/* Pieces of odd sizes: none of them wakes by its size alone. */
static void *write_all(void *arg)
{
	struct tail *x = arg;

	while (x->done < SIZE)
		write_more(x, SIZE - x->done < 16411 ? SIZE - x->done : 16411);
	blobtail_end(x->t, BLOBTAIL_WHOLE);
	return NULL;
}

START_TEST(test_all_of_it)
{
	struct tail x;
	struct err e = ERR_INIT;
	unsigned char block[5000];
	uint64_t off = 0;
	pthread_t thread;
	ssize_t n;

	open_tail(&x);
	struct rstream *r = reader(&x);

	ck_assert(pthread_create(&thread, NULL, write_all, &x) == 0);
	while ((n = stream_read(r, block, sizeof block, &e)) > 0)
		for (ssize_t i = 0; i < n; i++, off++)
			ck_assert(block[i] == byte_at(off));
	ck_assert(n == 0 && off == SIZE && !err_is_set(&e));
	pthread_join(thread, NULL);
	stream_rclose(r);
	close_tail(&x);
}
END_TEST

/* All bytes are there, but nobody has said yet that they are right. */
START_TEST(test_no_end_before_it_is_whole)
{
	struct tail x;
	struct err e = ERR_INIT;
	AUTO_FREE char *block = mem_alloc(SIZE);

	open_tail(&x);
	struct rstream *r = reader(&x);

	write_more(&x, SIZE);
	ck_assert(stream_read_full(r, block, SIZE, &e) == (ssize_t)SIZE);
	blobtail_end(x.t, BLOBTAIL_GONE);
	blobtail_end(x.t, BLOBTAIL_WHOLE); /* the first end is final */
	ck_assert(blobtail_wait(x.t) == BLOBTAIL_GONE);
	ck_assert(stream_read(r, block, 1, &e) < 0 && e.code == ERR_TEMP);
	err_release(&e);
	stream_rclose(r);
	close_tail(&x);
}
END_TEST

/* The writer begins anew: what was read counts for nothing, even if the same bytes come again. */
START_TEST(test_anew)
{
	struct tail x;
	struct err e = ERR_INIT;
	char block[100];

	open_tail(&x);
	struct rstream *r = reader(&x);

	write_more(&x, 1000);
	ck_assert(stream_read(r, block, sizeof block, &e) == (ssize_t)sizeof block);
	blobtail_wrote(x.t, 0, SIZE);
	ck_assert(stream_read(r, block, sizeof block, &e) < 0 && e.code == ERR_TEMP);
	err_release(&e);
	blobtail_wrote(x.t, SIZE, SIZE);
	blobtail_end(x.t, BLOBTAIL_WHOLE);
	ck_assert(blobtail_state(x.t) == BLOBTAIL_GONE);
	stream_rclose(r);
	close_tail(&x);
}
END_TEST

/* The file is shorter than was said. */
START_TEST(test_truncated)
{
	struct tail x;
	struct err e = ERR_INIT;
	char block[100];

	open_tail(&x);
	struct rstream *r = reader(&x);

	write_more(&x, 1000);
	ck_assert(ftruncate(x.fd, 0) == 0);
	ck_assert(stream_read(r, block, sizeof block, &e) < 0 && e.code == ERR_TEMP);
	err_release(&e);
	stream_rclose(r);
	close_tail(&x);
}
END_TEST

UNIT_MAIN("blobtail", test_all_of_it, test_no_end_before_it_is_whole, test_anew, test_truncated)
