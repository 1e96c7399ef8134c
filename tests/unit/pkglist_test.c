/* Databases of package managers. */
#include "src/image/pkglist.h"

#include "tests/unit/cache_util.h"

static void has(const struct smap *m, const char *name, const char *version)
{
	const char *v = smap_get(m, name);

	ck_assert_msg(version ? v && strcmp(v, version) == 0 : !v, "%s: %s", name, v ? v : "(none)");
}

START_TEST(dpkg)
{
	AUTO_SMAP struct smap m = SMAP_STR;

	pkglist_dpkg(
		sv_from("Package: a\nStatus: install ok installed\nVersion: 1:2.0-1\nDescription: x\n Package: y\n\n"
			"Package: b\nStatus: deinstall ok config-files\nVersion: 1\n\n"
			"Package: a\nStatus: install ok installed\nArchitecture: i386\nVersion: 3\n\n"
			"Package: half\nStatus: install ok half-installed\nVersion: 1\n\n"
			"Package: none\nVersion: 4"),
		&m);
	has(&m, "a", "1:2.0-1");
	has(&m, "a:i386", "3");
	has(&m, "b", NULL);
	has(&m, "half", NULL);
	has(&m, "y", NULL);
	has(&m, "none", "4"); /* as in status.d */
	pkglist_dpkg(SV_NULL, &m);
	pkglist_dpkg(SV("\n\nPackage:\nVersion:\n"), &m);
	ck_assert_uint_eq(m.n, 3);
}
END_TEST

START_TEST(apk)
{
	AUTO_SMAP struct smap m = SMAP_STR;

	pkglist_apk(SV("C:x\nP:musl\nV:1.2-r0\nF:lib\n\nP:zlib\nV:1\n"), &m);
	has(&m, "musl", "1.2-r0");
	has(&m, "zlib", "1");
	ck_assert_uint_eq(m.n, 2);
}
END_TEST

START_TEST(rpm)
{
	AUTO_SMAP struct smap m = SMAP_STR;

	pkglist_rpm(
		SV("glibc\t2.35-4.cm2\t1683000000\t1682000000\tMicrosoft Corporation\t(none)\t1\tx86_64\t0\tx.src.rpm\n"
		   "zlib\t1.2.13-1.cm2\n\nbroken\n\t1\n"),
		&m);
	has(&m, "glibc", "2.35-4.cm2");
	has(&m, "zlib", "1.2.13-1.cm2");
	ck_assert_uint_eq(m.n, 2);
}
END_TEST

START_TEST(pip)
{
	AUTO_SMAP struct smap m = SMAP_STR;

	ck_assert(pkglist_pip("six-1.16.0.dist-info", &m));
	ck_assert(pkglist_pip("Old-2.0-py3.11.egg-info", &m));
	ck_assert(!pkglist_pip("six", &m));
	ck_assert(!pkglist_pip(".dist-info", &m));
	ck_assert(!pkglist_pip("-1.dist-info", &m));
	has(&m, "six", "1.16.0");
	has(&m, "Old", "2.0");
	ck_assert_uint_eq(m.n, 2);
}
END_TEST

UNIT_MAIN("pkglist", dpkg, apk, rpm, pip)
