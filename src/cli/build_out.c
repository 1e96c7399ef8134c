/* Outputs of a build. */
#include "src/cli/build_out.h"

#include "src/build/image_ops.h"

static const struct {
	const char *name;
	enum build_out_type type;
} build_out_types[] = {
	{"image", BUILD_OUT_IMAGE}, {"oci", BUILD_OUT_OCI},     {"docker", BUILD_OUT_DOCKER},
	{"tar", BUILD_OUT_TAR},     {"local", BUILD_OUT_LOCAL},
};

static int build_out_type(struct sv name, enum build_out_type *type, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(build_out_types); i++) {
		if (sv_eq_str(name, build_out_types[i].name)) {
			*type = build_out_types[i].type;
			return 0;
		}
	}
	err_set(e, ERR_USAGE, "--output: type \"%.*s\" is not known", SV_ARG(name));
	return err_hint(e, "the types are oci, docker, tar, local and image");
}

static int build_out_field(struct sv field, struct build_out *out, bool *tar, struct err *e)
{
	struct sv val = field, key = sv_cut(&val, '=');

	if (!val.p)
		return err_set(e, ERR_USAGE, "--output: \"%.*s\" is not KEY=VALUE", SV_ARG(field));
	if (sv_eq_str(key, "type"))
		return build_out_type(val, &out->type, e);
	if (sv_eq_str(key, "dest")) {
		free(out->dest);
		out->dest = sv_dup(val);
		return 0;
	}
	if (sv_eq_str(key, "tar") && (sv_eq_str(val, "true") || sv_eq_str(val, "false"))) {
		*tar = sv_eq_str(val, "true");
		return 0;
	}
	return err_set(e, ERR_USAGE, "--output: \"%.*s\" is not understood", SV_ARG(field));
}

int build_out_parse(const char *text, struct build_out *out, struct err *e)
{
	struct sv rest = sv_from(text);
	bool tar = true;

	*out = (struct build_out){.type = BUILD_OUT_LOCAL};
	if (!strchr(text, '=')) {
		out->dest = sv_dup(rest);
		rest = SV_NULL;
	}
	while (rest.p) {
		if (build_out_field(sv_cut(&rest, ','), out, &tar, e))
			goto fail;
	}
	if (out->type == BUILD_OUT_OCI && !tar)
		out->type = BUILD_OUT_OCI_DIR;
	if (out->type != BUILD_OUT_IMAGE && (!out->dest || !out->dest[0])) {
		err_set(e, ERR_USAGE, "--output: dest=PATH is missing");
		goto fail;
	}
	return 0;
fail:
	build_out_release(out);
	return -1;
}

void build_out_release(struct build_out *o)
{
	free(o->dest);
	*o = (struct build_out){0};
}

int build_out_write(struct session *s, const struct build_out *o, const char *image, const struct layer_codec *codec,
		    struct err *e)
{
	struct image_ops_export x = {.image = image, .out = o->dest, .dir = o->type == BUILD_OUT_LOCAL};

	switch (o->type) {
	case BUILD_OUT_IMAGE:
		return 0;
	case BUILD_OUT_OCI:
		return image_ops_save(s, &image, 1, IMAGE_OPS_OCI_ARCHIVE, o->dest, codec, e);
	case BUILD_OUT_OCI_DIR:
		return image_ops_save(s, &image, 1, IMAGE_OPS_OCI_DIR, o->dest, codec, e);
	case BUILD_OUT_DOCKER:
		return image_ops_save(s, &image, 1, IMAGE_OPS_DOCKER_ARCHIVE, o->dest, codec, e);
	case BUILD_OUT_TAR:
	case BUILD_OUT_LOCAL:
		return image_ops_export(s, &x, e);
	}
	return err_set(e, ERR_INTERNAL, "--output: unknown type");
}
