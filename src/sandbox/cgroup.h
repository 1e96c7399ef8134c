/* Limits of a step by control groups, version 2 only (--memory, --cpus, --pids-limit).
 *
 * A child group per step, below a group that slct may write: as root, or as a user to whom it was delegated
 * (systemd-run
 * --user --scope -p Delegate=yes). cgroup_find() tries it out once a build. Only the step's command and what it starts
 * are in the group, slct's own init is not, so that an OOM kill ends the step and not what watches it. */
#ifndef SLCT_CGROUP_H
#define SLCT_CGROUP_H

#include "src/util/err.h"

struct cgroup_limits {
	uint64_t memory;    /* bytes, swap not added; 0: none */
	uint64_t cpu_milli; /* thousandths of a processor; 0: none */
	uint64_t pids;	    /* processes and threads; 0: none */
};

/* The place for the groups of a build's steps. */
struct cgroup_base {
	char *dir;  /* absolute; NULL: not wanted */
	char *self; /* the group that slct itself moved to, to make room; NULL: none */
};

/* The group of one step. */
struct cgroup {
	int base, dir, procs; /* -1: none; procs is what a process joins by */
	char name[48];
};

struct cgroup_events {
	uint64_t oom_kills, pids_refused;
};

/* Whether there is any limit. */
bool cgroup_wanted(const struct cgroup_limits *l);
/* Find the place and make a group there with a process in it, for the test; nothing if no limit is wanted. May move the
 * calling process to a group of its own below the one that it is in (a group with children that have limits may hold no
 * processes). ERR_HOST with the reason and the remedy. */
int cgroup_find(const struct cgroup_limits *l, struct cgroup_base *out, struct err *e);
/* Go back to the group that slct was started in. */
void cgroup_leave(struct cgroup_base *b);

/* A new group with the limits; groups that dead builds have left are removed. */
int cgroup_make(const struct cgroup_base *b, const struct cgroup_limits *l, struct cgroup *out, struct err *e);
/* In the process that joins. */
int cgroup_join(int procs, struct err *e);
/* What the limits did to the processes; all zero without a group. */
void cgroup_events(const struct cgroup *g, struct cgroup_events *out);
/* All its processes have ended. */
void cgroup_remove(struct cgroup *g);

#endif
