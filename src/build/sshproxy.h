/* The agent that a step sees (RUN --mount=type=ssh): a socket of its own, with owner and mode as the mount asks, behind
 * which a process of slct speaks with the real agent as the caller. It passes on what a step needs, the list of keys
 * and signatures, and refuses the rest as the reference does: a step neither adds nor removes keys nor locks the agent.
 * Source: draft-miller-ssh-agent (framing, numbers of messages). */
#ifndef SLCT_SSHPROXY_H
#define SLCT_SSHPROXY_H

#include <sys/types.h>

#include "src/util/err.h"

/* Longer messages end the connection; OpenSSH's agent has the same limit. */
#define SSHPROXY_MESSAGE_MAX ((size_t)256 << 10)
/* Connections at the same time; more wait. */
#define SSHPROXY_PEERS_MAX 32

/* In the caller's own namespaces: make the socket `name` in a directory of the caller's, mode 0600, and fork a process
 * that serves it until it is ended or its parent dies. agent: path of the real one's socket. -1 with *e. */
pid_t sshproxy_start(const char *agent, int dirfd, const char *name, struct err *e);
void sshproxy_end(pid_t pid);

#endif
