/* A tmpfs for upper directories. */
#include "src/sandbox/memupper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "src/sandbox/cgroupfs.h"
#include "src/sandbox/mounts_child.h"
#include "src/util/cleanup.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/num.h"

#define MEMUPPER_MIN_BYTES ((uint64_t)64 << 10)
/* Of data for one inode. The kernel counts 1 KiB for an inode, and takes what attributes need from the same. */
#define BYTES_PER_INODE 2048
#define INODES_MIN	1024
/* A file system with less than that left has refused something, or is about to. */
#define FULL_BLOCKS 16
#define FULL_INODES 4
#define MEMINFO_MAX ((size_t)64 << 10)

int memupper_parse(const char *text, struct memupper *out, struct err *e)
{
	struct sv size = sv_from(text), kind = sv_cut(&size, ':');

	*out = (struct memupper){.wanted = sv_eq_str(kind, "tmpfs")};
	if (!size.p && (out->wanted || sv_eq_str(kind, "store")))
		return 0;
	if (out->wanted && num_parse_size(size, &out->size) == 0 && out->size >= MEMUPPER_MIN_BYTES)
		return 0;
	err_set(e, ERR_USAGE, "upper: \"%s\" is none of store, tmpfs, tmpfs:SIZE", text);
	return err_hint(e, "a size is a number with or without a unit, 64k at least: tmpfs:2g");
}

static uint64_t available(void)
{
	AUTO_BUF struct buf text = BUF_INIT(MEMINFO_MAX);
	struct err e = ERR_INIT;
	const char *at = io_read_file(AT_FDCWD, "/proc/meminfo", &text, &e) == 0
				 ? strstr(buf_str(&text), "MemAvailable:")
				 : NULL;
	unsigned long long kib = 0;

	err_release(&e);
	return at && sscanf(at, "MemAvailable: %llu", &kib) == 1 ? (uint64_t)kib << 10 : UINT64_MAX;
}

static bool number_in(int dir, const char *name, uint64_t *out)
{
	AUTO_BUF struct buf text = BUF_INIT(CGROUPFS_TEXT_MAX);
	unsigned long long n;

	if (!cgroupfs_read(dir, name, &text) || sscanf(buf_str(&text), "%llu", &n) != 1)
		return false;
	*out = n;
	return true;
}

/* Of one group: its limit less what it uses; file pages that nobody has looked at for long are given up first. */
static uint64_t free_of_group(int dir)
{
	uint64_t max, used, idle = cgroupfs_event(dir, "memory.stat", "inactive_file");

	if (!number_in(dir, "memory.max", &max) || !number_in(dir, "memory.current", &used))
		return UINT64_MAX;
	used = used > idle ? used - idle : 0;
	return max > used ? max - used : 0;
}

uint64_t memupper_half_of_free(void)
{
	struct err e = ERR_INIT;
	AUTO_FREE char *dir = cgroupfs_own_dir(&e);
	uint64_t least = available(), half;

	err_release(&e);
	/* A group's limit holds for all below it. */
	for (char *end = dir ? dir + strlen(dir) : NULL; end && end > dir; end = strrchr(dir, '/')) {
		*end = '\0';
		AUTO_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		uint64_t left = fd < 0 ? UINT64_MAX : free_of_group(fd);

		least = left < least ? left : least;
	}
	half = least / 2;
	return half > MEMUPPER_MIN_BYTES ? half : MEMUPPER_MIN_BYTES;
}

uint64_t memupper_size(const struct memupper *m, uint64_t limit)
{
	uint64_t half = m->size ? m->size : memupper_half_of_free();

	return !m->size && limit && limit / 2 < half ? limit / 2 : half;
}

static int make_dirs(int fs, struct err *e)
{
	static const char *const names[] = {"upper", "work"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (mkdirat(fs, names[i], 0755) < 0 || fchmodat(fs, names[i], 0755, 0) < 0)
			return err_sys(e, ERR_HOST, errno, "tmpfs: %s", names[i]);
	return 0;
}

int memupper_mount(int dirfd, const char *name, uint64_t size, struct err *e)
{
	uint64_t inodes = size / BYTES_PER_INODE;
	AUTO_CLOSE int mnt = -1;
	char options[96];

	snprintf(options, sizeof options, "mode=0755,size=%llu,nr_inodes=%llu", (unsigned long long)size,
		 (unsigned long long)(inodes > INODES_MIN ? inodes : INODES_MIN));
	/* a readiness command is tried again in the same place, in a mount namespace of its own */
	if (mkdirat(dirfd, name, 0755) < 0 && errno != EEXIST)
		return err_sys(e, ERR_HOST, errno, "%s", name);
	mnt = mounts_child_fs("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	if (mnt < 0 || move_mount(mnt, "", dirfd, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_sys(e, ERR_HOST, errno, "mounting a tmpfs for what a step changes");
	return make_dirs(mnt, e);
}

bool memupper_full(int fd)
{
	struct statvfs v;

	return fstatvfs(fd, &v) == 0 && (v.f_bavail < FULL_BLOCKS || v.f_favail < FULL_INODES);
}
