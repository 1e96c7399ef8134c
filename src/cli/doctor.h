/* Examination of the host for slct doctor: a list of findings, each with the remedy where something is refused. */
#ifndef SLCT_DOCTOR_H
#define SLCT_DOCTOR_H

#include "oci/store.h"
#include "src/sandbox/tier.h"
#include "src/util/vec.h"

enum doctor_state {
	DOCTOR_OK,
	DOCTOR_NOTE,	/* worth knowing, harms nothing now */
	DOCTOR_WARNING, /* something will not work */
	DOCTOR_REFUSED, /* the host refuses it */
};

struct doctor_finding {
	enum doctor_state state;
	const char *group;	    /* "isolation", "host", "store", "programs" */
	char *name, *text, *remedy; /* remedy may be NULL */
};

struct doctor {
	VEC_OF(struct doctor_finding) v;
	struct tier_info tier; /* the one that builds will take */
	bool can_build;
	struct err why; /* why not */
};

const char *doctor_state_name(enum doctor_state s);
/* group stays the caller's; name, remedy (may be NULL) and text are copied. */
void doctor_add(struct doctor *d, enum doctor_state state, const char *group, const char *name, const char *remedy,
		const char *fmt, ...) ATTR_PRINTF(6, 7);
/* The error's text and hint; e is released. */
void doctor_add_err(struct doctor *d, enum doctor_state state, const char *group, const char *name, struct err *e);
/* Everything. s: the store, or NULL with *no_store saying why it cannot be opened. */
void doctor_examine(struct doctor *d, struct store *s, struct err *no_store);
void doctor_release(struct doctor *d);

/* Parts of doctor_examine (doctor_store.c). */
void doctor_store_examine(struct doctor *d, struct store *s);

#endif
