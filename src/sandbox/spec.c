/* Checks of a step's description. */
#include "src/sandbox/spec.h"

#include <string.h>

static bool is_hostname(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= SPEC_HOSTNAME_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "0123456789-.") == n;
}

static int check_caller(const struct sandbox_spec *s, struct err *e)
{
	bool userns = s->tier && (s->tier->tier == TIER_RANGE || s->tier->tier == TIER_SOLO);

	if (!s->tier || (s->tier->tier != TIER_ROOT && s->tier->tier != TIER_CHROOT && !userns))
		return err_set(e, ERR_HOST, "isolation \"%s\" cannot run steps",
			       s->tier ? tier_name(s->tier->tier) : "?");
	if (userns != (s->nsfd >= 0))
		return err_set(e, ERR_INTERNAL, "user namespace and tier of the step do not fit");
	if (!s->argv || !s->argv[0] || !s->env || !s->scratch || s->out_fd < 0)
		return err_set(e, ERR_INTERNAL, "incomplete description of a step");
	if (!s->root.tree && (!s->root.upper || !s->root.work))
		return err_set(e, ERR_INTERNAL, "a step needs an upper and a work directory");
	if (!s->insecure && s->tier->tier != TIER_CHROOT && (!s->seccomp_prog || s->seccomp_len == 0))
		return err_set(e, ERR_INTERNAL, "a step needs a seccomp program");
	return 0;
}

/* What takes a namespace of its own. */
static int check_chroot(const struct sandbox_spec *s, struct err *e)
{
	if (s->tier->tier != TIER_CHROOT)
		return 0;
	if (!s->root.tree)
		return err_set(e, ERR_INTERNAL, "a step in tier chroot needs a root of its own");
	if (s->readonly) {
		err_set(e, ERR_HOST,
			"isolation \"chroot\" cannot make the root read-only: nothing can be mounted here");
		return err_hint(e, "run it where another tier works (slct doctor), or without --read-only");
	}
	if (s->net != SANDBOX_NET_NONE)
		return 0;
	err_set(e, ERR_HOST, "isolation \"chroot\" cannot run a step without network: no namespace can be made here");
	return err_hint(e, "build it where another tier works (slct doctor), or without --network=none");
}

int spec_check(const struct sandbox_spec *s, struct err *e)
{
	if (check_caller(s, e) < 0 || check_chroot(s, e) < 0)
		return -1;
	if (s->argv[0][0] == '\0')
		return err_set(e, ERR_INPUT, "the command is empty");
	if (s->workdir && s->workdir[0] != '/')
		return err_set(e, ERR_INPUT, "the working directory \"%s\" is not absolute", s->workdir);
	if (s->hostname && !is_hostname(s->hostname))
		return err_set(e, ERR_INPUT, "\"%s\" is no host name", s->hostname);
	return 0;
}

const char *spec_getenv(char *const *env, const char *name)
{
	size_t n = strlen(name);

	for (; *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

void spec_environment(const struct sandbox_spec *s, const char *home, struct strv *out)
{
	for (char *const *v = s->env; *v; v++)
		strv_add(out, *v);
	if (!spec_getenv(s->env, "PATH"))
		strv_add(out, "PATH=" SPEC_DEFAULT_PATH);
	if (!spec_getenv(s->env, "HOME"))
		strv_printf(out, "HOME=%s", home);
}
