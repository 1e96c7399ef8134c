#include "src/cli/testshell.h"

#include <unistd.h>

#include "src/cli/image_src.h"
#include "src/cli/runjob.h"
#include "src/cli/testtree.h"

struct testrun_test *testshell_find(const struct testrun *r, size_t *at)
{
	for (size_t i = 0; i < r->n; i++) {
		if (!r->v[i]->failure || !r->v[i]->started || !r->v[i]->job.keep)
			continue;
		*at = i;
		return r->v[i];
	}
	return NULL;
}

static int testshell_run(struct cli *c, struct work *w, const struct testrun_test *test, const struct build_opts *b,
			 struct err *e)
{
	AUTO_STORE_IMAGE struct store_image im = {0};
	AUTO_STRV struct strv argv = {0};
	/* All of it is the test's, but for the stack: what it has left is a layer above the one that it began with. */
	struct runimg_cmd cmd = test->job.main;
	const char *name;
	int rc;

	if (image_src_in_store(test->kept, &name, e) || image_src_find(w->session.store, name, &im, e) ||
	    cli_printf(e, "A shell in what %s has left. Leave it with exit.\n", test->name))
		return -1;
	runjob_shell(&argv);
	cmd.argv = argv;
	cmd.stack = im.diff_ids;
	cmd.timeout_ns = 0;
	rc = runjob_run(c, w, &cmd, b, test->job.net_none, true, true, e);
	/* The shell's own status says nothing of the tests. */
	c->status = 0;
	return rc;
}

int testshell_open(struct cli *c, struct work *w, struct testrun_test *test, const struct imgconfig *config,
		   const struct build_opts *b, struct err *e)
{
	bool kept = test->kept;
	struct err dropping = ERR_INIT;
	int rc;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		err_set(e, ERR_USAGE, "--shell-on-fail: there is no terminal for a shell");
		return err_hint(e, "--keep-failed keeps what a failed test has left as an image");
	}
	if (!kept && testtree_keep(test, config, e))
		return -1;
	rc = testshell_run(c, w, test, b, e);
	if (kept || testtree_drop(&w->session, test, &dropping) == 0)
		return rc;
	if (rc == 0)
		err_move(e, &dropping);
	err_release(&dropping);
	return -1;
}
