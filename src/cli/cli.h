/* What commands share: the parsed command line, settings, the store, and ways to print results. */
#ifndef SLCT_CLI_H
#define SLCT_CLI_H

#include "oci/platform.h"
#include "oci/store.h"
#include "registry/registry.h"
#include "src/cli/command.h"
#include "src/cli/settings.h"
#include "src/session/event.h"
#include "src/util/json.h"

/* Version of the shape of what --json prints. */
#define CLI_JSON_VERSION 1

/* Options that every command takes. */
struct cli_globals {
	const char *root, *config, *progress;
	unsigned verbose;
	bool quiet, json, help, version;
	enum opt_tri color;
};

struct cli {
	const struct command *command; /* NULL before it is known */
	struct cli_globals g;
	struct settings settings;
	struct opt_result args;
	struct store *store; /* open if the command has COMMAND_STORE */
	bool color;	     /* colours on standard error */
	int status;	     /* exit status of a command that has done its work: that of what it ran in a sandbox */
};

/* Table of the options in struct cli_globals. */
const struct opt *cli_global_options(size_t *n);

/* The store's directory by the settings; caller frees. */
char *cli_store_root(const struct cli *c);
/* Sink for progress events by the settings, on standard error. */
struct event_sink *cli_display(const struct cli *c);

/* Options of the commands that talk to a registry: a member `net` of their struct, and these rows of their table. */
struct cli_net {
	struct strv insecure;
	const char *creds; /* user:password */
	const char *ca_file, *cert_dir;
};
/* clang-format off */
#define CLI_NET_OPTIONS(type) \
	{.name = "creds", .arg = "USER:PW", .kind = OPT_STRING, .offset = offsetof(type, net.creds), \
	 .dflt = "docker's config.json, podman's auth.json", \
	 .help = "name and password for the registry; other users of the machine can read it in the list of " \
		 "processes"}, \
	{.name = "ca-file", .arg = "FILE", .kind = OPT_STRING, .offset = offsetof(type, net.ca_file), \
	 .help = "PEM file of authorities whose certificates hold, besides those that the system trusts"}, \
	{.name = "cert-dir", .arg = "DIR", .kind = OPT_STRING, .offset = offsetof(type, net.cert_dir), \
	 .dflt = "certs.d of ~/.config/containers, ~/.config/docker, /etc/containers, /etc/docker", \
	 .help = "certificates per registry: HOST[:PORT]/*.crt of authorities, *.cert with *.key of ours"}, \
	{.name = "insecure-registry", .arg = "HOST", .kind = OPT_LIST, .offset = offsetof(type, net.insecure), \
	 .help = "host[:port] that may be asked over plain http or with an unverified certificate; loopback always may"}
/* clang-format on */
/* Options for registry_new; host is the one that --creds is for (may be NULL). ERR_USAGE for credentials without a
 * colon. */
int cli_net_opts(const struct cli *c, const struct cli_net *net, const char *host, struct registry_opts *out,
		 struct err *e);
void cli_net_release(struct registry_opts *o);
/* Pass rc on; that a registry does not have a name is the registry's error (exit status 4), not the input's. */
int cli_registry_error(int rc, struct err *e);

/* --platform text, or this machine's. */
int cli_platform(const char *text, struct platform *out, struct err *e);

/* Print an object as indented JSON with a newline on standard output, after giving it "version". Frees it. */
int cli_print_json(struct json *j, struct err *e);
/* Write bytes to standard output; ERR_HOST if it does not take them. */
int cli_print(const void *p, size_t n, struct err *e);
int cli_printf(struct err *e, const char *fmt, ...) ATTR_PRINTF(2, 3);

#endif
