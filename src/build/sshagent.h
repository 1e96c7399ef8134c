/* Agents for key files (--ssh ID=KEYFILE): OpenSSH's ssh-agent, started for the time of the build, with the keys in it.
 * The keys' bytes are never read by slct. */
#ifndef SLCT_SSHAGENT_H
#define SLCT_SSHAGENT_H

#include "src/build/build.h"

struct sshagent {
	const char *id; /* borrowed */
	char *socket;	/* absolute path */
	pid_t pid;
	int hold; /* the agent lives until this end of a pipe is closed, by us or by our death */
};

struct sshagents {
	struct sshagent *v;
	size_t n, cap;
};

/* One for each entry of o->ssh that has key files; dir: a directory of ours, relative to the store. In the scheduler.
 * ERR_INPUT for a key that cannot be used, ERR_HOST where OpenSSH's programs are missing. Release in any case. */
int sshagent_start(const struct session *s, const struct build_opts *o, const char *dir, struct sshagents *out,
		   struct err *e);
/* The socket for an id: of an agent of ours, or the one that was given; NULL: the id was not given. */
const char *sshagent_socket(const struct sshagents *a, const struct build_secret_list *given, const char *id);
void sshagent_release(struct sshagents *a);

#endif
