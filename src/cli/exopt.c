/* EXASLCT's options: what is not simply taken as it is. */
#include "src/cli/exopt.h"

#include "src/util/log.h"

struct exopt_note {
	const char *command; /* NULL: every command that has the option */
	const char *option;
	enum exopt_worth worth;
	const char *why;
};

#define EXOPT_WHY_SAAS                                                                                                 \
	"Exasol SaaS takes files through an interface of its own, which slct does not speak: export, and upload the "  \
	"file with Exasol's tools"
#define EXOPT_WHY_CLEAN "images are removed from the store at once, so there is nothing to log or to draw"
#define EXOPT_WHY_DB	"it is for Exasol's database container, which slct does not start"
#define EXOPT_WHY_KEPT	"a database that runs elsewhere is always kept"
#define EXOPT_WHY_SETUP "EXASLCT, too, fills a database that runs elsewhere each time"
#define EXOPT_WHY_COPY	"each test has a copy of the test container's image, which costs nothing to make"
#define EXOPT_WHY_XMLRPC                                                                                               \
	"slct does not start databases and makes no buckets: the database must run and have the bucket myudfs"

static const struct exopt_note exopt_notes[] = {
	{NULL, "source-docker-tag-prefix", EXOPT_NO_MEANING,
	 "cached stages are found by their keys, whatever the readable tags begin with"},
	{"deploy", "saas-host", EXOPT_REFUSED, EXOPT_WHY_SAAS},
	{"deploy", "saas-pat", EXOPT_REFUSED, EXOPT_WHY_SAAS},
	{"deploy", "saas-database-id", EXOPT_REFUSED, EXOPT_WHY_SAAS},
	{"deploy", "saas-database-name", EXOPT_REFUSED, EXOPT_WHY_SAAS},
	{"deploy", "saas-account-id", EXOPT_REFUSED, EXOPT_WHY_SAAS},
	{"clean-flavor-images", "output-directory", EXOPT_NO_MEANING, EXOPT_WHY_CLEAN},
	{"clean-flavor-images", "workers", EXOPT_NO_MEANING, EXOPT_WHY_CLEAN},
	{"clean-flavor-images", "task-dependencies-dot-file", EXOPT_NO_MEANING, EXOPT_WHY_CLEAN},
	{"clean-all-images", "output-directory", EXOPT_NO_MEANING, EXOPT_WHY_CLEAN},
	{"clean-all-images", "workers", EXOPT_NO_MEANING, EXOPT_WHY_CLEAN},
	{"clean-all-images", "task-dependencies-dot-file", EXOPT_NO_MEANING, EXOPT_WHY_CLEAN},
	{"build-test-container", "force-rebuild-from", EXOPT_NO_MEANING, "the test container is one stage"},
	{"push-test-container", "force-rebuild-from", EXOPT_NO_MEANING, "the test container is one stage"},
	{"push-test-container", "push-all", EXOPT_NO_MEANING, "the test container is one image"},
	{"run-db-test", "max_start_attempts", EXOPT_NO_MEANING, EXOPT_WHY_DB},
	{"run-db-test", "docker-db-image-version", EXOPT_NO_MEANING, EXOPT_WHY_DB},
	{"run-db-test", "docker-db-image-name", EXOPT_NO_MEANING, EXOPT_WHY_DB},
	{"run-db-test", "db-os-access", EXOPT_NO_MEANING, EXOPT_WHY_DB},
	{"run-db-test", "additional-db-parameter", EXOPT_NO_MEANING, EXOPT_WHY_DB},
	{"run-db-test", "docker-environment-variable", EXOPT_NO_MEANING, EXOPT_WHY_DB},
	{"run-db-test", "db-mem-size", EXOPT_NO_MEANING, EXOPT_WHY_DB},
	{"run-db-test", "db-disk-size", EXOPT_NO_MEANING, EXOPT_WHY_DB},
	{"run-db-test", "accelerator", EXOPT_NO_MEANING, EXOPT_WHY_DB},
	{"run-db-test", "reuse-database", EXOPT_NO_MEANING, EXOPT_WHY_KEPT},
	{"run-db-test", "reuse-database-setup", EXOPT_NO_MEANING, EXOPT_WHY_SETUP},
	{"run-db-test", "reuse-test-container", EXOPT_NO_MEANING, EXOPT_WHY_COPY},
	{"run-db-test", "external-exasol-xmlrpc-host", EXOPT_REFUSED, EXOPT_WHY_XMLRPC},
	{"run-db-test", "external-exasol-xmlrpc-port", EXOPT_NO_MEANING, EXOPT_WHY_XMLRPC},
	{"run-db-test", "external-exasol-xmlrpc-user", EXOPT_NO_MEANING, EXOPT_WHY_XMLRPC},
	{"run-db-test", "external-exasol-xmlrpc-password", EXOPT_NO_MEANING, EXOPT_WHY_XMLRPC},
	{"run-db-test", "external-exasol-xmlrpc-cluster-name", EXOPT_NO_MEANING, EXOPT_WHY_XMLRPC},
};

enum exopt_worth exopt_worth(const char *command, const char *option, const char **why)
{
	*why = NULL;
	for (size_t i = 0; i < ARRAY_LEN(exopt_notes); i++) {
		const struct exopt_note *n = &exopt_notes[i];

		if ((n->command && strcmp(n->command, command) != 0) || strcmp(n->option, option) != 0)
			continue;
		*why = n->why;
		return n->worth;
	}
	return EXOPT_WORKS;
}

int exopt_bool(const char *option, const char *word, bool dflt, bool *out, struct err *e)
{
	static const char *const words[][2] = {{"true", "false"}, {"1", "0"}, {"yes", "no"},
					       {"y", "n"},	  {"t", "f"}, {"on", "off"}};
	struct sv v = sv_trim(sv_from(word));

	*out = dflt;
	for (size_t i = 0; word && i < ARRAY_LEN(words); i++) {
		if (sv_ieq_str(v, words[i][0]) || sv_ieq_str(v, words[i][1])) {
			*out = sv_ieq_str(v, words[i][0]);
			return 0;
		}
	}
	if (!word)
		return 0;
	err_set(e, ERR_USAGE, "--%s: \"%s\" is neither true nor false", option, word);
	return err_hint(e, "the option takes a word: --%s true", option);
}

int exopt_need(const struct strv *given, const char *option, struct err *e)
{
	return strv_has(given, option) ? 0 : err_set(e, ERR_USAGE, "--%s is missing", option);
}

static void exopt_log_level(const char *name)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = {{"DEBUG", LOG_DEBUG},
		      {"INFO", LOG_INFO},
		      {"WARNING", LOG_WARN},
		      {"ERROR", LOG_ERROR},
		      {"FATAL", LOG_ERROR}};

	for (size_t i = 0; name && i < ARRAY_LEN(levels); i++) {
		if (strcmp(levels[i].name, name) == 0)
			log_set_level(levels[i].level);
	}
}

static int exopt_check_one(const char *command, const char *option, struct err *e)
{
	const char *why;

	switch (exopt_worth(command, option, &why)) {
	case EXOPT_REFUSED:
		return err_set(e, ERR_USAGE, "--%s: %s", option, why);
	case EXOPT_NO_MEANING:
		log_msg(LOG_WARN, "--%s has no meaning here: %s", option, why);
		return 0;
	case EXOPT_WORKS:
		break;
	}
	return 0;
}

int exopt_check(const char *command, const struct exopt *o, const struct strv *given, struct err *e)
{
	bool ignored;

	exopt_log_level(o->log_level);
	if (exopt_bool("use-job-specific-log-file", o->job_log, true, &ignored, e) ||
	    exopt_bool("bucketfs-use-https", o->use_https_word, false, &ignored, e) ||
	    exopt_bool("push-all", o->push_all_word, false, &ignored, e) ||
	    exopt_bool("force-push", o->force_push_word, false, &ignored, e))
		return -1;
	for (size_t i = 0; i < given->n; i++) {
		if (exopt_check_one(command, given->v[i], e))
			return -1;
	}
	if (o->force_from.n && o->force_rebuild != OPT_YES)
		log_msg(LOG_WARN, "--force-rebuild-from does nothing without --force-rebuild");
	return 0;
}
