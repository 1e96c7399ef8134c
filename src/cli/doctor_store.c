/* Examination of the store: its file system, its space, the forms of its layers. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "src/cli/doctor.h"
#include "src/sandbox/idmap.h"
#include "src/util/cleanup.h"
#include "src/util/mem.h"
#include "src/util/num.h"
#include "src/util/tmp.h"

/* Below these a build of any size is likely to fail. */
#define DOCTOR_SPACE_MIN_BYTES (UINT64_C(1) << 30)
#define DOCTOR_INODES_MIN      UINT64_C(10000)

#define DOCTOR_XATTR "user.slct.doctor"

/* Magic numbers of statfs(2). */
static const struct {
	uint64_t magic;
	const char *name;
	const char *warning; /* NULL: fine */
} doctor_filesystems[] = {
	{0xEF53, "ext4", NULL},
	{0x58465342, "xfs", NULL},
	{0x9123683E, "btrfs", NULL},
	{0xF2F52010, "f2fs", NULL},
	{0xCA451A4E, "bcachefs", NULL},
	{0x2FC12FC1, "zfs", NULL},
	{0x01021994, "tmpfs", NULL},
	{0x794C7630, "overlay",
	 "an overlay's upper directory cannot lie on it, so roots of steps are copies (--upper tmpfs: "
	 "in memory)"},
	{0x6969, "nfs", "overlays do not work on it, and locks and times are not to be relied on"},
	{0x65735546, "fuse", "overlays may not work on it"},
	{0x01021997, "9p", "overlays may not work on it"},
	{0xFF534D42, "cifs", "overlays do not work on it"},
};

static void doctor_filesystem(struct doctor *d, int fd, const char *root)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(doctor_filesystems); i++) {
		const char *warning = doctor_filesystems[i].warning;

		if (doctor_filesystems[i].magic != (uint64_t)fs.f_type)
			continue;
		doctor_add(d, warning ? DOCTOR_WARNING : DOCTOR_OK, "store", "file system",
			   warning ? "put the store on ext4, xfs or btrfs with --root or SLCT_ROOT" : NULL,
			   "%s at %s%s%s", doctor_filesystems[i].name, root, warning ? ": " : "",
			   warning ? warning : "");
		return;
	}
	doctor_add(d, DOCTOR_NOTE, "store", "file system", NULL, "of the unknown type 0x%llx at %s",
		   (unsigned long long)fs.f_type, root);
}

static void doctor_space(struct doctor *d, int fd)
{
	struct statvfs v;
	char free_text[32], all_text[32];
	uint64_t space;

	if (fstatvfs(fd, &v) < 0)
		return;
	space = (uint64_t)v.f_bavail * v.f_frsize;
	doctor_add(d, space < DOCTOR_SPACE_MIN_BYTES ? DOCTOR_WARNING : DOCTOR_OK, "store", "space",
		   space < DOCTOR_SPACE_MIN_BYTES ? "slct gc removes what no image needs; --root names another place"
						  : NULL,
		   "%s of %s free", num_human_size(space, free_text),
		   num_human_size((uint64_t)v.f_blocks * v.f_frsize, all_text));
	if (v.f_files && v.f_favail < DOCTOR_INODES_MIN)
		doctor_add(d, DOCTOR_WARNING, "store", "inodes", "slct gc removes what no image needs",
			   "only %llu of %llu free", (unsigned long long)v.f_favail, (unsigned long long)v.f_files);
}

static void doctor_xattrs(struct doctor *d, int fd)
{
	AUTO_FREE char *name = NULL;
	struct err e = ERR_INIT;
	AUTO_CLOSE int file = -1, dir = openat(fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir >= 0)
		file = tmp_file(dir, "doctor", &name, &e);
	if (file < 0) {
		doctor_add(d, DOCTOR_REFUSED, "store", "writing", e.hint, "%s", e.msg ? e.msg : strerror(errno));
		err_release(&e);
		return;
	}
	if (fsetxattr(file, DOCTOR_XATTR, "1", 1, 0) == 0)
		doctor_add(d, DOCTOR_OK, "store", "user xattrs", NULL, "can be set");
	else
		doctor_add(d, DOCTOR_REFUSED, "store", "user xattrs",
			   "put the store on ext4, xfs, btrfs or, since Linux 6.6, tmpfs",
			   "fsetxattr of a user attribute: %s", strerror(errno));
	unlinkat(dir, name, 0);
}

/* --- forms of layers --- */

/* Forms that this user can enter now: that of recorded owners, whose files are all the store's owner's, that of root,
 * and that of the id map, whether or not a namespace can be made. */
static bool doctor_form_is_ours(const char *form)
{
	struct tier_info t = {.tier = TIER_RANGE};
	struct err e = ERR_INIT;
	bool ours;

	if (strcmp(form, "rec") == 0)
		return true;
	ours = strcmp(form, "real") == 0 ? geteuid() == 0 : idmap_load(&t, &e) == 0 && strcmp(form, t.form) == 0;
	err_release(&e);
	return ours;
}

static uint64_t doctor_count(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_CLOSEDIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *ent;
	uint64_t n = 0;

	while (dir && (ent = readdir(dir)))
		n += ent->d_name[0] != '.';
	return n;
}

static void doctor_form(struct doctor *d, const char *root, const char *form, uint64_t layers)
{
	AUTO_FREE char *remedy = NULL, *name = mem_printf("layers/%s", form);

	if (doctor_form_is_ours(form)) {
		doctor_add(d, DOCTOR_OK, "store", name, NULL, "%llu layers", (unsigned long long)layers);
		return;
	}
	remedy = mem_printf("give the former range back in /etc/subuid and /etc/subgid, or remove them as root: "
			    "rm -rf %s/layers/%s (layers that are wanted are unpacked or built again)",
			    root, form);
	doctor_add(d, DOCTOR_WARNING, "store", name, remedy,
		   "%llu layers of an id map that is not that of uid %u now: they take space and cannot be entered",
		   (unsigned long long)layers, (unsigned)geteuid());
}

static void doctor_forms(struct doctor *d, int fd, const char *root)
{
	int layers = openat(fd, "layers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSEDIR DIR *dir = layers < 0 ? NULL : fdopendir(layers);
	const struct dirent *ent;

	while (dir && (ent = readdir(dir))) {
		uint64_t n;

		/* Beside the forms lie the layers' records. */
		if (ent->d_name[0] == '.' || strchr(ent->d_name, '.'))
			continue;
		n = doctor_count(layers, ent->d_name);
		if (n)
			doctor_form(d, root, ent->d_name, n);
	}
}

void doctor_store_examine(struct doctor *d, struct store *s)
{
	doctor_filesystem(d, store_fd(s), store_root(s));
	doctor_space(d, store_fd(s));
	doctor_xattrs(d, store_fd(s));
	doctor_forms(d, store_fd(s), store_root(s));
}
