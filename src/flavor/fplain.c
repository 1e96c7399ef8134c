/* Stages of a flavor in our own layout. */
#include "src/flavor/fplain.h"

#include <errno.h>
#include <fcntl.h>

#include "src/flavor/flavoryml.h"
#include "src/flavor/flink.h"
#include "src/flavor/fstage.h"
#include "src/flavor/template.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/path.h"

#define FPLAIN_BASE	  "flavor_base"
#define FPLAIN_STAGES_MAX 1000

/* Whether dir/name/Dockerfile is there, be it a link that leads nowhere: that is an error when the stage is read. */
static bool fplain_is_stage(const char *dir, const char *name)
{
	AUTO_FREE char *file = mem_printf("%s/%s/Dockerfile", dir, name);
	struct stat st;

	return fstage_is_name(name) && !lstat(file, &st) && !S_ISDIR(st.st_mode);
}

/* A sub-directory that is a link to nowhere would otherwise be a stage that is silently not there. */
static int fplain_entry(const char *dir, const struct dirent *d, struct strv *names, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/%s", dir, d->d_name);

	if (d->d_name[0] != '.' && d->d_type == DT_LNK && flink_stat(path, NULL, e))
		return -1;
	if (fplain_is_stage(dir, d->d_name))
		strv_add(names, d->d_name);
	if (names->n > FPLAIN_STAGES_MAX)
		return err_set(e, ERR_INPUT, "%s: more than %d stages", dir, FPLAIN_STAGES_MAX);
	return 0;
}

static int fplain_names(const char *path, struct strv *names, struct err *e)
{
	AUTO_CLOSEDIR DIR *dir = opendir(path);
	struct dirent *d;

	if (!dir)
		return err_sys(e, ERR_INPUT, errno, "%s", path);
	while ((d = readdir(dir)))
		if (fplain_entry(path, d, names, e))
			return -1;
	strv_sort(names);
	return 0;
}

bool fplain_has_stages(const char *path)
{
	AUTO_CLOSEDIR DIR *dir = opendir(path);
	struct dirent *d;

	while (dir && (d = readdir(dir)))
		if (fplain_is_stage(path, d->d_name))
			return true;
	return false;
}

static int fplain_stages_in(struct flavor *f, const char *dir, struct err *e)
{
	AUTO_STRV struct strv names = {0};

	if (fplain_names(dir, &names, e))
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		const struct flavor_stage *other = flavor_stage_find(f, names.v[i]);

		if (other)
			return err_set(e, ERR_INPUT, "the stage %s is there twice: %s and %s/%s", other->name,
				       other->dir, dir, names.v[i]);
		fstage_add(f, names.v[i], dir);
	}
	return 0;
}

static int fplain_stages(struct flavor *f, struct err *e)
{
	AUTO_FREE char *base = path_join(f->path, FPLAIN_BASE);
	bool has_base;

	if (flink_is_there(base, &has_base, e) || fplain_stages_in(f, f->path, e))
		return -1;
	if (has_base && fplain_stages_in(f, base, e))
		return -1;
	if (f->nstages)
		return 0;
	err_set(e, ERR_INPUT, "%s: no stages", f->path);
	return err_hint(e, "a stage is a sub-directory with a Dockerfile");
}

static int fplain_finish(struct flavor *f, struct err *e)
{
	struct fstage_packages packages = {0};
	int failed = fstage_packages_load(f, &packages, e);

	for (size_t i = 0; !failed && i < f->nstages; i++)
		fstage_finish(&f->stages[i], &packages);
	fstage_packages_release(&packages);
	return failed;
}

/* The stages that a Dockerfile names. */
static int fplain_requires(const struct flavor *f, struct flavor_stage *s, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(FLAVOR_DOCKERFILE_MAX_BYTES);
	AUTO_STRV struct strv names = {0};

	if (flink_stat(s->dockerfile, NULL, e) || io_read_file(AT_FDCWD, s->dockerfile, &text, e))
		return -1;
	template_names(buf_sv(&text), &names);
	for (size_t i = 0; i < names.n; i++)
		if (flavor_stage_find(f, names.v[i]))
			fstage_require(s, names.v[i], names.v[i]);
	return 0;
}

int fplain_load(struct flavor *f, struct yaml_doc *yml, struct err *e)
{
	if (fplain_stages(f, e) || flavoryml_apply(f, yml, e) || fplain_finish(f, e))
		return -1;
	for (size_t i = 0; i < f->nstages; i++)
		if (fplain_requires(f, &f->stages[i], e))
			return -1;
	return 0;
}
