/* What the tests of oci/ share: running a suite, data files, fresh directories. */
#ifndef SLCT_OCI_UTIL_H
#define SLCT_OCI_UTIL_H

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "src/util/buf.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/path.h"
#include "src/util/vec.h"

/* Names in a directory of test data, sorted. */
static inline void oci_util_list(const char *dir, struct strv *out)
{
	DIR *d = opendir(dir);
	struct dirent *ent;

	ck_assert_msg(d != NULL, "cannot open %s", dir);
	while ((ent = readdir(d))) {
		if (ent->d_name[0] != '.')
			strv_printf(out, "%s/%s", dir, ent->d_name);
	}
	closedir(d);
	strv_sort(out);
	ck_assert_uint_gt(out->n, 0);
}

static inline void oci_util_read(const char *path, struct buf *out)
{
	struct err e = ERR_INIT;

	ck_assert_msg(io_read_file(AT_FDCWD, path, out, &e) == 0, "%s", e.msg ? e.msg : "");
}

/* A new directory; remove it with oci_util_rmdir. */
static inline char *oci_util_mkdir(void)
{
	const char *base = getenv("TMPDIR");
	char *dir = mem_printf("%s/slct-test.XXXXXX", base ? base : "/tmp");

	ck_assert_ptr_nonnull(mkdtemp(dir));
	return dir;
}

static inline void oci_util_rmdir(char *dir)
{
	struct err e = ERR_INIT;

	path_remove_tree(AT_FDCWD, dir, &e);
	err_release(&e);
	free(dir);
}

static inline int oci_util_run(Suite *s)
{
	SRunner *r = srunner_create(s);
	int failed;

	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}

#endif
