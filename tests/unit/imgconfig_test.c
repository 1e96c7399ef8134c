/* Image configurations: Docker's quirks, hostile text, canonical output. */
#include "oci/imgconfig.h"
#include "oci/limits.h"
#include "tests/unit/oci_util.h"

#define DATA "tests/data/imgconfig/"

START_TEST(rejects)
{
	AUTO_STRV struct strv files = {0};

	oci_util_list(DATA "reject", &files);
	for (size_t i = 0; i < files.n; i++) {
		AUTO_BUF struct buf b = BUF_INIT(CONFIG_MAX_BYTES);
		AUTO_IMGCONFIG struct imgconfig c;
		struct err e = ERR_INIT;

		oci_util_read(files.v[i], &b);
		ck_assert_msg(imgconfig_parse(b.p, b.n, &c, ERR_INTEGRITY, &e) == -1, "%s accepted", files.v[i]);
		ck_assert_msg(e.code == ERR_INTEGRITY && strstr(e.msg, "image configuration"), "%s", e.msg);
		err_release(&e);
	}
}
END_TEST

static void load(const char *name, struct imgconfig *c)
{
	AUTO_FREE char *path = mem_printf(DATA "accept/%s", name);
	AUTO_BUF struct buf b = BUF_INIT(CONFIG_MAX_BYTES);
	struct err e = ERR_INIT;

	oci_util_read(path, &b);
	ck_assert_msg(imgconfig_parse(b.p, b.n, c, ERR_INPUT, &e) == 0, "%s: %s", name, e.msg ? e.msg : "");
}

START_TEST(reads_docker)
{
	AUTO_IMGCONFIG struct imgconfig c;

	load("docker.json", &c);
	ck_assert_str_eq(c.platform.arch, "amd64");
	ck_assert_ptr_null(c.author); /* "" */
	ck_assert_uint_eq(c.env.n, 5);
	ck_assert_str_eq(c.env.v[0].key, "PATH");
	ck_assert_str_eq(c.env.v[1].key, "B");
	ck_assert_str_eq(smap_get(&c.env, "B"), "3");
	ck_assert_str_eq(smap_get(&c.env, "EMPTY"), "");
	ck_assert_str_eq(smap_get(&c.env, "EQ"), "a=b");
	ck_assert(!c.has_cmd && c.has_entrypoint && c.has_shell);
	ck_assert_str_eq(c.volumes.v[0], "/data");
	ck_assert_str_eq(c.ports.v[0], "443/tcp");
	ck_assert_str_eq(smap_get(&c.labels, "n"), "");
	ck_assert_str_eq(c.stop_signal, "SIGQUIT");
	ck_assert(c.args_escaped);
	ck_assert_int_eq(c.health->interval, INT64_C(30000000000));
	ck_assert_int_eq(c.health->retries, 3);
	ck_assert_int_eq(c.health->start_interval, 5);
	ck_assert_uint_eq(c.diff_ids.n, 2);
	ck_assert_uint_eq(c.nhistory, 2);
	ck_assert(c.history[1].empty_layer && !c.history[0].empty_layer);
	/* what is not known stays; what tells of the base's own container goes */
	ck_assert_int_eq(json_get_int(c.extra_config, "StopTimeout", 0), 10);
	ck_assert_str_eq(json_get_str(c.extra, "os.version"), "10.0");
	ck_assert_uint_eq(json_len(json_get(json_get(c.extra, "future"), "x")), 2);
	ck_assert_ptr_null(json_get(c.extra, "container_config"));
	ck_assert_ptr_null(json_get(c.extra_config, "Image"));
}
END_TEST

START_TEST(reads_nulls)
{
	AUTO_IMGCONFIG struct imgconfig c, d, m;

	load("null-members.json", &c);
	ck_assert(c.has_cmd && c.cmd.n == 0);
	ck_assert(c.has_entrypoint && c.entrypoint.n == 1);
	ck_assert(!c.has_shell && !c.health && c.env.n == 0 && c.volumes.n == 0);
	load("nulls.json", &d);
	ck_assert_str_eq(d.platform.variant, "v8");
	load("minimal.json", &m);
	ck_assert_uint_eq(m.diff_ids.n, 0);
}
END_TEST

/* Writing is a fixed point: what was written reads and writes the same. */
START_TEST(round_trip)
{
	AUTO_STRV struct strv files = {0};

	oci_util_list(DATA "accept", &files);
	for (size_t i = 0; i < files.n; i++) {
		AUTO_BUF struct buf b = BUF_INIT(CONFIG_MAX_BYTES), one = BUF_INIT(CONFIG_MAX_BYTES),
				    two = BUF_INIT(CONFIG_MAX_BYTES);
		AUTO_IMGCONFIG struct imgconfig c, again, copy;
		struct err e = ERR_INIT;

		oci_util_read(files.v[i], &b);
		ck_assert_int_eq(imgconfig_parse(b.p, b.n, &c, ERR_INPUT, &e), 0);
		imgconfig_write(&c, &one);
		ck_assert_int_eq(imgconfig_parse(one.p, one.n, &again, ERR_INPUT, &e), 0);
		imgconfig_copy(&copy, &again);
		imgconfig_write(&copy, &two);
		ck_assert_str_eq(buf_str(&one), buf_str(&two));
	}
}
END_TEST

/* The bytes are what image ids are made of. */
START_TEST(golden)
{
	AUTO_BUF struct buf b = BUF_INIT(CONFIG_MAX_BYTES), docker = BUF_INIT(CONFIG_MAX_BYTES);
	AUTO_IMGCONFIG struct imgconfig c, base;
	struct platform p = {.os = "linux", .arch = "arm64"};
	struct digest d;

	imgconfig_init(&c, &p);
	c.created = mem_strdup("1980-01-02T00:00:01Z");
	smap_set_str(&c.env, "PATH", "/bin");
	smap_set_str(&c.env, "A", "1");
	c.has_cmd = true;
	strv_add(&c.cmd, "sh");
	c.user = mem_strdup("1000");
	c.workdir = mem_strdup("/");
	imgconfig_add_volume(&c, "/z");
	imgconfig_add_volume(&c, "/a");
	imgconfig_add_volume(&c, "/z");
	imgconfig_add_port(&c, "80/tcp");
	smap_set_str(&c.labels, "z", "1");
	smap_set_str(&c.labels, "a", "2");
	digest_of_bytes("layer", 5, &d);
	vec_push(&c.diff_ids, d);
	imgconfig_add_history(&c, "1980-01-02T00:00:01Z", "RUN true", NULL, false);
	imgconfig_add_history(&c, NULL, "CMD [\"sh\"]", "slct", true);
	imgconfig_write(&c, &b);
	digest_of_bytes(b.p, b.n, &d);
	ck_assert_str_eq(buf_str(&b),
			 "{\"architecture\":\"arm64\",\"config\":{\"Cmd\":[\"sh\"],\"Env\":[\"PATH=/bin\",\"A=1\"],"
			 "\"ExposedPorts\":{\"80/"
			 "tcp\":{}},\"Labels\":{\"a\":\"2\",\"z\":\"1\"},\"User\":\"1000\",\"Volumes\":{\"/a\":{},\"/"
			 "z\":{}},\"WorkingDir\":\"/\"},"
			 "\"created\":\"1980-01-02T00:00:01Z\",\"history\":[{\"created\":\"1980-01-02T00:00:01Z\","
			 "\"created_by\":\"RUN true\"},"
			 "{\"comment\":\"slct\",\"created_by\":\"CMD [\\\"sh\\\"]\",\"empty_layer\":true}],"
			 "\"os\":\"linux\",\"rootfs\":{\"diff_ids\":[\"sha256:"
			 "dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85\"],\"type\":\"layers\"}}");
	load("docker.json", &base);
	imgconfig_write(&base, &docker);
	digest_of_bytes(docker.p, docker.n, &d);
	ck_assert_str_eq(d.text, "sha256:91d7d6fecaeeca18e79cfbbbb3c06d09a95a5068366fbd4251f5fabc92075e69");
}
END_TEST

static const struct {
	const char *created;
	int64_t origin;
} origins[] = {
	{NULL, 315619200},
	{"nonsense", 315619200},
	{"0001-01-01T00:00:00Z", 315619200},
	{"1970-01-01T00:00:00Z", 315619200},
	{"1980-01-01T23:59:59Z", 315619200},
	{"1980-01-02T00:00:01Z", 315619201},
	{"2024-03-12T01:02:03.999999999Z", 1710205323},
	{"2024-03-12T03:02:03+02:00", 1710205323},
	{"2099-12-31T23:59:59Z", 4102444799},
	{"2100-01-01T00:00:01Z", 4102444800},
	{"9999-12-31T23:59:59Z", 4102444800},
};

START_TEST(origin)
{
	AUTO_IMGCONFIG struct imgconfig c;

	imgconfig_init(&c, NULL);
	c.created = mem_strdup_opt(origins[_i].created);
	ck_assert_int_eq(imgconfig_origin(&c), origins[_i].origin);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("imgconfig");
	TCase *t = tcase_create("imgconfig");

	tcase_add_test(t, rejects);
	tcase_add_test(t, reads_docker);
	tcase_add_test(t, reads_nulls);
	tcase_add_test(t, round_trip);
	tcase_add_test(t, golden);
	tcase_add_loop_test(t, origin, 0, (int)ARRAY_LEN(origins));
	suite_add_tcase(s, t);
	return oci_util_run(s);
}
