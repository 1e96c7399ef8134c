/* Platforms: os/arch[/variant]. */
#include "oci/platform.h"

#include <sys/utsname.h>

#include <stdio.h>
#include <string.h>

#include "src/util/num.h"
#include "src/util/sv.h"

/* Other names of architectures, as uname(2) and people say them. */
static const struct {
	const char *alias, *arch, *variant;
} platform_aliases[] = {
	{"x86_64", "amd64", ""},   {"x86-64", "amd64", ""},
	{"aarch64", "arm64", ""},  {"armv8l", "arm64", ""},
	{"armhf", "arm", "v7"},	   {"armv7l", "arm", "v7"},
	{"armel", "arm", "v6"},	   {"armv6l", "arm", "v6"},
	{"armv5tel", "arm", "v5"}, {"i386", "386", ""},
	{"i486", "386", ""},	   {"i586", "386", ""},
	{"i686", "386", ""},	   {"loongarch64", "loong64", ""},
};

static const char *const platform_oses[] = {
	"linux", "windows", "darwin", "freebsd", "openbsd", "netbsd", "solaris", "illumos", "aix", "android", "wasip1",
};

/* What may stand alone: a word that is none of these is more likely a slip than an architecture to come. */
/* clang-format off */
static const char *const platform_arches[] = {
	"386",	    "amd64",	"arm",	"arm64",   "loong64", "mips",  "mips64", "mips64le",
	"mipsle",   "ppc64",	"ppc64le", "riscv64", "s390x",	 "wasm",
};
/* clang-format on */

/* Variants that have an order: every earlier one runs on a later one. The default is what an absent variant means. */
static const struct {
	const char *arch;
	unsigned dflt;
} platform_ordered[] = {
	{"arm", 70},
	{"arm64", 80},
	{"amd64", 10},
};

static void platform_put(char out[32], struct sv v)
{
	snprintf(out, 32, "%.*s", SV_ARG(v));
}

static void platform_normalise(struct platform *p)
{
	for (size_t i = 0; i < ARRAY_LEN(platform_aliases); i++) {
		if (strcmp(p->arch, platform_aliases[i].alias) != 0)
			continue;
		platform_put(p->arch, sv_from(platform_aliases[i].arch));
		if (!p->variant[0])
			platform_put(p->variant, sv_from(platform_aliases[i].variant));
		break;
	}
	if (strcmp(p->arch, "arm") == 0 && !p->variant[0])
		platform_put(p->variant, SV("v7"));
	if (strcmp(p->arch, "arm64") == 0 && strcmp(p->variant, "v8") == 0)
		p->variant[0] = '\0';
	if (strcmp(p->arch, "amd64") == 0 && strcmp(p->variant, "v1") == 0)
		p->variant[0] = '\0';
}

void platform_host(struct platform *out)
{
	struct utsname u;

	*out = (struct platform){.os = "linux"};
	if (uname(&u) == 0)
		platform_put(out->arch, sv_from(u.machine));
	platform_normalise(out);
}

static bool platform_is_os(struct sv v)
{
	for (size_t i = 0; i < ARRAY_LEN(platform_oses); i++) {
		if (sv_eq_str(v, platform_oses[i]))
			return true;
	}
	return false;
}

static bool platform_is_arch(const char *arch)
{
	for (size_t i = 0; i < ARRAY_LEN(platform_arches); i++) {
		if (strcmp(arch, platform_arches[i]) == 0)
			return true;
	}
	return false;
}

static bool platform_part_ok(struct sv v)
{
	if (v.n == 0 || v.n > 31 || v.p[0] == '.' || v.p[0] == '-')
		return false;
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '.' || c == '_' || c == '-'))
			return false;
	}
	return true;
}

/* "v7": in a text of two parts the second one decides whether the first is an OS. */
static bool platform_is_variant(struct sv v)
{
	return v.n > 1 && v.p[0] == 'v' && v.p[1] >= '0' && v.p[1] <= '9';
}

/* Parts of "os/arch/variant" into v; their number, or 0 if there are none, too many or bad ones. */
static size_t platform_split(const char *text, struct sv v[3])
{
	struct sv rest = sv_from(text);
	size_t n = 0;

	while (rest.p) {
		struct sv part = sv_cut(&rest, '/');

		if (n == 3 || !platform_part_ok(part))
			return 0;
		v[n++] = part;
	}
	return n;
}

int platform_parse(const char *text, struct platform *out, struct err *e)
{
	struct sv v[3], os = SV("linux"), variant = SV("");
	size_t n = platform_split(text, v), at = 0;

	if (n == 3 || (n && platform_is_os(v[0])) || (n == 2 && !platform_is_variant(v[1])))
		os = v[at++];
	if (n == 0 || at == n || n - at > 2) {
		err_set(e, ERR_INPUT, "platform \"%.80s\": not of the form OS/ARCH[/VARIANT]", text);
		return err_hint(e, "for example linux/amd64 or linux/arm/v7");
	}
	if (n - at == 2)
		variant = v[at + 1];
	*out = (struct platform){0};
	platform_put(out->os, os);
	platform_put(out->arch, v[at]);
	platform_put(out->variant, variant);
	platform_normalise(out);
	if (n == 1 && !platform_is_arch(out->arch)) {
		err_set(e, ERR_INPUT, "platform \"%.80s\": no operating system and no architecture", text);
		return err_hint(e, "for example linux/amd64 or linux/arm/v7");
	}
	return 0;
}

const char *platform_format(const struct platform *p, char out[100])
{
	snprintf(out, 100, "%s/%s%s%s", p->os, p->arch, p->variant[0] ? "/" : "", p->variant);
	return out;
}

void platform_from_json(const struct json *j, struct platform *out)
{
	*out = (struct platform){0};
	platform_put(out->os, sv_from(json_get_str(j, "os")));
	platform_put(out->arch, sv_from(json_get_str(j, "architecture")));
	platform_put(out->variant, sv_from(json_get_str(j, "variant")));
}

struct json *platform_to_json(const struct platform *p)
{
	struct json *j = json_object();

	json_set_str(j, "os", p->os);
	json_set_str(j, "architecture", p->arch);
	json_set_str(j, "variant", p->variant[0] ? p->variant : NULL);
	return j;
}

/* "v7" is 70, "v8.1" is 81; 0 if the variant has no number. */
static unsigned platform_level(const char *variant, unsigned dflt)
{
	struct sv rest = sv_from(variant), whole;
	uint64_t major, minor = 0;

	if (!variant[0])
		return dflt;
	if (variant[0] != 'v')
		return 0;
	rest = sv_sub(rest, 1, rest.n);
	whole = sv_cut(&rest, '.');
	if (num_parse(whole, 10, 99, &major) < 0 || (rest.p && num_parse(rest, 10, 9, &minor) < 0))
		return 0;
	return (unsigned)(major * 10 + minor);
}

static unsigned platform_dflt(const char *arch)
{
	for (size_t i = 0; i < ARRAY_LEN(platform_ordered); i++) {
		if (strcmp(arch, platform_ordered[i].arch) == 0)
			return platform_ordered[i].dflt;
	}
	return 0;
}

int platform_match(const struct platform *want, const struct platform *have)
{
	struct platform w = *want, h = *have;
	unsigned dflt, wl, hl;

	platform_normalise(&w);
	platform_normalise(&h);
	if (!w.os[0] || strcmp(w.os, h.os) != 0 || strcmp(w.arch, h.arch) != 0)
		return 0;
	if (strcmp(w.variant, h.variant) == 0)
		return 1000;
	dflt = platform_dflt(w.arch);
	if (dflt == 0)
		return w.variant[0] && h.variant[0] ? 0 : 1;
	wl = platform_level(w.variant, dflt);
	hl = platform_level(h.variant, dflt);
	if (wl == 0 || hl == 0 || hl > wl)
		return 0;
	return hl == wl ? 1000 : (int)(999 - (wl - hl) % 999);
}
