/* Scopes of ARG and ENV. */
#include "src/dockerfile/dargs_priv.h"

#include <strings.h>

#include "src/util/mem.h"

static const char *const proxies[] = {"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"};

bool dargs_is_proxy(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(proxies); i++) {
		if (!strcmp(name, proxies[i]))
			return true;
		/* all upper or all lower case, nothing between */
		if (!strcasecmp(name, proxies[i]) && strspn(name, "abcdefghijklmnopqrstuvwxyz_") == strlen(name))
			return true;
	}
	return false;
}

static struct dargs *scope_new(struct dargs *global)
{
	struct dargs *d = mem_new(struct dargs);

	d->global = global ? global : d;
	d->vars = SMAP_STR;
	d->env = SMAP_STR;
	d->args = SMAP_STR;
	d->given = SMAP_STR;
	d->used = SMAP_STR;
	return d;
}

/* A platform argument, which a build argument overrides. */
static void set_default(struct dargs *g, const char *prefix, const char *name, struct sv v)
{
	AUTO_FREE char *key = mem_printf("%s%s", prefix, name), *val = sv_dup(v);
	const char *given = smap_get(&g->given, key);

	smap_set_str(&g->used, key, "");
	smap_set_str(&g->vars, key, given ? given : val);
}

/* PREFIXPLATFORM, OS, ARCH and VARIANT of "os/arch[/variant]". */
static void set_platform(struct dargs *g, const char *prefix, const char *platform)
{
	struct sv rest = sv_from(platform), part;

	if (!platform)
		return;
	set_default(g, prefix, "PLATFORM", rest);
	part = sv_cut(&rest, '/');
	set_default(g, prefix, "OS", part);
	part = rest.p ? sv_cut(&rest, '/') : SV("");
	set_default(g, prefix, "ARCH", part);
	set_default(g, prefix, "VARIANT", rest.p ? rest : SV(""));
}

struct dargs *dargs_new(const struct dargs_opts *o)
{
	struct dargs *g = scope_new(NULL);

	if (o->build_args)
		smap_copy_str(&g->given, o->build_args);
	set_platform(g, "BUILD", o->build_platform);
	set_platform(g, "TARGET", o->target_platform ? o->target_platform : o->build_platform);
	set_default(g, "TARGET", "STAGE", sv_from(o->target_stage ? o->target_stage : "default"));
	return g;
}

struct dargs *dargs_stage(struct dargs *global, const struct dargs *base)
{
	struct dargs *s = scope_new(global);

	if (!base)
		return s;
	smap_copy_str(&s->vars, &base->vars);
	smap_copy_str(&s->env, &base->env);
	smap_copy_str(&s->args, &base->args);
	s->bytes = base->bytes;
	return s;
}

void dargs_free(struct dargs *d)
{
	if (!d)
		return;
	smap_release(&d->vars);
	smap_release(&d->env);
	smap_release(&d->args);
	smap_release(&d->given);
	smap_release(&d->used);
	strv_release(&d->undefined);
	free(d);
}

const char *dargs_get(const struct dargs *d, const char *name)
{
	return smap_get(&d->vars, name);
}

void dargs_base_env(struct dargs *s, const char *kv)
{
	const char *eq = strchr(kv, '=');
	AUTO_FREE char *key = mem_strndup(kv, eq ? (size_t)(eq - kv) : strlen(kv));

	dargs_env_set(s, key, eq ? eq + 1 : "");
}

void dargs_env_set(struct dargs *s, const char *key, const char *val)
{
	smap_set_str(&s->vars, key, val);
	smap_set_str(&s->env, key, val);
}

static void list(const struct smap *m, struct strv *out)
{
	for (size_t i = 0; i < m->n; i++)
		strv_printf(out, "%s=%s", m->v[i].key, (const char *)m->v[i].val);
}

void dargs_image_env(const struct dargs *s, struct strv *out)
{
	list(&s->env, out);
}

void dargs_run_env(const struct dargs *s, struct strv *out)
{
	list(&s->vars, out);
}

void dargs_proxy_env(const struct dargs *s, struct strv *out)
{
	const struct smap *given = &s->global->given;

	for (size_t i = 0; i < given->n; i++)
		if (dargs_is_proxy(given->v[i].key) && !smap_has(&s->vars, given->v[i].key))
			strv_printf(out, "%s=%s", given->v[i].key, (const char *)given->v[i].val);
}

void dargs_declared(const struct dargs *s, struct strv *out)
{
	for (size_t i = 0; i < s->args.n; i++) {
		const char *v = smap_get(&s->vars, s->args.v[i].key);

		if (v)
			strv_printf(out, "%s=%s", s->args.v[i].key, v);
		else
			strv_add(out, s->args.v[i].key);
	}
}

void dargs_undefined(const struct dargs *d, struct strv *out)
{
	strv_copy(out, &d->undefined);
}

void dargs_undefined_take(struct dargs *d, struct strv *out)
{
	strv_copy(out, &d->undefined);
	strv_release(&d->undefined);
}

void dargs_unused(const struct dargs *g, struct strv *out)
{
	for (size_t i = 0; i < g->given.n; i++) {
		const char *name = g->given.v[i].key;

		/* BUILDKIT_... are settings of the build. */
		if (!smap_has(&g->used, name) && !dargs_is_proxy(name) && strncmp(name, "BUILDKIT_", 9) != 0)
			strv_add(out, name);
	}
}
