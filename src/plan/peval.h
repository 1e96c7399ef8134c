/* Internal to src/plan: the state while one stage is evaluated, and the table of what each instruction does. */
#ifndef SLCT_PEVAL_H
#define SLCT_PEVAL_H

#include "src/plan/plan.h"

struct peval {
	struct plan *plan;
	size_t at; /* of the stage */
	struct plan_stage *st;
	struct plan_source *src;
	const struct dast_instr *in;  /* as written */
	const struct dast_instr *x;   /* expanded */
	bool cmd_set;                 /* CMD was given in this stage */
	unsigned n;                   /* instructions so far */
	bool trigger;                 /* comes from ONBUILD: no place in the Dockerfile */
};

/* Each takes the expanded instruction, changes the config and appends at most one step. */
typedef int peval_fn(struct peval *v, struct err *e);

peval_fn peval_run, peval_copy, peval_workdir;
/* Instructions that only change the config; false if `kind` is none of them. */
bool peval_is_meta(enum dast_kind kind);
int peval_meta(struct peval *v, struct err *e);

/* New step at the end of the stage, with number, line, text and history text filled in. */
struct plan_step *peval_step(struct peval *v, enum plan_step_kind kind, const char *created_by);
/* "X is not supported yet" at the instruction's place. */
int peval_unsupported(struct peval *v, const char *what, struct err *e);

#endif
