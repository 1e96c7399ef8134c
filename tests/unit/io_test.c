/* Reading, writing, copying, messages. */
#include <check.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/tmp.h"
#include "tests/unit/unit.h"

START_TEST(test_files)
{
	UNIT_DIR(d);
	struct err e = ERR_INIT;
	struct buf b AUTO_BUF = BUF_INIT(6), empty AUTO_BUF = BUF_INIT(0);
	struct stat st;

	unit_ok(io_write_file_atomic(d.fd, "f", "abc", 3, 0640, &e), e);
	unit_ok(io_write_file_atomic(d.fd, "f", "abcdef", 6, 0604, &e), e);
	ck_assert_int_eq(fstatat(d.fd, "f", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0604);
	unit_ok(io_read_file(d.fd, "f", &b, &e), e);
	ck_assert_str_eq(buf_str(&b), "abcdef");
	buf_clear(&b);
	b.max = 5;
	ck_assert_int_eq(io_read_file(d.fd, "f", &b, &e), -1);
	unit_failed(e, ERR_INPUT, "larger than 5");
	ck_assert_int_eq(io_read_file(d.fd, "absent", &b, &e), -1);
	ck_assert_int_eq(e.sys, ENOENT);
	unit_failed(e, ERR_NOT_FOUND, "absent");
	ck_assert_int_eq(mkfifoat(d.fd, "fifo", 0600), 0);
	ck_assert_int_eq(io_read_file(d.fd, "fifo", &b, &e), -1);
	unit_failed(e, ERR_INPUT, "not a regular file");
	ck_assert_int_eq(io_read_file(d.fd, ".", &b, &e), -1);
	unit_failed(e, ERR_INPUT, "not a regular file");
	unit_ok(io_write_file_atomic(d.fd, "empty", "", 0, 0600, &e), e);
	unit_ok(io_read_file(d.fd, "empty", &empty, &e), e);
}
END_TEST

/* A failed write leaves the old file and no other behind. */
START_TEST(test_atomic_failure)
{
	UNIT_DIR(d);
	struct err e = ERR_INIT;

	ck_assert_int_eq(mkdirat(d.fd, "dir", 0700), 0);
	ck_assert_int_eq(mkdirat(d.fd, "dir/full", 0700), 0);
	ck_assert_int_eq(io_write_file_atomic(d.fd, "dir", "x", 1, 0600, &e), -1);
	unit_failed(e, ERR_HOST, "rename");
	ck_assert_int_eq(unlinkat(d.fd, "dir/full", AT_REMOVEDIR), 0);
	ck_assert_int_eq(unlinkat(d.fd, "dir", AT_REMOVEDIR), 0);
	ck_assert_int_eq(rmdir(d.path), 0);
	ck_assert_int_eq(io_write_file_atomic(d.fd, "x", "x", 1, 0600, &e), -1);
	unit_failed(e, ERR_HOST, "writing x");
}
END_TEST

START_TEST(test_read_all_sizes)
{
	UNIT_DIR(d);
	static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 12288, 300000};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct err e = ERR_INIT;
		AUTO_FREE char *text = mem_zalloc(sizes[i] + 1);
		struct buf b AUTO_BUF = BUF_INIT(sizes[i]);

		memset(text, 'x', sizes[i]);
		unit_ok(io_write_file_atomic(d.fd, "f", text, sizes[i], 0600, &e), e);
		unit_ok(io_read_file(d.fd, "f", &b, &e), e);
		ck_assert_uint_eq(b.n, sizes[i]);
		ck_assert_str_eq(buf_str(&b), text);
	}
}
END_TEST

static void check_copy(int in, int out, uint64_t n, uint64_t want, bool ok)
{
	struct err e = ERR_INIT;
	uint64_t copied = 0;
	int r = io_copy(in, out, n, &copied, "test", &e);

	ck_assert_uint_eq(copied, want);
	ck_assert_int_eq(r, ok ? 0 : -1);
	if (!ok)
		unit_failed(e, ERR_HOST, "ended after");
}

START_TEST(test_copy)
{
	UNIT_DIR(d);
	struct err e = ERR_INIT;
	AUTO_FREE char *name = NULL;
	struct buf b AUTO_BUF = BUF_INIT(1000);
	AUTO_CLOSE int in = -1;
	AUTO_CLOSE int out = tmp_file(d.fd, "out", &name, &e);
	AUTO_CLOSE int proc = open("/proc/self/status", O_RDONLY);
	int p[2];

	unit_ok(out, e);
	unit_ok(io_write_file_atomic(d.fd, "f", "0123456789", 10, 0600, &e), e);
	in = openat(d.fd, "f", O_RDONLY);
	check_copy(in, out, 4, 4, true);
	check_copy(in, out, UINT64_MAX, 6, true);
	check_copy(in, out, 0, 0, true);
	check_copy(in, out, 1, 0, false);
	ck_assert_int_eq(pipe(p), 0);
	unit_ok(io_write_all(p[1], "pipe", 4, "pipe", &e), e);
	close(p[1]);
	check_copy(p[0], out, UINT64_MAX, 4, true);
	close(p[0]);
	unit_ok(io_read_file(d.fd, name, &b, &e), e);
	ck_assert_str_eq(buf_str(&b), "0123456789pipe");
	unit_ok(io_copy(proc, out, UINT64_MAX, NULL, "a pseudo file", &e), e);
	ck_assert_int_gt(lseek(out, 0, SEEK_CUR), 14);
}
END_TEST

START_TEST(test_messages)
{
	struct err e = ERR_INIT;
	int s[2], got = -2, p[2];
	char text[8];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s), 0);
	ck_assert_int_eq(pipe(p), 0);
	unit_ok(io_send_msg(s[0], "one", 3, -1, &e), e);
	unit_ok(io_send_msg(s[0], "two", 3, p[1], &e), e);
	unit_ok(io_send_msg(s[0], "too long", 8, p[1], &e), e);
	ck_assert_int_eq(io_send_msg(s[0], "", 0, -1, &e), -1);
	unit_failed(e, ERR_INTERNAL, "empty");
	ck_assert_int_eq(io_recv_msg(s[1], text, sizeof(text), &got, &e), 3);
	ck_assert_int_eq(got, -1);
	ck_assert_int_eq(io_recv_msg(s[1], text, 3, &got, &e), 3);
	ck_assert_mem_eq(text, "two", 3);
	ck_assert_int_ge(got, 0);
	ck_assert_int_eq(fcntl(got, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ck_assert_int_eq(write(got, "x", 1), 1);
	close(got);
	ck_assert_int_eq(io_recv_msg(s[1], text, 7, &got, &e), -1);
	ck_assert_int_eq(got, -1);
	unit_failed(e, ERR_INTERNAL, "longer than 7");
	ck_assert_int_eq(fcntl(s[1], F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_eq(io_recv_msg(s[1], text, 7, &got, &e), -1);
	ck_assert_int_eq(e.sys, EAGAIN);
	ck_assert(e.retryable);
	unit_failed(e, ERR_TEMP, "receive");
	close(s[0]);
	ck_assert_int_eq(io_recv_msg(s[1], text, 7, &got, &e), 0);
	ck_assert_int_eq(io_send_msg(s[1], "x", 1, -1, &e), -1); /* no SIGPIPE */
	unit_failed(e, ERR_INTERNAL, "send");
	/* The pipe's last writer is gone if the refused message's descriptor was closed. */
	close(p[1]);
	ck_assert_int_eq(read(p[0], text, 1), 1);
	ck_assert_int_eq(read(p[0], text, 1), 0);
}
END_TEST

START_TEST(test_two_descriptors_refused)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control = {0};
	struct iovec iov = {(char[]){"x"}, 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes};
	struct err e = ERR_INIT;
	int s[2], got, free1, free2, both[2] = {0, 1};
	char c;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s), 0);
	free1 = dup(0);
	free2 = dup(0);
	close(free1);
	close(free2);
	m.msg_controllen = sizeof(control.bytes);
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(both));
	memcpy(CMSG_DATA(&control.align), both, sizeof(both));
	ck_assert_int_eq(sendmsg(s[0], &m, 0), 1);
	ck_assert_int_eq(io_recv_msg(s[1], &c, 1, &got, &e), -1);
	unit_failed(e, ERR_INTERNAL, "more than one");
	ck_assert_msg(dup(0) == free1 && dup(0) == free2, "descriptors of the refused message are still open");
}
END_TEST

START_TEST(test_close_from)
{
	int keep[3];

	for (int fd = 50; fd < 60; fd++)
		ck_assert_int_eq(dup2(0, fd), fd);
	keep[0] = 3; /* below the first: no matter */
	keep[1] = 52;
	keep[2] = 58;
	io_close_from(50, keep, 3);
	for (int fd = 50; fd < 60; fd++)
		ck_assert_int_eq(fcntl(fd, F_GETFD) >= 0, fd == 52 || fd == 58);
}
END_TEST

UNIT_MAIN("io", test_files, test_atomic_failure, test_read_all_sizes, test_copy, test_messages,
	  test_two_descriptors_refused, test_close_from)
