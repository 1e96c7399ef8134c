#include "src/build/cacheopt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "oci/ref.h"
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
		return err_hint(e, use == CACHEOPT_TO ? "it is stage=NAME, mode=steps, mode=stages, compression=CODEC, why "
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
