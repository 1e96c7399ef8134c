/* What the tests of registry/ share: stores with a made image, a real docker-registry as a child. */
#ifndef SLCT_REGISTRY_UTIL_H
#define SLCT_REGISTRY_UTIL_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "oci/imgconfig.h"
#include "oci/store.h"
#include "registry/registry.h"
#include "src/util/clock.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/smap.h"
#include "tests/unit/unit.h"

#define RU_LAYERS      3
#define RU_LAYER_BYTES ((size_t)300000)

/* A store in a directory of its own, with an image of RU_LAYERS layers once ru_image() made it. */
struct ru_store {
	struct unit_dir dir;
	struct store *s;
};

static inline struct ru_store ru_store_make(void)
{
	struct ru_store r = {.dir = unit_dir_make()};
	struct err e = ERR_INIT;
	AUTO_FREE char *root = mem_printf("%s/store", r.dir.path);

	r.s = store_open(root, &e);
	ck_assert_msg(r.s != NULL, "%s", e.msg ? e.msg : "");
	return r;
}

static inline void ru_store_release(struct ru_store *r)
{
	store_close(r->s);
	unit_dir_release(&r->dir);
}

#define RU_STORE(name) struct ru_store name __attribute__((cleanup(ru_store_release))) = ru_store_make()

/* Bytes that do not repeat, by a linear congruence. */
static inline void ru_noise(uint32_t seed, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525u + 1013904223u;
		buf_char_add(out, (char)(seed >> 24));
	}
}

struct ru_image {
	struct manifest m;
	struct descriptor desc; /* of the manifest */
};

static inline void ru_image_release(struct ru_image *i)
{
	manifest_release(&i->m);
	descriptor_release(&i->desc);
}

/* An image whose layers are noise (nobody unpacks them here). */
static inline struct ru_image ru_image_make(struct store *s, uint32_t seed)
{
	struct ru_image i = {.m.media_type = mem_strdup(MEDIATYPE_OCI_MANIFEST)};
	AUTO_IMGCONFIG struct imgconfig c;
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	struct platform p;
	struct err e = ERR_INIT;

	platform_host(&p);
	imgconfig_init(&c, &p);
	c.author = mem_printf("%u", seed);
	for (uint32_t k = 0; k < RU_LAYERS; k++) {
		AUTO_BUF struct buf layer = BUF_INIT(BUF_TEXT_MAX);
		AUTO_DESCRIPTOR struct descriptor d = {0};

		ru_noise(seed + k, RU_LAYER_BYTES, &layer);
		unit_ok(store_blob_put(s, layer.p, layer.n, MEDIATYPE_OCI_LAYER_GZIP, &d, &e), e);
		manifest_add_layer(&i.m, &d);
	}
	imgconfig_write(&c, &text);
	unit_ok(store_blob_put(s, text.p, text.n, MEDIATYPE_OCI_CONFIG, &i.m.config, &e), e);
	buf_clear(&text);
	manifest_write(&i.m, &text);
	unit_ok(store_blob_put(s, text.p, text.n, MEDIATYPE_OCI_MANIFEST, &i.desc, &e), e);
	return i;
}

#define RU_IMAGE(name, store, seed)                                                                                    \
	struct ru_image name __attribute__((cleanup(ru_image_release))) = ru_image_make(store, seed)

/* A loopback port that nobody listens at. */
static inline int ru_free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, n), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	close(fd);
	return ntohs(a.sin_port);
}

static inline bool ru_listens(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc;

	a.sin_port = htons((uint16_t)port);
	rc = connect(fd, (struct sockaddr *)&a, sizeof(a));
	close(fd);
	return !rc;
}

/* No file of the person who runs the tests decides about logins. */
static inline void ru_clean_env(const char *home)
{
	static const char *const names[] = {"REGISTRY_AUTH_FILE", "DOCKER_AUTH_CONFIG", "DOCKER_CONFIG",
					    "http_proxy",	  "https_proxy",	"HTTPS_PROXY",
					    "all_proxy",	  "ALL_PROXY",		"XDG_RUNTIME_DIR"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unsetenv(names[i]);
	setenv("HOME", home, 1);
}

static inline void ru_write(const char *dir, const char *name, const char *text)
{
	AUTO_FREE char *path = mem_printf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

/* docker-registry on a loopback port, killed at the end of the scope (and with this process). */
struct ru_registry {
	struct unit_dir dir;
	pid_t pid;
	int port;
	char host[32];
};

static inline void ru_registry_child(const char *dir, pid_t parent)
{
	AUTO_FREE char *config = mem_printf("%s/config.yml", dir);
	AUTO_FREE char *log = mem_printf("%s/log", dir);
	int fd = open(log, O_WRONLY | O_CREAT, 0600);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	dup2(fd, 1);
	dup2(fd, 2);
	execlp("docker-registry", "docker-registry", "serve", config, (char *)NULL);
	_exit(127);
}

static inline void ru_registry_config(const struct ru_registry *r, const char *tls, const char *auth)
{
	AUTO_FREE char *text =
		mem_printf("version: 0.1\n"
			   "log: {level: error}\n"
			   "storage:\n  filesystem: {rootdirectory: %s/data}\n  delete: {enabled: true}\n"
			   "http:\n  addr: '127.0.0.1:%d'\n%s%s",
			   r->dir.path, r->port, tls, auth);

	ru_write(r->dir.path, "config.yml", text);
}

/* tls: a line of YAML below "http", or "". */
static inline struct ru_registry ru_registry_start(const char *tls, const char *htpasswd)
{
	struct ru_registry r = {.dir = unit_dir_make(), .port = ru_free_port()};
	AUTO_FREE char *auth = mem_printf("auth: {htpasswd: {realm: test, path: %s/htpasswd}}\n", r.dir.path);
	pid_t parent = getpid();
	int status;

	snprintf(r.host, sizeof(r.host), "127.0.0.1:%d", r.port);
	if (htpasswd)
		ru_write(r.dir.path, "htpasswd", htpasswd);
	ru_registry_config(&r, tls, htpasswd ? auth : "");
	r.pid = fork();
	if (!r.pid)
		ru_registry_child(r.dir.path, parent);
	for (int i = 0; i < 1000 && !ru_listens(r.port); i++) {
		ck_assert_msg(waitpid(r.pid, &status, WNOHANG) == 0, "docker-registry does not start");
		usleep(10000);
	}
	ck_assert_msg(ru_listens(r.port), "docker-registry does not listen");
	return r;
}

static inline void ru_registry_stop(struct ru_registry *r)
{
	if (r->pid > 0) {
		kill(r->pid, SIGKILL);
		waitpid(r->pid, NULL, 0);
		unit_dir_release(&r->dir);
	}
	r->pid = 0;
}

#define RU_REGISTRY(name, htpasswd)                                                                                    \
	struct ru_registry name __attribute__((cleanup(ru_registry_stop))) = ru_registry_start("", htpasswd)

static inline bool ru_have_docker_registry(void)
{
	return !access("/usr/bin/docker-registry", X_OK);
}

static inline struct ref ru_ref(const char *host, const char *rest)
{
	AUTO_FREE char *text = mem_printf("%s/%s", host, rest);
	struct ref r;
	struct err e = ERR_INIT;

	unit_ok(ref_parse(text, &r, &e), e);
	return r;
}

static inline void ru_client_release(struct registry **r)
{
	registry_free(*r);
}

static inline struct registry *ru_client(const struct registry_opts *o)
{
	struct err e = ERR_INIT;
	struct registry *r = registry_new(o, &e);

	ck_assert_msg(r != NULL, "%s", e.msg ? e.msg : "");
	return r;
}

#define RU_CLIENT(name, opts) struct registry *name __attribute__((cleanup(ru_client_release))) = ru_client(opts)

/* All blobs of a manifest into a store. */
static inline int ru_fetch(struct registry *r, const struct ref *ref, const struct manifest *m, struct store *s,
			   struct err *e)
{
	const struct descriptor *list[RU_LAYERS + 1] = {&m->config};

	for (size_t i = 0; i < m->nlayers; i++)
		list[i + 1] = &m->layers[i];
	return registry_fetch_blobs(r, ref, list, m->nlayers + 1, s, NULL, e);
}

/* Every blob of the manifest is in the store with its right bytes. */
static inline void ru_assert_whole(struct store *s, const struct manifest *m)
{
	struct err e = ERR_INIT;

	for (size_t i = 0; i < m->nlayers; i++) {
		AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);

		unit_ok(store_blob_read(s, &m->layers[i].digest, BUF_TEXT_MAX, &b, &e), e);
	}
}

#endif
