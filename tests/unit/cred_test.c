/* Credentials from configuration files. */
#include "registry/cred.h"
#include "src/util/log.h"
#include "src/util/mem.h"
#include "tests/unit/registry_util.h"

static void cred_freep(struct cred_store **s)
{
	cred_free(*s);
}
#define STORE(name) struct cred_store *name __attribute__((cleanup(cred_freep))) = cred_new()

START_TEST(keys)
{
	static const struct {
		const char *text, *key;
	} t[] = {{"https://index.docker.io/v1/", "docker.io"},
		 {"http://h:5000/", "h:5000"},
		 {"h.example/v2", "h.example"},
		 {"h.example/team/v2", "h.example/team/v2"},
		 {"registry-1.docker.io", "docker.io"}};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		AUTO_FREE char *key = cred_key(t[i].text);

		ck_assert_str_eq(key, t[i].key);
	}
}
END_TEST

/* users: host1, scoped, deeper, hub, plain */
static const char config[] = "{\"auths\": {"
			     "  \"reg.example\": {\"auth\": \"aG9zdDE6cHcxLXNlY3JldA==\"},"
			     "  \"reg.example/team\": {\"auth\": \"c2NvcGVkOnB3Mg==\"},"
			     "  \"reg.example/team/app\": {\"auth\": \"ZGVlcGVyOnB3Mzp4\"},"
			     "  \"https://index.docker.io/v1/\": {\"auth\": \"aHViOnB3NA==\"},"
			     "  \"http://127.0.0.1:5000\": {\"username\": \"plain\", \"password\": \"pw5\"},"
			     "  \"tok.example\": {\"identitytoken\": \"idtoken-1\"},"
			     "  \"empty.example\": {}},"
			     " \"credHelpers\": {\"gcr.example\": \"gcloud\"},"
			     " \"credsStore\": \"desktop\"}";

static const struct {
	const char *host, *repo, *user, *password, *helper;
} lookups[] = {
	{"reg.example", "x", "host1", "pw1-secret", NULL},
	{"reg.example", NULL, "host1", "pw1-secret", NULL},
	{"reg.example", "team", "scoped", "pw2", NULL},
	{"reg.example", "team/other", "scoped", "pw2", NULL},
	{"reg.example", "teamwork", "host1", "pw1-secret", NULL},
	{"reg.example", "team/app", "deeper", "pw3:x", NULL},
	{"reg.example", "team/app/sub", "deeper", "pw3:x", NULL},
	{"docker.io", "library/debian", "hub", "pw4", NULL},
	{"127.0.0.1:5000", "demo", "plain", "pw5", NULL},
	{"127.0.0.1:5001", "demo", NULL, NULL, "desktop"},
	{"127.0.0.1", "demo", NULL, NULL, "desktop"},
	{"gcr.example", "demo", NULL, NULL, "gcloud"},
	{"empty.example", "demo", NULL, NULL, "desktop"},
	{"evil-reg.example", "team", NULL, NULL, "desktop"},
	{"reg.example.evil", "team", NULL, NULL, "desktop"},
};

START_TEST(finds_best)
{
	STORE(s);
	struct err e = ERR_INIT;

	unit_ok(cred_load_text(s, SV(config), "config.json", &e), e);
	for (size_t i = 0; i < ARRAY_LEN(lookups); i++) {
		AUTO_CRED struct cred c = {0};

		cred_find(s, lookups[i].host, lookups[i].repo, &c);
		ck_assert_pstr_eq(c.username, lookups[i].user);
		ck_assert_pstr_eq(c.password, lookups[i].password);
		ck_assert_pstr_eq(c.helper, lookups[i].helper);
		ck_assert_int_eq(cred_is_set(&c), lookups[i].user != NULL);
	}
}
END_TEST

START_TEST(identity_token)
{
	STORE(s);
	AUTO_CRED struct cred c = {0};
	struct err e = ERR_INIT;

	unit_ok(cred_load_text(s, SV(config), "config.json", &e), e);
	cred_find(s, "tok.example", "x", &c);
	ck_assert_str_eq(c.identity_token, "idtoken-1");
	ck_assert(cred_is_set(&c));
}
END_TEST

START_TEST(refuses_broken)
{
	static const char *const bad[] = {"{", "[]x", "{\"auths\": {\"h\": {\"auth\": \"!!\"}}}",
					  "{\"auths\": {\"h\": {\"auth\": \"bm9jb2xvbg==\"}}}"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		STORE(s);
		struct err e = ERR_INIT;

		ck_assert_msg(cred_load_text(s, sv_from(bad[i]), "my.json", &e) == -1, "%s", bad[i]);
		ck_assert_ptr_null(strstr(e.msg, "bm9jb2xvbg"));
		unit_failed(e, ERR_INPUT, "my.json");
	}
}
END_TEST

static void write_login(const char *dir, const char *name, const char *host, const char *user)
{
	AUTO_FREE char *text =
		mem_printf("{\"auths\": {\"%s\": {\"username\": \"%s\", \"password\": \"xxxx\"}}}", host, user);
	AUTO_FREE char *path = mem_printf("%s/%s", dir, name);
	char *slash = strrchr(path, '/');
	struct err e = ERR_INIT;

	*slash = 0;
	close(path_mkdirs_in(AT_FDCWD, path, 0700, (uid_t)-1, (gid_t)-1, &e));
	err_release(&e);
	*slash = '/';
	ru_write(dir, name, text);
}

static void assert_user(const char *host, const char *user)
{
	STORE(s);
	AUTO_CRED struct cred c = {0};
	struct err e = ERR_INIT;

	unit_ok(cred_load_env(s, &e), e);
	cred_find(s, host, "x", &c);
	ck_assert_pstr_eq(c.username, user);
}

/* Each place that is found before the others wins; a place without an entry for the host does not count. */
START_TEST(places_in_order)
{
	UNIT_DIR(d);
	AUTO_FREE char *config_dir = mem_printf("%s/conf", d.path), *run = mem_printf("%s/run", d.path);
	AUTO_FREE char *file = mem_printf("%s/file.json", d.path);

	ck_assert_int_eq(mkdirat(d.fd, ".config", 0700) | mkdirat(d.fd, ".config/containers", 0700) |
				 mkdirat(d.fd, "run", 0700) | mkdirat(d.fd, "run/containers", 0700) |
				 mkdirat(d.fd, "conf", 0700) | mkdirat(d.fd, ".docker", 0700),
			 0);
	ru_clean_env(d.path);
	assert_user("h", NULL);
	write_login(d.path, ".config/containers/auth.json", "h", "six");
	assert_user("h", "six");
	write_login(d.path, "run/containers/auth.json", "h", "five");
	setenv("XDG_RUNTIME_DIR", run, 1);
	assert_user("h", "five");
	write_login(d.path, ".docker/config.json", "h", "four");
	assert_user("h", "four");
	write_login(d.path, "conf/config.json", "h", "three");
	setenv("DOCKER_CONFIG", config_dir, 1);
	assert_user("h", "three");
	setenv("DOCKER_AUTH_CONFIG", " {\"auths\": {\"h\": {\"auth\": \"dHdvOnB3\"}}}", 1);
	assert_user("h", "two");
	write_login(d.path, "file.json", "h", "one");
	setenv("REGISTRY_AUTH_FILE", file, 1);
	assert_user("h", "one");
	write_login(d.path, "file.json", "other", "one");
	assert_user("h", "two");
	ru_write(d.path, "file.json", "");
	assert_user("h", "two");
}
END_TEST

START_TEST(option_comes_first)
{
	STORE(s);
	AUTO_CRED struct cred a = {0}, b = {0}, c = {0};
	struct err e = ERR_INIT;

	unit_ok(cred_load_text(s, SV(config), "config.json", &e), e);
	cred_set_option(s, "reg.example", "me", "mine");
	cred_find(s, "reg.example", "team/app", &a);
	ck_assert_str_eq(a.username, "me");
	cred_find(s, "docker.io", "x", &b);
	ck_assert_str_eq(b.username, "hub");
	cred_find(s, "nowhere", "x", &c);
	ck_assert_str_eq(c.helper, "desktop");
}
END_TEST

/* Nothing secret in the log, whatever spelling. */
START_TEST(secrets_are_masked)
{
	STORE(s);
	AUTO_FREE char *masked = NULL;
	static const char line[] = "x pw1-secret y aG9zdDE6cHcxLXNlY3JldA== z idtoken-1";
	struct err e = ERR_INIT;

	unit_ok(cred_load_text(s, SV(config), "config.json", &e), e);
	masked = log_mask(line, strlen(line), false);
	ck_assert_str_eq(masked, "x *** y *** z ***");
}
END_TEST

UNIT_MAIN("cred", keys, finds_best, identity_token, refuses_broken, places_in_order, option_comes_first,
	  secrets_are_masked)
