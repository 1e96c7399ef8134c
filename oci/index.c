/* Image indexes (image-spec image-index.md). */
#include "oci/limits.h"
#include "oci/manifest.h"
#include "oci/manifest_priv.h"
#include "src/util/mem.h"

void index_release(struct index *x)
{
	free(x->media_type);
	for (size_t i = 0; i < x->n; i++)
		descriptor_release(&x->manifests[i]);
	free(x->manifests);
	json_free(x->annotations);
	*x = (struct index){0};
}

int index_parse(const char *text, size_t n, const char *content_type, struct index *out, enum err_code code,
		struct err *e)
{
	AUTO_FREE char *type = NULL;
	AUTO_JSON struct json *j = manifest_load(text, n, content_type, MEDIATYPE_INDEX, &type, code, e);

	*out = (struct index){0};
	if (!j)
		return -1;
	if (manifest_load_list(j, "manifests", INDEX_ENTRIES_MAX, &out->manifests, &out->n, &out->cap, code, e) < 0 ||
	    descriptor_read_annotations(j, &out->annotations, code, e) < 0) {
		index_release(out);
		return err_wrap(e, "image index");
	}
	out->media_type = STEAL_PTR(type);
	return 0;
}

void index_add(struct index *x, const struct descriptor *d)
{
	struct descriptor copy;

	descriptor_copy(&copy, d);
	x->manifests = vec_grow(x->manifests, x->n, &x->cap, sizeof *x->manifests);
	x->manifests[x->n++] = copy;
}

void index_write(const struct index *x, struct buf *out)
{
	AUTO_JSON struct json *j = manifest_frame(MEDIATYPE_OCI_INDEX, x->annotations);
	struct json *list = json_array();

	for (size_t i = 0; i < x->n; i++)
		json_append(list, descriptor_to_json(&x->manifests[i]));
	json_set(j, "manifests", list);
	json_write(j, out);
}

/* A message need not name more. */
#define INDEX_PLATFORMS_SHOWN 20

/* Texts of the platforms there are, each once; attestations and the like ("unknown/unknown") are none. */
static char *index_list_platforms(const struct index *x)
{
	AUTO_STRV struct strv list = {0};

	for (size_t i = 0; i < x->n && list.n < INDEX_PLATFORMS_SHOWN; i++) {
		struct platform p;
		char text[100];

		platform_from_json(x->manifests[i].platform, &p);
		if (!p.os[0] || strcmp(p.os, "unknown") == 0)
			continue;
		if (!strv_has(&list, platform_format(&p, text)))
			strv_add(&list, text);
	}
	strv_sort(&list);
	return strv_join(&list, ", ");
}

static bool index_is_image(const struct descriptor *d)
{
	enum mediatype_kind kind = mediatype_kind_of(d->media_type);

	return kind == MEDIATYPE_MANIFEST || kind == MEDIATYPE_INDEX;
}

/* The only image that states no platform: what image layouts and some single-platform indexes have. */
static const struct descriptor *index_only_unstated(const struct index *x)
{
	const struct descriptor *only = NULL;

	for (size_t i = 0; i < x->n; i++) {
		if (!index_is_image(&x->manifests[i]) || x->manifests[i].platform)
			continue;
		if (only)
			return NULL;
		only = &x->manifests[i];
	}
	return only;
}

const struct descriptor *index_select(const struct index *x, const struct platform *want, struct err *e)
{
	const struct descriptor *best = NULL;
	AUTO_FREE char *list = NULL;
	char text[100];
	int score = 0;

	for (size_t i = 0; i < x->n; i++) {
		struct platform have;
		int match;

		if (!index_is_image(&x->manifests[i]) || !x->manifests[i].platform)
			continue;
		platform_from_json(x->manifests[i].platform, &have);
		match = platform_match(want, &have);
		if (match > score) {
			score = match;
			best = &x->manifests[i];
		}
	}
	if (!best)
		best = index_only_unstated(x);
	if (best)
		return best;
	list = index_list_platforms(x);
	err_set(e, ERR_REGISTRY, "no image for platform %s; there is %s", platform_format(want, text),
		list[0] ? list : "none");
	return NULL;
}
