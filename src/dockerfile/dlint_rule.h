/* Internal to dlint: the file as the rules see it. */
#ifndef SLCT_DLINT_RULE_H
#define SLCT_DLINT_RULE_H

#include "src/dockerfile/dargs.h"
#include "src/dockerfile/dlint.h"

/* Value of "check=". */
struct dlint_directive {
	struct strv skip, experimental;
	bool skip_all, experimental_all, error;
};

/* One instruction. */
struct dlint_item {
	const struct dast_instr *in;
	size_t stage;		/* DLINT_NO_STAGE: before the first FROM */
	struct dast_instr *x;	/* expanded; NULL: FROM, not wanted, or it cannot be */
	struct strv undefined;	/* names used in it that are neither set nor declared */
	struct strv candidates; /* names that may have been meant; only if there are undefined ones */
	struct dlint_directive own;
	struct sv comment; /* the comment right above, without "#"; p NULL: none */
};

struct dlint_stage {
	char *image;	  /* expanded; NULL: it cannot be */
	char *platform;	  /* expanded; NULL: not given, or it cannot be */
	char *dflt;	  /* image by the defaults of the ARGs alone; NULL: it cannot be expanded */
	struct strv args; /* names that the platform is made of: set ones, then unset ones */
	size_t args_set;  /* how many of them are set */
	ssize_t base;	  /* stage that it is FROM, or -1 */
	bool known;	  /* all of its environment is known */
	bool base_shell;  /* what it is FROM has a SHELL */
	bool shell;	  /* it has one itself, or what it is FROM */
	struct dargs *scope;
};

struct dlint_view {
	const struct dstage_list *l;
	const struct dlint_opts *o;
	VEC_OF(struct sv) lines;
	VEC_OF(struct dlint_item) items; /* in the order of the file */
	struct dlint_stage *stages;
	struct dargs *global;
};

/* An instruction that cannot be expanded sets *e if that is the first error; all others are looked at nonetheless. */
void dlint_view_make(struct dlint_view *v, const struct dstage_list *l, const struct dlint_opts *o, struct err *e);
void dlint_view_release(struct dlint_view *v);
/* The source line, "" beyond the end. */
struct sv dlint_view_line(const struct dlint_view *v, unsigned line);
/* The candidate that the i-th undefined name may have meant; NULL if none is near. */
const char *dlint_view_meant(const struct dlint_item *it, size_t i);
bool dlint_view_wanted(const struct dlint_view *v, const struct dlint_item *it);

/* "skip=A,B;error=true;experimental=C". 0/-1 without place. */
int dlint_directive_parse(struct sv text, struct dlint_directive *out, struct err *e);
void dlint_directive_release(struct dlint_directive *d);
/* The value if the comment (without "#") is "check=VALUE"; p NULL if not. */
struct sv dlint_directive_of(struct sv comment);

struct dlint_run; /* a run of one rule */
const struct dlint_view *dlint_view_of(const struct dlint_run *r);
void dlint_found(struct dlint_run *r, const struct dlint_item *it, const char *fmt, ...) ATTR_PRINTF(3, 4);
/* At another line than the instruction's first. */
void dlint_found_at(struct dlint_run *r, const struct dlint_item *it, unsigned line, const char *fmt, ...)
	ATTR_PRINTF(4, 5);
/* True only if the base image does not say otherwise. */
void dlint_found_maybe(struct dlint_run *r, const struct dlint_item *it, const char *fmt, ...) ATTR_PRINTF(3, 4);

/* A rule is asked about every instruction, or once about the whole file. */
typedef void dlint_item_fn(struct dlint_run *r, const struct dlint_item *it);
typedef void dlint_file_fn(struct dlint_run *r);

dlint_item_fn dlint_style_stage_name, dlint_style_as, dlint_style_gap, dlint_style_maintainer, dlint_style_pairs,
	dlint_style_description;
dlint_file_fn dlint_style_casing;
dlint_item_fn dlint_from_duplicate, dlint_from_reserved, dlint_from_undefined, dlint_from_default,
	dlint_from_redundant_platform, dlint_from_const_platform;
dlint_item_fn dlint_step_json, dlint_step_undefined, dlint_step_secrets, dlint_step_ignored, dlint_step_proto_casing,
	dlint_step_port_format;
dlint_file_fn dlint_step_workdir, dlint_step_multiple;

#endif
