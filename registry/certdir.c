/* Certificates per registry. */
#include "registry/certdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/util/io.h"
#include "src/util/log.h"
#include "src/util/mem.h"

struct certdir {
	struct strv dirs;
	struct buf common;
	VEC_OF(struct certdir_host *) hosts; /* asked for so far */
};

static void certdir_host_free(struct certdir_host *h)
{
	free(h->name);
	buf_release(&h->ca);
	free(h->cert);
	free(h->key);
	free(h);
}

void certdir_free(struct certdir *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->hosts.n; i++)
		certdir_host_free(c->hosts.v[i]);
	vec_release(&c->hosts);
	strv_release(&c->dirs);
	buf_release(&c->common);
	free(c);
}

void certdir_places(struct strv *out)
{
	const char *home = getenv("HOME"), *xdg = getenv("XDG_CONFIG_HOME");

	if (xdg && xdg[0] == '/')
		strv_printf(out, "%s/containers/certs.d", xdg);
	else if (home && home[0] == '/')
		strv_printf(out, "%s/.config/containers/certs.d", home);
	if (home && home[0] == '/')
		strv_printf(out, "%s/.config/docker/certs.d", home);
	strv_add(out, "/etc/containers/certs.d");
	strv_add(out, "/etc/docker/certs.d");
}

/* The text of a file with at least one certificate in it, appended with a newline. */
static int certdir_add_ca(const char *path, struct buf *out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(CERTDIR_MAX_BYTES);

	if (io_read_file(AT_FDCWD, path, &text, e)) {
		if (e->code == ERR_NOT_FOUND)
			e->code = ERR_INPUT;
		return err_wrap(e, "certificates of authorities");
	}
	if (!strstr(buf_str(&text), "-----BEGIN CERTIFICATE-----") &&
	    !strstr(buf_str(&text), "-----BEGIN TRUSTED CERTIFICATE-----")) {
		err_set(e, ERR_INPUT, "%s holds no certificate", path);
		return err_hint(e, "it must be PEM: -----BEGIN CERTIFICATE----- and so on");
	}
	buf_sv_add(out, buf_sv(&text));
	buf_char_add(out, '\n');
	return out->over ? err_set(e, ERR_INPUT, "%s: too many certificates", path) : 0;
}

struct certdir *certdir_new(const struct strv *dirs, const char *ca_file, struct err *e)
{
	struct certdir *c = mem_new(struct certdir);

	strv_copy(&c->dirs, dirs);
	c->common = BUF_INIT(CERTDIR_MAX_BYTES);
	if (!ca_file || !certdir_add_ca(ca_file, &c->common, e))
		return c;
	certdir_free(c);
	return NULL;
}

struct sv certdir_common(const struct certdir *c)
{
	return c ? buf_sv(&c->common) : SV_NULL;
}

/* --- one host's directory --- */

static int certdir_list(const char *dir, struct strv *names)
{
	DIR *d = opendir(dir);
	const struct dirent *en;

	if (!d)
		return -1;
	while ((en = readdir(d)))
		if (en->d_name[0] != '.')
			strv_add(names, en->d_name);
	closedir(d);
	strv_sort(names);
	return 0;
}

/* The first pair counts. A key that only root may read is not ours to use. */
static int certdir_take_pair(struct certdir_host *h, const char *dir, const char *name, struct err *e)
{
	int n = (int)strlen(name) - 5;
	AUTO_FREE char *cert = mem_printf("%s/%s", dir, name), *key = mem_printf("%s/%.*s.key", dir, n, name);

	if (h->cert)
		return 0;
	if (access(key, R_OK) && errno == ENOENT) {
		err_set(e, ERR_INPUT, "%s: there is no %.*s.key beside this client certificate", cert, n, name);
		return err_hint(e, "certificates of authorities have names that end in .crt");
	}
	if (access(key, R_OK) || access(cert, R_OK)) {
		log_msg(LOG_WARN, "%s is not used: %s", cert, strerror(errno));
		return 0;
	}
	h->cert = STEAL_PTR(cert);
	h->key = STEAL_PTR(key);
	return 0;
}

static int certdir_read(struct certdir_host *h, const char *dir, const struct strv *names, struct err *e)
{
	for (size_t i = 0; i < names->n; i++) {
		struct sv name = sv_of(names->v[i], strlen(names->v[i]));
		AUTO_FREE char *path = mem_printf("%s/%.*s", dir, SV_ARG(name));

		if (sv_ends(name, ".crt") && certdir_add_ca(path, &h->ca, e))
			return -1;
		if (sv_ends(name, ".cert") && name.n > 5 && certdir_take_pair(h, dir, names->v[i], e))
			return -1;
	}
	return 0;
}

/* 1 if the directory is there. One that may not be read is as if it were not: /etc/docker belongs to root. */
static int certdir_try(struct certdir_host *h, const char *place, const char *name, struct err *e)
{
	AUTO_FREE char *dir = mem_printf("%s/%s", place, name);
	AUTO_STRV struct strv names = {0};

	if (certdir_list(dir, &names)) {
		if (errno != ENOENT && errno != ENOTDIR)
			log_msg(LOG_INFO, "%s is not used: %s", dir, strerror(errno));
		return 0;
	}
	return certdir_read(h, dir, &names, e) ? -1 : 1;
}

static int certdir_load(const struct certdir *c, struct certdir_host *h, const char *host, uint16_t port, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < c->dirs.n; i++) {
		rc = certdir_try(h, c->dirs.v[i], h->name, e);
		if (!rc && port == 443)
			rc = certdir_try(h, c->dirs.v[i], host, e);
	}
	return rc < 0 ? -1 : 0;
}

int certdir_find(struct certdir *c, const char *host, uint16_t port, const struct certdir_host **out, struct err *e)
{
	AUTO_FREE char *name = mem_printf("%s:%u", host, port);
	struct certdir_host *h;

	*out = NULL;
	if (!c)
		return 0;
	for (size_t i = 0; i < c->hosts.n && !*out; i++)
		if (!strcmp(c->hosts.v[i]->name, name))
			*out = c->hosts.v[i];
	if (!*out) {
		h = mem_new(struct certdir_host);
		h->name = STEAL_PTR(name);
		h->ca = BUF_INIT(CERTDIR_MAX_BYTES);
		if (certdir_load(c, h, host, port, e)) {
			certdir_host_free(h);
			return -1;
		}
		vec_push(&c->hosts, h);
		*out = h;
	}
	if (!(*out)->ca.n && !(*out)->cert)
		*out = NULL;
	return 0;
}
