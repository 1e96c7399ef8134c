/* Content descriptors. */
#include "oci/descriptor.h"

#include "oci/limits.h"
#include "oci/mediatype.h"
#include "src/util/mem.h"

void descriptor_release(struct descriptor *d)
{
	free(d->media_type);
	json_free(d->annotations);
	json_free(d->platform);
	strv_release(&d->urls);
	*d = (struct descriptor){0};
}

void descriptor_copy(struct descriptor *to, const struct descriptor *from)
{
	*to = (struct descriptor){.digest = from->digest, .size = from->size};
	to->media_type = mem_strdup_opt(from->media_type);
	to->annotations = from->annotations ? json_deep_copy(from->annotations) : NULL;
	to->platform = from->platform ? json_deep_copy(from->platform) : NULL;
	strv_copy(&to->urls, &from->urls);
}

void descriptor_set(struct descriptor *d, const char *media_type, const struct digest *digest, uint64_t size)
{
	char *type = mem_strdup(media_type);

	descriptor_release(d);
	d->media_type = type;
	d->digest = *digest;
	d->size = size;
}

void descriptor_annotate(struct descriptor *d, const char *key, const char *value)
{
	if (!d->annotations)
		d->annotations = json_object();
	json_set_str(d->annotations, key, value);
}

int descriptor_read_annotations(const struct json *owner, struct json **out, enum err_code code, struct err *e)
{
	struct json *j = json_get(owner, "annotations");

	*out = NULL;
	if (!j || json_is_null(j))
		return 0;
	if (!json_is_object(j))
		return err_set(e, code, "\"annotations\" is not an object");
	for (void *it = json_iter(j); it; it = json_iter_next(j, it)) {
		if (!json_is_string(json_iter_val(it)))
			return err_set(e, code, "\"annotations\" has a value that is not a string");
	}
	*out = json_deep_copy(j);
	return 0;
}

static int descriptor_read_platform(const struct json *j, struct descriptor *out, enum err_code code, struct err *e)
{
	const struct json *p = json_get(j, "platform");

	if (!p || json_is_null(p))
		return 0;
	if (!json_is_object(p))
		return err_set(e, code, "\"platform\" is not an object");
	out->platform = json_deep_copy(p);
	return 0;
}

static int descriptor_read(const struct json *j, struct descriptor *out, enum err_code code, struct err *e)
{
	const char *type = json_need_str(j, "mediaType", code, e);
	const char *digest = type ? json_need_str(j, "digest", code, e) : NULL;
	int64_t size;

	if (!digest)
		return -1;
	if (!mediatype_is_valid(type))
		return err_set(e, code, "\"mediaType\" is not of the form type/subtype");
	if (digest_parse(sv_from(digest), &out->digest, code, e) < 0 ||
	    json_need_int(j, "size", 0, (int64_t)LAYER_MAX_BYTES, &size, code, e) < 0 ||
	    descriptor_read_annotations(j, &out->annotations, code, e) < 0 ||
	    descriptor_read_platform(j, out, code, e) < 0)
		return -1;
	if (json_to_strv(json_get(j, "urls"), &out->urls, code, e) < 0)
		return err_wrap(e, "\"urls\"");
	out->media_type = mem_strdup(type);
	out->size = (uint64_t)size;
	return 0;
}

int descriptor_from_json(const struct json *j, struct descriptor *out, enum err_code code, struct err *e)
{
	*out = (struct descriptor){0};
	if (!json_is_object(j))
		return err_set(e, code, "a descriptor is missing or is not an object");
	if (descriptor_read(j, out, code, e) == 0)
		return 0;
	descriptor_release(out);
	return -1;
}

struct json *descriptor_to_json(const struct descriptor *d)
{
	struct json *j = json_object();

	json_set_str(j, "mediaType", d->media_type);
	json_set_str(j, "digest", d->digest.text);
	json_set_int(j, "size", (int64_t)d->size);
	if (d->annotations && json_len(d->annotations))
		json_set(j, "annotations", json_deep_copy(d->annotations));
	if (d->platform)
		json_set(j, "platform", json_deep_copy(d->platform));
	if (d->urls.n)
		json_set(j, "urls", json_from_strv(&d->urls));
	return j;
}
