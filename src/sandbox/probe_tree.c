/* Probes of what works without an overlay. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "src/sandbox/caps.h"
#include "src/sandbox/chrootfill.h"
#include "src/sandbox/nsdiag.h"
#include "src/sandbox/overlay.h"
#include "src/sandbox/probe.h"
#include "src/util/cleanup.h"
#include "src/util/path.h"
#include "src/util/tmp.h"

bool probe_device_whiteouts(const char *scratch)
{
	AUTO_CLOSE int at = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool can = at >= 0 && mknodat(at, "whiteout", S_IFCHR, 0) == 0;

	if (can)
		unlinkat(at, "whiteout", 0);
	return can;
}

/* Marks of layer trees (overlayfs(5)), which are kept also where no overlay reads them. */
static int try_marks(int dir, struct err *e)
{
	if (fsetxattr(dir, "user.overlay.opaque", "y", 1, 0) == 0)
		return 0;
	err_sys(e, ERR_HOST, errno, "marking a directory by an extended attribute");
	return err_hint(e, "the store's file system must take user extended attributes: put it on ext4, xfs, btrfs or, "
			   "since Linux 6.6, tmpfs, with --root or SLCT_ROOT");
}

static int make_marked(int dir, struct err *e)
{
	AUTO_CLOSE int top = -1, file = -1, hidden = -1;

	if (mkdirat(dir, "bottom", 0755) < 0 || mkdirat(dir, "top", 0755) < 0)
		return err_sys(e, ERR_HOST, errno, "probe: layers");
	top = openat(dir, "top", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	file = openat(dir, "top/f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	hidden = openat(dir, "bottom/f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (top < 0 || file < 0 || hidden < 0 || fsetxattr(file, "user.overlay.whiteout", "y", 1, 0) < 0 ||
	    fsetxattr(top, "user.overlay.opaque", "x", 1, 0) < 0)
		return err_sys(e, ERR_HOST, errno, "probe: a whiteout by attribute");
	return 0;
}

/* Where the store takes no devices for whiteouts its layers have attributes (oci/mark.h): an overlay must not list what
 * they hide. */
int probe_whiteouts_try(int dir, struct err *e)
{
	static const char *const lower[] = {"bottom", "top"};
	const struct overlay_spec s = {.dirfd = dir, .lower = lower, .nlower = ARRAY_LEN(lower)};
	AUTO_CLOSE int mnt = -1;

	if (mknodat(dir, "whiteout", S_IFCHR, 0) == 0)
		return 0;
	if (make_marked(dir, e) < 0)
		return -1;
	mnt = overlay_mount(&s, e);
	if (mnt < 0)
		return -1;
	if (!overlay_upper_used(mnt))
		return 0;
	err_set(e, ERR_HOST,
		"overlays of this kernel do not know whiteouts by attribute, and the store takes no others");
	return err_hint(e,
			"Linux 6.7 or newer is needed for that; or put the store on a volume with --root or SLCT_ROOT");
}

/* An overlay is a mount of its own and does not mind; programs of a tree are started from the store's mount. */
static int try_programs(int dir, struct err *e)
{
	struct statvfs v;

	if (fstatvfs(dir, &v) < 0 || !(v.f_flag & ST_NOEXEC))
		return 0;
	err_set(e, ERR_HOST, "programs cannot be started from the store's file system: it is mounted noexec");
	return err_hint(e, "put the store on another one with --root or SLCT_ROOT, or mount that one without noexec");
}

int probe_tree_try(int at, bool chroot_too, struct err *e)
{
	AUTO_FREE char *name = NULL;
	AUTO_CLOSE int dir = -1;
	struct err ignored = ERR_INIT;
	int r;

	if (tmp_dir(at, "probe", &name, e) < 0)
		return -1;
	dir = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = dir < 0 ? err_sys(e, ERR_HOST, errno, "%s", name) : try_marks(dir, e);
	if (r == 0)
		r = try_programs(dir, e);
	if (r == 0 && chroot_too)
		r = chrootfill_try_nodes(dir, e);
	if (r == 0 && chroot_too && (fchown(dir, 1, 1) < 0 || fchown(dir, 0, 0) < 0))
		r = err_sys(e, ERR_HOST, errno, "giving a directory another owner");
	path_remove_tree(at, name, &ignored);
	err_release(&ignored);
	return r;
}

/* Last, since it cannot be undone. */
int probe_chroot_try(int at, struct err *e)
{
	if (fchdir(at) < 0 || chroot(".") < 0) {
		err_sys(e, ERR_HOST, errno, "chroot");
		return err_hint(e, "give the container the capability SYS_CHROOT (it is among docker's default ones)");
	}
	if (caps_bound(caps_of_tier(TIER_CHROOT), e) == 0)
		return 0;
	return err_hint(e, "give the container the capability SETPCAP (it is among docker's default ones)");
}
