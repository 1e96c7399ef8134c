/* Parser: bytes of a Dockerfile -> syntax tree. No I/O but in dparse_load().
 *
 * Two passes, as the reference builder reports errors in two kinds. Syntax: lines, words, JSON lists, heredocs; an
 * unknown keyword is still accepted. Check: known instruction, known flags, number and form of the operands,
 * HEALTHCHECK values, names of stages. dparse() does both.
 *
 * Every error is ERR_INPUT with file:line:column, an excerpt with a caret, and often a hint. Source: Dockerfile
 * reference (docs.docker.com/reference/dockerfile), BuildKit's behaviour where it differs. */
#ifndef SLCT_DPARSE_H
#define SLCT_DPARSE_H

#include "src/dockerfile/dast.h"
#include "src/util/err.h"
#include "src/util/sv.h"

/* name is what errors call the file (copied). Text up to DFILE_MAX_BYTES, copied. NULL on error. */
struct dast_file *dparse(const char *name, struct sv text, struct err *e) ATTR_NODISCARD;
struct dast_file *dparse_syntax(const char *name, struct sv text, struct err *e) ATTR_NODISCARD;
int dparse_check(struct dast_file *f, struct err *e) ATTR_NODISCARD;

/* Read a file below dirfd (AT_FDCWD too), then dparse(). A missing file is ERR_NOT_FOUND. */
struct dast_file *dparse_load(int dirfd, const char *path, struct err *e) ATTR_NODISCARD;

/* One instruction, e.g. an ONBUILD trigger of a base image's config (heredoc bodies follow after newlines). name is
 * what errors call its origin ("ONBUILD of docker.io/library/x:1"). Text after the instruction is an error. ONBUILD,
 * FROM and MAINTAINER are refused if trigger is set. */
struct dast_instr *dparse_instr(const char *name, struct sv text, char escape, bool trigger,
				struct err *e) ATTR_NODISCARD;

/* For later passes: set *e's place and excerpt to a position of the file; returns -1. */
int dparse_err_at(const struct dast_file *f, struct dast_pos pos, struct err *e);
/* The same for an instruction, whose keyword goes in front of the message; an instruction parsed alone has no place. */
int dparse_err_in(const struct dast_instr *in, struct dast_pos pos, struct err *e);

#endif
