/* Tiers of isolation. */
#include "src/sandbox/tier.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/sandbox/caps.h"
#include "src/sandbox/idmap.h"
#include "src/sandbox/probe.h"
#include "src/sandbox/userns.h"
#include "src/util/cleanup.h"
#include "src/util/mem.h"

static const char *const tier_names[] = {
	[TIER_AUTO] = "auto", [TIER_ROOT] = "root",	[TIER_RANGE] = "range",
	[TIER_SOLO] = "solo", [TIER_CHROOT] = "chroot", [TIER_NONE] = "none",
};

const char *tier_name(enum tier t)
{
	return (size_t)t < ARRAY_LEN(tier_names) ? tier_names[t] : "?";
}

int tier_parse(const char *name, enum tier *out, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(tier_names); i++)
		if (strcmp(name, tier_names[i]) == 0) {
			*out = (enum tier)i;
			return 0;
		}
	err_set(e, ERR_USAGE, "unknown isolation \"%s\"", name);
	return err_hint(e, "one of auto, root, range, solo, chroot, none");
}

void tier_release(struct tier_info *t)
{
	free(t->why);
	t->why = NULL;
}

static int probe_root(struct tier_info *out, const char *scratch, struct err *e)
{
	if (geteuid() != 0)
		return err_set(e, ERR_HOST, "not uid 0");
	if (!(caps_effective() & UINT64_C(1) << CAP_SYS_ADMIN)) {
		err_set(e, ERR_HOST, "uid 0 without CAP_SYS_ADMIN");
		return err_hint(
			e, "in a container: run it with --cap-add SYS_ADMIN and --security-opt seccomp=unconfined, or "
			   "as an ordinary user with subordinate ids");
	}
	if (probe_overlay(-1, scratch, e) < 0)
		return -1;
	snprintf(out->form, sizeof out->form, "real");
	return 0;
}

static int probe_range(struct tier_info *out, const char *scratch, struct err *e)
{
	AUTO_CLOSE int ns = -1;

	if (idmap_load(out, e) < 0)
		return -1;
	ns = userns_open(out, e);
	if (ns < 0)
		return -1;
	return probe_overlay(ns, scratch, e);
}

static int probe_unbuilt(struct tier_info *out, const char *scratch, struct err *e)
{
	(void)out, (void)scratch;
	err_set(e, ERR_HOST, "not built yet");
	return err_hint(
		e, "as root with CAP_SYS_ADMIN: root; as an ordinary user: range, with a line `USER:100000:65536` in "
		   "/etc/subuid and /etc/subgid and `apt-get install uidmap`");
}

static int (*const tier_probes[])(struct tier_info *, const char *, struct err *) = {
	[TIER_ROOT] = probe_root,      [TIER_RANGE] = probe_range,  [TIER_SOLO] = probe_unbuilt,
	[TIER_CHROOT] = probe_unbuilt, [TIER_NONE] = probe_unbuilt,
};

static int probe_one(enum tier t, const char *scratch, struct tier_info *out, struct err *e)
{
	*out = (struct tier_info){.tier = t};
	if (tier_probes[t](out, scratch, e) < 0)
		return err_wrap(e, "isolation \"%s\"", tier_name(t));
	out->why = mem_strdup("");
	return 0;
}

/* Root if it can be; the reason why not goes with the next best, or before the final refusal. For an ordinary user the
 * reason against root says nothing and is left out. */
static int probe_best(const char *scratch, struct tier_info *out, struct err *e)
{
	struct err why = ERR_INIT;

	if (probe_one(TIER_ROOT, scratch, out, &why) == 0)
		return 0;
	if (probe_one(TIER_RANGE, scratch, out, e) == 0) {
		if (geteuid() == 0) {
			free(out->why);
			out->why = mem_strdup(why.msg);
		}
		err_release(&why);
		return 0;
	}
	if (geteuid() == 0) {
		err_wrap(e, "%s", why.msg);
		if (why.hint)
			err_hint(e, "%s", why.hint);
	}
	err_release(&why);
	return err_wrap(e, "no isolation for RUN steps works here");
}

int tier_probe(enum tier want, const char *scratch, struct tier_info *out, struct err *e)
{
	if (want == TIER_AUTO)
		return probe_best(scratch, out, e);
	return probe_one(want, scratch, out, e);
}
