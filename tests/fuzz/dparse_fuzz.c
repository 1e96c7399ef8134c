/* Fuzz target: any bytes as a Dockerfile. What is accepted is also run through the scopes, copied, printed and parsed
 * again; the second tree must print the same. */
#include <stdlib.h>

#include "src/dockerfile/dargs.h"
#include "src/dockerfile/dmount.h"
#include "src/dockerfile/dparse.h"
#include "src/dockerfile/dstage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_print(const struct dast_instr *in)
{
	AUTO_BUF struct buf once = BUF_INIT(BUF_TEXT_MAX), twice = BUF_INIT(BUF_TEXT_MAX);
	AUTO_DAST_INSTR struct dast_instr *back = NULL;
	struct err e = ERR_INIT;

	dast_print(in, &once);
	back = dparse_instr("again", buf_sv(&once), in->escape, false, &e);
	must(back != NULL);
	must(back->kind == in->kind && back->words.n == in->words.n && back->pairs.n == in->pairs.n);
	dast_print(back, &twice);
	must(once.n == twice.n && !memcmp(buf_str(&once), buf_str(&twice), once.n));
}

static void check_mounts(const struct dast_instr *in)
{
	const char *v;

	for (size_t i = 0; (v = dast_flag_nth(in, "mount", i)); i++) {
		struct err e = ERR_INIT;
		struct dmount m;

		must((dmount_parse(sv_from(v), &m, &e) == 0) == !err_is_set(&e));
		dmount_release(&m);
		err_release(&e);
	}
}

static int run_stage(struct dargs *g, const struct dstage *s, struct err *e)
{
	AUTO_FREE char *image = NULL, *platform = NULL;
	struct dargs *scope = dargs_stage(g, NULL);
	int rc = dargs_from(g, s->from, &image, &platform, e);

	for (size_t i = 0; !rc && i < s->instrs.n; i++) {
		AUTO_DAST_INSTR struct dast_instr *in = dargs_step(scope, s->instrs.v[i], e);

		rc = in ? 0 : -1;
		if (in)
			check_mounts(in);
	}
	dargs_free(scope);
	return rc;
}

static void run(const struct dast_file *f)
{
	struct dargs_opts o = {.build_platform = "linux/amd64"};
	struct dargs *g = dargs_new(&o);
	struct dstage_list l = {0};
	struct err e = ERR_INIT;
	int rc = dstage_view(f, &l, &e);

	for (size_t i = 0; !rc && i < l.meta.n; i++)
		rc = dargs_meta(g, l.meta.v[i], &e);
	for (size_t i = 0; !rc && i < l.stages.n; i++)
		rc = run_stage(g, &l.stages.v[i], &e);
	must((rc == 0) == !err_is_set(&e));
	err_release(&e);
	dstage_release(&l);
	dargs_free(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	AUTO_DAST_FILE struct dast_file *f = dparse("fuzz", sv_of((const char *)data, size), &e);

	must((f != NULL) == !err_is_set(&e));
	err_release(&e);
	if (!f)
		return 0;
	for (size_t i = 0; i < f->instrs.n; i++)
		check_print(f->instrs.v[i]);
	run(f);
	return 0;
}
