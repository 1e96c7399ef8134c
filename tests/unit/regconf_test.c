/* containers-registries.conf(5): which places a name is read from, what is refused. */
#include "registry/regconf.h"

#include <string.h>

#include "src/util/mem.h"
#include "tests/unit/unit.h"

#define D "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const char config[] = "unqualified-search-registries = [\"other.example\"]\n"
			     "[[registry]]\nprefix = \"docker.io\"\nlocation = \"hub.example\"\n"
			     "[[registry.mirror]]\nlocation = \"mirror.example:5000/hub/\"\ninsecure = true\n"
			     "[[registry.mirror]]\nlocation = \"tags.example\"\npull-from-mirror = \"tag-only\"\n"
			     "[[registry.mirror]]\nlocation = \"digests.example\"\npull-from-mirror = \"digest-only\"\n"
			     "[[registry]]\nprefix = \"docker.io/library/debian\"\n"
			     "[[registry]]\nlocation = \"bad.example\"\nblocked = true\n"
			     "[[registry]]\nprefix = \"*.internal.example\"\ninsecure = true\n"
			     "[[registry.mirror]]\nlocation = \"near.example/i\"\n"
			     "[[registry]]\nlocation = \"digest.example/team\"\nmirror-by-digest-only = true\n"
			     "[[registry.mirror]]\nlocation = \"near.example\"\n";

static struct regconf *loaded(void)
{
	struct regconf *c = regconf_new();
	struct err e = ERR_INIT;

	unit_ok(regconf_load_text(c, sv_from(config), "r.conf", &e), e);
	return c;
}

static const struct {
	const char *name, *places; /* separated by blanks; NULL: blocked */
} lookups[] = {
	{"busybox:1",
	 "mirror.example:5000/hub/library/busybox:1 tags.example/library/busybox:1 hub.example/library/busybox:1"},
	{"busybox@" D, "mirror.example:5000/hub/library/busybox@" D " digests.example/library/busybox@" D
		       " hub.example/library/busybox@" D},
	{"debian:12", "docker.io/library/debian:12"},
	{"docker.io/library/debian-x:1", "mirror.example:5000/hub/library/debian-x:1 tags.example/library/debian-x:1 "
					 "hub.example/library/debian-x:1"},
	{"bad.example/a/b:1", NULL},
	{"bad.example:5000/a/b:1", "bad.example:5000/a/b:1"},
	{"notbad.example/a:1", "notbad.example/a:1"},
	{"a.internal.example/x/y:2", "near.example/i/x/y:2 a.internal.example/x/y:2"},
	{"internal.example/x/y:2", "internal.example/x/y:2"},
	{"digest.example/team/x:1", "digest.example/team/x:1"},
	{"digest.example/team/x@" D, "near.example/x@" D " digest.example/team/x@" D},
	{"digest.example/teamwork/x@" D, "digest.example/teamwork/x@" D},
	{"other.example/x:1", "other.example/x:1"},
};

START_TEST(places)
{
	struct regconf *c = loaded();

	for (size_t i = 0; i < ARRAY_LEN(lookups); i++) {
		AUTO_REF struct ref ref = {0};
		AUTO_REGCONF_PLACES struct regconf_places p = {0};
		AUTO_STRV struct strv got = {0};
		AUTO_FREE char *text = NULL;
		struct err e = ERR_INIT;

		unit_ok(ref_parse(lookups[i].name, &ref, &e), e);
		if (!lookups[i].places) {
			ck_assert_int_eq(regconf_places(c, &ref, &p, &e), -1);
			unit_failed(e, ERR_REGISTRY, "blocked");
			ck_assert_int_eq(regconf_writable(c, &ref, &e), -1);
			unit_failed(e, ERR_REGISTRY, "blocked");
			continue;
		}
		unit_ok(regconf_places(c, &ref, &p, &e), e);
		unit_ok(regconf_writable(c, &ref, &e), e);
		for (size_t k = 0; k < p.n; k++)
			strv_take(&got, ref_format(&p.v[k]));
		text = strv_join(&got, " ");
		ck_assert_str_eq(text, lookups[i].places);
	}
	regconf_free(c);
}
END_TEST

START_TEST(insecure)
{
	struct regconf *c = loaded();

	ck_assert(regconf_insecure(c, "mirror.example:5000", "hub/library/busybox"));
	ck_assert(!regconf_insecure(c, "mirror.example:5000", "other"));
	ck_assert(!regconf_insecure(c, "mirror.example", "hub/x"));
	ck_assert(regconf_insecure(c, "a.internal.example", "x"));
	ck_assert(!regconf_insecure(c, "internal.example", "x"));
	ck_assert(!regconf_insecure(c, "docker.io", "library/busybox"));
	ck_assert(!regconf_insecure(NULL, "docker.io", "library/busybox"));
	regconf_free(c);
}
END_TEST

START_TEST(later_replaces)
{
	struct regconf *c = loaded();
	AUTO_REF struct ref ref = {0};
	AUTO_REGCONF_PLACES struct regconf_places p = {0};
	struct err e = ERR_INIT;

	unit_ok(regconf_load_text(c, SV("[[registry]]\nprefix = \"docker.io\"\n"), "later.conf", &e), e);
	unit_ok(ref_parse("busybox:1", &ref, &e), e);
	unit_ok(regconf_places(c, &ref, &p, &e), e);
	ck_assert_uint_eq(p.n, 1);
	regconf_free(c);
}
END_TEST

START_TEST(refuses)
{
	/* clang-format off */
	static const char *const bad[] = {
		"[[registry]]\n",
		"[[registry]]\nlocation = 1\n",
		"[[registry]]\nlocation = \"https://x.example\"\n",
		"[[registry]]\nlocation = \"user@x.example\"\n",
		"[[registry]]\nlocation = \"x y\"\n",
		"[[registry]]\nlocation = \"x.example\"\nblocked = \"no\"\n",
		"[[registry]]\nlocation = \"x.example\"\n[[registry.mirror]]\n",
		"[[registry]]\nlocation = \"x.example\"\n[[registry.mirror]]\nlocation = \"y.example\"\npull-from-mirror = \"no\"\n",
		"[registries.search]\nregistries = []\n",
		"[[registry]\n",
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct regconf *c = regconf_new();
		struct err e = ERR_INIT;

		ck_assert_msg(regconf_load_text(c, sv_from(bad[i]), "r.conf", &e) == -1, "%s", bad[i]);
		ck_assert_int_eq(e.code, ERR_INPUT);
		err_release(&e);
		regconf_free(c);
	}
}
END_TEST

UNIT_MAIN("regconf", places, insecure, later_replaces, refuses)
