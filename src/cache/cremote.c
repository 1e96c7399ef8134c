#include "src/cache/cremote.h"

#include <string.h>

#include "oci/limits.h"
#include "src/util/clock.h"
#include "src/util/mem.h"

void cremote_annotate(struct manifest *m, const struct digest_list *diff_ids, const struct ckey *input,
		      const struct ckey *content, const char *made, int64_t built)
{
	char now[32];

	for (size_t i = 0; i < m->nlayers; i++) {
		struct descriptor *d = &m->layers[i];

		if (!d->annotations)
			d->annotations = json_object();
		json_set_str(d->annotations, CREMOTE_DIFF_ID, diff_ids->v[i].text);
	}
	manifest_annotate(m, CREMOTE_KEY, input->hex);
	manifest_annotate(m, CREMOTE_CONTENT_KEY, content->hex);
	manifest_annotate(m, CREMOTE_MADE, made);
	manifest_annotate(m, CREMOTE_BUILT, clock_rfc3339(built ? built : clock_wall() / CLOCK_NS_PER_S, now));
}

static bool carries_key(const struct json *annotations, const struct ckey *key)
{
	static const char *const names[] = {CREMOTE_KEY, CREMOTE_CONTENT_KEY};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *v = json_get_str(annotations, names[i]);

		if (v && strcmp(v, key->hex) == 0)
			return true;
	}
	return false;
}

static bool is_layer(const struct descriptor *d)
{
	enum mediatype_kind kind = mediatype_kind_of(d->media_type);

	return kind == MEDIATYPE_LAYER || kind == MEDIATYPE_FOREIGN_LAYER;
}

static int take_diff_ids(const struct manifest *m, struct digest_list *out, struct err *e)
{
	for (size_t i = 0; i < m->nlayers; i++) {
		const char *text = json_get_str(m->layers[i].annotations, CREMOTE_DIFF_ID);
		struct digest d;

		if (!is_layer(&m->layers[i]))
			return err_set(e, ERR_INTEGRITY, "cache entry: layer %zu is \"%s\", which is none", i,
				       m->layers[i].media_type);
		if (!text)
			return err_set(e, ERR_INTEGRITY, "cache entry: layer %zu has no diff id", i);
		if (digest_parse(sv_from(text), &d, ERR_INTEGRITY, e) < 0)
			return err_wrap(e, "cache entry: diff id of layer %zu", i);
		vec_push(out, d);
	}
	return 0;
}

int cremote_accept(const struct manifest *m, const struct ckey *key, struct clocal *out, struct err *e)
{
	const char *made = json_get_str(m->annotations, CREMOTE_MADE);
	const char *built = json_get_str(m->annotations, CREMOTE_BUILT);

	*out = (struct clocal){.key = *key};
	if (!carries_key(m->annotations, key))
		return err_set(e, ERR_INTEGRITY, "cache entry does not carry the key %s", key->hex);
	if (!clocal_made_valid(made, m->nlayers) || m->nlayers > LAYERS_MAX)
		return err_set(e, ERR_INTEGRITY, "cache entry has a wrong list of layers");
	out->made = mem_strdup(made);
	if (!built || clock_parse_rfc3339(sv_from(built), &out->built) < 0)
		out->built = 0;
	if (take_diff_ids(m, &out->diff_ids, e) < 0) {
		clocal_release(out);
		return -1;
	}
	return 0;
}

void cremote_strip(struct manifest *m)
{
	for (size_t i = 0; i < m->nlayers; i++) {
		struct descriptor bare = {0};

		descriptor_set(&bare, m->layers[i].media_type, &m->layers[i].digest, m->layers[i].size);
		if (mediatype_kind_of(bare.media_type) == MEDIATYPE_FOREIGN_LAYER)
			strv_copy(&bare.urls, &m->layers[i].urls);
		descriptor_release(&m->layers[i]);
		m->layers[i] = bare;
	}
}
