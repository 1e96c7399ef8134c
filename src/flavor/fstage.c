/* Making the stages of a flavor. */
#include "src/flavor/fstage.h"

#include <ctype.h>

#include "src/util/mem.h"
#include "src/util/path.h"

int fstage_packages_load(const struct flavor *f, struct fstage_packages *p, struct err *e)
{
	AUTO_FREE char *public = path_join(f->path, "packages.yml");
	AUTO_FREE char *internal = path_join(f->path, "flavor_base/packages.yml");

	return packages_load(public, &p->public, e) ? -1 : packages_load(internal, &p->internal, e);
}

void fstage_packages_release(struct fstage_packages *p)
{
	packages_free(p->public);
	packages_free(p->internal);
}

bool fstage_is_name(const char *name)
{
	if (!isalnum((unsigned char)name[0]) && name[0] != '_')
		return false;
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_-.", *c))
			return false;
	return true;
}

static void fstage_mapping_add(struct flavor_stage *s, struct flavor_mapping m)
{
	s->context = vec_grow(s->context, s->ncontext, &s->cap_context, sizeof *s->context);
	s->context[s->ncontext++] = m;
}

void fstage_map_path(struct flavor_stage *s, const char *dest, const char *path)
{
	fstage_mapping_add(s, (struct flavor_mapping){.dest = mem_strdup(dest), .src = mem_strdup(path)});
}

struct flavor_stage *fstage_add(struct flavor *f, const char *name, const char *dir)
{
	struct flavor_stage *s;

	f->stages = vec_grow(f->stages, f->nstages, &f->cap_stages, sizeof *f->stages);
	s = &f->stages[f->nstages++];
	*s = (struct flavor_stage){.name = mem_strdup(name), .args = SMAP_STR, .transparent_args = SMAP_STR};
	s->dir = path_join(dir, name);
	s->dockerfile = path_join(s->dir, "Dockerfile");
	fstage_map_path(s, name, s->dir);
	return s;
}

void fstage_require(struct flavor_stage *s, const char *alias, const char *stage)
{
	s->requires = vec_grow(s->requires, s->nrequires, &s->cap_requires, sizeof *s->requires);
	s->requires[s->nrequires++] = (struct flavor_require){mem_strdup(alias), mem_strdup(stage)};
}

int fstage_map(const struct flavor *f, struct flavor_stage *s, const char *dest, const char *src, struct err *e)
{
	AUTO_FREE char *clean = path_clean(dest);
	AUTO_FREE char *path = path_join(f->root, src);

	if (!path_is_beneath(dest) || !strcmp(clean, ".")) {
		err_set(e, ERR_INPUT, "stage %s: '%s' is no place below the build context", s->name, dest);
		return err_hint(e, "the destination of a mapping is a relative path such as `scripts`");
	}
	if (!path_is_beneath(src)) {
		err_set(e, ERR_INPUT, "stage %s: the mapped path '%s' leaves the repository %s", s->name, src, f->root);
		return err_hint(e, "mapped paths are relative to the directory that holds flavors/");
	}
	fstage_map_path(s, clean, path);
	return 0;
}

/* Public packages first: what a user put there for a stage hides the flavor's own list. */
static char *fstage_packages_text(const struct flavor_stage *s, const struct fstage_packages *p)
{
	char *text = packages_cut(p->public, s->name);

	return text ? text : packages_cut(p->internal, s->name);
}

void fstage_finish(struct flavor_stage *s, const struct fstage_packages *p)
{
	char *text = fstage_packages_text(s, p);

	fstage_map_path(s, "Dockerfile", s->dockerfile);
	if (!text)
		return;
	fstage_mapping_add(s, (struct flavor_mapping){.dest = mem_printf("%s_packages.yml", s->name),
						      .text = text,
						      .text_len = strlen(text)});
}

void fstage_release(struct flavor_stage *s)
{
	for (size_t i = 0; i < s->nrequires; i++) {
		free(s->requires[i].alias);
		free(s->requires[i].stage);
	}
	for (size_t i = 0; i < s->ncontext; i++) {
		free(s->context[i].dest);
		free(s->context[i].src);
		free(s->context[i].text);
	}
	free(s->requires);
	free(s->context);
	free(s->name);
	free(s->dir);
	free(s->dockerfile);
	smap_release(&s->args);
	smap_release(&s->transparent_args);
}
