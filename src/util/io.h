/* Whole reads and writes, bulk copying, descriptor passing. */
#ifndef SLCT_IO_H
#define SLCT_IO_H

#include "src/util/base.h"
#include "src/util/buf.h"
#include "src/util/err.h"

/* Write all of it, through EINTR and short writes; `what` names the target in the error (ERR_HOST). */
int io_write_all(int fd, const void *p, size_t n, const char *what, struct err *e);
/* Read up to n bytes, through EINTR, until n or end; returns the number or -1. */
ssize_t io_read_full(int fd, void *p, size_t n, const char *what, struct err *e);
/* Append the rest of fd to out; more than out->max is an error. */
int io_read_all(int fd, struct buf *out, const char *what, struct err *e);
/* Whole regular file below dirfd (AT_FDCWD too), links followed. ENOENT gives ERR_NOT_FOUND, another type ERR_INPUT. */
int io_read_file(int dirfd, const char *path, struct buf *out, struct err *e);
/* Replace path below dirfd with the bytes: temp file beside it, fdatasync, rename, fsync of the directory. */
int io_write_file_atomic(int dirfd, const char *path, const void *p, size_t n, mode_t mode, struct err *e);
/* Whether something that is no regular file has this name: a device, a pipe, a link. It must be written, not replaced.
 */
bool io_is_special(const char *path);
/* A file that the user named, mode 0644: as above, or in place where io_is_special. */
int io_write_output(const char *path, const void *p, size_t n, struct err *e);
/* Copy n bytes (UINT64_MAX: all) from in to out at their current offsets, by copy_file_range where it works; *copied
 * may be NULL. Fewer than n before the end is an error. */
int io_copy(int in, int out, uint64_t n, uint64_t *copied, const char *what, struct err *e);
/* One message of n > 0 bytes with at most one descriptor (fd < 0: none) over a SOCK_SEQPACKET socket. Where a
 * non-blocking socket has no room (or no message, below) it fails with ERR_TEMP and e->sys == EAGAIN. */
int io_send_msg(int sock, const void *p, size_t n, int fd, struct err *e);
/* Receive a message; returns its size, 0 at the end of the stream, -1 on error. A message longer than max is an error.
 * *fd is -1 or a new close-on-exec descriptor. */
ssize_t io_recv_msg(int sock, void *p, size_t max, int *fd, struct err *e);
/* Close all descriptors from `first` on except those listed (sorted ascending). */
void io_close_from(int first, const int *keep, size_t nkeep);

#endif
