#include "src/image/imgpkg.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "src/image/pkglist.h"
#include "src/image/rpmdb.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/path.h"

/* A package manager's database: Debian's with all packages installed has some 60 MB. */
#define DATABASE_MAX_BYTES ((size_t)128 << 20)

static const char *const manager_names[IMGPKG_MANAGERS] = {
	[IMGPKG_DPKG] = "dpkg", [IMGPKG_APK] = "apk", [IMGPKG_RPM] = "rpm", [IMGPKG_PIP] = "pip"};

static bool read_text(const struct imgpkg *p, const char *path, struct buf *out)
{
	AUTO_CLOSE int fd = path_open_in(p->root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct err e = ERR_INIT;
	bool ok = fd >= 0 && io_read_all(fd, out, path, &e) == 0;

	err_release(&e);
	return ok;
}

static void read_status_dir(struct imgpkg *p)
{
	AUTO_CLOSE int fd = path_open_in(p->root, "var/lib/dpkg/status.d", O_RDONLY | O_DIRECTORY, 0);
	AUTO_CLOSEDIR DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *ent;

	if (d)
		STEAL_FD(fd);
	while (d && (ent = readdir(d))) {
		AUTO_FREE char *path = mem_printf("var/lib/dpkg/status.d/%s", ent->d_name);
		AUTO_BUF struct buf text = BUF_INIT(DATABASE_MAX_BYTES);

		if (ent->d_name[0] != '.' && !strstr(ent->d_name, ".md5sums") && read_text(p, path, &text))
			pkglist_dpkg(buf_sv(&text), &p->packages[IMGPKG_DPKG]);
	}
}

static bool is_empty(const struct imgpkg *p, const char *path)
{
	AUTO_CLOSE int fd = path_open_in(p->root, path, O_PATH, 0);
	struct stat st;

	return fd < 0 || (fstat(fd, &st) == 0 && st.st_size == 0);
}

/* What has not been copied from the write-ahead log into the database is not in it. */
static bool read_rpm_sqlite(struct imgpkg *p, const char *dir)
{
	AUTO_FREE char *file = mem_printf("%s/rpmdb.sqlite", dir), *log = mem_printf("%s-wal", file);
	AUTO_BUF struct buf db = BUF_INIT(DATABASE_MAX_BYTES);

	return is_empty(p, log) && read_text(p, file, &db) && rpmdb_sqlite(db.p, db.n, &p->packages[IMGPKG_RPM]) == 0;
}

/* One of the two directories may be a link to the other one. */
static void read_rpm(struct imgpkg *p)
{
	static const char *const dirs[] = {"var/lib/rpm", "usr/lib/sysimage/rpm"};

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		if (read_rpm_sqlite(p, dirs[i]))
			return;
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		AUTO_CLOSE int fd = path_open_in(p->root, dirs[i], O_PATH | O_DIRECTORY, 0);

		p->rpm |= fd >= 0;
	}
}

void imgpkg_read(struct imgpkg *p, int root)
{
	AUTO_BUF struct buf dpkg = BUF_INIT(DATABASE_MAX_BYTES), apk = BUF_INIT(DATABASE_MAX_BYTES);
	AUTO_BUF struct buf list = BUF_INIT(DATABASE_MAX_BYTES);

	p->root = root;
	for (size_t m = 0; m < IMGPKG_MANAGERS; m++)
		p->packages[m] = SMAP_STR;
	if (read_text(p, "var/lib/dpkg/status", &dpkg))
		pkglist_dpkg(buf_sv(&dpkg), &p->packages[IMGPKG_DPKG]);
	read_status_dir(p);
	if (read_text(p, "lib/apk/db/installed", &apk))
		pkglist_apk(buf_sv(&apk), &p->packages[IMGPKG_APK]);
	if (read_text(p, "var/lib/rpmmanifest/container-manifest-2", &list))
		pkglist_rpm(buf_sv(&list), &p->packages[IMGPKG_RPM]);
	else
		read_rpm(p);
}

static struct json *versions(const char *was, const char *is)
{
	struct json *list = json_array();

	json_append(list, json_new_str(was));
	json_append(list, json_new_str(is));
	return list;
}

static struct json *diff_packages(const struct smap *from, const struct smap *to)
{
	struct json *j = json_object(), *added = json_object(), *removed = json_object(), *changed = json_object();

	for (size_t i = 0; i < to->n; i++) {
		const char *was = smap_get(from, to->v[i].key), *is = to->v[i].val;

		if (!was)
			json_set_str(added, to->v[i].key, is);
		else if (strcmp(was, is) != 0)
			json_set(changed, to->v[i].key, versions(was, is));
	}
	for (size_t i = 0; i < from->n; i++)
		if (!smap_has(to, from->v[i].key))
			json_set_str(removed, from->v[i].key, from->v[i].val);
	json_set(j, "added", added);
	json_set(j, "removed", removed);
	json_set(j, "changed", changed);
	return j;
}

void imgpkg_diff(const struct imgpkg *from, const struct imgpkg *to, struct json *out)
{
	struct json *all = json_object(), *notes = json_array();

	for (size_t m = 0; m < IMGPKG_MANAGERS; m++)
		if (from->packages[m].n || to->packages[m].n)
			json_set(all, manager_names[m], diff_packages(&from->packages[m], &to->packages[m]));
	if (from->rpm || to->rpm)
		json_append(notes,
			    json_new_str("rpm's database is not in SQLite's form, or not whole: its packages are "
					 "not compared; slct run IMAGE rpm -qa lists them"));
	json_set(out, "packages", all);
	json_set(out, "notes", notes);
}
