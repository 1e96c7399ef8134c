/* Certificates per registry, in docker's layout (certs.d): a directory named HOST or HOST:PORT with certificates of
 * authorities (*.crt) and client certificates with their keys (*.cert beside *.key), all PEM.
 *
 * The first of the directories that has one for the host counts, and it alone: what a user says of a host is not mixed
 * with what the system says of it. A host without a port in its name is that host at port 443. */
#ifndef SLCT_CERTDIR_H
#define SLCT_CERTDIR_H

#include "src/util/buf.h"
#include "src/util/err.h"
#include "src/util/vec.h"

/* All certificates of one host. */
#define CERTDIR_MAX_BYTES ((size_t)4 << 20)

struct certdir;

struct certdir_host {
	char *name;	  /* "host:port" */
	struct buf ca;	  /* PEM; empty: none of its own */
	char *cert, *key; /* paths of the client's certificate and key, NULL: none */
};

/* $XDG_CONFIG_HOME/containers/certs.d (~/.config/...), ~/.config/docker/certs.d, /etc/containers/certs.d,
 * /etc/docker/certs.d. */
void certdir_places(struct strv *out);
/* dirs: places in their order. ca_file: further authorities for all hosts, or NULL; ERR_INPUT if it holds none. */
struct certdir *certdir_new(const struct strv *dirs, const char *ca_file, struct err *e);
void certdir_free(struct certdir *c);
/* What there is for host:port, NULL if nothing is. ERR_INPUT names a file that cannot be used: -1. */
int certdir_find(struct certdir *c, const char *host, uint16_t port, const struct certdir_host **out, struct err *e);
/* Of ca_file; an empty one if there is none. */
struct sv certdir_common(const struct certdir *c);

#endif
