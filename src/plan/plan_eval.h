/* Internal to src/plan: the state while one stage is evaluated, and the table of what each instruction does. */
#ifndef SLCT_PLAN_EVAL_H
#define SLCT_PLAN_EVAL_H

#include "src/plan/plan.h"

struct plan_eval {
	struct plan *plan;
	size_t at; /* of the stage */
	struct plan_stage *st;
	struct plan_source *src;
	const struct dast_instr *in; /* as written */
	const struct dast_instr *x;  /* expanded */
	bool cmd_set;		     /* CMD was given in this stage */
	unsigned n;		     /* instructions so far */
	struct smap warned;	     /* transparent arguments that a warning named already */
	bool trigger;		     /* comes from ONBUILD or FROM: no place in the Dockerfile */
};

/* Each takes the expanded instruction, changes the config and appends at most one step. */
typedef int plan_eval_fn(struct plan_eval *v, struct err *e);

plan_eval_fn plan_eval_run, plan_eval_copy, plan_eval_workdir;
/* Instructions that only change the config; false if `kind` is none of them. */
bool plan_eval_is_meta(enum dast_kind kind);
int plan_eval_meta(struct plan_eval *v, struct err *e);

/* New step at the end of the stage, with number, line and text filled in. */
struct plan_step *plan_eval_step(struct plan_eval *v, enum plan_step_kind kind);
/* Absolute, clean path of what an instruction names relative to WORKDIR; caller frees. */
char *plan_eval_below_workdir(const struct plan_eval *v, const char *path);
/* Text of a Dockerfile with a flavor's references as they are written: "{{base}}"; caller frees. */
char *plan_eval_shown(const char *text);
/* "X is not supported yet" at the instruction's place. */
int plan_eval_unsupported(struct plan_eval *v, const char *what, struct err *e);

#endif
