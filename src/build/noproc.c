#include "src/build/noproc.h"

#include <string.h>

#define NOPROC_REMEDY                                                                                                  \
	"nothing can be mounted in this container: build in one with --cap-add SYS_ADMIN and --security-opt "          \
	"seccomp=unconfined, or where user namespaces work (see `slct doctor`)"

static bool speaks(const char *text)
{
	static const char *const names[] = {"/proc/", "/dev/stdin", "/dev/fd", "mount /proc", "/proc is not mounted"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strstr(text, names[i]))
			return true;
	return false;
}

void noproc_line(struct step_job *j, const char *line)
{
	if (j->b->s->tier.tier == TIER_CHROOT && !j->no_proc)
		j->no_proc = speaks(line);
}

/* Some programs fail in silence: the command tells as well. */
static bool wanted(const struct step_job *j)
{
	bool found = j->no_proc;

	for (size_t i = 0; i < j->def->argv.n && j->b->s->tier.tier == TIER_CHROOT && !found; i++)
		found = speaks(j->def->argv.v[i]);
	return found;
}

int noproc_explain(const struct step_job *j, struct err *e)
{
	if (!wanted(j))
		return -1;
	return err_hint(e, "isolation \"chroot\" has no /proc, /dev/stdin and /dev/fd, of which the step or its output "
			   "speaks; " NOPROC_REMEDY);
}

void noproc_warn(const struct step_job *j)
{
	if (wanted(j))
		session_warn(j->b->s, j->st->name,
			     "line %u: the step or its output speaks of /proc, /dev/stdin or /dev/fd, which "
			     "isolation \"chroot\" does not have; what needs them may be missing in the image. "
			     "Remedy: " NOPROC_REMEDY,
			     j->def->line);
}
