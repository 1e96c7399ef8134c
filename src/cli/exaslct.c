/* EXASLCT's commands and their options. */
#include "src/cli/exaslct.h"

#include "src/cli/cli.h"
#include "src/util/mem.h"
#include "src/util/nearest.h"

#define EXASLCT_PREFIX "exaslct "

/* clang-format off */
static const struct opt exaslct_build_opts[] = {
	EXOPT_FLAVORS, EXOPT_GOALS, EXOPT_BUILD,
	EXOPT_PAIR("shortcut-build", shortcut,
		   "of a goal that is cached nothing else is needed (default); --no-shortcut-build makes every stage "
		   "that the goals need available"),
	EXOPT_REPOS, EXOPT_SYSTEM, EXOPT_LOGGING,
};

static const struct opt exaslct_push_opts[] = {
	EXOPT_FLAVORS, EXOPT_GOALS,
	EXOPT_PAIR("force-push", force_push, "replace images that the repository has already"),
	EXOPT_PAIR("push-all", push_all, "push every stage that the goals need, too"),
	EXOPT_BUILD, EXOPT_REPOS, EXOPT_SYSTEM, EXOPT_LOGGING,
};

static const struct opt exaslct_save_opts[] = {
	EXOPT_FLAVORS, EXOPT_GOALS,
	EXOPT_TEXT("save-directory", "DIR", save_directory,
		   "OCI image layout to write the images to; build --cache-directory reads it"),
	EXOPT_PAIR("force-save", force_save, "replace images that the directory has already"),
	EXOPT_PAIR("save-all", save_all, "save every stage that the goals need, too"),
	EXOPT_BUILD, EXOPT_REPOS, EXOPT_SYSTEM, EXOPT_LOGGING,
};

static const struct opt exaslct_export_opts[] = {
	EXOPT_FLAVORS, EXOPT_RELEASE_GOALS,
	{.name = "export-path", .arg = "DIR", .kind = OPT_STRING, EXOPT_AT(export_path),
	 .dflt = "cache/exports in the output directory",
	 .help = "directory for the archives FLAVOR_GOAL[_NAME].tar.gz and their .sha512sum files"},
	EXOPT_RELEASE_NAME, EXOPT_BUILD, EXOPT_REPOS, EXOPT_SYSTEM, EXOPT_LOGGING,
	EXOPT_PAIR("cleanup-docker-images", cleanup_images, "afterwards remove the images' names from the store"),
	EXOPT_STRATEGY,
};

static const struct opt exaslct_deploy_opts[] = {
	EXOPT_FLAVORS,
	EXOPT_TEXT("bucketfs-host", "HOST", bucketfs_host, "host of the BucketFS"),
	EXOPT_PORT("bucketfs-port", bucketfs_port, "its port"),
	EXOPT_TEXT("bucketfs-user", "NAME", bucketfs_user, "user name for writing, mostly w"),
	EXOPT_TEXT("bucketfs-name", "NAME", bucketfs_name, "name of the BucketFS, for the statements"),
	EXOPT_TEXT("bucket", "NAME", bucket, "bucket to write to"),
	EXOPT_TEXT("bucketfs-use-https", "BOOL", use_https_word, "https in the place of http"),
	EXOPT_TEXT("bucketfs-password", "TEXT", bucketfs_password,
		   "password for writing; better in $BUCKETFS_PASSWORD, or without a value asked for on the terminal"),
	EXOPT_TEXT("path-in-bucket", "PATH", path_in_bucket, "directory in the bucket"),
	EXOPT_TEXT("saas-host", "URL", saas_host, "refused: Exasol SaaS"),
	EXOPT_TEXT("saas-pat", "TEXT", saas_pat, "refused: Exasol SaaS"),
	EXOPT_TEXT("saas-database-id", "ID", saas_database_id, "refused: Exasol SaaS"),
	EXOPT_TEXT("saas-database-name", "NAME", saas_database_name, "refused: Exasol SaaS"),
	EXOPT_TEXT("saas-account-id", "ID", saas_account_id, "refused: Exasol SaaS"),
	EXOPT_TEXT("ssl-cert-path", "FILE", ssl_cert, "certificates of the authorities to trust, as PEM"),
	EXOPT_PAIR("use-ssl-cert-validation", verify, "verify the server's certificate (default)"),
	EXOPT_RELEASE_GOALS, EXOPT_RELEASE_NAME, EXOPT_BUILD, EXOPT_REPOS, EXOPT_SYSTEM, EXOPT_LOGGING, EXOPT_STRATEGY,
};

static const struct opt exaslct_upload_opts[] = {
	EXOPT_FLAVORS,
	EXOPT_TEXT("database-host", "HOST", bucketfs_host, "host of the BucketFS"),
	EXOPT_PORT("bucketfs-port", bucketfs_port, "its port"),
	EXOPT_TEXT("bucketfs-username", "NAME", bucketfs_user, "user name for writing, mostly w"),
	EXOPT_TEXT("bucketfs-name", "NAME", bucketfs_name, "name of the BucketFS, for the statements"),
	EXOPT_TEXT("bucket-name", "NAME", bucket, "bucket to write to"),
	EXOPT_TEXT("bucketfs-password", "TEXT", bucketfs_password,
		   "password for writing; better in $BUCKETFS_PASSWORD, or asked for on the terminal"),
	EXOPT_PAIR("bucketfs-https", https, "https in the place of http"),
	EXOPT_TEXT("path-in-bucket", "PATH", path_in_bucket, "directory in the bucket"),
	EXOPT_RELEASE_GOALS, EXOPT_RELEASE_NAME, EXOPT_BUILD, EXOPT_REPOS, EXOPT_SYSTEM, EXOPT_LOGGING,
	EXOPT_TEXT("ssl-cert-path", "FILE", ssl_cert, "certificates of the authorities to trust, as PEM"),
	EXOPT_PAIR("use-ssl-cert-validation", verify, "verify the server's certificate (default)"),
	EXOPT_STRATEGY,
};
/* clang-format on */

static const struct opt exaslct_activation_opts[] = {
	EXOPT_FLAVORS,
	EXOPT_TEXT("bucketfs-name", "NAME", bucketfs_name, "name of the BucketFS"),
	EXOPT_TEXT("bucket-name", "NAME", bucket, "name of the bucket"),
	EXOPT_TEXT("container-name", "NAME", container_name, "name of the container's archive without its ending"),
	EXOPT_TEXT("path-in-bucket", "PATH", path_in_bucket, "directory in the bucket"),
};

/* clang-format off */
static const struct opt exaslct_diffs_opts[] = {
	EXOPT_TEXT("output-package-diff-directory", "DIR", diff_directory, "directory for the reports"),
	EXOPT_TEXT("current-working-copy-name", "NAME", working_copy_name, "what the working copy is called in them"),
	{.name = "compare-to-commit", .arg = "COMMIT", .kind = OPT_STRING, EXOPT_AT(compare_to),
	 .dflt = "the last tag of the main branch", .help = "commit to compare with"},
};
/* clang-format on */

static const struct opt exaslct_clean_flavor_opts[] = {
	EXOPT_FLAVORS, EXOPT_OUTPUT, EXOPT_SIMPLE_REPO, EXOPT_SYSTEM, EXOPT_LOGGING,
};

static const struct opt exaslct_clean_all_opts[] = {EXOPT_OUTPUT, EXOPT_SIMPLE_REPO, EXOPT_SYSTEM, EXOPT_LOGGING};

static const struct opt exaslct_test_container_opts[] = {
	EXOPT_TEST_CONTAINER, EXOPT_BUILD, EXOPT_REPOS, EXOPT_SYSTEM, EXOPT_LOGGING,
};

/* clang-format off */
static const struct opt exaslct_push_test_opts[] = {
	EXOPT_TEST_CONTAINER,
	EXOPT_TEXT("force-push", "BOOL", force_push_word, "replace an image that the repository has already"),
	EXOPT_TEXT("push-all", "BOOL", push_all_word, "accepted; the test container is one image"),
	EXOPT_BUILD, EXOPT_REPOS, EXOPT_SYSTEM, EXOPT_LOGGING,
};
/* clang-format on */

static const struct opt exaslct_scan_opts[] = {EXOPT_FLAVORS, EXOPT_BUILD, EXOPT_REPOS, EXOPT_SYSTEM, EXOPT_LOGGING};

/* clang-format off */
static const struct opt exaslct_test_opts[] = {
	EXOPT_FLAVORS, EXOPT_RELEASE_GOALS,
	EXOPT_MANY("generic-language-test", "LANGUAGE", generic_tests, "language to run the generic tests for"),
	EXOPT_MANY("test-folder", "DIR", test_folders, "directory with test files"),
	EXOPT_MANY("test-file", "FILE", test_files, "test file"),
	EXOPT_MANY("test", "TEXT", tests, "which tests of the files"),
	{.name = "environment-type", .arg = "docker_db|external_db", .kind = OPT_CHOICE, EXOPT_AT(environment_type),
	 .dflt = "docker_db, which is refused", .help = "where the database is: slct starts none"},
	{.name = "max_start_attempts", .arg = "N", .kind = OPT_INT, EXOPT_AT(start_attempts), .min = 1, .max = 1000,
	 .help = "how often the environment is started"},
	EXOPT_TEXT("docker-db-image-version", "VERSION", docker_db_version, "version of Exasol's database container"),
	EXOPT_TEXT("docker-db-image-name", "NAME", docker_db_name, "image of Exasol's database container"),
	{.name = "db-os-access", .arg = "DOCKER_EXEC|SSH", .kind = OPT_CHOICE, EXOPT_AT(db_os_access),
	 .help = "how the database's operating system is reached"},
	EXOPT_PAIR("create-certificates", certificates, "certificates for the database container"),
	{.name = "additional-db-parameter", .letter = 'p', .arg = "TEXT", .kind = OPT_LIST, EXOPT_AT(db_parameters),
	 .help = "parameter of the database"},
	EXOPT_MANY("docker-environment-variable", "K=V", docker_env, "variable for the database container"),
	EXOPT_TEXT("external-exasol-db-host", "HOST", db_host, "host of the database"),
	EXOPT_PORT("external-exasol-db-port", db_port, "its port"),
	EXOPT_PORT("external-exasol-bucketfs-port", db_bucketfs_port, "port of its BucketFS"),
	EXOPT_PORT("external-exasol-ssh-port", db_ssh_port, "port of ssh"),
	EXOPT_TEXT("external-exasol-db-user", "NAME", db_user, "user of the database"),
	EXOPT_TEXT("external-exasol-db-password", "TEXT", db_password, "password of the database"),
	EXOPT_TEXT("external-exasol-bucketfs-write-password", "TEXT", bucketfs_write_password, "password of BucketFS"),
	EXOPT_TEXT("external-exasol-xmlrpc-host", "HOST", xmlrpc_host, "host of the XML-RPC server"),
	EXOPT_PORT("external-exasol-xmlrpc-port", xmlrpc_port, "its port"),
	EXOPT_TEXT("external-exasol-xmlrpc-user", "NAME", xmlrpc_user, "its user"),
	EXOPT_TEXT("external-exasol-xmlrpc-password", "TEXT", xmlrpc_password, "its password"),
	EXOPT_TEXT("external-exasol-xmlrpc-cluster-name", "NAME", xmlrpc_cluster, "name of the cluster"),
	EXOPT_TEXT("db-mem-size", "SIZE", db_mem_size, "memory of the database container"),
	EXOPT_TEXT("db-disk-size", "SIZE", db_disk_size, "disk of the database container"),
	EXOPT_TEXT("test-environment-vars", "JSON", test_env_vars, "environment of the tests"),
	{.name = "test-log-level", .arg = "critical|error|warning|info|debug", .kind = OPT_CHOICE,
	 EXOPT_AT(test_log_level), .dflt = "critical", .help = "how much the tests say"},
	EXOPT_PAIR("reuse-database", reuse_database, "keep the database container"),
	EXOPT_PAIR("reuse-database-setup", reuse_setup, "keep what was set up in it"),
	EXOPT_PAIR("reuse-uploaded-container", reuse_uploaded, "keep the uploaded container"),
	EXOPT_PAIR("reuse-test-container", reuse_container, "keep the test container"),
	EXOPT_PAIR("reuse-test-environment", reuse_environment, "keep all of it"),
	EXOPT_TEXT("use-existing-container", "FILE", existing_container, "exported container to test"),
	EXOPT_TEST_CONTAINER, EXOPT_BUILD, EXOPT_REPOS, EXOPT_SYSTEM, EXOPT_LOGGING, EXOPT_STRATEGY,
	{.name = "accelerator", .arg = "none|nvidia", .kind = OPT_CHOICE, EXOPT_AT(accelerator), .dflt = "none",
	 .help = "accelerator of the database container"},
	EXOPT_PORT("external-exasol-bucketfs-https-port", db_bucketfs_https_port, "port of its BucketFS with TLS"),
};

#define EXASLCT_COMMAND(cmd, text, options, function, sample) EXASLCT_WITH(0, cmd, text, options, function, sample)
#define EXASLCT_WITH(bits, cmd, text, options, function, sample) \
	(&(const struct command){.name = EXASLCT_PREFIX cmd, .flags = (bits), .group = COMMAND_FLAVORS, .summary = (text), \
				 .usage = "[OPTIONS]", .example = EXASLCT_PREFIX cmd " " sample, .opts = (options), \
				 .nopts = ARRAY_LEN(options), .opts_size = sizeof(struct exopt), .run = (function)})
#define EXASLCT_REFUSED(cmd, text, reason) \
	(&(const struct command){.name = EXASLCT_PREFIX cmd, .group = COMMAND_FLAVORS, .summary = (text), \
				 .usage = "", .about = (reason), .example = EXASLCT_PREFIX cmd, \
				 .max_operands = COMMAND_ANY})

#define EXASLCT_WHY_SCRIPTS "EXASLCT's starter scripts fetch and start EXASLCT itself; slct is one program and needs none"
#define EXASLCT_WHY_ITDE \
	"Exasol's database runs in a privileged Docker container, which slct cannot start: start it with Exasol's own " \
	"tools and test against it as an external database"

static const struct command *const exaslct_list[] = {
	EXASLCT_COMMAND("build", "build the stages of flavors", exaslct_build_opts, exaslct_build_run,
			"--flavor-path flavors/python-demo --goal release"),
	EXASLCT_COMMAND("build-test-container", "build the image that the tests run in", exaslct_test_container_opts,
			exaslct_test_container_build_run, "--test-container-folder ./test_container"),
	EXASLCT_WITH(COMMAND_STORE, "clean-all-images", "remove the images of all flavors from the store", exaslct_clean_all_opts,
			exaslct_clean_all_run, "--docker-repository-name localhost:5000/slc"),
	EXASLCT_WITH(COMMAND_STORE, "clean-flavor-images", "remove the images of flavors from the store",
			exaslct_clean_flavor_opts, exaslct_clean_flavor_run, "--flavor-path flavors/python-demo"),
	EXASLCT_COMMAND("deploy", "upload a flavor's container and print how to activate it", exaslct_deploy_opts,
			exaslct_deploy_run,
			"--flavor-path flavors/python-demo --bucketfs-host db.example.com --bucketfs-port 2581 "
			"--bucketfs-user w --bucketfs-name bfsdefault --bucket default --bucketfs-use-https true"),
	EXASLCT_COMMAND("export", "write a flavor's container as an archive", exaslct_export_opts, exaslct_export_run,
			"--flavor-path flavors/python-demo --export-path out"),
	EXASLCT_COMMAND("generate-language-activation", "print the statements that activate a container",
			exaslct_activation_opts, exaslct_activation_run,
			"--flavor-path flavors/python-demo --bucketfs-name bfsdefault --bucket-name default "
			"--container-name demo"),
	EXASLCT_COMMAND("generate-package-diffs", "compare the packages of all flavors with those of a commit",
			exaslct_diffs_opts, exaslct_diffs_run,
			"--output-package-diff-directory out --current-working-copy-name 1.1.0"),
	EXASLCT_COMMAND("push", "push images of flavors to a registry", exaslct_push_opts, exaslct_push_run,
			"--flavor-path flavors/python-demo --target-docker-repository-name localhost:5000/slc"),
	EXASLCT_COMMAND("push-test-container", "push the image that the tests run in", exaslct_push_test_opts,
			exaslct_test_container_push_run, "--target-docker-repository-name localhost:5000/slc"),
	EXASLCT_COMMAND("run-db-test", "run the tests of flavors in a database that runs elsewhere", exaslct_test_opts,
			exaslct_dbtest_run,
			"--flavor-path flavors/python-demo --environment-type external_db --external-exasol-db-host "
			"db.example.com --external-exasol-db-user sys"),
	EXASLCT_COMMAND("save", "save images of flavors to a directory", exaslct_save_opts, exaslct_save_run,
			"--flavor-path flavors/python-demo --save-directory saved"),
	EXASLCT_COMMAND("security-scan", "run the security scan of flavors", exaslct_scan_opts, exaslct_scan_run,
			"--flavor-path flavors/python-demo --output-directory out"),
	EXASLCT_COMMAND("upload", "upload a flavor's container and print how to activate it (deploy does the same)",
			exaslct_upload_opts, exaslct_upload_run,
			"--flavor-path flavors/python-demo --database-host db.example.com --bucketfs-port 2580 "
			"--bucketfs-username w --bucketfs-name bfsdefault --bucket-name default"),
	EXASLCT_REFUSED("install-starter-scripts", "EXASLCT's installer", EXASLCT_WHY_SCRIPTS),
	EXASLCT_REFUSED("spawn-test-environment", "start a database container", EXASLCT_WHY_ITDE),
	EXASLCT_REFUSED("environment", "defaults of the database container", EXASLCT_WHY_ITDE),
	EXASLCT_REFUSED("health", "check the Docker daemon",
			"slct needs no Docker daemon: slct doctor says what the host allows"),
	NULL,
};
/* clang-format on */

const struct command *const *exaslct_table(void)
{
	return exaslct_list;
}

const struct command *exaslct_find(const char *name)
{
	for (size_t i = 0; exaslct_list[i]; i++) {
		if (strcmp(exaslct_list[i]->name + strlen(EXASLCT_PREFIX), name) == 0)
			return exaslct_list[i];
	}
	return NULL;
}

int exaslct_unknown(const char *name, struct err *e)
{
	struct nearest near = NEAREST_INIT(name);

	for (size_t i = 0; exaslct_list[i]; i++)
		nearest_offer(&near, exaslct_list[i]->name + strlen(EXASLCT_PREFIX));
	err_set(e, ERR_USAGE, "EXASLCT has no command \"%s\"", name);
	if (near.best)
		return err_hint(e, "did you mean %s?", near.best);
	return err_hint(e, "slct exaslct --help lists the commands");
}

int exaslct_refuse(const struct command *c, struct err *e)
{
	return err_set(e, ERR_USAGE, "%s: %s", c->name, c->about);
}

/* click asks on the terminal if such an option comes without a value. */
static bool exaslct_asks(const char *arg, const char *next)
{
	static const char *const names[] = {"--bucketfs-password", "--saas-pat"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(arg, names[i]) == 0)
			return !next || (next[0] == '-' && next[1]);
	}
	return false;
}

void exaslct_args(char *const *args, size_t n, struct exaslct_args *out)
{
	static char ask_bucketfs[] = "--bucketfs-password=", ask_saas[] = "--saas-pat=";

	for (size_t i = 0; i < n; i++) {
		bool asks = exaslct_asks(args[i], i + 1 < n ? args[i + 1] : NULL);
		char *form = strstr(args[i], "saas") ? ask_saas : ask_bucketfs;

		vec_push(out, asks ? form : args[i]);
	}
}

void exaslct_args_free(struct exaslct_args *a)
{
	vec_release(a);
}
