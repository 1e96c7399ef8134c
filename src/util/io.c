/* Whole reads and writes, bulk copying, descriptor passing. */
#include "src/util/io.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "src/util/cleanup.h"
#include "src/util/mem.h"
#include "src/util/tmp.h"

#define IO_CHUNK_BYTES ((size_t)128 << 10)
/* copy_file_range and its kin transfer at most this much in a call (2 GiB less a page); less keeps signals answered. */
#define IO_RANGE_BYTES ((size_t)1 << 30)
/* More descriptors than any message of ours has; those beyond the first are closed. */
#define IO_FDS_MAX 16

int io_write_all(int fd, const void *p, size_t n, const char *what, struct err *e)
{
	const char *c = p;

	while (n) {
		ssize_t r = write(fd, c, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys(e, ERR_HOST, errno, "cannot write %s", what);
		c += r;
		n -= (size_t)r;
	}
	return 0;
}

ssize_t io_read_full(int fd, void *p, size_t n, const char *what, struct err *e)
{
	char *c = p;
	size_t done = 0;

	while (done < n) {
		ssize_t r = read(fd, c + done, n - done);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys(e, ERR_HOST, errno, "cannot read %s", what);
		if (r == 0)
			break;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

int io_read_all(int fd, struct buf *out, const char *what, struct err *e)
{
	size_t step = 4096;
	ssize_t r;

	do {
		size_t room = out->max - out->n;
		char *p = buf_reserve(out, step < room ? step : room);
		char beyond;

		/* A full buffer is fine if the end is here. */
		if (room == 0 || !p) {
			r = io_read_full(fd, &beyond, 1, what, e);
			if (r == 1)
				return err_set(e, ERR_INPUT, "%s is larger than %zu bytes", what, out->max);
			return (int)r;
		}
		r = io_read_full(fd, p, step < room ? step : room, what, e);
		if (r < 0)
			return -1;
		buf_used(out, (size_t)r);
		if (step < IO_CHUNK_BYTES)
			step *= 2;
	} while (r > 0);
	return 0;
}

int io_read_file(int dirfd, const char *path, struct buf *out, struct err *e)
{
	/* O_NONBLOCK: a fifo must not keep us waiting before its type is known. */
	AUTO_CLOSE int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return err_sys(e, errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_HOST, errno,
			       "cannot open %s", path);
	if (fstat(fd, &st) < 0)
		return err_sys(e, ERR_HOST, errno, "cannot stat %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INPUT, "%s is not a regular file", path);
	if (st.st_size > 0 && (uint64_t)st.st_size <= out->max - out->n)
		buf_reserve(out, (size_t)st.st_size);
	return io_read_all(fd, out, path, e);
}

static int io_fill(int fd, const void *p, size_t n, mode_t mode, const char *path, struct err *e)
{
	if (io_write_all(fd, p, n, path, e) < 0)
		return -1;
	/* Not by the umask: the caller says what the file is to be. */
	if (fchmod(fd, mode) < 0)
		return err_sys(e, ERR_HOST, errno, "cannot set the mode of %s", path);
	if (fdatasync(fd) < 0)
		return err_sys(e, ERR_HOST, errno, "cannot write %s to the disk", path);
	return 0;
}

int io_write_file_atomic(int dirfd, const char *path, const void *p, size_t n, mode_t mode, struct err *e)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *prefix = mem_printf("%.*s.new", slash ? (int)(slash - path + 1) : 0, path);
	AUTO_FREE char *name = NULL;
	AUTO_CLOSE int fd = tmp_file(dirfd, prefix, &name, e);

	if (fd < 0)
		return err_wrap(e, "writing %s", path);
	if (io_fill(fd, p, n, mode, path, e) == 0 && tmp_publish(dirfd, name, dirfd, path, false, e) == 0)
		return 0;
	unlinkat(dirfd, name, 0);
	return -1;
}

bool io_is_special(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

int io_write_output(const char *path, const void *p, size_t n, struct err *e)
{
	if (!io_is_special(path))
		return io_write_file_atomic(AT_FDCWD, path, p, n, 0644, e);
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return err_sys(e, ERR_HOST, errno, "cannot write %s", path);
	return io_write_all(fd, p, n, path, e);
}

/* Errors of copy_file_range that mean "not between these two": other file systems (EXDEV), pipes and the like (EINVAL),
 * no support (EOPNOTSUPP, ENOSYS), O_APPEND (EBADF), seccomp filters of containers (EPERM). read and write tell what is
 * really wrong, if anything is. */
static bool io_range_useless(int error)
{
	return error == EXDEV || error == EINVAL || error == EOPNOTSUPP || error == ENOSYS || error == EBADF ||
	       error == EPERM || error == ETXTBSY || error == EISDIR;
}

/* As much as the kernel copies by itself. 0 may be the end, or a pseudo file, of which copy_file_range sees nothing:
 * the caller goes on with read. */
static int io_copy_range(int in, int out, uint64_t n, uint64_t *done, const char *what, struct err *e)
{
	while (*done < n) {
		uint64_t left = n - *done;
		ssize_t r = copy_file_range(in, NULL, out, NULL, left < IO_RANGE_BYTES ? left : IO_RANGE_BYTES, 0);

		if (r < 0 && errno == EINTR)
			continue;
		if (r == 0 || (r < 0 && io_range_useless(errno)))
			return 0;
		if (r < 0)
			return err_sys(e, ERR_HOST, errno, "cannot copy %s", what);
		*done += (uint64_t)r;
	}
	return 0;
}

static int io_copy_chunks(int in, int out, uint64_t n, uint64_t *done, const char *what, struct err *e)
{
	AUTO_FREE char *chunk = *done < n ? mem_alloc(IO_CHUNK_BYTES) : NULL;

	while (*done < n) {
		uint64_t left = n - *done;
		ssize_t r = read(in, chunk, left < IO_CHUNK_BYTES ? left : IO_CHUNK_BYTES);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys(e, ERR_HOST, errno, "cannot read %s", what);
		if (r == 0)
			return 0;
		if (io_write_all(out, chunk, (size_t)r, what, e) < 0)
			return -1;
		*done += (uint64_t)r;
	}
	return 0;
}

int io_copy(int in, int out, uint64_t n, uint64_t *copied, const char *what, struct err *e)
{
	uint64_t done = 0;
	int r = io_copy_range(in, out, n, &done, what, e);

	if (r == 0)
		r = io_copy_chunks(in, out, n, &done, what, e);
	if (copied)
		*copied = done;
	if (r == 0 && done < n && n != UINT64_MAX)
		return err_set(e, ERR_HOST, "%s ended after %llu of %llu bytes", what, (unsigned long long)done,
			       (unsigned long long)n);
	return r;
}

static int io_sock_err(struct err *e, int error, const char *doing)
{
	bool again = error == EAGAIN || error == EWOULDBLOCK;

	err_sys(e, again ? ERR_TEMP : ERR_INTERNAL, error, "cannot %s a message", doing);
	e->retryable = again;
	return -1;
}

int io_send_msg(int sock, const void *p, size_t n, int fd, struct err *e)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	union {
		const void *from;
		void *to;
	} data = {.from = p};
	struct iovec iov = {data.to, n};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t r;

	if (n == 0)
		return err_set(e, ERR_INTERNAL, "an empty message would look like the end");
	if (fd >= 0) {
		struct cmsghdr *c = &control.align;

		m.msg_control = control.bytes;
		m.msg_controllen = sizeof(control.bytes);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	do
		r = sendmsg(sock, &m, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r < 0 ? io_sock_err(e, errno, "send") : 0;
}

/* Take the first descriptor, close the others; returns how many there were. */
static size_t io_take_fds(struct msghdr *m, int *fd)
{
	size_t count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t n = c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS
				   ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int)
				   : 0;

		for (size_t i = 0; i < n; i++) {
			int got;

			memcpy(&got, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (count++ == 0)
				*fd = got;
			else
				close(got);
		}
	}
	return count;
}

ssize_t io_recv_msg(int sock, void *p, size_t max, int *fd, struct err *e)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * IO_FDS_MAX)];
	} control;
	struct iovec iov = {p, max};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control.bytes,
			   .msg_controllen = sizeof(control.bytes)};
	ssize_t r;
	size_t nfds;

	*fd = -1;
	do
		r = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return io_sock_err(e, errno, "receive");
	nfds = io_take_fds(&m, fd);
	if (nfds <= 1 && !(m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return r;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	if (m.msg_flags & MSG_TRUNC)
		return err_set(e, ERR_INTERNAL, "a message is longer than %zu bytes", max);
	return err_set(e, ERR_INTERNAL, "a message carries more than one descriptor");
}

/* For kernels before 5.9 and filters that refuse close_range. */
static void io_close_each(unsigned first, unsigned last)
{
	long limit = sysconf(_SC_OPEN_MAX);

	if (limit > 0 && last >= (unsigned long)limit)
		last = (unsigned)limit;
	for (unsigned fd = first; fd <= last && fd < INT32_MAX; fd++)
		close((int)fd);
}

static void io_close_range(unsigned first, unsigned last)
{
	if (first <= last && close_range(first, last, 0) < 0)
		io_close_each(first, last);
}

void io_close_from(int first, const int *keep, size_t nkeep)
{
	unsigned next = (unsigned)first;

	for (size_t i = 0; i < nkeep; i++) {
		unsigned k = (unsigned)keep[i];

		if (keep[i] < 0 || k < next)
			continue;
		if (k > next)
			io_close_range(next, k - 1);
		next = k + 1;
	}
	io_close_range(next, UINT32_MAX);
}
