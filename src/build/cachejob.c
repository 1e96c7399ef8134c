#include "src/build/cachejob.h"

#include <string.h>

#include "src/util/mem.h"
#include "src/util/vec.h"

void cachejob_release(struct cachejob *j)
{
	for (size_t i = 0; i < j->n; i++) {
		descriptor_release(&j->layers[i].blob);
		free(j->layers[i].from);
		free(j->layers[i].stream);
	}
	free(j->layers);
	free(j->made);
	free(j->text);
	*j = (struct cachejob){0};
}

struct cachejob_layer *cachejob_add(struct cachejob *j, const struct digest *diff_id)
{
	j->layers = vec_grow(j->layers, j->n, &j->cap, sizeof *j->layers);
	j->layers[j->n] = (struct cachejob_layer){.diff_id = *diff_id};
	return &j->layers[j->n++];
}

static struct json *layer_to_json(const struct cachejob_layer *l)
{
	struct json *j = json_object();

	json_set_str(j, "diff_id", l->diff_id.text);
	json_set_str(j, "from", l->from);
	json_set_str(j, "stream", l->stream);
	json_set_bool(j, "there", l->there);
	if (digest_is_set(&l->blob.digest))
		json_set(j, "blob", descriptor_to_json(&l->blob));
	return j;
}

struct json *cachejob_to_json(const struct cachejob *j)
{
	struct json *to = json_object(), *layers = json_array();

	for (size_t i = 0; i < j->n; i++)
		json_append(layers, layer_to_json(&j->layers[i]));
	json_set_int(to, "kind", j->kind);
	json_set_int(to, "stage", (int64_t)j->stage);
	json_set_int(to, "step", (int64_t)j->step);
	json_set_str(to, "input", j->input.hex);
	json_set_str(to, "content", j->content.hex);
	json_set_str(to, "made", j->made);
	json_set_str(to, "text", j->text);
	json_set_int(to, "built", j->built);
	json_set_bool(to, "replace", j->replace);
	json_set_bool(to, "fetch", j->fetch);
	json_set(to, "layers", layers);
	return to;
}

static int take_key(const struct json *from, const char *name, struct ckey *out, struct err *e)
{
	const char *hex = json_need_str(from, name, ERR_INTERNAL, e);

	if (!hex)
		return -1;
	if (strlen(hex) >= sizeof out->hex)
		return err_set(e, ERR_INTERNAL, "%s is no key", name);
	memcpy(out->hex, hex, strlen(hex) + 1);
	return 0;
}

static int take_layer(const struct json *from, struct cachejob *out, struct err *e)
{
	struct cachejob_layer *l;
	struct digest d;

	if (digest_parse(sv_from(json_get_str(from, "diff_id")), &d, ERR_INTERNAL, e) < 0)
		return -1;
	l = cachejob_add(out, &d);
	l->from = mem_strdup_opt(json_get_str(from, "from"));
	l->stream = mem_strdup_opt(json_get_str(from, "stream"));
	l->there = json_get_bool(from, "there", false);
	if (!json_get(from, "blob"))
		return l->stream ? 0 : err_set(e, ERR_INTERNAL, "layer %s has neither blob nor file", d.text);
	return descriptor_from_json(json_get(from, "blob"), &l->blob, ERR_INTERNAL, e);
}

int cachejob_from_json(const struct json *from, struct cachejob *out, struct err *e)
{
	const struct json *layers = json_get(from, "layers");

	*out = (struct cachejob){.kind = (enum cachejob_kind)json_get_int(from, "kind", CACHEJOB_ASK),
				 .stage = (size_t)json_get_int(from, "stage", 0),
				 .step = (size_t)json_get_int(from, "step", 0),
				 .made = mem_strdup_opt(json_get_str(from, "made")),
				 .text = mem_strdup_opt(json_get_str(from, "text")),
				 .built = json_get_int(from, "built", 0),
				 .replace = json_get_bool(from, "replace", false),
				 .fetch = json_get_bool(from, "fetch", false)};
	if (take_key(from, "input", &out->input, e) < 0 || take_key(from, "content", &out->content, e) < 0)
		return -1;
	for (size_t i = 0; i < json_len(layers); i++)
		if (take_layer(json_at(layers, i), out, e) < 0)
			return -1;
	return 0;
}
