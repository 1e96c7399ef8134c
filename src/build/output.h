/* Output of a running step: read from its pipe, written to its log, shown, and its last lines kept for an error. */
#ifndef SLCT_OUTPUT_H
#define SLCT_OUTPUT_H

#include "src/build/state.h"

/* Make the pipe and the log file; returns the write end for the worker (the caller closes its copy), or -1. */
int output_open(struct step_job *j, struct err *e);
/* Read what is still in the pipe. */
void output_drain(struct step_job *j);
/* Put the last lines and the log's path into the error of a failed step. */
void output_explain(struct step_job *j, struct err *e);

#endif
