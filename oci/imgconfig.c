/* Image configuration: the value, and writing it. imgconfig_parse.c reads it. */
#include "oci/imgconfig.h"

#include <stdlib.h>

#include "src/util/clock.h"
#include "src/util/mem.h"

/* cache.md "The logical clock": 1980-01-02 and 2100-01-01 in UTC. */
#define IMGCONFIG_ORIGIN_MIN INT64_C(315619200)
#define IMGCONFIG_ORIGIN_MAX INT64_C(4102444800)

void imgconfig_init(struct imgconfig *c, const struct platform *p)
{
	*c = (struct imgconfig){.env = SMAP_STR, .labels = SMAP_STR};
	if (p)
		c->platform = *p;
}

static void imgconfig_free_health(struct imgconfig_health *h)
{
	if (h)
		strv_release(&h->test);
	free(h);
}

void imgconfig_clear_history(struct imgconfig *c)
{
	for (size_t i = 0; i < c->nhistory; i++) {
		free(c->history[i].created);
		free(c->history[i].created_by);
		free(c->history[i].comment);
		free(c->history[i].author);
	}
	free(c->history);
	c->history = NULL;
	c->nhistory = c->cap_history = 0;
}

void imgconfig_release(struct imgconfig *c)
{
	struct strv *lists[] = {&c->cmd, &c->entrypoint, &c->onbuild, &c->shell, &c->volumes, &c->ports};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		strv_release(lists[i]);
	smap_release(&c->env);
	smap_release(&c->labels);
	free(c->created);
	free(c->author);
	free(c->user);
	free(c->workdir);
	free(c->stop_signal);
	imgconfig_free_health(c->health);
	imgconfig_clear_history(c);
	digest_list_release(&c->diff_ids);
	json_free(c->extra);
	json_free(c->extra_config);
	imgconfig_init(c, NULL);
}

static struct imgconfig_health *imgconfig_copy_health(const struct imgconfig_health *from)
{
	struct imgconfig_health *h;

	if (!from)
		return NULL;
	h = mem_dup(from, sizeof(*from));
	h->test = (struct strv){0};
	strv_copy(&h->test, &from->test);
	return h;
}

static void imgconfig_push_history(struct imgconfig *c, const char *created, const char *created_by,
				   const char *comment, const char *author, bool empty_layer)
{
	c->history = vec_grow(c->history, c->nhistory, &c->cap_history, sizeof *c->history);
	c->history[c->nhistory++] = (struct imgconfig_history){
		.created = mem_strdup_opt(created),
		.created_by = mem_strdup_opt(created_by),
		.comment = mem_strdup_opt(comment),
		.author = mem_strdup_opt(author),
		.empty_layer = empty_layer,
	};
}

static void imgconfig_copy_history(struct imgconfig *to, const struct imgconfig *from)
{
	for (size_t i = 0; i < from->nhistory; i++) {
		const struct imgconfig_history *h = &from->history[i];

		imgconfig_push_history(to, h->created, h->created_by, h->comment, h->author, h->empty_layer);
	}
}

void imgconfig_copy(struct imgconfig *to, const struct imgconfig *from)
{
	imgconfig_init(to, &from->platform);
	to->created = mem_strdup_opt(from->created);
	to->author = mem_strdup_opt(from->author);
	smap_copy_str(&to->env, &from->env);
	smap_copy_str(&to->labels, &from->labels);
	strv_copy(&to->cmd, &from->cmd);
	strv_copy(&to->entrypoint, &from->entrypoint);
	strv_copy(&to->onbuild, &from->onbuild);
	strv_copy(&to->shell, &from->shell);
	strv_copy(&to->volumes, &from->volumes);
	strv_copy(&to->ports, &from->ports);
	to->has_cmd = from->has_cmd;
	to->has_entrypoint = from->has_entrypoint;
	to->has_shell = from->has_shell;
	to->user = mem_strdup_opt(from->user);
	to->workdir = mem_strdup_opt(from->workdir);
	to->stop_signal = mem_strdup_opt(from->stop_signal);
	to->health = imgconfig_copy_health(from->health);
	to->args_escaped = from->args_escaped;
	digest_list_copy(&to->diff_ids, &from->diff_ids);
	imgconfig_copy_history(to, from);
	to->extra = from->extra ? json_deep_copy(from->extra) : NULL;
	to->extra_config = from->extra_config ? json_deep_copy(from->extra_config) : NULL;
}

void imgconfig_add_history(struct imgconfig *c, const char *created, const char *created_by, const char *comment,
			   bool empty_layer)
{
	imgconfig_push_history(c, created, created_by, comment, NULL, empty_layer);
}

static void imgconfig_add_sorted(struct strv *set, const char *s)
{
	if (strv_has(set, s))
		return;
	strv_add(set, s);
	strv_sort(set);
}

void imgconfig_add_volume(struct imgconfig *c, const char *path)
{
	imgconfig_add_sorted(&c->volumes, path);
}

void imgconfig_add_port(struct imgconfig *c, const char *port)
{
	imgconfig_add_sorted(&c->ports, port);
}

int64_t imgconfig_origin(const struct imgconfig *c)
{
	int64_t t;

	if (!c->created || clock_parse_rfc3339(sv_from(c->created), &t) < 0 || t < IMGCONFIG_ORIGIN_MIN)
		return IMGCONFIG_ORIGIN_MIN;
	return t > IMGCONFIG_ORIGIN_MAX ? IMGCONFIG_ORIGIN_MAX : t;
}

/* --- writing --- */

/* An empty list is left out, as Docker leaves it. */
static void imgconfig_set_list(struct json *j, const char *key, const struct strv *list)
{
	if (list->n)
		json_set(j, key, json_from_strv(list));
}

/* Non-empty text only: Docker writes "" for what is not set. */
static void imgconfig_set_text(struct json *j, const char *key, const char *s)
{
	if (s && s[0])
		json_set_str(j, key, s);
}

/* {"/data": {}} */
static void imgconfig_set_set(struct json *j, const char *key, const struct strv *set)
{
	struct json *obj;

	if (!set->n)
		return;
	obj = json_object();
	for (size_t i = 0; i < set->n; i++)
		json_set(obj, set->v[i], json_object());
	json_set(j, key, obj);
}

static void imgconfig_set_env(struct json *j, const struct smap *env)
{
	struct json *list;

	if (!env->n)
		return;
	list = json_array();
	for (size_t i = 0; i < env->n; i++) {
		AUTO_FREE char *s = mem_printf("%s=%s", env->v[i].key, (const char *)env->v[i].val);

		json_append(list, json_new_str(s));
	}
	json_set(j, "Env", list);
}

static void imgconfig_set_labels(struct json *j, const struct smap *labels)
{
	struct json *obj;

	if (!labels->n)
		return;
	obj = json_object();
	for (size_t i = 0; i < labels->n; i++)
		json_set_str(obj, labels->v[i].key, labels->v[i].val);
	json_set(j, "Labels", obj);
}

static void imgconfig_set_nonzero(struct json *j, const char *key, int64_t v)
{
	if (v)
		json_set_int(j, key, v);
}

static void imgconfig_set_health(struct json *j, const struct imgconfig_health *h)
{
	struct json *o;

	if (!h)
		return;
	o = json_object();
	imgconfig_set_list(o, "Test", &h->test);
	imgconfig_set_nonzero(o, "Interval", h->interval);
	imgconfig_set_nonzero(o, "Timeout", h->timeout);
	imgconfig_set_nonzero(o, "StartPeriod", h->start_period);
	imgconfig_set_nonzero(o, "StartInterval", h->start_interval);
	imgconfig_set_nonzero(o, "Retries", h->retries);
	json_set(j, "Healthcheck", o);
}

static struct json *imgconfig_config_json(const struct imgconfig *c)
{
	struct json *j = c->extra_config ? json_deep_copy(c->extra_config) : json_object();

	imgconfig_set_env(j, &c->env);
	imgconfig_set_list(j, "Cmd", &c->cmd);
	imgconfig_set_list(j, "Entrypoint", &c->entrypoint);
	imgconfig_set_list(j, "Shell", &c->shell);
	imgconfig_set_list(j, "OnBuild", &c->onbuild);
	imgconfig_set_text(j, "User", c->user);
	imgconfig_set_text(j, "WorkingDir", c->workdir);
	imgconfig_set_text(j, "StopSignal", c->stop_signal);
	imgconfig_set_set(j, "Volumes", &c->volumes);
	imgconfig_set_set(j, "ExposedPorts", &c->ports);
	imgconfig_set_labels(j, &c->labels);
	imgconfig_set_health(j, c->health);
	if (c->args_escaped)
		json_set_bool(j, "ArgsEscaped", true);
	return j;
}

static struct json *imgconfig_rootfs_json(const struct imgconfig *c)
{
	struct json *j = json_object(), *ids = json_array();

	for (size_t i = 0; i < c->diff_ids.n; i++)
		json_append(ids, json_new_str(c->diff_ids.v[i].text));
	json_set_str(j, "type", "layers");
	json_set(j, "diff_ids", ids);
	return j;
}

static struct json *imgconfig_history_json(const struct imgconfig *c)
{
	struct json *list = json_array();

	for (size_t i = 0; i < c->nhistory; i++) {
		const struct imgconfig_history *h = &c->history[i];
		struct json *o = json_object();

		imgconfig_set_text(o, "created", h->created);
		imgconfig_set_text(o, "created_by", h->created_by);
		imgconfig_set_text(o, "comment", h->comment);
		imgconfig_set_text(o, "author", h->author);
		if (h->empty_layer)
			json_set_bool(o, "empty_layer", true);
		json_append(list, o);
	}
	return list;
}

void imgconfig_write(const struct imgconfig *c, struct buf *out)
{
	AUTO_JSON struct json *j = c->extra ? json_deep_copy(c->extra) : json_object();

	json_set_str(j, "os", c->platform.os);
	json_set_str(j, "architecture", c->platform.arch);
	imgconfig_set_text(j, "variant", c->platform.variant);
	imgconfig_set_text(j, "created", c->created);
	imgconfig_set_text(j, "author", c->author);
	json_set(j, "config", imgconfig_config_json(c));
	json_set(j, "rootfs", imgconfig_rootfs_json(c));
	if (c->nhistory)
		json_set(j, "history", imgconfig_history_json(c));
	json_write(j, out);
}
