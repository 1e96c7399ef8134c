/* Options of a build. */
#include "src/cli/build_args.h"
#include "src/cli/build_secrets.h"

#include "oci/ref.h"
#include "src/build/cacheopt.h"
#include "src/build/context.h"
#include "src/cache/inputs.h"
#include "src/cli/goal.h"
#include "src/cli/work.h"
#include "src/sandbox/ulimit.h"
#include "src/util/log.h"
#include "src/util/mem.h"
#include "src/util/num.h"

#define BUILD_ARGS_CPUS_MAX 8192
/* A build argument with a name that looks secret is masked from this length on: "true" is no secret. */
#define BUILD_ARGS_MASKED_BYTES 8

/* K=V; without a value *val is NULL. ERR_USAGE for an empty name. */
static int build_args_pair(const char *option, const char *text, char **key, const char **val, struct err *e)
{
	const char *eq = strchr(text, '=');

	if (!text[0] || eq == text)
		return err_set(e, ERR_USAGE, "--%s: \"%s\" has no name", option, text);
	*key = eq ? mem_strndup(text, (size_t)(eq - text)) : mem_strdup(text);
	*val = eq ? eq + 1 : NULL;
	return 0;
}

/* An option without "=V": a build argument has the value of the environment, if there is one, and a label is empty. */
static int build_args_pairs(const char *option, bool from_env, const struct strv *from, struct smap *to, struct err *e)
{
	for (size_t i = 0; i < from->n; i++) {
		AUTO_FREE char *key = NULL;
		const char *val = NULL;

		if (build_args_pair(option, from->v[i], &key, &val, e))
			return -1;
		if (!val)
			val = from_env ? getenv(key) : "";
		if (val)
			smap_set_str(to, key, val);
		/* Steps may print it, and their logs are kept. */
		if (val && from_env && inputs_is_secret(key) && strlen(val) >= BUILD_ARGS_MASKED_BYTES)
			log_add_secret(val);
	}
	return 0;
}

/* What docker's prefixes of a key mean, "manifest:" or "manifest[linux/amd64]:" (docker buildx build --annotation). */
static int build_args_annotated(const char *text, struct sv *key, struct err *e)
{
	static const char *const later[] = {"index", "index-descriptor", "manifest-descriptor"};
	ssize_t colon = sv_find(*key, ':');
	struct sv what = sv_sub(*key, 0, colon < 0 ? 0 : (size_t)colon);
	ssize_t bracket = sv_find(what, '[');

	if (bracket >= 0)
		what.n = (size_t)bracket;
	for (size_t i = 0; i < ARRAY_LEN(later); i++) {
		if (sv_eq_str(what, later[i]))
			return err_set(e, ERR_USAGE, "--annotation: \"%s\": an image has a manifest alone here, no %s",
				       text, later[i]);
	}
	if (!sv_eq_str(what, "manifest"))
		return 0;
	if (bracket >= 0)
		return err_set(e, ERR_USAGE, "--annotation: \"%s\": of one platform alone is not built yet", text);
	*key = sv_sub(*key, (size_t)colon + 1, key->n);
	return 0;
}

int build_args_annotations(const struct strv *list, struct build_opts *o, struct err *e)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *eq = strchr(list->v[i], '=');

		if (!eq) {
			err_set(e, ERR_USAGE, "--annotation: \"%s\" is not KEY=VALUE", list->v[i]);
			return err_hint(e, "as in --annotation org.opencontainers.image.title=app");
		}
		struct sv key = sv_of(list->v[i], (size_t)(eq - list->v[i]));

		if (build_args_annotated(list->v[i], &key, e))
			return -1;
		AUTO_FREE char *name = sv_dup(key);

		if (!name[0] || strpbrk(name, " \t\r\n"))
			return err_set(e, ERR_USAGE, "--annotation: \"%s\" has no key, or one with spaces", list->v[i]);
		smap_set_str(&o->annotations, name, eq + 1);
	}
	return 0;
}

int build_args_map(const struct strv *from, struct smap *to, struct err *e)
{
	return build_args_pairs("build-arg", true, from, to, e);
}

static int build_args_cache(const char *option, const struct strv *list, enum cacheopt_use use, struct strv *to,
			    struct err *e)
{
	for (size_t i = 0; i < list->n; i++) {
		AUTO_FREE char *own = cacheopt_own(list->v[i], use, e);
		struct cacheopt o;

		if (!own || cacheopt_parse(own, use, &o, e))
			return err_wrap(e, "--%s", option);
		cacheopt_release(&o);
		strv_add(to, own);
	}
	return 0;
}

static int build_args_ttl(const struct strv *list, struct err *e)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *eq = strrchr(list->v[i], '=');
		int64_t ns;

		if (eq == list->v[i] || num_parse_duration(sv_from(eq ? eq + 1 : list->v[i]), &ns))
			return err_set(e, ERR_USAGE,
				       "--cache-ttl: \"%s\" is not [STAGE=]D with a duration like 30s, 2h or "
				       "1h30m",
				       list->v[i]);
	}
	return 0;
}

static int build_args_caches(const struct build_args *a, struct build_opts *o, struct err *e)
{
	if (build_args_cache("cache-from", &a->cache_from, CACHEOPT_FROM, &o->cache_from, e) ||
	    build_args_cache("cache-to", &a->cache_to, CACHEOPT_TO, &o->cache_to, e) ||
	    build_args_ttl(&a->cache_ttl, e))
		return -1;
	strv_copy(&o->cache_ttl, &a->cache_ttl);
	return 0;
}

static int build_args_tags(const struct build_args *a, struct build_opts *o, struct err *e)
{
	for (size_t i = 0; i < a->tags.n; i++) {
		AUTO_REF struct ref ref = {0};

		if (ref_parse(a->tags.v[i], &ref, e)) {
			e->code = ERR_USAGE;
			return err_wrap(e, "--tag");
		}
		if (digest_is_set(&ref.digest))
			return err_set(e, ERR_USAGE, "--tag: \"%s\" has a digest: a name is wanted", a->tags.v[i]);
	}
	if (a->tags.n && a->goals.n > 1)
		return err_set(e, ERR_USAGE, "--tag names one image, but there are %zu goals", a->goals.n);
	strv_copy(&o->tags, &a->tags);
	return 0;
}

static int build_args_path(const char *text, bool flavor, struct build_opts *o, struct err *e)
{
	if (flavor && context_is_foreign(text))
		return err_set(e, ERR_USAGE, "--flavor-path: %s is not a directory", text);
	if (strstr(text, "://") && !context_is_foreign(text)) {
		err_set(e, ERR_USAGE, "%s: no context can be had from there", text);
		return err_hint(e,
				"the schemes are https, http, ssh and git, and file for git repositories (NAME.git)");
	}
	strv_add(&o->paths, text);
	return 0;
}

static int build_args_paths(const struct cli *c, const struct build_args *a, struct build_opts *o, struct err *e)
{
	const struct strv *lists[] = {&c->args.operands, &a->flavor_paths};

	for (size_t k = 0; k < ARRAY_LEN(lists); k++) {
		for (size_t i = 0; i < lists[k]->n; i++) {
			if (build_args_path(lists[k]->v[i], k > 0, o, e))
				return -1;
		}
	}
	if (!o->paths.n) {
		err_set(e, ERR_USAGE, "slct %s: a context or flavor is missing", c->command->name);
		return err_hint(e, "usage: slct %s %s", c->command->name, c->command->usage);
	}
	if (a->file && o->paths.n > 1)
		return err_set(e, ERR_USAGE, "--file is for one context, but there are %zu", o->paths.n);
	return 0;
}

static enum build_pull build_args_pull(const char *text)
{
	static const char *const words[] = {
		[BUILD_PULL_AUTO] = "auto",
		[BUILD_PULL_ALWAYS] = "always",
		[BUILD_PULL_MISSING] = "missing",
		[BUILD_PULL_NEVER] = "never",
	};

	for (size_t i = 0; text && i < ARRAY_LEN(words); i++)
		if (strcmp(text, words[i]) == 0)
			return (enum build_pull)i;
	return BUILD_PULL_AUTO;
}

/* "2", "0.5": thousandths. */
static int build_args_cpus(const char *text, uint64_t *milli, struct err *e)
{
	struct sv rest = sv_from(text), whole = sv_cut(&rest, '.');
	uint64_t n = 0, part = 0, unit = 100;

	if ((whole.n || rest.n) && (!whole.n || num_parse(whole, 10, BUILD_ARGS_CPUS_MAX, &n) == 0) && rest.n <= 3 &&
	    (!rest.n || num_parse(rest, 10, 999, &part) == 0)) {
		for (size_t i = 1; i < rest.n; i++)
			unit /= 10;
		*milli = n * 1000 + part * unit;
		/* The kernel takes no quota below a millisecond in its period of 100. */
		if (*milli >= 10)
			return 0;
	}
	err_set(e, ERR_USAGE, "--cpus: \"%s\" is no number of processors", text);
	return err_hint(e, "for example --cpus 1.5; the least is 0.01");
}

static int build_args_limits(const struct build_args *a, struct build_opts *o, struct err *e)
{
	o->limits.memory = a->memory;
	o->limits.pids = a->pids_limit > 0 ? (uint64_t)a->pids_limit : 0;
	if (a->cpus && build_args_cpus(a->cpus, &o->limits.cpu_milli, e))
		return -1;
	return ulimit_canonical(&a->ulimits, &o->ulimits, e);
}

int build_args_fill(const struct cli *c, const struct build_args *a, struct build_opts *o, struct err *e)
{
	if (build_args_paths(c, a, o, e) || build_args_tags(a, o, e) || build_args_map(&a->args, &o->args, e) ||
	    build_args_pairs("label", false, &a->labels, &o->labels, e) || build_args_caches(a, o, e) ||
	    work_source_date(-1, &o->source_date_epoch, e))
		return -1;
	if (a->platform && platform_parse(a->platform, &o->platform, e))
		return -1;
	for (size_t i = 0; i < a->add_hosts.n; i++) {
		if (!strchr(a->add_hosts.v[i], ':'))
			return err_set(e, ERR_USAGE, "--add-host: \"%s\" is not HOST:IP", a->add_hosts.v[i]);
	}
	if (build_args_limits(a, o, e))
		return -1;
	if (build_secrets_fill(&a->secrets, &a->ssh, &a->allow, o, e))
		return -1;
	strv_copy(&o->contexts, &a->contexts);
	strv_copy(&o->goals, &a->goals);
	strv_copy(&o->force_rebuild_from, &a->force_from);
	strv_copy(&o->no_cache_filter, &a->no_cache_filter);
	strv_copy(&o->add_hosts, &a->add_hosts);
	o->file = mem_strdup_opt(a->file);
	o->target = mem_strdup_opt(a->target);
	o->flavor_root = mem_strdup_opt(a->flavor_root);
	o->output_directory = mem_strdup_opt(a->output_directory);
	o->no_cache = a->no_cache;
	o->force_rebuild = a->force_rebuild;
	o->keep_going = a->keep_going;
	o->offline = a->offline;
	o->pull = build_args_pull(a->pull);
	o->timestamps_real = a->timestamps && strcmp(a->timestamps, "real") == 0;
	o->network_none = a->network && strcmp(a->network, "none") == 0;
	o->jobs = a->jobs ? (unsigned)a->jobs : settings_jobs(&c->settings);
	o->step_timeout_ns = a->step_timeout;
	o->shm_size = a->shm_size;
	return 0;
}

int build_args_fill_goal(struct cli *c, const struct build_args *a, struct build_opts *o, struct err *e)
{
	AUTO_GOAL struct goal g = {0};
	AUTO_STRV struct strv operands = c->args.operands;
	int rc;

	goal_parse(operands.n ? operands.v[0] : ".", &g);
	c->args.operands = (struct strv){0};
	strv_add(&c->args.operands, g.path);
	rc = build_args_fill(c, a, o, e);
	if (rc == 0 && g.stage)
		strv_add(&o->goals, g.stage);
	return rc;
}

int build_args_tier(const struct build_args *a, struct session *s, struct err *e)
{
	if (a->isolation && tier_parse(a->isolation, &s->want, e))
		return -1;
	return a->upper && memupper_parse(a->upper, &s->upper, e) ? err_wrap(e, "--upper") : 0;
}
