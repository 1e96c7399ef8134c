#include "src/build/cacheopt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "oci/ref.h"
#include "src/util/buf.h"
#include "src/util/mem.h"
#include "src/util/path.h"
#include "src/util/sv.h"

bool cacheopt_is_dir(struct sv text)
{
	static const char *const starts[] = {"/", "./", "../", CACHEOPT_OCI};

	for (size_t i = 0; i < ARRAY_LEN(starts); i++)
		if (sv_starts(text, starts[i]))
			return true;
	return sv_eq_str(text, ".") || sv_eq_str(text, "..");
}

const char *cacheopt_dir(const char *repo)
{
	size_t n = strlen(CACHEOPT_OCI);

	return strncmp(repo, CACHEOPT_OCI, n) == 0 ? repo + n : NULL;
}

/* Absolute, since records keep it; links are not resolved, so that what is mounted there counts. */
static int take_dir(struct sv text, char **out, struct err *e)
{
	size_t skip = sv_starts(text, CACHEOPT_OCI) ? strlen(CACHEOPT_OCI) : 0;
	AUTO_FREE char *path = sv_dup(sv_sub(text, skip, text.n));
	AUTO_FREE char *cwd = getcwd(NULL, 0), *full = NULL;

	if (!path[0])
		return err_set(e, ERR_USAGE, "cache directory: its name is missing");
	if (!cwd)
		return err_sys(e, ERR_HOST, errno, "the current directory");
	full = path_join(cwd, path);
	*out = mem_printf(CACHEOPT_OCI "%s", full);
	return 0;
}

static int take_stage(struct sv name, struct cacheopt *out, struct err *e)
{
	if (!name.n)
		return err_set(e, ERR_USAGE, "cache option \"stage=\": the stage's name is missing");
	strv_take(&out->stages, sv_dup(name));
	return 0;
}

static int take_codec(struct sv text, struct cacheopt *out, struct err *e)
{
	out->codec_given = true;
	return layer_codec_parse(text, &out->codec, e) < 0 ? err_wrap(e, "cache option \"compression\"") : 0;
}

static int take_option(struct sv v, enum cacheopt_use use, struct cacheopt *out, struct err *e)
{
	if (sv_eq_str(v, "required"))
		out->required = true;
	else if (sv_starts(v, "stage="))
		return take_stage(sv_sub(v, strlen("stage="), v.n), out, e);
	else if (use == CACHEOPT_TO && sv_eq_str(v, "why"))
		out->why = true;
	else if (use == CACHEOPT_TO && sv_starts(v, "compression="))
		return take_codec(sv_sub(v, strlen("compression="), v.n), out, e);
	else if (use == CACHEOPT_TO && sv_eq_str(v, "mode=steps"))
		out->stages_only = false;
	else if (use == CACHEOPT_TO && sv_eq_str(v, "mode=stages"))
		out->stages_only = true;
	else {
		err_set(e, ERR_USAGE, "cache option \"%.*s\" is not understood", SV_ARG(v));
		return err_hint(e, use == CACHEOPT_TO
					   ? "it is stage=NAME, mode=steps, mode=stages, compression=CODEC, why "
					     "or required"
					   : "it is stage=NAME or required");
	}
	return 0;
}

static int check_repo(const char *repo, struct err *e)
{
	AUTO_REF struct ref r = {0};

	if (ref_parse_repo(repo, &r, e) < 0) {
		e->code = ERR_USAGE;
		return err_wrap(e, "cache repository");
	}
	return 0;
}

static int parse(struct sv text, enum cacheopt_use use, struct cacheopt *out, struct err *e)
{
	struct sv rest = text, repo = sv_cut(&rest, ',');

	if (!repo.n)
		return err_set(e, ERR_USAGE, "cache repository: a repository or directory is missing");
	while (rest.p)
		if (take_option(sv_cut(&rest, ','), use, out, e) < 0)
			return -1;
	if (cacheopt_is_dir(repo))
		return take_dir(repo, &out->repo, e);
	out->repo = sv_dup(repo);
	return check_repo(out->repo, e);
}

int cacheopt_parse(const char *text, enum cacheopt_use use, struct cacheopt *out, struct err *e)
{
	*out = (struct cacheopt){.codec = {CODEC_GZIP, 0}};
	if (parse(sv_from(text), use, out, e) == 0)
		return 0;
	cacheopt_release(out);
	return -1;
}

void cacheopt_release(struct cacheopt *o)
{
	free(o->repo);
	strv_release(&o->stages);
	*o = (struct cacheopt){0};
}

/* --- docker's form --- */

/* Options of docker's exporters that change nothing here: blobs are written as slct writes them, and it is no error if
 * a cache cannot be written. */
static const char *const docker_ignored[] = {
	"compression-level", "force-compression", "ignore-error", "image-manifest", "oci-mediatypes",
};

/* Option -> ours; a value of NULL stands for the place itself. */
static const struct {
	const char *name, *value, *own;
} docker_options[] = {
	{"type", "registry", ""},
	{"type", "local", ""},
	{"ref", NULL, NULL},
	{"src", NULL, NULL},
	{"dest", NULL, NULL},
	{"mode", "max", ",mode=steps"},
	{"mode", "min", ",mode=stages"},
	{"compression", "gzip", ",compression=gzip"},
	{"compression", "zstd", ",compression=zstd"},
	{"compression", "uncompressed", ",compression=none"},
};

static int docker_refuse(struct sv option, struct err *e)
{
	err_set(e, ERR_USAGE, "cache option \"%.*s\" is not understood", SV_ARG(option));
	return err_hint(e,
			"of docker's forms there are type=registry,ref=REPO and type=local,src=DIR or dest=DIR, with "
			"mode=max or mode=min; slct's own are REPO and ./DIR");
}

/* Without ":TAG", and a path so that it is one for us. */
static char *docker_place(struct sv value, bool local)
{
	ssize_t slash = sv_rfind(value, '/'), colon = sv_rfind(value, ':');

	if (local)
		return mem_printf("%s%.*s", cacheopt_is_dir(value) ? "" : "./", SV_ARG(value));
	return sv_dup(colon > slash ? sv_sub(value, 0, (size_t)colon) : value);
}

static bool docker_is_ignored(struct sv name)
{
	for (size_t i = 0; i < ARRAY_LEN(docker_ignored); i++)
		if (sv_eq_str(name, docker_ignored[i]))
			return true;
	return false;
}

/* One NAME=VALUE: its place to *place, or its text in our form to *own. */
static int docker_option(struct sv option, bool local, enum cacheopt_use use, char **place, struct buf *own,
			 struct err *e)
{
	struct sv value = option, name = sv_cut(&value, '=');

	for (size_t i = 0; i < ARRAY_LEN(docker_options); i++) {
		if (!value.p || !sv_eq_str(name, docker_options[i].name) ||
		    (docker_options[i].value && !sv_eq_str(value, docker_options[i].value)))
			continue;
		if (docker_options[i].value) {
			buf_str_add(own, use == CACHEOPT_TO ? docker_options[i].own : "");
			return 0;
		}
		if (*place || !value.n || local == sv_eq_str(name, "ref"))
			return docker_refuse(option, e);
		*place = docker_place(value, local);
		return 0;
	}
	if (docker_is_ignored(name))
		return 0;
	if (!sv_eq_str(option, "required") && !sv_eq_str(option, "why") && !sv_eq_str(name, "stage"))
		return docker_refuse(option, e);
	buf_printf(own, ",%.*s", SV_ARG(option));
	return 0;
}

char *cacheopt_own(const char *text, enum cacheopt_use use, struct err *e)
{
	AUTO_BUF struct buf own = BUF_INIT(BUF_TEXT_MAX);
	AUTO_FREE char *place = NULL;
	struct sv all = sv_from(text), rest = all;
	bool local = strstr(text, "type=local") != NULL;

	if (!sv_starts(all, "type="))
		return mem_strdup(text);
	while (rest.p)
		if (docker_option(sv_cut(&rest, ','), local, use, &place, &own, e) < 0)
			return NULL;
	if (!place) {
		err_set(e, ERR_USAGE, "cache \"%s\": the option %s is missing", text,
			!local		     ? "ref="
			: use == CACHEOPT_TO ? "dest="
					     : "src=");
		return NULL;
	}
	return mem_printf("%s%s", place, buf_str(&own));
}
