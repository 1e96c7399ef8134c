/* Landlock: what a confined process can still do. */
#include "src/util/landlock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "src/util/cleanup.h"
#include "tests/unit/unit.h"

/* Each test runs in a process of its own, so the confinement ends with it. */
static void confine(const char *all, const char *read)
{
	const struct landlock_dir dirs[] = {{-1, all, LANDLOCK_ALL},
					    {-1, read, LANDLOCK_READ},
					    {-1, "/nowhere/at/all", LANDLOCK_READ},
					    {-1, "/dev/null", LANDLOCK_READ}};
	struct err e = ERR_INIT;

	ck_assert_msg(landlock_confine(dirs, ARRAY_LEN(dirs), false, &e) == 0, "%s", e.msg);
}

static int touch(const char *dir, const char *name)
{
	char path[200];
	int fd;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

START_TEST(files)
{
	char a[] = "/tmp/landlock-a.XXXXXX", b[] = "/tmp/landlock-b.XXXXXX", from[100], to[100];

	ck_assert(mkdtemp(a) && mkdtemp(b));
	ck_assert_int_eq(touch(b, "there"), 0);
	snprintf(from, sizeof from, "%s/sub", a);
	ck_assert_int_eq(mkdir(from, 0700), 0);
	if (fork() == 0) {
		confine(a, b);
		if (!landlock_usable())
			_exit(0);
		ck_assert_int_eq(touch(a, "x"), 0);
		/* Between directories: the reason why ABI 1 will not do. */
		snprintf(from, sizeof from, "%s/x", a);
		snprintf(to, sizeof to, "%s/sub/y", a);
		ck_assert_int_eq(rename(from, to), 0);
		snprintf(from, sizeof from, "%s/there", b);
		AUTO_CLOSE int fd = open(from, O_RDONLY);

		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(touch(b, "new"), -1);
		ck_assert_int_eq(errno, EACCES);
		ck_assert_int_eq(unlink(from), -1);
		ck_assert_int_eq(open("/etc/passwd", O_RDONLY), -1);
		ck_assert_int_eq(errno, EACCES);
		ck_assert_int_eq(open("/", O_RDONLY), -1);
		_exit(0);
	}
	int status;

	wait(&status);
	struct err e = ERR_INIT;

	path_remove_tree(AT_FDCWD, a, &e);
	path_remove_tree(AT_FDCWD, b, &e);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(signals_and_connections)
{
	struct sockaddr_in any = {
		.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	AUTO_CLOSE int s = socket(AF_INET, SOCK_STREAM, 0);

	confine("/tmp", "/proc"); /* which a leak sanitizer reads at the end */
	if (landlock_abi() >= 4) {
		ck_assert_int_eq(connect(s, (struct sockaddr *)&any, sizeof any), -1);
		ck_assert_int_eq(errno, EACCES);
	}
	if (landlock_abi() >= 6) {
		ck_assert_int_eq(kill(getppid(), 0), -1);
		ck_assert_int_eq(errno, EPERM);
	}
}
END_TEST

/* A socket without a name in the file system, made before the scope is. */
START_TEST(abstract_sockets)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	AUTO_CLOSE int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
	socklen_t n = (socklen_t)offsetof(struct sockaddr_un, sun_path) + 20;
	struct err e = ERR_INIT;

	snprintf(a.sun_path + 1, 19, "slct-unit-%d", (int)getpid());
	ck_assert_int_eq(bind(server, (struct sockaddr *)&a, n), 0);
	ck_assert_int_eq(listen(server, 1), 0);
	ck_assert_int_eq(landlock_scope_sockets(&e), 0);
	ck_assert_int_eq(touch("/tmp", "landlock-touched"), 0);
	unlink("/tmp/landlock-touched");
	ck_assert_int_eq(connect(client, (struct sockaddr *)&a, n), landlock_abi() >= 6 ? -1 : 0);
	a.sun_path[1] = 'S';
	AUTO_CLOSE int own = socket(AF_UNIX, SOCK_STREAM, 0), other = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(own, (struct sockaddr *)&a, n), 0);
	ck_assert_int_eq(listen(own, 1), 0);
	ck_assert_int_eq(connect(other, (struct sockaddr *)&a, n), 0);
}
END_TEST

UNIT_MAIN("landlock", files, signals_and_connections, abstract_sockets)
