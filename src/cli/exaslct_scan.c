/* EXASLCT's security-scan, and slct scan: the stage security_scan is built, its entry point runs with /report. */
#include <fcntl.h>

#include "src/build/opsbase.h"
#include "src/cli/exaslct.h"
#include "src/cli/exrun.h"
#include "src/cli/release.h"
#include "src/cli/runargs.h"
#include "src/cli/testrun.h"
#include "src/util/io.h"
#include "src/util/mem.h"

#define EXASLCT_SCAN_STAGE  "security_scan"
#define EXASLCT_SCAN_DIR    "security_scan" /* in the output directory */
#define EXASLCT_SCAN_FILE   "security_report"
#define EXASLCT_SCAN_REPORT "/report"
#define EXASLCT_SCAN_MAX    ((size_t)64 << 20)

struct exaslct_scan {
	struct exrun r;
	struct build state;
	struct testrun run;
	struct build_result built;
	char *dir; /* absolute: security_scan in the output directory */
};

static void exaslct_scan_release(struct exaslct_scan *s)
{
	runimg_close(&s->state);
	testrun_release(&s->run);
	build_result_release(&s->built);
	exrun_release(&s->r);
	free(s->dir);
}

static int exaslct_scan_add(struct exaslct_scan *s, const struct build_goal *g, struct err *e)
{
	AUTO_STORE_IMAGE struct store_image im = {0};
	AUTO_IMGCONFIG struct imgconfig config;
	AUTO_STRV struct strv cmd = {0};
	AUTO_FREE char *report = mem_printf("%s/%s" EXASLCT_SCAN_REPORT, s->dir, g->flavor);
	struct testrun_test *one = mem_new(struct testrun_test);

	vec_push(&s->run, one);
	one->name = mem_strdup(g->stage);
	one->job = (struct runimg_job){.b = &s->state};
	imgconfig_init(&config, NULL);
	imgconfig_release(&config);
	if (release_mkdirs(report, e) || opsbase_image(&s->r.work.session, g->image.text, &im, &config, e)) {
		imgconfig_init(&config, NULL);
		return -1;
	}
	strv_add(&cmd, EXASLCT_SCAN_REPORT);
	one->job.main.name = mem_strdup(g->stage);
	digest_list_copy(&one->job.main.stack, &im.diff_ids);
	runargs_defaults(&config, &one->job.main);
	runimg_mounts_add(&one->job.main.mounts, NULL, report, EXASLCT_SCAN_REPORT, false);
	return runargs_argv(&config, NULL, &cmd, &one->job.main.argv, e) ||
			       runimg_trees(&s->state, &im.diff_ids, g->stage, e)
		       ? -1
		       : 0;
}

/* EXASLCT's summary of all flavors. */
static int exaslct_scan_summary(const struct exaslct_scan *s, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/" EXASLCT_SCAN_FILE, s->dir);
	AUTO_BUF struct buf text = BUF_INIT(EXASLCT_SCAN_MAX);

	for (size_t i = 0; i < s->run.n; i++) {
		const struct testrun_test *t = s->run.v[i];
		const char *flavor = s->built.v[i].flavor;

		buf_printf(&text,
			   "\n============ START SECURITY SCAN REPORT - <%s> ====================\n"
			   "Successful:%s\nFull report:%s/%s\nSummary:\n",
			   flavor, t->failure ? "False" : "True", s->dir, flavor);
		if (t->log && io_read_file(AT_FDCWD, t->log, &text, e))
			return -1;
		buf_printf(&text, "\n============ END SECURITY SCAN REPORT - <%s> ====================\n", flavor);
	}
	return io_write_output(path, buf_str(&text), text.n, e);
}

static void exaslct_scan_done(const struct testrun_test *t, void *arg)
{
	const struct exaslct_scan *s = arg;

	if (s->r.c->status == 0)
		s->r.c->status = t->status;
}

static int exaslct_scan_own(struct exaslct_scan *s, struct err *e)
{
	for (size_t i = 0; i < s->built.n; i++) {
		AUTO_FREE char *report = mem_printf("%s/%s" EXASLCT_SCAN_REPORT, s->dir, s->built.v[i].flavor);

		if (runimg_own(&s->state, report, e))
			return -1;
	}
	return 0;
}

static int exaslct_scan_all(struct exaslct_scan *s, struct err *e)
{
	static const struct cgroup_limits none = {0};
	struct session *session = &s->r.work.session;
	AUTO_FREE char *rel = exrun_output_dir(s->r.o, EXASLCT_SCAN_DIR, e);

	s->dir = rel ? realpath(rel, NULL) : NULL;
	if (!s->dir || exrun_open(&s->r, e) || exrun_build(&s->r, &s->built, e) ||
	    runimg_open(&s->state, session, &none, e))
		return -1;
	for (size_t i = 0; i < s->built.n; i++)
		if (exaslct_scan_add(s, &s->built.v[i], e))
			return -1;
	runargs_quiet(&s->r.work);
	s->run.s = session;
	s->run.b = &s->state;
	s->run.jobs = 1; /* the scans' output must not be mixed */
	s->run.stream = true;
	s->run.log_dir = mem_strdup(s->dir);
	s->run.done = exaslct_scan_done;
	s->run.arg = s;
	if (testrun_all(&s->run, e) || exaslct_scan_own(s, e) || exaslct_scan_summary(s, e))
		return -1;
	for (size_t i = 0; i < s->run.n; i++)
		if (s->run.v[i]->failure)
			return err_set(e, ERR_STEP, "the security scan of %s failed: %s", s->built.v[i].flavor,
				       s->run.v[i]->failure);
	return cli_printf(e, "%s/" EXASLCT_SCAN_FILE "\n", s->dir);
}

int exaslct_scan_flavors(struct cli *c, const struct exopt *o, const struct cli_net *net, struct err *e)
{
	AUTO(exaslct_scan_release) struct exaslct_scan s = {.r = {.net = net, .own = net != NULL}};
	AUTO_STRV struct strv goals = {0};

	strv_add(&goals, EXASLCT_SCAN_STAGE);
	return exopt_check("security-scan", o, &c->args.given, e) || exrun_prepare(&s.r, c, o, &goals, e) ||
			       exaslct_scan_all(&s, e)
		       ? -1
		       : 0;
}

int exaslct_scan_run(struct cli *c, const void *opts, struct err *e)
{
	return exaslct_scan_flavors(c, opts, NULL, e);
}
