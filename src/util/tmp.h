/* Names that nobody else has, and publication by rename. */
#ifndef SLCT_TMP_H
#define SLCT_TMP_H

#include "src/util/base.h"
#include "src/util/err.h"

/* Make a new directory `<prefix>.<16 hex>` below dirfd, mode 0700; its name in *name (caller frees). */
int tmp_dir(int dirfd, const char *prefix, char **name, struct err *e);
/* New file the same way, O_RDWR|O_CLOEXEC, mode 0600; returns the descriptor or -1. */
int tmp_file(int dirfd, const char *prefix, char **name, struct err *e);
/* Rename within one file system; replaces a file at the target. fsyncs the target's directory unless fast. */
int tmp_publish(int fromdir, const char *from, int todir, const char *to, bool fast, struct err *e);

#endif
