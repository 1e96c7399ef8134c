/* EXASLCT's own command lines: `slct exaslct COMMAND …`, and a program (link) named exaslct. */
#ifndef SLCT_EXASLCT_H
#define SLCT_EXASLCT_H

#include "src/cli/command.h"
#include "src/cli/exopt.h"

/* EXASLCT's commands, NULL at the end. Their names have "exaslct " in front. A command without `run` is refused: its
 * `about` says why. */
const struct command *const *exaslct_table(void);
const struct command *exaslct_find(const char *name); /* without "exaslct "; NULL if there is none */
/* ERR_USAGE with the nearest name as hint. */
int exaslct_unknown(const char *name, struct err *e);
int exaslct_refuse(const struct command *c, struct err *e);
/* The arguments with what click understands and opt_parse() does not put in our form: a password option without its
 * value, which asks on the terminal, becomes "--x=". Strings are borrowed; release the vector with exaslct_args_free.
 */
struct exaslct_args {
	char **v;
	size_t n, cap;
};
void exaslct_args(char *const *args, size_t n, struct exaslct_args *out);
void exaslct_args_free(struct exaslct_args *a);

/* EXASLCT's security-scan and push with the options of slct push; net NULL: it is EXASLCT's. */
struct cli_net;
int exaslct_scan_flavors(struct cli *c, const struct exopt *o, const struct cli_net *net, struct err *e);
int exaslct_push_flavors(struct cli *c, const struct exopt *o, const struct cli_net *net, struct err *e);

/* --- the commands' functions, by file --- */
int exaslct_build_run(struct cli *c, const void *opts, struct err *e);
int exaslct_push_run(struct cli *c, const void *opts, struct err *e);
int exaslct_save_run(struct cli *c, const void *opts, struct err *e);
int exaslct_export_run(struct cli *c, const void *opts, struct err *e);
int exaslct_deploy_run(struct cli *c, const void *opts, struct err *e);
int exaslct_upload_run(struct cli *c, const void *opts, struct err *e);
int exaslct_activation_run(struct cli *c, const void *opts, struct err *e);
int exaslct_diffs_run(struct cli *c, const void *opts, struct err *e);
int exaslct_clean_flavor_run(struct cli *c, const void *opts, struct err *e);
int exaslct_clean_all_run(struct cli *c, const void *opts, struct err *e);
int exaslct_scan_run(struct cli *c, const void *opts, struct err *e);
int exaslct_dbtest_run(struct cli *c, const void *opts, struct err *e);
int exaslct_test_container_build_run(struct cli *c, const void *opts, struct err *e);
int exaslct_test_container_push_run(struct cli *c, const void *opts, struct err *e);

#endif
