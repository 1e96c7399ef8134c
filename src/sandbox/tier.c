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
#include "src/util/vec.h"

static const char *const tier_names[] = {
	[TIER_AUTO] = "auto", [TIER_ROOT] = "root",	[TIER_RANGE] = "range",
	[TIER_SOLO] = "solo", [TIER_CHROOT] = "chroot", [TIER_NONE] = "none",
};

const char *tier_name(enum tier t)
{
	return (size_t)t < ARRAY_LEN(tier_names) ? tier_names[t] : "?";
}

bool tier_makes_nodes(const struct tier_info *t)
{
	return t->tier == TIER_ROOT || t->tier == TIER_CHROOT;
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
	free(t->hint);
	t->why = t->hint = NULL;
}

/* Layer trees with whiteouts by attribute, where devices cannot be whiteouts, are another form. */
static int name_whiteouts(struct tier_info *out, const char *scratch)
{
	if (!probe_device_whiteouts(scratch))
		snprintf(out->form + strlen(out->form), sizeof out->form - strlen(out->form), "-w");
	return 0;
}

/* Overlays are refused, for a reason that *e has: then roots are trees of their own, if the rest works. */
static int without_overlay(struct tier_info *out, int ns, const char *scratch, struct err *e)
{
	struct err more = ERR_INIT;

	if (probe_trees(ns, scratch, &more) < 0) {
		err_release(&more);
		return -1;
	}
	out->trees = true;
	out->why = mem_printf("roots are copies: %s", e->msg);
	err_release(e);
	return name_whiteouts(out, scratch);
}

/* Asked for, so nothing else is taken in its place. */
static int in_memory(struct tier_info *out, int ns, const char *scratch, struct err *e)
{
	struct err no = ERR_INIT;

	if (probe_memory(ns, scratch, e) < 0)
		return err_wrap(e, "upper directories on a tmpfs (--upper)");
	out->refused = probe_overlay(ns, scratch, &no) < 0;
	err_release(&no);
	out->why = mem_strdup("what steps change lies in memory");
	return name_whiteouts(out, scratch);
}

static int probe_roots(struct tier_info *out, int ns, const char *scratch, struct err *e)
{
	if (out->memory)
		return in_memory(out, ns, scratch, e);
	return probe_overlay(ns, scratch, e) == 0 ? 0 : without_overlay(out, ns, scratch, e);
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
	snprintf(out->form, sizeof out->form, "real");
	return probe_roots(out, -1, scratch, e);
}

static int probe_range(struct tier_info *out, const char *scratch, struct err *e)
{
	AUTO_CLOSE int ns = -1;

	if (idmap_load(out, e) < 0)
		return -1;
	ns = userns_open(out, e);
	if (ns < 0)
		return -1;
	return probe_roots(out, ns, scratch, e);
}

static int probe_solo(struct tier_info *out, const char *scratch, struct err *e)
{
	AUTO_CLOSE int ns = -1;

	idmap_solo(out);
	ns = userns_open(out, e);
	if (ns < 0)
		return -1;
	/* The supervisor names things by a procfs of its own. */
	if (probe_record(ns, scratch, e) < 0 || probe_proc(ns, e) < 0)
		return -1;
	return probe_roots(out, ns, scratch, e);
}

static int probe_in_chroot(struct tier_info *out, const char *scratch, struct err *e)
{
	if (geteuid() != 0)
		return err_set(e, ERR_HOST, "not uid 0");
	if (out->memory) {
		err_set(e, ERR_HOST, "no tmpfs can be mounted here (--upper)");
		return err_hint(e, "leave --upper and SLCT_UPPER out");
	}
	if (probe_chroot(scratch, e) < 0)
		return -1;
	out->trees = true;
	snprintf(out->form, sizeof out->form, "real");
	return name_whiteouts(out, scratch);
}

/* Nothing that could fail: trees are ordinary files of the caller, with their owners recorded, and roots are copies. */
static int probe_none(struct tier_info *out, const char *scratch, struct err *e)
{
	(void)e;
	out->trees = true;
	snprintf(out->form, sizeof out->form, "plain");
	return name_whiteouts(out, scratch);
}

static int (*const tier_probes[])(struct tier_info *, const char *, struct err *) = {
	[TIER_ROOT] = probe_root,	 [TIER_RANGE] = probe_range, [TIER_SOLO] = probe_solo,
	[TIER_CHROOT] = probe_in_chroot, [TIER_NONE] = probe_none,
};

static int probe_one(enum tier t, bool memory, const char *scratch, struct tier_info *out, struct err *e)
{
	*out = (struct tier_info){.tier = t, .memory = memory};
	if (tier_probes[t](out, scratch, e) < 0)
		return err_wrap(e, "isolation \"%s\"", tier_name(t));
	if (!out->why)
		out->why = mem_strdup("");
	return 0;
}

/* What a reader need not be told: that an ordinary user is not root. */
static bool says_nothing(enum tier t)
{
	return (t == TIER_ROOT || t == TIER_CHROOT) && geteuid() != 0;
}

/* A refusal on the way to a lesser tier: reason and remedy are kept, once each. */
static void add_refusal(enum tier t, const struct err *e, struct strv *why, struct strv *hints)
{
	AUTO_FREE char *prefix = mem_printf("isolation \"%s\": ", tier_name(t));
	size_t n = strlen(prefix);
	const char *msg = strncmp(e->msg, prefix, n) == 0 ? e->msg + n : e->msg;

	if (says_nothing(t))
		return;
	strv_printf(why, "not %s: %s", tier_name(t), msg);
	if (e->hint && !strv_has(hints, e->hint))
		strv_add(hints, e->hint);
}

static int probe_best(bool memory, const char *scratch, struct tier_info *out, struct err *e)
{
	static const enum tier order[] = {TIER_ROOT, TIER_RANGE, TIER_SOLO, TIER_CHROOT, TIER_NONE};
	AUTO_STRV struct strv why = {0}, hints = {0};

	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		struct err refused = ERR_INIT;

		if (probe_one(order[i], memory, scratch, out, &refused) == 0) {
			if (out->why[0])
				strv_add(&why, out->why);
			free(out->why);
			out->why = strv_join(&why, "; ");
			out->hint = order[i] == TIER_NONE ? strv_join(&hints, "\n") : NULL;
			return 0;
		}
		add_refusal(order[i], &refused, &why, &hints);
		err_release(&refused);
	}
	return err_set(e, ERR_INTERNAL, "no tier of isolation");
}

int tier_probe(enum tier want, bool memory, const char *scratch, struct tier_info *out, struct err *e)
{
	if (want == TIER_AUTO)
		return probe_best(memory, scratch, out, e);
	return probe_one(want, memory, scratch, out, e);
}
