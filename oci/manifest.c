/* Image manifests, and what kind of document a text is. */
#include "oci/manifest.h"

#include "oci/limits.h"
#include "oci/manifest_priv.h"
#include "src/util/mem.h"

/* Content types that say nothing: the body decides. */
static const char *const manifest_vague[] = {
	"", "application/json", "application/octet-stream", "binary/octet-stream", "text/plain",
};

/* Without parameters. */
static struct sv manifest_bare_type(const char *type)
{
	struct sv rest = sv_from(type ? type : "");

	return sv_trim(sv_cut(&rest, ';'));
}

static bool manifest_is_vague(const char *content_type)
{
	struct sv type = manifest_bare_type(content_type);

	for (size_t i = 0; i < ARRAY_LEN(manifest_vague); i++) {
		if (sv_ieq_str(type, manifest_vague[i]))
			return true;
	}
	return false;
}

static enum mediatype_kind manifest_shape(const struct json *j)
{
	if (json_get(j, "fsLayers") || json_get_int(j, "schemaVersion", 0) == 1)
		return MEDIATYPE_SCHEMA1;
	if (json_is_array(json_get(j, "manifests")))
		return MEDIATYPE_INDEX;
	if (json_is_array(json_get(j, "layers")) || json_is_object(json_get(j, "config")))
		return MEDIATYPE_MANIFEST;
	return MEDIATYPE_OTHER;
}

static const char *manifest_kind_text(enum mediatype_kind kind)
{
	if (kind == MEDIATYPE_INDEX)
		return "an image index (a list of platforms)";
	if (kind == MEDIATYPE_MANIFEST)
		return "an image manifest";
	if (kind == MEDIATYPE_SCHEMA1)
		return "a Docker schema 1 manifest";
	return "neither a manifest nor an index";
}

static int manifest_refuse_kind(enum mediatype_kind is, enum mediatype_kind want, enum err_code code, struct err *e)
{
	err_set(e, code, "this is %s, wanted is %s", manifest_kind_text(is), manifest_kind_text(want));
	if (is == MEDIATYPE_SCHEMA1)
		err_hint(e, "schema 1 has no verifiable layers and is not supported; push the image again with a "
			    "current tool");
	return -1;
}

/* Two readings of one digest must not be possible (CVE-2021-41190, GHSA-mc8v-mgrf-8f4m). */
static int manifest_check_members(const struct json *j, enum err_code code, struct err *e)
{
	if (json_get(j, "manifests") && (json_get(j, "layers") || json_get(j, "config") || json_get(j, "fsLayers")))
		return err_set(e, code, "members of an image manifest and \"manifests\" in one document");
	if (json_get(j, "fsLayers") && (json_get(j, "layers") || json_get(j, "config")))
		return err_set(e, code, "members of schema 1 and of schema 2 in one document");
	return 0;
}

static int manifest_check_version(const struct json *j, enum err_code code, struct err *e)
{
	int64_t version;

	return json_need_int(j, "schemaVersion", 2, 2, &version, code, e);
}

/* The stated type must be a type of this kind; where and what go into the message. */
static int manifest_check_stated(const char *type, const char *where, enum mediatype_kind kind, enum err_code code,
				 struct err *e)
{
	if (mediatype_kind_of(type) == kind)
		return 0;
	return err_set(e, code, "%s is \"%.120s\", but the document is %s", where, type, manifest_kind_text(kind));
}

static bool manifest_same_type(const char *a, const char *b)
{
	struct sv ta = manifest_bare_type(a), tb = manifest_bare_type(b);

	return ta.n == tb.n && strncasecmp(ta.p, tb.p, ta.n) == 0;
}

static int manifest_check_types(const struct json *j, const char *content_type, enum mediatype_kind kind,
				char **media_type, enum err_code code, struct err *e)
{
	const char *own = json_get_str(j, "mediaType");
	bool vague = manifest_is_vague(content_type);

	if (json_get(j, "mediaType") && !own)
		return err_set(e, code, "\"mediaType\" is not a string");
	if (!vague && manifest_check_stated(content_type, "the content type", kind, code, e) < 0)
		return -1;
	if (own && manifest_check_stated(own, "\"mediaType\"", kind, code, e) < 0)
		return -1;
	if (own && !vague && !manifest_same_type(own, content_type))
		return err_set(e, code, "\"mediaType\" is \"%.120s\", but the content type is \"%.120s\"", own,
			       content_type);
	if (own || !vague)
		*media_type = sv_dup(manifest_bare_type(own ? own : content_type));
	else
		*media_type = mem_strdup(kind == MEDIATYPE_INDEX ? MEDIATYPE_OCI_INDEX : MEDIATYPE_OCI_MANIFEST);
	return 0;
}

static int manifest_check_subject(const struct json *j, enum err_code code, struct err *e)
{
	AUTO_DESCRIPTOR struct descriptor d = {0};
	const struct json *subject = json_get(j, "subject");

	if (!subject || json_is_null(subject))
		return 0;
	if (descriptor_from_json(subject, &d, code, e) < 0)
		return err_wrap(e, "\"subject\"");
	return 0;
}

struct json *manifest_load(const char *text, size_t n, const char *content_type, enum mediatype_kind kind,
			   char **media_type, enum err_code code, struct err *e)
{
	const char *what = kind == MEDIATYPE_INDEX ? "image index" : "image manifest";
	AUTO_JSON struct json *j = json_parse(text, n, MANIFEST_MAX_BYTES, code, what, e);
	enum mediatype_kind shape;
	int r;

	if (!j)
		return NULL;
	shape = manifest_shape(j);
	r = manifest_check_members(j, code, e);
	if (r == 0 && shape != kind)
		r = manifest_refuse_kind(shape, kind, code, e);
	if (r == 0)
		r = manifest_check_version(j, code, e);
	if (r == 0)
		r = manifest_check_subject(j, code, e);
	if (r == 0)
		r = manifest_check_types(j, content_type, kind, media_type, code, e);
	if (r < 0) {
		err_wrap(e, "%s", what);
		return NULL;
	}
	return STEAL_PTR(j);
}

int manifest_load_list(const struct json *doc, const char *key, size_t max, struct descriptor **v, size_t *n,
		       size_t *cap, enum err_code code, struct err *e)
{
	const struct json *list = json_need_array(doc, key, code, e);

	if (!list)
		return -1;
	if (json_len(list) > max)
		return err_set(e, code, "\"%s\" has %zu entries, at most %zu are allowed", key, json_len(list), max);
	for (size_t i = 0; i < json_len(list); i++) {
		struct descriptor d;

		if (descriptor_from_json(json_at(list, i), &d, code, e) < 0)
			return err_wrap(e, "%s[%zu]", key, i);
		*v = vec_grow(*v, *n, cap, sizeof **v);
		(*v)[(*n)++] = d;
	}
	return 0;
}

struct json *manifest_frame(const char *media_type, const struct json *annotations)
{
	struct json *j = json_object();

	json_set_int(j, "schemaVersion", 2);
	json_set_str(j, "mediaType", media_type);
	if (annotations && json_len(annotations))
		json_set(j, "annotations", json_deep_copy(annotations));
	return j;
}

void manifest_release(struct manifest *m)
{
	free(m->media_type);
	descriptor_release(&m->config);
	for (size_t i = 0; i < m->nlayers; i++)
		descriptor_release(&m->layers[i]);
	free(m->layers);
	json_free(m->annotations);
	*m = (struct manifest){0};
}

static int manifest_fill(const struct json *j, struct manifest *out, enum err_code code, struct err *e)
{
	if (descriptor_from_json(json_get(j, "config"), &out->config, code, e) < 0)
		return err_wrap(e, "config");
	if (manifest_load_list(j, "layers", LAYERS_MAX, &out->layers, &out->nlayers, &out->cap, code, e) < 0)
		return -1;
	return descriptor_read_annotations(j, &out->annotations, code, e);
}

int manifest_parse(const char *text, size_t n, const char *content_type, struct manifest *out, enum err_code code,
		   struct err *e)
{
	AUTO_FREE char *type = NULL;
	AUTO_JSON struct json *j = manifest_load(text, n, content_type, MEDIATYPE_MANIFEST, &type, code, e);

	*out = (struct manifest){0};
	if (!j)
		return -1;
	if (manifest_fill(j, out, code, e) < 0) {
		manifest_release(out);
		return err_wrap(e, "image manifest");
	}
	out->media_type = STEAL_PTR(type);
	return 0;
}

void manifest_add_layer(struct manifest *m, const struct descriptor *d)
{
	struct descriptor copy;

	descriptor_copy(&copy, d);
	m->layers = vec_grow(m->layers, m->nlayers, &m->cap, sizeof *m->layers);
	m->layers[m->nlayers++] = copy;
}

void manifest_annotate(struct manifest *m, const char *key, const char *value)
{
	if (!m->annotations)
		m->annotations = json_object();
	json_set_str(m->annotations, key, value);
}

void manifest_write(const struct manifest *m, struct buf *out)
{
	AUTO_JSON struct json *j = manifest_frame(MEDIATYPE_OCI_MANIFEST, m->annotations);
	struct json *layers = json_array();

	for (size_t i = 0; i < m->nlayers; i++)
		json_append(layers, descriptor_to_json(&m->layers[i]));
	json_set(j, "config", descriptor_to_json(&m->config));
	json_set(j, "layers", layers);
	json_write(j, out);
}

enum mediatype_kind manifest_detect(const char *text, size_t n, const char *content_type)
{
	struct err ignored = ERR_INIT;
	AUTO_JSON struct json *j = json_parse(text, n, MANIFEST_MAX_BYTES, ERR_INPUT, "manifest", &ignored);
	enum mediatype_kind stated = mediatype_kind_of(content_type);

	err_release(&ignored);
	if (stated == MEDIATYPE_SCHEMA1)
		return stated;
	return manifest_shape(j);
}
