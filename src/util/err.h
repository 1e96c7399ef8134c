/* The error value.
 *
 * A function that can fail takes `struct err *e` as its last parameter, returns 0/-1 (or pointer/NULL) and sets *e if
 * and only if it fails. An error is returned or reported, never both. The first message says what went wrong at the
 * place where it happened; callers add what they were doing with err_wrap(), so that the whole reads
 * "pulling X: blob sha256:...: connection closed". */
#ifndef SLCT_ERR_H
#define SLCT_ERR_H

#include "src/util/base.h"

/* Class of an error; each has one exit status (err_exit_status) as cli.md lists them. */
enum err_code {
	ERR_NONE = 0,
	ERR_STEP,      /* 1: a step or test ran and failed */
	ERR_USAGE,     /* 2: wrong options or operands */
	ERR_INPUT,     /* 3: Dockerfile, flavor, configuration or context is wrong */
	ERR_REGISTRY,  /* 4: registry, network, credentials */
	ERR_HOST,      /* 5: the host refuses: isolation, space, permission */
	ERR_INTEGRITY, /* 6: bytes do not match their digest */
	ERR_TEMP,      /* 75: temporary, worth a retry */
	ERR_CANCELLED, /* 130: stopped by a signal */
	ERR_NOT_FOUND, /* 3: something named does not exist; callers often handle it */
	ERR_INTERNAL,  /* 70: a bug of slct */
};

/* Place in a text file; line and column count from 1, 0 means unknown. */
struct err_place {
	char *file;
	unsigned line, col;
};

struct err {
	enum err_code code;
	int sys;	/* errno, or 0 */
	int http;	/* HTTP status, or 0 */
	bool retryable; /* the same call may succeed later */
	char *msg;	/* owned; context first, cause last */
	char *hint;	/* owned, may be NULL: the remedy in one line */
	char *excerpt;	/* owned, may be NULL: lines to show below the message (source with caret, output of a step) */
	struct err_place place;
};

#define ERR_INIT ((struct err){0})

/* Set the error; always returns -1, so that `return err_set(...)` is the idiom. An error that is already set is
 * replaced. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...) ATTR_PRINTF(3, 4);

/* The same with ": strerror(sys)" appended. ENOSPC, EDQUOT, EROFS, EACCES, EPERM and EMFILE become ERR_HOST whatever
 * the code given, and get a hint where there is a remedy. */
int err_sys(struct err *e, enum err_code code, int sys, const char *fmt, ...) ATTR_PRINTF(4, 5);

/* Prepend "context: " to the message; returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) ATTR_PRINTF(2, 3);

/* Set the remedy (replaces an earlier one); returns -1. */
int err_hint(struct err *e, const char *fmt, ...) ATTR_PRINTF(2, 3);

/* Set the place in a file; returns -1. */
int err_at(struct err *e, const char *file, unsigned line, unsigned col);

/* Set the excerpt to a copy of text (may be NULL); returns -1. */
int err_excerpt(struct err *e, const char *text);

bool err_is_set(const struct err *e);

/* Free what the error owns and make it ERR_INIT again. */
void err_release(struct err *e);

/* Move *from to *to (released first); *from is ERR_INIT afterwards. */
void err_move(struct err *to, struct err *from);

/* Process exit status of the class. */
int err_exit_status(const struct err *e);

/* "step", "usage", ... for JSON and messages between processes; ERR_INTERNAL for an unknown name. */
const char *err_code_name(enum err_code code);
enum err_code err_code_from_name(const char *name);

#endif
