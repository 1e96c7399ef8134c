/* The stat index. File states are made up, so that the device is one that the index trusts and times are exact. */
#include "src/plan/statidx.h"

#include <sys/sysmacros.h>

#include "src/util/clock.h"
#include "tests/unit/cache_util.h"

#define NAME   "/some/context"
#define NOW_S  1700000000
#define NOW_NS (NOW_S * CLOCK_NS_PER_S)

static const uint8_t sum_a[STATIDX_SUM_BYTES] = "a sum of thirty-two bytes, or so";
static const uint8_t sum_b[STATIDX_SUM_BYTES] = "another sum of thirty-two bytes.";

static struct stat state(void)
{
	return (struct stat){.st_dev = makedev(8, 1),
			     .st_ino = 4711,
			     .st_size = 100,
			     .st_mtim = {NOW_S - 100, 5},
			     .st_ctim = {NOW_S - 100, 6}};
}

static void put(struct store *s, const struct stat *st, const uint8_t *sum)
{
	struct statidx *x = statidx_open(s, NAME);

	statidx_put(x, st, NOW_NS, sum);
	statidx_save(x);
	statidx_free(x);
}

static bool known(struct store *s, const char *name, const struct stat *st, const uint8_t *want)
{
	struct statidx *x = statidx_open(s, name);
	uint8_t sum[STATIDX_SUM_BYTES];
	bool found = statidx_get(x, st, sum);

	if (found)
		ck_assert_mem_eq(sum, want, sizeof sum);
	statidx_free(x);
	return found;
}

START_TEST(hit_and_misses)
{
	UNIT_DIR(d);
	AUTO_STORE struct store *s = cache_util_store(&d);
	struct stat st = state(), changed[6] = {st, st, st, st, st, st};

	put(s, &st, sum_a);
	ck_assert(known(s, NAME, &st, sum_a));
	ck_assert(!known(s, "/other/context", &st, sum_a));
	changed[0].st_mtim.tv_nsec++;
	changed[1].st_ctim.tv_nsec++;
	changed[2].st_size++;
	changed[3].st_ino++;
	changed[4].st_dev = makedev(8, 2);
	changed[5].st_mtim.tv_sec--;
	for (size_t i = 0; i < ARRAY_LEN(changed); i++)
		ck_assert_msg(!known(s, NAME, &changed[i], sum_a), "change %zu", i);
}
END_TEST

START_TEST(young_files_are_not_kept)
{
	UNIT_DIR(d);
	AUTO_STORE struct store *s = cache_util_store(&d);
	struct stat st = state();

	st.st_mtim = (struct timespec){NOW_S - 2, 1};
	put(s, &st, sum_a);
	ck_assert(!known(s, NAME, &st, sum_a));
	st = state();
	st.st_ctim = (struct timespec){NOW_S - 1, 0};
	put(s, &st, sum_a);
	ck_assert(!known(s, NAME, &st, sum_a));
	st.st_ctim = st.st_mtim = (struct timespec){NOW_S - 2, 0};
	put(s, &st, sum_a);
	ck_assert(known(s, NAME, &st, sum_a));
}
END_TEST

START_TEST(anonymous_devices_are_not_kept)
{
	UNIT_DIR(d);
	AUTO_STORE struct store *s = cache_util_store(&d);
	struct stat st = state();

	st.st_dev = makedev(0, 40);
	put(s, &st, sum_a);
	ck_assert(!known(s, NAME, &st, sum_a));
}
END_TEST

/* The same file of two COPY instructions is read once. */
START_TEST(known_within_one_run)
{
	UNIT_DIR(d);
	AUTO_STORE struct store *s = cache_util_store(&d);
	struct statidx *x = statidx_open(s, NAME);
	uint8_t sum[STATIDX_SUM_BYTES];
	struct stat st = state();

	for (ino_t i = 1; i < 5000; i++) {
		st.st_ino = i;
		statidx_put(x, &st, NOW_NS, i % 2 ? sum_a : sum_b);
	}
	for (ino_t i = 1; i < 5000; i++) {
		st.st_ino = i;
		ck_assert(statidx_get(x, &st, sum));
		ck_assert_mem_eq(sum, i % 2 ? sum_a : sum_b, sizeof sum);
	}
	statidx_save(x);
	statidx_free(x);
	ck_assert(known(s, NAME, &st, sum_a));
}
END_TEST

/* Rows that nobody asked for go when something else changes. */
START_TEST(keeps_only_what_is_seen)
{
	UNIT_DIR(d);
	AUTO_STORE struct store *s = cache_util_store(&d);
	struct stat seen = state(), gone = state(), fresh = state();
	uint8_t sum[STATIDX_SUM_BYTES];
	struct statidx *x;

	gone.st_ino++;
	fresh.st_ino += 2;
	x = statidx_open(s, NAME);
	statidx_put(x, &seen, NOW_NS, sum_a);
	statidx_put(x, &gone, NOW_NS, sum_b);
	statidx_save(x);
	statidx_free(x);
	x = statidx_open(s, NAME);
	ck_assert(statidx_get(x, &seen, sum));
	statidx_put(x, &fresh, NOW_NS, sum_b);
	statidx_save(x);
	statidx_free(x);
	ck_assert(known(s, NAME, &seen, sum_a));
	ck_assert(known(s, NAME, &fresh, sum_b));
	ck_assert(!known(s, NAME, &gone, sum_b));
}
END_TEST

static char *index_file(const struct unit_dir *d)
{
	AUTO_FREE char *cmd = mem_printf("ls %s/store/stat", d->path);
	FILE *f = popen(cmd, "r");
	char name[256];

	ck_assert_ptr_nonnull(fgets(name, sizeof name, f));
	pclose(f);
	name[strcspn(name, "\n")] = '\0';
	return mem_printf("store/stat/%s", name);
}

START_TEST(damaged_is_empty)
{
	UNIT_DIR(d);
	AUTO_STORE struct store *s = cache_util_store(&d);
	struct stat st = state();
	struct stat file;

	put(s, &st, sum_a);
	AUTO_FREE char *path = index_file(&d);

	ck_assert_int_eq(fstatat(d.fd, path, &file, 0), 0);
	/* Every single byte counts. */
	for (off_t at = 0; at < file.st_size; at++) {
		AUTO_CLOSE int fd = openat(d.fd, path, O_RDWR | O_CLOEXEC);
		uint8_t c;

		ck_assert_int_eq(pread(fd, &c, 1, at), 1);
		c ^= 1;
		ck_assert_int_eq(pwrite(fd, &c, 1, at), 1);
		ck_assert_msg(!known(s, NAME, &st, sum_a), "byte %ld", (long)at);
		c ^= 1;
		ck_assert_int_eq(pwrite(fd, &c, 1, at), 1);
	}
	ck_assert(known(s, NAME, &st, sum_a));
	for (off_t n = file.st_size - 1; n >= 0; n -= 7) {
		AUTO_CLOSE int fd = openat(d.fd, path, O_RDWR | O_CLOEXEC);

		ck_assert_int_eq(ftruncate(fd, n), 0);
		ck_assert_msg(!known(s, NAME, &st, sum_a), "%ld bytes", (long)n);
	}
	/* and a damaged one is written anew */
	put(s, &st, sum_b);
	ck_assert(known(s, NAME, &st, sum_b));
}
END_TEST

UNIT_MAIN("statidx", hit_and_misses, young_files_are_not_kept, anonymous_devices_are_not_kept, known_within_one_run,
	  keeps_only_what_is_seen, damaged_is_empty)
