#include "src/cli/dbenv.h"

#include "src/util/io.h"
#include "src/util/mem.h"

#define DBENV_JSON	0
#define DBENV_CONF	1
#define DBENV_SH	2
#define DBENV_CONTAINER "test_container"
/* The test container is in the network of the host. */
#define DBENV_ADDRESS "127.0.0.1"

const char *const dbenv_files[] = {[DBENV_JSON] = "environment_info.json",
				   [DBENV_CONF] = "environment_info.conf",
				   [DBENV_SH] = "environment_info.sh",
				   NULL};

static struct json *dbenv_ports(const struct dbtest_place *p)
{
	struct json *j = json_new_object();

	json_set_int(j, "_database", p->port);
	json_set_int(j, "_bucketfs_http", p->bucketfs_port);
	json_set_int(j, "_bucketfs_https", p->bucketfs_https_port);
	json_set(j, "_ssh", p->ssh_port ? json_new_int(p->ssh_port) : json_new_null());
	return j;
}

static struct json *dbenv_database(const struct dbtest_place *p)
{
	struct json *j = json_new_object();

	json_set_str(j, "host", p->host);
	json_set(j, "ports", dbenv_ports(p));
	json_set_bool(j, "reused", false);
	json_set(j, "container_info", json_new_null());
	json_set(j, "ssh_info", json_new_null());
	json_set(j, "forwarded_ports", json_new_null());
	return j;
}

static struct json *dbenv_network(void)
{
	struct json *j = json_new_object();

	json_set_str(j, "network_name", "host");
	json_set_str(j, "gateway", DBENV_ADDRESS);
	json_set_str(j, "subnet", "127.0.0.0/8");
	json_set_bool(j, "reused", false);
	return j;
}

static struct json *dbenv_container(const char *name)
{
	struct json *j = json_new_object(), *aliases = json_new_array();
	AUTO_FREE char *own = mem_printf(DBENV_CONTAINER "_%s", name);

	json_set_str(j, "container_name", own);
	json_set_str(j, "ip_address", DBENV_ADDRESS);
	json_append(aliases, json_new_str(DBENV_CONTAINER));
	json_append(aliases, json_new_str(own));
	json_set(j, "network_aliases", aliases);
	json_set(j, "network_info", dbenv_network());
	json_set(j, "volume_name", json_new_null());
	return j;
}

struct json *dbenv_json(const struct dbenv *env)
{
	struct json *j = json_new_object();

	json_set_str(j, "name", env->name);
	json_set_str(j, "type", "external_db");
	json_set(j, "database_info", dbenv_database(env->place));
	json_set(j, "test_container_info", dbenv_container(env->name));
	json_set(j, "network_info", dbenv_network());
	return j;
}

void dbenv_lines(const struct dbenv *env, const char *prefix, struct buf *out)
{
	const struct dbtest_place *p = env->place;
	AUTO_FREE char *container = mem_printf(DBENV_CONTAINER "_%s", env->name);
	AUTO_FREE char *aliases = mem_printf("\"" DBENV_CONTAINER " %s\"", container);
	AUTO_FREE char *port = mem_printf("%u", p->port), *http = mem_printf("%u", p->bucketfs_port);
	AUTO_FREE char *https = mem_printf("%u", p->bucketfs_https_port);
	AUTO_FREE char *ssh = p->ssh_port ? mem_printf("%u", p->ssh_port) : mem_strdup("");
	const char *const rows[][2] = {
		{"NAME", env->name},
		{"TYPE", "external_db"},
		{"DATABASE_HOST", p->host},
		{"DATABASE_DB_PORT", port},
		{"DATABASE_BUCKETFS_PORT", http},
		{"DATABASE_BUCKETFS_HTTP_PORT", http},
		{"DATABASE_BUCKETFS_HTTPS_PORT", https},
		{"DATABASE_SSH_PORT", ssh},
		{"TEST_CONTAINER_NAME", container},
		{"TEST_CONTAINER_NETWORK_ALIASES", aliases},
		{"TEST_CONTAINER_IP_ADDRESS", DBENV_ADDRESS},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		buf_printf(out, "%sITDE_%s=%s\n", prefix, rows[i][0], rows[i][1]);
}

static int dbenv_put(const char *dir, const char *name, const struct buf *text, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/%s", dir, name);

	return io_write_output(path, buf_str(text), text->n, e);
}

int dbenv_write(const struct dbenv *env, const char *dir, struct err *e)
{
	AUTO_BUF struct buf json = BUF_INIT(BUF_TEXT_MAX), conf = BUF_INIT(BUF_TEXT_MAX), sh = BUF_INIT(BUF_TEXT_MAX);
	AUTO_JSON struct json *j = dbenv_json(env);

	json_write_pretty(j, &json);
	dbenv_lines(env, "", &conf);
	dbenv_lines(env, "export ", &sh);
	return dbenv_put(dir, dbenv_files[DBENV_JSON], &json, e) || dbenv_put(dir, dbenv_files[DBENV_CONF], &conf, e) ||
			       dbenv_put(dir, dbenv_files[DBENV_SH], &sh, e)
		       ? -1
		       : 0;
}
