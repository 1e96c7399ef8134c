/* One call of a task that the kernel has handed to the supervisor (tier solo), and what its handlers share.
 *
 * Every number, pointer and length of a request is the step's and hostile. A handler reads the task's memory once into
 * its own, names the object by a path or descriptor of its own, asks whether the task still waits (solo_req_alive) and
 * acts. Where it has nothing to say, or finds the arguments odd, it answers SOLO_NATIVE and the kernel does the call
 * as it would have: with the errors that are the kernel's to tell. Between the two a task may change what was looked
 * at; as the supervisor may do no more than the step, that only fools the step. */
#ifndef SLCT_SOLO_REQ_H
#define SLCT_SOLO_REQ_H

#include <limits.h>
#include <sys/resource.h>

#include "src/sandbox/solo_id.h"
#include "src/util/nameset.h"
#include "src/util/owntab.h"

/* Results of a handler besides a value >= 0 and a negative errno. */
#define SOLO_NATIVE INT64_MIN	    /* let the kernel do the call */
#define SOLO_SENT   (INT64_MIN + 1) /* already answered */

/* Records of nodes on one other file system than the step's root (a tmpfs of /dev or of a mount). */
struct solo_other {
	uint64_t dev;
	struct owntab *rows;
};

#define SOLO_OTHERS_MAX 64

/* The supervisor's state. Its working directory is its own /proc/PID/fd (solo_path.h). */
struct solo {
	int notify; /* listener */
	int proc;   /* a procfs of its own, nothing masked */
	int upper;  /* the upper directory (or merged tree) as such: inodes are what its layer will have */
	uint64_t root_dev, root_ino; /* the step's root directory */
	uint64_t root_mnt;	     /* its mount (Linux 5.8) */
	bool chrooted;		     /* some task has called chroot */
	struct rlimit unused;	     /* SOLO_FILTER_RLIMIT as it was */
	struct solo_ids *ids;
	const struct owntab *owners; /* of the layers; may be NULL */
	struct owntab *made;	     /* of this step, by what the upper directory has */
	struct owntab *seen;	     /* the same by what the overlay shows, where that differs */
	struct nameset *names;	     /* solo_names.h; NULL: they tell nothing */
	struct solo_pending *pending;
	struct solo_other others[SOLO_OTHERS_MAX];
	size_t nothers;
};

/* Which argument is what; -1: there is none. */
struct solo_shape {
	int8_t dirfd, path, flags;
	int8_t arg;	  /* the first of the others: owner, mode, buffer, name */
	uint8_t nofollow; /* always */
};

struct solo_req;
typedef int64_t solo_handler(struct solo_req *r);

struct solo_call {
	int nr;
	solo_handler *fn;
	struct solo_shape shape;
	int8_t what; /* the handler's own distinction */
	bool nobody; /* who asks does not matter: `who` is not looked up */
};

struct solo_req {
	struct solo *s;
	const struct solo_call *call;
	pid_t tid;
	uint64_t cookie;
	const uint64_t *args;
	uint32_t who_n;
	const struct solo_id *who;
};

/* What a call names: the object itself if empty (the descriptor, or the working directory), else path from there. */
struct solo_where {
	int dirfd;
	bool empty, nofollow;
	char path[PATH_MAX];
};

/* The call's entry, or NULL: not one of ours. */
const struct solo_call *solo_req_call(int nr);
/* Answer: a value, a negative errno or SOLO_NATIVE / SOLO_SENT. -ESRCH where the task has gone. */
int64_t solo_req_serve(struct solo *s, int nr, pid_t tid, uint64_t cookie, const uint64_t args[6]);

/* ioctl(2) on the listener to its end: an answer that a signal kept back would leave its task waiting for ever. */
int solo_req_ioctl(const struct solo *s, unsigned long request, void *arg);
/* Whether the task still waits for this answer, so that what was read by its number was its own. */
bool solo_req_alive(const struct solo_req *r);
/* Memory of the task: 0 or -EFAULT. */
int solo_req_read(const struct solo_req *r, uint64_t at, void *to, size_t n);
int solo_req_write(const struct solo_req *r, uint64_t at, const void *from, size_t n);
/* A string of at most max bytes with its NUL: its length, -EFAULT, or -ENAMETOOLONG. */
int solo_req_string(const struct solo_req *r, uint64_t at, char *to, size_t max);
/* The argument of the shape's `arg` + i. */
uint64_t solo_req_arg(const struct solo_req *r, unsigned i);
/* What the call names, by its shape. flags_known are the AT_ flags that the call takes; with others it is the kernel's.
 * 0, or SOLO_NATIVE. */
int64_t solo_req_where(const struct solo_req *r, int flags_known, struct solo_where *out);
/* Make the task's identity that one: 0 or a negative errno. */
int64_t solo_req_become(struct solo_req *r, const struct solo_id *id);
/* Make the identity depend on whether the task comes to run exe. */
int64_t solo_req_become_by_exec(struct solo_req *r, const struct solo_id *id, const struct solo_file *exe);
/* The present identity of another task of the step, root for one that has gone. */
const struct solo_id *solo_req_identity(struct solo *s, pid_t tid, uint32_t *number);
/* A line of the task's /proc/TID/status as a number in that base; `otherwise` if it is not there. */
uint64_t solo_req_status(const struct solo_req *r, const char *key, unsigned base, uint64_t otherwise);
/* Whether the task has that native capability (a program may have given some up). */
bool solo_req_capable(const struct solo_req *r, unsigned cap);
/* A duplicate of a descriptor of the task, for sockets: fd or a negative errno. */
int solo_req_getfd(const struct solo_req *r, int fd);

#endif
