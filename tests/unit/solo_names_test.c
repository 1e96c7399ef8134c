/* Names that something recorded may have: the supervisor's bookkeeping, with this process in the place of the task. */
#include <check.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/sandbox/solo_names.h"
#include "tests/unit/unit.h"

static struct solo *solo_with(struct nameset *names)
{
	static struct solo s;
	const struct sandbox_spec spec = {.names = names};

	free(s.pending);
	s = (struct solo){0};
	solo_names_init(&s, &spec);
	return &s;
}

static bool without(const struct solo *s, const char *path)
{
	struct solo_where w = {.dirfd = AT_FDCWD, .nofollow = true};

	snprintf(w.path, sizeof w.path, "%s", path);
	return solo_names_without(s, &w);
}

static void move_as(struct solo *s, pid_t tid, int nr, uint64_t flags, const char *from, const char *to)
{
	const uint64_t args[6] = {0, (uintptr_t)from, 0, (uintptr_t)to, flags};
	struct solo_req r = {.s = s, .call = solo_req_call(nr), .tid = tid, .args = args};

	solo_names_move(&r);
}

static void move(struct solo *s, const char *from, const char *to)
{
	move_as(s, getpid(), SYS_renameat2, 0, from, to);
}

/* As chown does; from its own fd directory, as the supervisor. */
static void record(struct solo *s, int dir, const char *name)
{
	AUTO_CLOSE int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(chdir("/proc/self/fd"), 0);
	solo_names_record(s, fd);
}

/* A task with the memory of this one, that waits. */
static pid_t task(void)
{
	pid_t me = getpid(), pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		while (getppid() == me)
			pause();
		_exit(0);
	}
	ck_assert_int_gt(pid, 0);
	return pid;
}

static void end_task(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

static void make(int dir, const char *name)
{
	ck_assert_int_eq(mknodat(dir, name, S_IFREG | 0600, 0), 0);
}

START_TEST(when_they_tell)
{
	AUTO_NAMESET struct nameset *names = nameset_new();
	struct sandbox_mount m = {.kind = SANDBOX_TMPFS};

	ck_assert(solo_names_wanted(&(struct sandbox_spec){.names = names}));
	ck_assert(!solo_names_wanted(&(struct sandbox_spec){0}));
	ck_assert(!solo_names_wanted(&(struct sandbox_spec){.names = names, .insecure = true}));
	ck_assert(solo_names_wanted(&(struct sandbox_spec){.names = names, .mounts = &m, .nmounts = 1}));
	m.kind = SANDBOX_BIND;
	ck_assert(solo_names_wanted(&(struct sandbox_spec){.names = names, .mounts = &m, .nmounts = 1}));
	m.unlisted = true;
	ck_assert(!solo_names_wanted(&(struct sandbox_spec){.names = names, .mounts = &m, .nmounts = 1}));
	m = (struct sandbox_mount){.kind = SANDBOX_HOST};
	ck_assert(!solo_names_wanted(&(struct sandbox_spec){.names = names, .mounts = &m, .nmounts = 1}));
}
END_TEST

START_TEST(mounts_are_called_as_their_targets)
{
	AUTO_NAMESET struct nameset *names = nameset_new();
	struct solo *s = solo_with(names);
	struct sandbox_mount bind = {.kind = SANDBOX_BIND}, secret = {.kind = SANDBOX_FILE}, owned = secret;

	owned.gid = 5;
	/* nothing is recorded: the set stays empty, by which more is answered */
	solo_names_mount(s, &bind, "a/bound");
	solo_names_mount(s, &secret, "run/secrets/plain");
	ck_assert(solo_names_none(s));
	solo_names_mount(s, &owned, "run/secrets/owned");
	ck_assert(!without(s, "/run/secrets/owned") && without(s, "/run/secrets/plain"));
	solo_names_mount(s, &bind, "top");
	ck_assert(!without(s, "/top") && without(s, "bound"));
	solo_names_mount(solo_with(NULL), &bind, "x");
}
END_TEST

START_TEST(the_last_name_counts)
{
	AUTO_NAMESET struct nameset *names = nameset_new();
	struct solo *s = solo_with(names);
	struct solo_where w = {.path = "x"};

	ck_assert(solo_names_none(s));
	nameset_add(names, "shadow", 6);
	ck_assert(!solo_names_none(s));
	ck_assert(without(s, "x") && without(s, "shadow/x") && without(s, "/a/shadow2"));
	ck_assert(!without(s, "shadow") && !without(s, "/etc/shadow") && !without(s, "/etc//shadow"));
	/* What these name has another name, or none. */
	ck_assert(!without(s, "") && !without(s, "/") && !without(s, "x/") && !without(s, ".") && !without(s, "x/.."));
	/* A link may lead anywhere. */
	ck_assert(!solo_names_without(s, &w));
	ck_assert(!without(solo_with(NULL), "x"));
}
END_TEST

START_TEST(records_have_names)
{
	UNIT_DIR(d);
	AUTO_NAMESET struct nameset *names = nameset_new();
	struct solo *s = solo_with(names);

	make(d.fd, "f");
	record(s, d.fd, "f");
	ck_assert(!without(s, "f") && without(s, "g"));
	ck_assert_int_eq(mkdirat(d.fd, "dir", 0700), 0);
	record(s, d.fd, "dir");
	ck_assert(!without(s, "dir") && without(s, "g"));
	ck_assert_int_eq(symlinkat("f", d.fd, "l"), 0);
	record(s, d.fd, "l");
	ck_assert(!without(s, "l") && without(s, "g"));
}
END_TEST

START_TEST(names_that_are_not_known)
{
	UNIT_DIR(d);
	AUTO_NAMESET struct nameset *names = nameset_new(), *more = nameset_new();
	struct solo *s = solo_with(names);
	AUTO_CLOSE int fd = -1;

	make(d.fd, "f");
	ck_assert_int_eq(linkat(d.fd, "f", d.fd, "g", 0), 0);
	fd = openat(d.fd, "f", O_PATH | O_CLOEXEC);
	record(s, d.fd, "f");
	ck_assert(!without(s, "g") && !without(s, "h"));
	/* The same where the name that it was opened by has gone. */
	s = solo_with(more);
	ck_assert_int_eq(unlinkat(d.fd, "f", 0), 0);
	solo_names_record(s, fd);
	ck_assert(!without(s, "g"));
}
END_TEST

START_TEST(a_file_without_a_name)
{
	UNIT_DIR(d);
	AUTO_NAMESET struct nameset *names = nameset_new();
	struct solo *s = solo_with(names);
	AUTO_CLOSE int fd = -1;

	make(d.fd, "f");
	fd = openat(d.fd, "f", O_PATH | O_CLOEXEC);
	ck_assert_int_eq(unlinkat(d.fd, "f", 0), 0);
	ck_assert_int_eq(chdir("/proc/self/fd"), 0);
	solo_names_record(s, fd);
	/* By its descriptor it can still be asked for. */
	ck_assert(!solo_names_none(s) && without(s, "g"));
}
END_TEST

START_TEST(recorded_objects_are_followed)
{
	AUTO_NAMESET struct nameset *names = nameset_new();
	struct solo *s = solo_with(names);

	nameset_add(names, "a", 1);
	move(s, "/x/a", "y/b");
	ck_assert(!without(s, "b") && without(s, "y"));
	move(s, "b//", "c/");
	ck_assert(!without(s, "c"));
	move(s, "p", "q");
	ck_assert(without(s, "q") && without(s, "p"));
	move_as(s, getpid(), SYS_linkat, 0, "c", "d");
	ck_assert(!without(s, "d"));
	/* What is linked is not what the name says. */
	move_as(s, getpid(), SYS_linkat, AT_SYMLINK_FOLLOW, "/proc/self/fd/3", "e");
	move_as(s, getpid(), SYS_linkat, AT_EMPTY_PATH, "", "f");
	ck_assert(!without(s, "e") && !without(s, "f"));
	move_as(s, getpid(), SYS_renameat2, RENAME_EXCHANGE, "g", "a");
	ck_assert(!without(s, "g"));
	move_as(s, getpid(), SYS_renameat2, RENAME_NOREPLACE, "h", "i");
	ck_assert(without(s, "i"));
}
END_TEST

START_TEST(a_rename_under_way)
{
	UNIT_DIR(d);
	AUTO_NAMESET struct nameset *names = nameset_new();
	struct solo *s = solo_with(names);
	pid_t other;

	make(d.fd, "a");
	move(s, "a", "b");
	other = task();
	move_as(s, other, SYS_renameat2, 0, "b", "c");
	record(s, d.fd, "a");
	ck_assert(!without(s, "a") && !without(s, "b") && !without(s, "c") && without(s, "d"));
	end_task(other);
}
END_TEST

/* Tasks that share a place, of which one may not have come to its rename yet. */
START_TEST(more_renames_than_are_kept)
{
	AUTO_NAMESET struct nameset *names = nameset_new();
	struct solo *s = solo_with(names);
	pid_t first[64] = {0}, second = 0, *place = NULL;

	while (!second) {
		pid_t pid = task();

		place = &first[pid % 64];
		if (*place)
			second = pid;
		else
			*place = pid;
	}
	move_as(s, *place, SYS_renameat2, 0, "a", "b");
	move_as(s, *place, SYS_renameat2, 0, "c", "d"); /* so the one before is done */
	ck_assert(without(s, "b"));
	move_as(s, second, SYS_renameat2, 0, "e", "f");
	ck_assert(!without(s, "d") && without(s, "b") && without(s, "f"));
	end_task(second);
	move_as(s, *place, SYS_renameat2, 0, "g", "h");
	ck_assert(without(s, "f") && without(s, "h"));
	for (size_t i = 0; i < 64; i++)
		if (first[i])
			end_task(first[i]);
}
END_TEST

UNIT_MAIN("solo_names", when_they_tell, mounts_are_called_as_their_targets, the_last_name_counts, records_have_names,
	  names_that_are_not_known, a_file_without_a_name, recorded_objects_are_followed, a_rename_under_way,
	  more_renames_than_are_kept)
