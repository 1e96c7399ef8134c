/* Images: config and history of a finished stage, and the records under which goals are found. */
#include <string.h>

#include "src/build/squash.h"
#include "src/build/stagename.h"
#include "src/util/clock.h"
#include "src/util/mem.h"

#define HISTORY_COMMENT "slct"

static void stage_history(const struct build *b, size_t at, const char *made, size_t upto, struct imgconfig *out)
{
	const struct plan_stage *st = &b->plan->stages.v[at];
	size_t n = strlen(made);

	if (st->base_stage != PLAN_NONE)
		stage_history(b, st->base_stage, made, PLAN_NONE, out);
	for (size_t k = 0; k < st->steps.n && (upto == PLAN_NONE || k <= upto); k++) {
		const struct plan_step *s = &st->steps.v[k];
		bool empty = !plan_step_is_layer(s) || s->layer_n >= n || !state_made(made, s->layer_n);
		char when[32];

		if (!s->created_by) /* ONBUILD has no entry */
			continue;
		imgconfig_add_history(out, clock_rfc3339(s->logical, when), s->created_by, HISTORY_COMMENT, empty);
	}
}

static int64_t last_time(const struct plan_stage *st, size_t upto)
{
	size_t n = upto == PLAN_NONE ? st->steps.n : upto + 1;

	return n ? st->steps.v[n - 1].logical : st->origin;
}

void result_config(const struct build *b, size_t stage, const struct digest_list *stack, const char *made, size_t upto,
		   struct imgconfig *out)
{
	const struct plan_stage *st = &b->plan->stages.v[stage];
	char when[32];

	imgconfig_copy(out, &st->config);
	digest_list_copy(&out->diff_ids, stack);
	stage_history(b, stage, made, upto, out);
	free(out->created);
	out->created = mem_strdup(clock_rfc3339(last_time(st, upto), when));
}

/* --- goals --- */

/* References are lower case; a flavor's name need not be. */
static char *default_name(const struct plan_stage *st)
{
	char *name = mem_strdup(st->name);

	for (char *p = name; *p; p++) {
		if (*p == '/' || *p == ':')
			*p = '-';
		else if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 32);
	}
	return name;
}

/* NULL: none are asked for. */
static struct json *annotations(const struct build *b)
{
	struct json *j = b->o->annotations.n ? json_object() : NULL;

	for (size_t i = 0; i < b->o->annotations.n; i++)
		json_set_str(j, b->o->annotations.v[i].key, b->o->annotations.v[i].val);
	return j;
}

static int put_record(struct build *b, char *full, const struct digest *config, const struct digest_list *stack,
		      struct err *e)
{
	AUTO_JSON struct json *notes = annotations(b);
	struct store_image im = {.name = full,
				 .config = *config,
				 .diff_ids = *stack,
				 .annotations = notes,
				 .updated = clock_wall() / CLOCK_NS_PER_S};

	return store_image_put(b->s->store, &im, e);
}

static int put_name(struct build *b, const char *name, const struct digest *config, const struct digest_list *stack,
		    char **familiar, struct err *e)
{
	AUTO_REF struct ref r = {0};
	AUTO_FREE char *full = NULL;

	if (ref_parse(name, &r, e) < 0)
		return err_wrap(e, "image name");
	full = ref_format(&r);
	if (put_record(b, full, config, stack, e) < 0)
		return -1;
	if (familiar && !*familiar)
		*familiar = ref_familiar(&r);
	return 0;
}

/* An image without a name is found by its id. */
static int put_nameless(struct build *b, const struct digest *config, const struct digest_list *stack, struct err *e)
{
	AUTO_FREE char *name = mem_strdup(config->text);

	return put_record(b, name, config, stack, e);
}

/* By stagename.h; once more under the build's name, where it has one. */
static int name_flavor_stage(struct build *b, const struct plan_stage *st, const struct digest *config,
			     const struct digest_list *stack, struct build_goal *g, struct err *e)
{
	const struct build_opts *o = b->o;
	struct stagename n = {o->names_repo, o->names_prefix,
			      st->flavor,    st->name + strlen(st->flavor) + 1,
			      &st->platform, g->key ? g->key : "unknown"};
	AUTO_FREE char *inner = mem_strdup(n.stage); /* an inner stage is STAGE:INNER */

	for (char *colon = inner; (colon = strchr(colon, ':'));)
		*colon = '-';
	n.stage = inner;
	AUTO_FREE char *keyed = stagename_make(&n, e);

	if (!keyed || put_name(b, keyed, config, stack, &g->name, e) < 0)
		return -1;
	if (!o->names_build)
		return 0;
	n.key = o->names_build;
	AUTO_FREE char *named = stagename_make(&n, e);

	return named ? put_name(b, named, config, stack, NULL, e) : -1;
}

static int name_goal(struct build *b, const struct plan_stage *st, const struct digest *config,
		     const struct digest_list *stack, struct build_goal *g, struct err *e)
{
	AUTO_FREE char *dflt = default_name(st);
	char **name = &g->name;

	if (b->o->scratch || b->o->before)
		return put_nameless(b, config, stack, e);
	if (b->o->names_repo && st->flavor)
		return name_flavor_stage(b, st, config, stack, g, e);
	if (!b->o->tags.n)
		return st->flavor ? put_name(b, dflt, config, stack, name, e) : put_nameless(b, config, stack, e);
	for (size_t i = 0; i < b->o->tags.n; i++)
		if (put_name(b, b->o->tags.v[i], config, stack, name, e) < 0)
			return -1;
	return 0;
}

/* Of the goal's own config alone: what caches and further stages use has logical times. */
static void set_created(const struct build_opts *o, struct imgconfig *c)
{
	char when[32];

	if (o->created < 0)
		return;
	free(c->created);
	c->created = mem_strdup(clock_rfc3339(o->created, when));
}

static int publish_goal(struct build *b, size_t at, struct build_result *res, struct err *e)
{
	const struct plan_stage *st = &b->plan->stages.v[at];
	const struct stage_run *r = &b->run[at];
	AUTO_IMGCONFIG struct imgconfig config;
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	struct descriptor d = {0};
	struct build_goal g = {.stage = mem_strdup(st->name),
			       .flavor = mem_strdup_opt(st->flavor),
			       .key = stagename_key(st),
			       .extra = st->extra,
			       .source = r->source};

	result_config(b, at, &r->stack, buf_str(&r->made), PLAN_NONE, &config);
	vec_push(res, g);
	struct build_goal *goal = &res->v[res->n - 1];

	if (b->o->squash && squash_goal(b, at, &config, e) < 0)
		return -1;
	set_created(b->o, &config);
	imgconfig_write(&config, &text);
	if (store_blob_put(b->s->store, text.p, text.n, MEDIATYPE_OCI_CONFIG, &d, e) < 0)
		return -1;
	goal->image = d.digest;
	descriptor_release(&d);
	return name_goal(b, st, &goal->image, &config.diff_ids, goal, e);
}

int result_publish(struct build *b, struct build_result *r, struct err *e)
{
	for (size_t i = 0; i < b->plan->stages.n; i++)
		if (b->plan->stages.v[i].goal && b->run[i].state == STAGE_DONE && publish_goal(b, i, r, e) < 0)
			return -1;
	return 0;
}
