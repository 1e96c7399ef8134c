/* EXASLCT's options: one struct, rows of option tables by groups as its sources have them, and what each option is
 * worth here. Names, groups and defaults are those of exasol/script-languages-container-tool (its commands) and
 * exasol/integration-test-docker-environment (groups that it takes over); tests/data/exaslct/options.json has them as
 * facts and tests hold the tables against it.
 *
 * EXASLCT parses with click: a pair --x/--no-x is OPT_TRI here, an option of type bool takes a word (exopt_bool), the
 * last of a repeated single value wins. */
#ifndef SLCT_EXOPT_H
#define SLCT_EXOPT_H

#include "src/cli/opt.h"

#define EXOPT_REPOSITORY       "exasol/script-language-container"
#define EXOPT_OUTPUT_DIRECTORY ".build_output"

struct exopt {
	struct strv flavor_paths, goals, release_goals, force_from;
	/* building */
	enum opt_tri force_rebuild, force_pull, log_context, shortcut;
	const char *output_directory, *temporary_directory, *cache_directory, *build_name;
	/* repositories */
	const char *source_repo, *source_prefix, *source_user, *source_password;
	const char *target_repo, *target_prefix, *target_user, *target_password;
	const char *docker_repo, *docker_prefix; /* of the clean commands */
	/* system, logging */
	int64_t workers;
	const char *dot_file, *log_level, *job_log;
	/* push, save */
	enum opt_tri push_all, force_push, save_all, force_save;
	const char *push_all_word, *force_push_word; /* of push-test-container, which takes words */
	const char *save_directory;
	/* export, upload, deploy */
	const char *export_path, *release_name, *strategy;
	enum opt_tri cleanup_images;
	const char *bucketfs_host, *bucketfs_user, *bucketfs_password, *bucketfs_name, *bucket, *path_in_bucket;
	const char *use_https_word, *ssl_cert, *container_name;
	enum opt_tri https, verify;
	int64_t bucketfs_port;
	const char *saas_host, *saas_pat, *saas_database_id, *saas_database_name, *saas_account_id;
	/* generate-package-diffs */
	const char *diff_directory, *working_copy_name, *compare_to;
	/* test container, run-db-test */
	const char *test_container_folder;
	struct strv generic_tests, test_folders, test_files, tests, db_parameters, docker_env;
	struct strv test_sets; /* names in ci.json, by slct test; empty: all */
	const char *environment_type, *db_mem_size, *db_disk_size, *test_env_vars, *test_log_level, *existing_container;
	const char *docker_db_version, *docker_db_name, *db_os_access, *accelerator;
	enum opt_tri certificates, reuse_database, reuse_setup, reuse_uploaded, reuse_container, reuse_environment;
	int64_t start_attempts;
	const char *db_host, *db_user, *db_password, *bucketfs_write_password;
	const char *xmlrpc_host, *xmlrpc_user, *xmlrpc_password, *xmlrpc_cluster;
	int64_t db_port, db_bucketfs_port, db_bucketfs_https_port, db_ssh_port, xmlrpc_port;
};

#define EXOPT_AT(member) .offset = offsetof(struct exopt, member)
/* clang-format off */
#define EXOPT_PORT(opt_name, member, text) \
	{.name = (opt_name), .arg = "PORT", .kind = OPT_INT, EXOPT_AT(member), .min = 1, .max = 65535, .help = (text)}
#define EXOPT_TEXT(opt_name, placeholder, member, text) \
	{.name = (opt_name), .arg = (placeholder), .kind = OPT_STRING, EXOPT_AT(member), .help = (text)}
#define EXOPT_PAIR(opt_name, member, text) \
	{.name = (opt_name), .kind = OPT_TRI, EXOPT_AT(member), .help = (text)}
#define EXOPT_MANY(opt_name, placeholder, member, text) \
	{.name = (opt_name), .arg = (placeholder), .kind = OPT_LIST, EXOPT_AT(member), .help = (text)}

#define EXOPT_FLAVORS EXOPT_MANY("flavor-path", "DIR", flavor_paths, "flavor; may be repeated")
#define EXOPT_GOALS \
	{.name = "goal", .arg = "STAGE", .kind = OPT_LIST, EXOPT_AT(goals), \
	 .dflt = "release, base_test_build_run and flavor_test_build_run, where the flavor has them", \
	 .help = "stage to build with all that it needs; may be repeated"}
#define EXOPT_RELEASE_GOALS \
	{.name = "release-goal", .arg = "STAGE", .kind = OPT_LIST, EXOPT_AT(release_goals), .dflt = "release", \
	 .help = "stage whose image is the container; may be repeated"}
#define EXOPT_OUTPUT \
	{.name = "output-directory", .arg = "DIR", .kind = OPT_STRING, EXOPT_AT(output_directory), \
	 .dflt = EXOPT_OUTPUT_DIRECTORY, .help = "where logs of the stages and exported containers are kept"}
#define EXOPT_BUILD \
	EXOPT_PAIR("force-rebuild", force_rebuild, \
		   "run every step of the goals' stages, or of those of --force-rebuild-from and what depends on them"), \
	EXOPT_MANY("force-rebuild-from", "STAGE", force_from, "with --force-rebuild: the stage to begin from"), \
	EXOPT_PAIR("force-pull", force_pull, \
		   "take cached stages from the source repository or cache directory, even if the store has them, too"), \
	EXOPT_OUTPUT, \
	{.name = "temporary-base-directory", .arg = "DIR", .kind = OPT_STRING, EXOPT_AT(temporary_directory), \
	 .help = "$TMPDIR of the programs that slct starts; its own work in progress lies in the store (--root)"}, \
	EXOPT_PAIR("log-build-context-content", log_context, "write the files of each stage's context to the logs"), \
	EXOPT_TEXT("cache-directory", "DIR", cache_directory, "directory that save has filled, as a further cache"), \
	EXOPT_TEXT("build-name", "NAME", build_name, "also name the images with this in the place of the key")
#define EXOPT_REPOS \
	{.name = "source-docker-repository-name", .arg = "REPO", .kind = OPT_STRING, EXOPT_AT(source_repo), \
	 .dflt = EXOPT_REPOSITORY ", which is not asked", .help = "repository with cached stages"}, \
	EXOPT_TEXT("source-docker-tag-prefix", "TEXT", source_prefix, \
		   "accepted; a cached stage is found by its key, whatever its tag begins with"), \
	EXOPT_TEXT("source-docker-username", "NAME", source_user, "user name for the source repository"), \
	EXOPT_TEXT("source-docker-password", "TEXT", source_password, \
		   "its password; better in $SOURCE_DOCKER_PASSWORD, or asked for on the terminal"), \
	{.name = "target-docker-repository-name", .arg = "REPO", .kind = OPT_STRING, EXOPT_AT(target_repo), \
	 .dflt = EXOPT_REPOSITORY, .help = "repository that images are named after and pushed to"}, \
	EXOPT_TEXT("target-docker-tag-prefix", "TEXT", target_prefix, "beginning of the images' tags"), \
	EXOPT_TEXT("target-docker-username", "NAME", target_user, "user name for the target repository"), \
	EXOPT_TEXT("target-docker-password", "TEXT", target_password, \
		   "its password; better in $TARGET_DOCKER_PASSWORD, or asked for on the terminal")
#define EXOPT_SIMPLE_REPO \
	{.name = "docker-repository-name", .arg = "REPO", .kind = OPT_STRING, EXOPT_AT(docker_repo), \
	 .dflt = EXOPT_REPOSITORY, .help = "repository that the images are named after"}, \
	EXOPT_TEXT("docker-tag-prefix", "TEXT", docker_prefix, "beginning of the images' tags")
#define EXOPT_SYSTEM \
	{.name = "workers", .arg = "N", .kind = OPT_INT, EXOPT_AT(workers), .min = 1, .max = 1024, \
	 .dflt = "number of processors", .help = "steps that run at the same time"}, \
	EXOPT_TEXT("task-dependencies-dot-file", "FILE", dot_file, "file for the graph of stages, for graphviz")
#define EXOPT_LOGGING \
	{.name = "log-level", .arg = "DEBUG|INFO|WARNING|ERROR|FATAL", .kind = OPT_CHOICE, EXOPT_AT(log_level), \
	 .help = "how much is said on standard error"}, \
	EXOPT_TEXT("use-job-specific-log-file", "BOOL", job_log, \
		   "false: append to jobs/logs/main.log of the output directory, not to a new jobs/TIME_N_COMMAND/logs/main.log")
#define EXOPT_STRATEGY \
	{.name = "compression-strategy", .arg = "none|gzip", .kind = OPT_CHOICE, EXOPT_AT(strategy), .dflt = "gzip", \
	 .help = "compression of the container's archive"}
#define EXOPT_RELEASE_NAME EXOPT_TEXT("release-name", "TEXT", release_name, "last part of the container's name")
#define EXOPT_TEST_CONTAINER \
	{.name = "test-container-folder", .arg = "DIR", .kind = OPT_STRING, EXOPT_AT(test_container_folder), \
	 .dflt = "./test_container", .help = "directory with the Dockerfile of the test container"}
/* clang-format on */

/* What a command's option is worth here, where that is not simply what it says. */
enum exopt_worth {
	EXOPT_WORKS,
	EXOPT_NO_MEANING, /* accepted; a warning says why it changes nothing */
	EXOPT_REFUSED,	  /* an error says why */
};
/* EXOPT_WORKS and *why NULL for an option that does what it says. */
enum exopt_worth exopt_worth(const char *command, const char *option, const char **why);
/* Refuse or remark on the given options, and check words and levels. ERR_USAGE. */
int exopt_check(const char *command, const struct exopt *o, const struct strv *given, struct err *e);
/* ERR_USAGE that names the option if it was not given. */
int exopt_need(const struct strv *given, const char *option, struct err *e);
/* click's words for true and false in any case; NULL gives dflt. ERR_USAGE. */
int exopt_bool(const char *option, const char *word, bool dflt, bool *out, struct err *e);

#endif
