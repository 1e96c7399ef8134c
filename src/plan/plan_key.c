/* Input and content keys of steps (cache.md "Keys"). */
#include <string.h>

#include "oci/layer.h"
#include "src/plan/plan.h"
#include "src/plan/plan_mount.h"
#include "src/util/mem.h"

/* Key of what a chain of stages stands on: the layers of the image, whatever its name, its compression or its config
 * are. What a step can see of the config (environment, user, directory, times) is in the step's own fields. */
static void stack_key(const struct digest_list *diff_ids, struct ckey *out)
{
	struct ckey_builder b;

	ckey_begin(&b, "slct-stack", false);
	for (size_t i = 0; i < diff_ids->n; i++)
		ckey_str(&b, "layer", diff_ids->v[i].text);
	ckey_end(&b, out, NULL);
}

static const struct ckey *stage_key(const struct plan_stage *st)
{
	size_t last = plan_last_layer(st);

	return last == PLAN_NONE ? &st->base_key : &st->steps.v[last].key;
}

static void add_run(const struct plan *p, struct ckey_builder *b, const struct plan_step *s, const struct ckey *from)
{
	static const struct strv none = {0};

	ckey_list(b, "argv", &s->argv);
	ckey_list(b, "env", &s->env);
	ckey_str(b, "user", s->user);
	ckey_str(b, "workdir", s->workdir);
	ckey_str(b, "network", s->net_none ? "none" : "host");
	ckey_str(b, "security", s->insecure ? "insecure" : "sandbox");
	ckey_list(b, "hosts", p->add_hosts ? p->add_hosts : &none);
	ckey_int(b, "shm", (int64_t)p->shm_size);
	/* A field that is not there is not in the key: keys without limits are what they were before there were any. */
	if (p->ulimits && p->ulimits->n)
		ckey_list(b, "ulimits", p->ulimits);
	if (s->script.name)
		ckey_field(b, "script", s->script.text, s->script.n);
	for (size_t i = 0; i < s->mounts.n; i++) {
		const struct plan_mount *m = &s->mounts.v[i];
		bool reads = m->origin != PLAN_FROM_CONTEXT && m->index != PLAN_NONE;

		plan_mount_key(b, m, reads ? from++ : NULL);
	}
}

int64_t plan_copy_origin(const struct plan *p, const struct plan_copy *c)
{
	return c->origin == PLAN_FROM_STAGE ? p->stages.v[c->index].origin
					    : imgconfig_origin(&p->images.v[c->index].config);
}

static void add_copy(const struct plan *p, struct ckey_builder *b, const struct plan_step *s, const struct ckey *from)
{
	const struct plan_copy *c = &s->copy;

	ckey_list(b, "sources", &c->sources);
	ckey_str(b, "dest", c->dest);
	ckey_str(b, "chown", c->chown);
	ckey_str(b, "chmod", c->chmod);
	ckey_list(b, "excludes", &c->excludes);
	ckey_int(b, "parents", c->parents);
	ckey_int(b, "link", c->link);
	for (size_t i = 0; i < c->docs.n; i++) {
		ckey_str(b, "document", c->docs.v[i].name);
		ckey_field(b, "text", c->docs.v[i].text, c->docs.v[i].n);
	}
	for (size_t i = 0; i < c->remotes.n; i++) {
		AUTO_FREE char *name = plan_remote_name(c->remotes.v[i].url);

		ckey_str(b, "remote", c->remotes.v[i].id);
		/* Of a repository the commit and the part of it that is taken, of a file its name. */
		ckey_str(b, "remote-name", c->remotes.v[i].git ? c->remotes.v[i].subdir : name);
		ckey_int(b, "keep-git", c->remotes.v[i].keep_git);
		ckey_int(b, "submodules", c->remotes.v[i].submodules);
	}
	ckey_int(b, "unpack", c->unpack);
	ckey_int(b, "unpack-remote", c->unpack_remote);
	ckey_int(b, "origin", c->origin);
	if (c->origin == PLAN_FROM_CONTEXT) {
		ckey_str(b, "files", c->tree.text);
		return;
	}
	ckey_str(b, "from", from->hex);
	/* The layers alone do not say which of their times are kept. */
	ckey_int(b, "from-time", p->timestamps_real ? 0 : plan_copy_origin(p, c));
}

static void add_common(const struct plan *p, const struct plan_stage *st, const struct plan_step *s,
		       struct ckey_builder *b)
{
	char platform[100];

	ckey_int(b, "form", LAYER_FORM_VERSION);
	ckey_str(b, "platform", platform_format(&st->platform, platform));
	ckey_str(b, "timestamps", p->timestamps_real ? "real" : "logical");
	ckey_int(b, "time", p->timestamps_real ? 0 : s->logical);
}

static void step_key(const struct plan *p, const struct plan_stage *st, const struct plan_step *s,
		     const struct ckey *parent, const struct ckey *from, struct ckey *out, struct json **why)
{
	struct ckey_builder b;

	ckey_begin(&b, dast_info(s->instruction)->name, why != NULL);
	ckey_str(&b, "parent", parent->hex);
	add_common(p, st, s, &b);
	if (s->kind == PLAN_RUN) {
		add_run(p, &b, s, from);
	} else if (s->kind == PLAN_COPY) {
		add_copy(p, &b, s, from);
	} else {
		ckey_str(&b, "workdir", s->workdir);
		ckey_str(&b, "user", s->user);
	}
	ckey_end(&b, out, why);
}

struct keys {
	struct ckey *v;
	size_t n, cap;
};

/* The keys that stand for what the step reads of other stages and images; unset if unknown. */
static void from_keys(const struct plan *p, const struct plan_step *s, struct keys *out)
{
	struct plan_from f;

	for (size_t i = 0; plan_step_from(s, i, &f); i++) {
		struct ckey k = {0};

		if (f.origin == PLAN_FROM_STAGE)
			k = *stage_key(&p->stages.v[f.index]);
		else if (p->images.v[f.index].resolved)
			stack_key(&p->images.v[f.index].diff_ids, &k);
		vec_push(out, k);
	}
}

/* Not part of the key: what stands behind `parent` and `from`, for `why`. */
static struct json *image_why(const struct plan_image *im)
{
	struct json *j = json_object();

	json_set_str(j, "image", im->text);
	json_set_str(j, "digest", im->config_digest.text);
	return j;
}

static void add_origins(const struct plan *p, const struct plan_stage *st, const struct plan_step *s, bool first,
			struct json *why)
{
	struct json *from = json_array();
	struct plan_from f;

	if (!first)
		json_set_bool(why, "inner", true);
	else if (st->base_image != PLAN_NONE)
		json_set(why, "base", image_why(&p->images.v[st->base_image]));
	for (size_t i = 0; plan_step_from(s, i, &f); i++)
		json_append(from, f.origin == PLAN_FROM_STAGE ? json_new_str(p->stages.v[f.index].name)
							      : image_why(&p->images.v[f.index]));
	json_set(why, "origins", from);
}

static bool inputs_known(const struct plan_step *s, const struct ckey *parent, const struct keys *from)
{
	if (!ckey_is_set(parent))
		return false;
	for (size_t i = 0; i < from->n; i++)
		if (!ckey_is_set(&from->v[i]))
			return false;
	for (size_t i = 0; i < s->mounts.n; i++)
		if (plan_mount_of_context(&s->mounts.v[i]) && !digest_is_set(&s->mounts.v[i].tree))
			return false;
	for (size_t i = 0; i < s->copy.remotes.n; i++)
		if (!s->copy.remotes.v[i].id)
			return false;
	return s->kind != PLAN_COPY || s->copy.origin != PLAN_FROM_CONTEXT || digest_is_set(&s->copy.tree);
}

static void base_key(const struct plan *p, struct plan_stage *st)
{
	static const struct digest_list scratch = {0};

	if (st->base_stage != PLAN_NONE)
		st->base_key = *stage_key(&p->stages.v[st->base_stage]);
	else if (st->base_image == PLAN_NONE)
		stack_key(&scratch, &st->base_key);
	else if (p->images.v[st->base_image].resolved)
		stack_key(&p->images.v[st->base_image].diff_ids, &st->base_key);
}

/* The time after `count` steps that may make a layer. A file may not be newer than what SOURCE_DATE_EPOCH says
 * (reproducible-builds.org, its specification). */
static int64_t logical_time(const struct plan *p, const struct plan_stage *st, size_t count)
{
	int64_t t = st->origin + (int64_t)count;

	return p->source_date_epoch >= 0 && t > p->source_date_epoch ? p->source_date_epoch : t;
}

static void stage_keys(const struct plan *p, struct plan_stage *st)
{
	const struct ckey *parent = &st->base_key;
	size_t n = st->base_layers_n;

	base_key(p, st);
	for (size_t i = 0; i < st->steps.n; i++) {
		struct plan_step *s = &st->steps.v[i];

		s->key = (struct ckey){0};
		json_free(s->why);
		s->why = NULL;
		if (!plan_step_is_layer(s)) {
			s->logical = logical_time(p, st, n);
			continue;
		}
		struct keys from = {0};

		from_keys(p, s, &from);
		s->layer_n = n++;
		s->logical = logical_time(p, st, n);
		if (inputs_known(s, parent, &from)) {
			step_key(p, st, s, parent, from.v, &s->key, &s->why);
			add_origins(p, st, s, parent == &st->base_key, s->why);
		}
		vec_release(&from);
		parent = &s->key;
	}
}

void plan_keys(struct plan *p)
{
	AUTO_FREE size_t *order = mem_array(p->stages.n + 1, sizeof *order);

	plan_order(p, order);
	for (size_t i = 0; i < p->stages.n; i++)
		if (p->stages.v[order[i]].evaluated)
			stage_keys(p, &p->stages.v[order[i]]);
}

void plan_content_key(const struct plan *p, const struct plan_stage *st, const struct plan_step *step,
		      const struct digest_list *parent, const struct digest_list *const *from, struct ckey *out)
{
	struct ckey parent_key;
	struct keys keys = {0};
	struct plan_from f;

	stack_key(parent, &parent_key);
	for (size_t i = 0; plan_step_from(step, i, &f); i++) {
		struct ckey k;

		stack_key(from[i], &k);
		vec_push(&keys, k);
	}
	step_key(p, st, step, &parent_key, keys.v, out, NULL);
	vec_release(&keys);
}
