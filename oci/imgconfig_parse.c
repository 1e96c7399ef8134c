/* Reading an image configuration: hostile text, Docker's quirks. */
#include "oci/imgconfig.h"
#include "oci/limits.h"
#include "src/util/mem.h"

/* What is being read, for errors. */
struct imgconfig_src {
	enum err_code code;
	struct err *e;
};

/* Members that are read into the struct, and those that tell how the base itself was made: in an image derived from it
 * they would be false. All others are kept as they are. */
static const char *const imgconfig_known[] = {
	"architecture", "os",	     "variant",		 "created",	   "author", "config", "rootfs",
	"history",	"container", "container_config", "docker_version", "id",     "parent", "throwaway",
};
static const char *const imgconfig_known_config[] = {
	"User",	      "ExposedPorts", "Env",	     "Entrypoint", "Cmd",   "Volumes", "WorkingDir", "Labels",
	"StopSignal", "ArgsEscaped",  "Healthcheck", "OnBuild",	   "Shell", "Image",   "Hostname",
};

static bool imgconfig_in(const char *key, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(key, list[i]) == 0)
			return true;
	}
	return false;
}

/* Members of j that are not in the list, NULL if there are none. */
static struct json *imgconfig_extra(struct json *j, const char *const *known, size_t n)
{
	struct json *extra = NULL;

	for (void *it = json_iter(j); it; it = json_iter_next(j, it)) {
		if (imgconfig_in(json_iter_key(it), known, n))
			continue;
		if (!extra)
			extra = json_object();
		json_set(extra, json_iter_key(it), json_deep_copy(json_iter_val(it)));
	}
	return extra;
}

/* Optional text: absent, null and "" are the same to Docker. */
static int imgconfig_text(const struct imgconfig_src *s, const struct json *j, const char *key, char **out)
{
	const struct json *v = json_get(j, key);

	if (!v || json_is_null(v))
		return 0;
	if (!json_is_string(v))
		return err_set(s->e, s->code, "\"%s\" is not a string", key);
	if (json_str(v)[0])
		*out = mem_strdup(json_str(v));
	return 0;
}

static int imgconfig_flag(const struct imgconfig_src *s, const struct json *j, const char *key, bool *out)
{
	const struct json *v = json_get(j, key);

	if (!v || json_is_null(v))
		return 0;
	if (!json_is_bool(v))
		return err_set(s->e, s->code, "\"%s\" is not true or false", key);
	*out = json_get_bool(j, key, false);
	return 0;
}

/* List of strings; null is absent; Docker also reads a single string (its oldest images have one as Entrypoint). */
static int imgconfig_list(const struct imgconfig_src *s, const struct json *j, const char *key, struct strv *out,
			  bool *present)
{
	const struct json *v = json_get(j, key);

	if (!v || json_is_null(v))
		return 0;
	if (present)
		*present = true;
	if (json_is_string(v)) {
		strv_add(out, json_str(v));
		return 0;
	}
	return json_to_strv(v, out, s->code, s->e) < 0 ? err_wrap(s->e, "\"%s\"", key) : 0;
}

/* An object that is absent, null or an object; *out NULL in the first two cases. */
static int imgconfig_object(const struct imgconfig_src *s, const struct json *j, const char *key, struct json **out)
{
	struct json *v = json_get(j, key);

	*out = NULL;
	if (!v || json_is_null(v))
		return 0;
	if (!json_is_object(v))
		return err_set(s->e, s->code, "\"%s\" is not an object", key);
	*out = v;
	return 0;
}

/* Keys of an object: {"/data": {}}. */
static int imgconfig_set(const struct imgconfig_src *s, const struct json *j, const char *key, struct strv *out)
{
	struct json *o;

	if (imgconfig_object(s, j, key, &o) < 0)
		return -1;
	for (void *it = json_iter(o); it; it = json_iter_next(o, it))
		strv_add(out, json_iter_key(it));
	strv_sort(out);
	return 0;
}

static int imgconfig_labels(const struct imgconfig_src *s, const struct json *j, struct smap *out)
{
	struct json *o;

	if (imgconfig_object(s, j, "Labels", &o) < 0)
		return -1;
	for (void *it = json_iter(o); it; it = json_iter_next(o, it)) {
		const struct json *v = json_iter_val(it);

		if (!json_is_string(v) && !json_is_null(v))
			return err_set(s->e, s->code, "\"Labels\" has a value that is not a string");
		smap_set_str(out, json_iter_key(it), json_is_null(v) ? "" : json_str(v));
	}
	return 0;
}

/* "NAME=value"; a later one of the same name wins and keeps the first one's place, as in a container. */
static int imgconfig_env(const struct imgconfig_src *s, const struct json *j, struct smap *out)
{
	AUTO_STRV struct strv list = {0};

	if (imgconfig_list(s, j, "Env", &list, NULL) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		char *eq = strchr(list.v[i], '=');

		if (eq)
			*eq = '\0';
		smap_set_str(out, list.v[i], eq ? eq + 1 : "");
	}
	return 0;
}

static int imgconfig_int(const struct imgconfig_src *s, const struct json *j, const char *key, int64_t *out)
{
	const struct json *v = json_get(j, key);

	if (!v || json_is_null(v))
		return 0;
	if (!json_is_int(v) || json_int(v, -1) < 0)
		return err_set(s->e, s->code, "\"%s\" is not a whole number from 0 on", key);
	*out = json_int(v, 0);
	return 0;
}

static int imgconfig_health(const struct imgconfig_src *s, const struct json *j, struct imgconfig_health **out)
{
	struct imgconfig_health *h;
	struct json *o;

	if (imgconfig_object(s, j, "Healthcheck", &o) < 0)
		return -1;
	if (!o)
		return 0;
	h = *out = mem_new(struct imgconfig_health);
	if (imgconfig_list(s, o, "Test", &h->test, NULL) < 0 || imgconfig_int(s, o, "Interval", &h->interval) < 0 ||
	    imgconfig_int(s, o, "Timeout", &h->timeout) < 0 ||
	    imgconfig_int(s, o, "StartPeriod", &h->start_period) < 0 ||
	    imgconfig_int(s, o, "StartInterval", &h->start_interval) < 0 ||
	    imgconfig_int(s, o, "Retries", &h->retries) < 0)
		return err_wrap(s->e, "\"Healthcheck\"");
	return 0;
}

static int imgconfig_read_config(const struct imgconfig_src *s, struct json *j, struct imgconfig *c)
{
	if (imgconfig_text(s, j, "User", &c->user) < 0 || imgconfig_text(s, j, "WorkingDir", &c->workdir) < 0 ||
	    imgconfig_text(s, j, "StopSignal", &c->stop_signal) < 0 || imgconfig_env(s, j, &c->env) < 0 ||
	    imgconfig_list(s, j, "Cmd", &c->cmd, &c->has_cmd) < 0 ||
	    imgconfig_list(s, j, "Entrypoint", &c->entrypoint, &c->has_entrypoint) < 0 ||
	    imgconfig_list(s, j, "Shell", &c->shell, &c->has_shell) < 0 ||
	    imgconfig_list(s, j, "OnBuild", &c->onbuild, NULL) < 0 || imgconfig_set(s, j, "Volumes", &c->volumes) < 0 ||
	    imgconfig_set(s, j, "ExposedPorts", &c->ports) < 0 || imgconfig_labels(s, j, &c->labels) < 0 ||
	    imgconfig_health(s, j, &c->health) < 0 || imgconfig_flag(s, j, "ArgsEscaped", &c->args_escaped) < 0)
		return err_wrap(s->e, "\"config\"");
	c->extra_config = imgconfig_extra(j, imgconfig_known_config, ARRAY_LEN(imgconfig_known_config));
	return 0;
}

static int imgconfig_read_rootfs(const struct imgconfig_src *s, const struct json *j, struct imgconfig *c)
{
	const struct json *rootfs = json_need_object(j, "rootfs", s->code, s->e);
	const char *type = rootfs ? json_need_str(rootfs, "type", s->code, s->e) : NULL;
	const struct json *ids = json_get(rootfs, "diff_ids");

	if (!type)
		return -1;
	if (strcmp(type, "layers") != 0)
		return err_set(s->e, s->code, "\"rootfs.type\" is not \"layers\"");
	/* null: an image FROM scratch without layers, as Go writes it */
	if (ids && !json_is_null(ids) && !json_is_array(ids))
		return err_set(s->e, s->code, "\"rootfs.diff_ids\" is not an array");
	if (json_len(ids) > LAYERS_MAX)
		return err_set(s->e, s->code, "%zu layers, at most %d are possible", json_len(ids), LAYERS_MAX);
	for (size_t i = 0; i < json_len(ids); i++) {
		const char *text = json_str(json_at(ids, i));
		struct digest d;

		if (!text)
			return err_set(s->e, s->code, "rootfs.diff_ids[%zu] is not a string", i);
		if (digest_parse(sv_from(text), &d, s->code, s->e) < 0)
			return err_wrap(s->e, "rootfs.diff_ids[%zu]", i);
		vec_push(&c->diff_ids, d);
	}
	return 0;
}

static int imgconfig_read_entry(const struct imgconfig_src *s, const struct json *j, struct imgconfig_history *h)
{
	if (!json_is_object(j))
		return err_set(s->e, s->code, "not an object");
	if (imgconfig_text(s, j, "created", &h->created) < 0 ||
	    imgconfig_text(s, j, "created_by", &h->created_by) < 0 ||
	    imgconfig_text(s, j, "comment", &h->comment) < 0 || imgconfig_text(s, j, "author", &h->author) < 0)
		return -1;
	return imgconfig_flag(s, j, "empty_layer", &h->empty_layer);
}

static int imgconfig_read_history(const struct imgconfig_src *s, const struct json *j, struct imgconfig *c)
{
	const struct json *list = json_get(j, "history");

	if (!list || json_is_null(list))
		return 0;
	if (!json_is_array(list))
		return err_set(s->e, s->code, "\"history\" is not an array");
	for (size_t i = 0; i < json_len(list); i++) {
		struct imgconfig_history *h;

		c->history = vec_grow(c->history, c->nhistory, &c->cap_history, sizeof *c->history);
		h = &c->history[c->nhistory++];
		*h = (struct imgconfig_history){0};
		if (imgconfig_read_entry(s, json_at(list, i), h) < 0)
			return err_wrap(s->e, "history[%zu]", i);
	}
	return 0;
}

static int imgconfig_read_platform(const struct imgconfig_src *s, const struct json *j, struct imgconfig *c)
{
	const char *os = json_need_str(j, "os", s->code, s->e);
	const char *arch = os ? json_need_str(j, "architecture", s->code, s->e) : NULL;
	const struct json *variant = json_get(j, "variant");

	if (!arch)
		return -1;
	if (variant && !json_is_null(variant) && !json_is_string(variant))
		return err_set(s->e, s->code, "\"variant\" is not a string");
	if (strlen(os) >= sizeof(c->platform.os) || strlen(arch) >= sizeof(c->platform.arch) ||
	    (json_str(variant) && strlen(json_str(variant)) >= sizeof(c->platform.variant)))
		return err_set(s->e, s->code, "\"os\", \"architecture\" or \"variant\" is too long");
	platform_from_json(j, &c->platform);
	return 0;
}

static int imgconfig_read(const struct imgconfig_src *s, struct json *j, struct imgconfig *c)
{
	struct json *config;

	if (!json_is_object(j))
		return err_set(s->e, s->code, "not an object");
	if (imgconfig_read_platform(s, j, c) < 0 || imgconfig_text(s, j, "created", &c->created) < 0 ||
	    imgconfig_text(s, j, "author", &c->author) < 0 || imgconfig_object(s, j, "config", &config) < 0 ||
	    imgconfig_read_config(s, config, c) < 0 || imgconfig_read_rootfs(s, j, c) < 0 ||
	    imgconfig_read_history(s, j, c) < 0)
		return -1;
	c->extra = imgconfig_extra(j, imgconfig_known, ARRAY_LEN(imgconfig_known));
	return 0;
}

int imgconfig_parse(const char *text, size_t n, struct imgconfig *out, enum err_code code, struct err *e)
{
	AUTO_JSON struct json *j = json_parse(text, n, CONFIG_MAX_BYTES, code, "image configuration", e);
	struct imgconfig_src s = {code, e};

	imgconfig_init(out, NULL);
	if (!j)
		return -1;
	if (imgconfig_read(&s, j, out) == 0)
		return 0;
	imgconfig_release(out);
	return err_wrap(e, "image configuration");
}
