/* index.json of an image layout. */
#include "oci/indexfile.h"

#include "oci/limits.h"
#include "oci/manifest.h"

struct json *indexfile_new(void)
{
	struct json *j = json_object();

	json_set_int(j, "schemaVersion", 2);
	json_set_str(j, "mediaType", MEDIATYPE_OCI_INDEX);
	json_set(j, "manifests", json_array());
	return j;
}

struct json *indexfile_parse(const char *text, size_t n, enum err_code code, struct err *e)
{
	AUTO_INDEX struct index x = {0};

	if (index_parse(text, n, NULL, &x, code, e) < 0)
		return NULL;
	return json_parse(text, n, n, code, "index.json", e);
}

static bool indexfile_has_name(const struct json *entry, const char *name)
{
	const char *own = json_get_str(json_get(entry, "annotations"), INDEXFILE_REF_NAME);

	return name ? own && strcmp(own, name) == 0 : !own;
}

bool indexfile_del(struct json *index, const char *name)
{
	const struct json *old = json_get(index, "manifests");
	struct json *keep = json_array();
	bool found = false;

	for (size_t i = 0; i < json_len(old); i++) {
		if (indexfile_has_name(json_at(old, i), name))
			found = true;
		else
			json_append(keep, json_ref(json_at(old, i)));
	}
	json_set(index, "manifests", keep);
	return found;
}

static bool indexfile_has_unnamed(const struct json *index, const struct digest *d)
{
	const struct json *list = json_get(index, "manifests");

	for (size_t i = 0; i < json_len(list); i++) {
		const char *own = json_get_str(json_at(list, i), "digest");

		if (own && strcmp(own, d->text) == 0 && indexfile_has_name(json_at(list, i), NULL))
			return true;
	}
	return false;
}

void indexfile_set(struct json *index, const char *name, const struct descriptor *d)
{
	AUTO_DESCRIPTOR struct descriptor entry = {0};

	if (!name && indexfile_has_unnamed(index, &d->digest))
		return;
	descriptor_copy(&entry, d);
	if (name) {
		indexfile_del(index, name);
		descriptor_annotate(&entry, INDEXFILE_REF_NAME, name);
	} else if (entry.annotations) {
		json_del(entry.annotations, INDEXFILE_REF_NAME);
	}
	json_append(json_get(index, "manifests"), descriptor_to_json(&entry));
}

int indexfile_write(const struct json *index, struct buf *out, struct err *e)
{
	size_t entries = json_len(json_get(index, "manifests")), before = out->n;

	json_write(index, out);
	if (entries <= INDEX_ENTRIES_MAX && !out->over && out->n - before <= MANIFEST_MAX_BYTES)
		return 0;
	err_set(e, ERR_HOST, "index.json would have %zu entries: more than a layout can hold", entries);
	return err_hint(e, "remove tags that are not needed, or write to a new directory");
}
