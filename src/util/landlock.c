/* Landlock. The kernel's header of the oldest system that builds this ends at ABI 2, so later bits stand here. */
#include "src/util/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/util/cleanup.h"

#define ABI_REFER     2
#define ABI_TRUNCATE  3
#define ABI_NET	      4
#define ABI_SCOPE     6
#define FS_TRUNCATE   (UINT64_C(1) << 14)
#define NET_TCP	      UINT64_C(3) /* bind, connect */
#define SCOPE_SOCKETS UINT64_C(1)
#define SCOPE_SIGNALS UINT64_C(2)
/* All of ABI 2: execute to refer. */
#define FS_ALL	((UINT64_C(1) << 14) - 1)
#define FS_READ (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
/* A rule for what is no directory may name no others. */
#define FS_OF_FILE                                                                                                     \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)

/* struct landlock_ruleset_attr of ABI 6. An older kernel takes it if what it does not know is zero. */
struct ruleset {
	uint64_t fs, net, scoped;
};

static int create(const struct ruleset *r, uint32_t flags)
{
	return (int)syscall(SYS_landlock_create_ruleset, r, r ? sizeof *r : 0, flags);
}

int landlock_abi(void)
{
	int abi = create(NULL, LANDLOCK_CREATE_RULESET_VERSION);

	return abi > 0 ? abi : 0;
}

bool landlock_usable(void)
{
	return landlock_abi() >= ABI_REFER;
}

static int add_dir(int ruleset, const struct landlock_dir *d, uint64_t handled, struct err *e)
{
	AUTO_CLOSE int opened = d->fd >= 0 ? -1 : open(d->path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = {
		.allowed_access = d->access == LANDLOCK_ALL ? handled : FS_READ & handled,
		.parent_fd = d->fd >= 0 ? d->fd : opened,
	};

	struct stat st;

	if (rule.parent_fd < 0)
		return errno == ENOENT || errno == EACCES ? 0 : err_sys(e, ERR_HOST, errno, "%s", d->path);
	if (fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.allowed_access &= FS_OF_FILE;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return err_sys(e, ERR_HOST, errno, "landlock_add_rule");
	return 0;
}

/* no_new_privs is only set where the kernel wants it: in a step sudo must go on working. */
static int enforce(int ruleset, struct err *e)
{
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) == 0)
		return 0;
	if (errno == EPERM && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    syscall(SYS_landlock_restrict_self, ruleset, 0) == 0)
		return 0;
	return err_sys(e, ERR_HOST, errno, "landlock_restrict_self");
}

int landlock_confine(const struct landlock_dir *dirs, size_t n, bool tcp, struct err *e)
{
	int abi = landlock_abi();
	struct ruleset r = {.fs = FS_ALL | (abi >= ABI_TRUNCATE ? FS_TRUNCATE : 0),
			    .net = abi >= ABI_NET && !tcp ? NET_TCP : 0,
			    .scoped = abi >= ABI_SCOPE ? SCOPE_SOCKETS | SCOPE_SIGNALS : 0};
	AUTO_CLOSE int ruleset = abi >= ABI_REFER ? create(&r, 0) : -1;

	if (abi < ABI_REFER)
		return 0;
	if (ruleset < 0)
		return err_sys(e, ERR_HOST, errno, "landlock_create_ruleset");
	for (size_t i = 0; i < n; i++)
		if (add_dir(ruleset, &dirs[i], r.fs, e) < 0)
			return -1;
	return enforce(ruleset, e);
}

int landlock_scope_sockets(struct err *e)
{
	const struct ruleset r = {.scoped = SCOPE_SOCKETS};
	AUTO_CLOSE int ruleset = landlock_abi() >= ABI_SCOPE ? create(&r, 0) : -1;

	return ruleset < 0 ? 0 : enforce(ruleset, e);
}
