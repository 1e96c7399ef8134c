/* Streams. */
#include <check.h>

#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/stream.h"
#include "tests/unit/unit.h"

#define TEXT   "The quick brown fox"
#define TEXT_N (sizeof(TEXT) - 1)

START_TEST(test_pump)
{
	UNIT_DIR(d);
	struct err e = ERR_INIT;
	struct hash *h = hash_new(HASH_SHA256), *g = hash_new(HASH_SHA256);
	uint8_t a[HASH_MAX_BYTES], b[HASH_MAX_BYTES], want[HASH_MAX_BYTES];
	uint64_t rn = 0, wn = 0;
	struct buf out AUTO_BUF = BUF_INIT(100);
	int fd = openat(d.fd, "f", O_RDWR | O_CREAT, 0600);
	struct rstream *r = stream_hash_r(stream_from_bytes(TEXT, TEXT_N), h, &rn);
	struct wstream *w = stream_hash_w(stream_to_fd(fd, true, "f"), g, &wn);

	ck_assert_int_eq(stream_pump(r, w, &e), TEXT_N);
	unit_ok(stream_finish(w, &e), e);
	stream_rclose(r);
	stream_wclose(w);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	hash_end(h, a);
	hash_end(g, b);
	hash_bytes(HASH_SHA256, TEXT, TEXT_N, want);
	ck_assert_mem_eq(a, want, 32);
	ck_assert_mem_eq(b, want, 32);
	ck_assert_uint_eq(rn, TEXT_N);
	ck_assert_uint_eq(wn, TEXT_N);
	unit_ok(io_read_file(d.fd, "f", &out, &e), e);
	ck_assert_str_eq(buf_str(&out), TEXT);
	hash_free(h);
	hash_free(g);
}
END_TEST

START_TEST(test_full_and_null)
{
	struct err e = ERR_INIT;
	struct rstream *r = stream_from_bytes(TEXT, TEXT_N);
	struct wstream *w = stream_null();
	char p[64];

	ck_assert_int_eq(stream_read_full(r, p, 5, &e), 5);
	ck_assert_int_eq(stream_read_full(r, p, sizeof(p), &e), TEXT_N - 5);
	ck_assert_int_eq(stream_read_full(r, p, sizeof(p), &e), 0);
	unit_ok(stream_write(w, p, 10, &e), e);
	unit_ok(stream_finish(w, &e), e);
	stream_rclose(r);
	stream_wclose(w);
	stream_rclose(NULL);
	stream_wclose(NULL);
}
END_TEST

START_TEST(test_write_error_sticks)
{
	struct err e = ERR_INIT;
	uint64_t count = 0;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct wstream *w = stream_hash_w(stream_to_fd(fd, false, "the full device"), NULL, &count);

	ck_assert_int_eq(stream_write(w, "x", 1, &e), -1);
	unit_failed(e, ERR_HOST, "the full device");
	ck_assert_int_eq(stream_write(w, "x", 1, &e), -1);
	ck_assert_int_eq(stream_finish(w, &e), -1);
	unit_failed(e, ERR_INTERNAL, "failed before");
	ck_assert_uint_eq(count, 0);
	stream_wclose(w);
	ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
	close(fd);
}
END_TEST

UNIT_MAIN("stream", test_pump, test_full_and_null, test_write_error_sticks)
