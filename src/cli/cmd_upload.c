/* slct upload: an archive that is there already. slct deploy: from a flavor to the database. */
#include <sys/stat.h>

#include "src/cli/cmd.h"
#include "src/cli/exaslct_deploy.h"
#include "src/cli/exrun.h"
#include "src/util/mem.h"
#include "src/util/path.h"

struct cmd_upload_opts {
	struct exopt x; /* first: the rows of exopt.h count from its beginning */
	bool dry_run;
};

_Static_assert(offsetof(struct cmd_upload_opts, x) == 0, "the rows of exopt.h count from its beginning");

/* clang-format off */
#define CMD_UPLOAD_PLACE \
	EXOPT_TEXT("bucketfs-host", "HOST", bucketfs_host, "host of the BucketFS"), \
	EXOPT_PORT("bucketfs-port", bucketfs_port, "its port"), \
	{.name = "bucketfs-user", .arg = "NAME", .kind = OPT_STRING, EXOPT_AT(bucketfs_user), .dflt = "w", \
	 .help = "user name for writing"}, \
	EXOPT_TEXT("bucketfs-password", "TEXT", bucketfs_password, \
		   "password for writing; better in $BUCKETFS_PASSWORD, or asked for on the terminal"), \
	{.name = "bucketfs-name", .arg = "NAME", .kind = OPT_STRING, EXOPT_AT(bucketfs_name), .dflt = "bfsdefault", \
	 .help = "name of the BucketFS, for the statements"}, \
	{.name = "bucket", .arg = "NAME", .kind = OPT_STRING, EXOPT_AT(bucket), .dflt = "default", \
	 .help = "bucket to write to"}, \
	EXOPT_TEXT("path-in-bucket", "PATH", path_in_bucket, "directory in the bucket"), \
	{.name = "https", .kind = OPT_TRI, EXOPT_AT(https), .dflt = "https", .help = "https, or with --no-https http"}, \
	EXOPT_TEXT("ssl-cert-path", "FILE", ssl_cert, "certificates of the authorities to trust, as PEM"), \
	{.name = "use-ssl-cert-validation", .kind = OPT_TRI, EXOPT_AT(verify), .dflt = "yes", \
	 .help = "verify the server's certificate"}, \
	{.name = "dry-run", .kind = OPT_FLAG, .offset = offsetof(struct cmd_upload_opts, dry_run), \
	 .help = "do all but the upload"}
/* clang-format on */

static const struct opt cmd_upload_options[] = {CMD_UPLOAD_PLACE};

/* clang-format off */
static const struct opt cmd_deploy_options[] = {
	CMD_UPLOAD_PLACE, EXOPT_RELEASE_GOALS, EXOPT_RELEASE_NAME, EXOPT_STRATEGY, EXOPT_BUILD, EXOPT_REPOS, EXOPT_SYSTEM,
};
/* clang-format on */

static int cmd_upload_target(const struct exopt *o, struct deploy_target *t, struct err *e)
{
	if (!o->bucketfs_host || !o->bucketfs_port)
		return err_set(e, ERR_USAGE, "--bucketfs-%s is missing", o->bucketfs_host ? "port" : "host");
	*t = (struct deploy_target){
		.host = o->bucketfs_host,
		.user = o->bucketfs_user ? o->bucketfs_user : "w",
		.port = (uint16_t)o->bucketfs_port,
		.tls = o->https != OPT_NO,
		.verify = o->verify != OPT_NO,
		.ca_file = o->ssl_cert && o->ssl_cert[0] ? o->ssl_cert : NULL,
		.bucketfs = o->bucketfs_name ? o->bucketfs_name : "bfsdefault",
		.bucket = o->bucket ? o->bucket : "default",
		.path = o->path_in_bucket,
	};
	return deploy_check(t, e);
}

static int cmd_deploy_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_upload_opts *o = opts;
	struct exopt with = o->x;
	struct deploy_target t;

	/* Borrowed: the operands are the flavors. */
	with.flavor_paths = c->args.operands;
	if (exopt_check("deploy", &with, &c->args.given, e) || cmd_upload_target(&with, &t, e))
		return -1;
	return exaslct_deploy_releases(c, &with, &t, (struct exaslct_deploy_way){.dry_run = o->dry_run}, e);
}

/* --- upload --- */

/* ERR_USAGE for what the database would not unpack as a container. */
static const char *cmd_upload_suffix(const char *file, struct err *e)
{
	static const char *const suffixes[] = {".tar.gz", ".tgz", ".tar", ".zip", ".tar.bz2"};

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		if (sv_ends(sv_from(file), suffixes[i]))
			return suffixes[i];
	}
	err_set(e, ERR_USAGE, "%s: the database unpacks .tar.gz, .tgz, .tar, .zip and .tar.bz2 only", file);
	err_hint(e, "slct export writes such archives; slct deploy FLAVOR exports and uploads");
	return NULL;
}

static int cmd_upload_print(const struct cli *c, const struct deploy_item *it, bool done, struct err *e)
{
	struct json *j;

	if (!c->g.json)
		return cli_printf(e, "%s\n", it->url);
	j = json_new_object();
	json_set_str(j, "url", it->url);
	json_set_str(j, "container", it->container);
	json_set_bool(j, "uploaded", done);
	return cli_print_json(j, e);
}

static int cmd_upload_send(struct cli *c, struct deploy_target *t, const struct cmd_upload_opts *o,
			   const struct deploy_item *it, struct err *e)
{
	AUTO_WORK struct work w = {0};
	AUTO_FREE char *question = mem_printf("BucketFS Password for User %s: ", t->user);
	AUTO_FREE char *password = exrun_password(o->x.bucketfs_password, "BUCKETFS_PASSWORD", question, e);
	int rc;

	if (!password)
		return -1;
	t->password = password;
	rc = work_open(&w, c, NULL, NULL, e) || deploy_put(&w.session, t, it, e) ? -1 : 0;
	explicit_bzero(password, strlen(password));
	return rc;
}

static int cmd_upload_run(struct cli *c, const void *opts, struct err *e)
{
	const struct cmd_upload_opts *o = opts;
	char *file = c->args.operands.v[0];
	const char *suffix = cmd_upload_suffix(file, e);
	struct deploy_item it = {.file = file};
	struct deploy_target t;
	struct stat st;

	if (!suffix || cmd_upload_target(&o->x, &t, e))
		return -1;
	if (stat(file, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, ERR_INPUT, "%s is no file", file);
	const char *base = path_base(file);
	AUTO_FREE char *container = mem_strndup(base, strlen(base) - strlen(suffix));
	AUTO_FREE char *url = deploy_url(&t, container, suffix);

	it.container = container;
	it.url = url;
	if (!o->dry_run && cmd_upload_send(c, &t, o, &it, e))
		return -1;
	return cmd_upload_print(c, &it, !o->dry_run, e);
}

const struct command cmd_upload = {
	.name = "upload",
	.group = COMMAND_FLAVORS,
	.summary = "upload a release archive to BucketFS",
	.usage = "[OPTIONS] ARCHIVE",
	.about = "The archive that slct export has written goes by PUT to "
		 "http[s]://HOST:PORT/BUCKET/[PATH/]ARCHIVE; a failed transfer is repeated, and the size is asked "
		 "for afterwards. The URL is printed. slct activation prints the statements that activate it.",
	.example = "slct upload out/python-demo_release.tar.gz --bucketfs-host db.example.com --bucketfs-port 2581",
	.opts = cmd_upload_options,
	.nopts = ARRAY_LEN(cmd_upload_options),
	.opts_size = sizeof(struct cmd_upload_opts),
	.min_operands = 1,
	.max_operands = 1,
	.run = cmd_upload_run,
};

/* clang-format off */
const struct command cmd_deploy = {
	.name = "deploy",
	.group = COMMAND_FLAVORS,
	.summary = "upload and activate a release",
	.usage = "[OPTIONS] FLAVOR…",
	.about = "Builds the release of each flavor, exports it, uploads it to "
		 "http[s]://HOST:PORT/BUCKET/[PATH/]FLAVOR-GOAL-NAME.tar.gz and prints the statements that activate "
		 "it. NAME is that of --release-name, else a key of all that the release is built from. What was "
		 "exported before is not exported again. --dry-run does all but the upload.",
	.example = "slct deploy flavors/python-demo --bucketfs-host db.example.com --bucketfs-port 2581\n"
		   "slct deploy flavors/python-demo --bucketfs-host localhost --bucketfs-port 2580 --no-https --dry-run",
	.opts = cmd_deploy_options,
	.nopts = ARRAY_LEN(cmd_deploy_options),
	.opts_size = sizeof(struct cmd_upload_opts),
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.run = cmd_deploy_run,
};
/* clang-format on */
