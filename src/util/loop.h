/* Event loop on epoll(7): descriptors, children by pidfd, signals by signalfd, timers. Single-threaded; callbacks may
 * add and remove sources, also their own. */
#ifndef SLCT_LOOP_H
#define SLCT_LOOP_H

#include <sys/epoll.h>

#include "src/util/base.h"
#include "src/util/err.h"

struct loop;
struct loop_src;

typedef void loop_fd_fn(void *arg, uint32_t epoll_events);
typedef void loop_timer_fn(void *arg);
typedef void loop_signal_fn(void *arg, int signo);
typedef void loop_child_fn(void *arg, int wait_status);

struct loop *loop_new(struct err *e);
void loop_free(struct loop *l); /* removes all sources; unblocks the signals */

/* events: EPOLLIN, EPOLLOUT; the descriptor stays the caller's. NULL with *e. */
struct loop_src *loop_add_fd(struct loop *l, int fd, uint32_t events, loop_fd_fn *fn, void *arg, struct err *e);
/* Blocks the signals of the set for this process (until loop_free) and delivers them here. */
struct loop_src *loop_add_signals(struct loop *l, const int *signos, size_t n, loop_signal_fn *fn, void *arg,
				  struct err *e);
/* Called once when the child has ended and been reaped; the source is gone then. */
struct loop_src *loop_add_child(struct loop *l, pid_t pid, loop_child_fn *fn, void *arg, struct err *e);
/* First after delay_ns, then every interval_ns (0: once; the source stays until it is removed, which its callback may
 * do). */
struct loop_src *loop_add_timer(struct loop *l, int64_t delay_ns, int64_t interval_ns, loop_timer_fn *fn, void *arg,
				struct err *e);
void loop_remove(struct loop *l, struct loop_src *s); /* NULL is fine */

/* Dispatch until loop_stop() is called (before: not at all). -1 only if epoll itself fails. */
int loop_run(struct loop *l, struct err *e);
void loop_stop(struct loop *l);
/* In a forked child: drop the loop's descriptors without touching the parent's loop, and restore the signal mask. The
 * loop can only be freed then. */
void loop_forget(struct loop *l);

#endif
