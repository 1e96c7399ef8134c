/* The operand GOAL: [CONTEXT|FLAVOR-DIR][:STAGE], or STAGE alone in the current directory (cli.md). */
#ifndef SLCT_GOAL_H
#define SLCT_GOAL_H

#include "src/util/err.h"

struct goal {
	char *path;  /* of the context or flavor */
	char *stage; /* NULL: its own goals */
};

#define AUTO_GOAL AUTO(goal_release)
void goal_release(struct goal *g);
/* A word inside a flavor is a stage of it. What is there as a directory (or comes from elsewhere, as "-") is a path;
 * else the last colon behind a directory cuts the stage off; else it is a stage of ".". */
void goal_parse(const char *text, struct goal *out);

#endif
