/* Options and results of a build. */
#include "src/build/build.h"

void build_opts_init(struct build_opts *o)
{
	*o = (struct build_opts){
		.args = SMAP_STR, .labels = SMAP_STR, .annotations = SMAP_STR, .source_date_epoch = -1, .created = -1};
}

void build_secret_list_release(struct build_secret_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].id);
		free(l->v[i].file);
		free(l->v[i].env);
		strv_release(&l->v[i].keys);
	}
	vec_release(l);
}

void build_opts_release(struct build_opts *o)
{
	struct strv *lists[] = {
		&o->paths,     &o->goals,    &o->tags,	  &o->cache_from,      &o->cache_to, &o->force_rebuild_from,
		&o->add_hosts, &o->contexts, &o->ulimits, &o->no_cache_filter, &o->cache_ttl};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		strv_release(lists[i]);
	smap_release(&o->args);
	smap_release(&o->labels);
	smap_release(&o->annotations);
	build_secret_list_release(&o->secrets);
	build_secret_list_release(&o->ssh);
	free(o->file);
	free(o->target);
	free(o->flavor_root);
	free(o->output_directory);
	free(o->names_repo);
	free(o->names_prefix);
	free(o->names_build);
}

void build_failed_release(struct build_failed *f)
{
	free(f->step);
	free(f->workdir);
	free(f->user);
	digest_list_release(&f->stack);
	strv_release(&f->env);
	*f = (struct build_failed){0};
}

void build_result_release(struct build_result *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->v[i].stage);
		free(r->v[i].name);
		free(r->v[i].flavor);
		free(r->v[i].key);
	}
	vec_release(r);
	build_failed_release(&r->failed);
	free(r->log_dir);
	r->log_dir = NULL;
	json_free(r->facts);
	r->facts = NULL;
}
