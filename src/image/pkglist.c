#include "src/image/pkglist.h"

#include <string.h>

#include "src/util/mem.h"

/* Value of "KEY: value" or "K:value"; SV_NULL if the line has another key. */
static struct sv value_of(struct sv line, const char *key)
{
	return sv_starts(line, key) ? sv_trim(sv_sub(line, strlen(key), line.n)) : SV_NULL;
}

static void put(struct smap *out, struct sv name, struct sv arch, struct sv version)
{
	AUTO_FREE char *key = sv_dup(name), *val = sv_dup(version);

	if (smap_has(out, key) && arch.n) {
		AUTO_FREE char *full = mem_printf("%s:%.*s", key, SV_ARG(arch));

		smap_set_str(out, full, val);
		return;
	}
	smap_set_str(out, key, val);
}

struct stanza {
	struct sv name, version, arch, status;
};

static void end_stanza(struct stanza *s, struct smap *out)
{
	/* "install ok installed"; files of status.d have no such line */
	bool installed = s->status.p ? sv_ends(s->status, " installed") : true;

	if (s->name.n && s->version.n && installed)
		put(out, s->name, s->arch, s->version);
	*s = (struct stanza){0};
}

static void take(struct sv *to, struct sv v)
{
	if (v.p)
		*to = v;
}

void pkglist_dpkg(struct sv text, struct smap *out)
{
	struct stanza s = {0};

	while (text.p) {
		struct sv line = sv_cut(&text, '\n');

		if (!line.n) {
			end_stanza(&s, out);
			continue;
		}
		take(&s.name, value_of(line, "Package:"));
		take(&s.version, value_of(line, "Version:"));
		take(&s.arch, value_of(line, "Architecture:"));
		take(&s.status, value_of(line, "Status:"));
	}
	end_stanza(&s, out);
}

void pkglist_apk(struct sv text, struct smap *out)
{
	struct stanza s = {0};

	while (text.p) {
		struct sv line = sv_cut(&text, '\n');

		if (!line.n) {
			end_stanza(&s, out);
			continue;
		}
		take(&s.name, value_of(line, "P:"));
		take(&s.version, value_of(line, "V:"));
	}
	end_stanza(&s, out);
}

void pkglist_rpm(struct sv text, struct smap *out)
{
	while (text.p) {
		struct sv rest = sv_cut(&text, '\n'), name = sv_cut(&rest, '\t'), version = sv_cut(&rest, '\t');

		if (name.n && version.n)
			put(out, name, SV_NULL, version);
	}
}

bool pkglist_pip(const char *dirname, struct smap *out)
{
	struct sv d = sv_from(dirname);
	bool egg = sv_ends(d, ".egg-info");
	ssize_t dash;

	if (!egg && !sv_ends(d, ".dist-info"))
		return false;
	d.n -= strlen(egg ? ".egg-info" : ".dist-info");
	dash = sv_find(d, '-');
	if (dash <= 0)
		return false;
	struct sv name = sv_sub(d, 0, (size_t)dash), version = sv_sub(d, (size_t)dash + 1, d.n);
	ssize_t py = egg ? sv_find(version, '-') : -1;

	if (py > 0)
		version.n = (size_t)py;
	put(out, name, SV_NULL, version);
	return true;
}
