/* The system calls that a step may make, as a BPF program (seccomp(2), security.md rule 5). */
#ifndef SLCT_SECCOMP_H
#define SLCT_SECCOMP_H

#include "src/util/err.h"

/* Build the default profile for the native ABI: malloc'ed array of struct sock_filter in *prog, its size in bytes in
 * *len. Takes milliseconds: once per run. */
int seccomp_program(bool sync_is_noop, void **prog, size_t *len, struct err *e);
/* Load it for this process and its descendants; without no_new_privs, so it needs CAP_SYS_ADMIN in its namespace. */
int seccomp_enter(const void *prog, size_t len, struct err *e);

#endif
