/* The table of commands, and how one is found and run. */
#ifndef SLCT_COMMAND_H
#define SLCT_COMMAND_H

#include "src/cli/opt.h"
#include "src/util/err.h"

struct cli;

enum command_group { COMMAND_BUILD, COMMAND_IMAGES, COMMAND_RUN, COMMAND_FLAVORS, COMMAND_HOUSE, COMMAND_GROUPS };

/* Flags. */
#define COMMAND_STORE  1u  /* needs the open store: dispatch opens it */
#define COMMAND_HIDDEN 4u  /* not in lists */
#define COMMAND_PREFIX 16u /* its options end at the first operand: what follows is another command's */
#define COMMAND_BARE   8u  /* needs no settings: works whatever the files say */

#define COMMAND_ANY SIZE_MAX /* no upper limit of operands */

struct command {
	const char *name;
	enum command_group group;
	unsigned flags;
	const char *summary; /* one line, small letter, no full stop */
	const char *usage;   /* what follows the name: "[OPTIONS] IMAGE NAME" */
	const char *about;   /* paragraphs for --help and the man page, separated by empty lines; may be NULL */
	const char *example; /* lines of shell; must not be NULL for what is built */
	const struct opt *opts;
	size_t nopts;
	size_t opts_size; /* of the struct that opts fills; zeroed before */
	const struct opt_conflict *conflicts;
	size_t nconflicts;
	size_t min_operands, max_operands;
	/* 0, or -1 with *e; opts is the filled struct, operands are in cli->args. */
	int (*run)(struct cli *c, const void *opts, struct err *e);
};

/* All commands in the order of help, NULL at the end. */
const struct command *const *command_table(void);
const struct command *command_find(const char *name); /* NULL if there is none */
const char *command_group_title(enum command_group g);
/* ERR_USAGE with the nearest name as hint. */
int command_unknown(const char *name, struct err *e);

/* Run a whole command line; returns the exit status. Errors have been reported on standard error. */
int command_main(int argc, char *const *argv);

#endif
