/* Outputs of a build. */
#include "src/cli/build_out.h"

#include "src/image/image_ops.h"
#include "src/util/mem.h"

/* An output while its fields are read, in whatever order they come. */
struct build_out_fields {
	struct build_out *out;
	char *codec, *level;
	bool dir; /* tar=false */
	bool registry;
};

static const struct {
	const char *name;
	enum build_out_type type;
} build_out_types[] = {
	{"image", BUILD_OUT_IMAGE},   {"registry", BUILD_OUT_IMAGE}, {"oci", BUILD_OUT_OCI},
	{"docker", BUILD_OUT_DOCKER}, {"tar", BUILD_OUT_TAR},	     {"local", BUILD_OUT_LOCAL},
};

static int build_out_type(struct build_out_fields *f, struct sv name, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(build_out_types); i++) {
		if (sv_eq_str(name, build_out_types[i].name)) {
			f->out->type = build_out_types[i].type;
			f->registry = sv_eq_str(name, "registry");
			return 0;
		}
	}
	err_set(e, ERR_USAGE, "--output: type \"%.*s\" is not known", SV_ARG(name));
	return err_hint(e, "the types are oci, docker, tar, local, image and registry");
}

static int build_out_bool(struct sv key, struct sv val, bool *out, struct err *e)
{
	if (!sv_eq_str(val, "true") && !sv_eq_str(val, "false"))
		return err_set(e, ERR_USAGE, "--output: %.*s is true or false, not \"%.*s\"", SV_ARG(key), SV_ARG(val));
	*out = sv_eq_str(val, "true");
	return 0;
}

static int build_out_text(char **to, struct sv val)
{
	free(*to);
	*to = sv_dup(val);
	return 0;
}

static int build_out_field(struct build_out_fields *f, struct sv field, struct err *e)
{
	struct sv val = field, key = sv_cut(&val, '=');

	if (!val.p)
		return err_set(e, ERR_USAGE, "--output: \"%.*s\" is not KEY=VALUE", SV_ARG(field));
	if (sv_eq_str(key, "type"))
		return build_out_type(f, val, e);
	if (sv_eq_str(key, "dest"))
		return build_out_text(&f->out->dest, val);
	if (sv_eq_str(key, "compression"))
		return build_out_text(&f->codec, val);
	if (sv_eq_str(key, "compression-level"))
		return build_out_text(&f->level, val);
	if (sv_eq_str(key, "push"))
		return build_out_bool(key, val, &f->out->push, e);
	if (sv_eq_str(key, "tar")) {
		if (build_out_bool(key, val, &f->dir, e))
			return -1;
		f->dir = !f->dir;
		return 0;
	}
	if (sv_eq_str(key, "name")) {
		strv_take(&f->out->names, sv_dup(val));
		return 0;
	}
	err_set(e, ERR_USAGE, "--output: \"%.*s\" is not understood", SV_ARG(field));
	return err_hint(e, "the keys are type, dest, name, push, tar, compression and compression-level");
}

/* What the fields mean together. */
static int build_out_settle(struct build_out_fields *f, struct err *e)
{
	struct build_out *o = f->out;

	if (o->type == BUILD_OUT_OCI && f->dir)
		o->type = BUILD_OUT_OCI_DIR;
	if (f->registry)
		o->push = true;
	if (f->level && !f->codec)
		return err_set(e, ERR_USAGE, "--output: compression-level without compression");
	if (f->codec)
		o->compression = f->level ? mem_printf("%s:%s", f->codec, f->level) : mem_strdup(f->codec);
	if (o->push && o->type != BUILD_OUT_IMAGE)
		return err_set(e, ERR_USAGE, "--output: push=true is for type=image");
	if (o->type == BUILD_OUT_IMAGE && o->dest)
		return err_set(e, ERR_USAGE, "--output: an image goes to the store, not to dest=%s", o->dest);
	if (o->type != BUILD_OUT_IMAGE && (!o->dest || !o->dest[0])) {
		err_set(e, ERR_USAGE, "--output: dest=PATH is missing");
		return err_hint(e, "dest=- is standard output");
	}
	if (build_out_to_stdout(o) && (o->type == BUILD_OUT_LOCAL || o->type == BUILD_OUT_OCI_DIR))
		return err_set(e, ERR_USAGE, "--output: a directory cannot be written to standard output");
	return 0;
}

int build_out_parse(const char *text, struct build_out *out, struct err *e)
{
	struct build_out_fields f = {.out = out};
	struct sv rest = sv_from(text);
	int rc = 0;

	*out = (struct build_out){.type = BUILD_OUT_LOCAL};
	if (!strchr(text, '=')) {
		out->dest = sv_dup(rest);
		out->type = strcmp(text, "-") == 0 ? BUILD_OUT_TAR : BUILD_OUT_LOCAL;
		rest = SV_NULL;
	}
	while (!rc && rest.p)
		rc = build_out_field(&f, sv_cut(&rest, ','), e);
	if (!rc)
		rc = build_out_settle(&f, e);
	free(f.codec);
	free(f.level);
	if (rc)
		build_out_release(out);
	return rc;
}

void build_out_release(struct build_out *o)
{
	free(o->dest);
	free(o->compression);
	strv_release(&o->names);
	*o = (struct build_out){0};
}

bool build_out_to_stdout(const struct build_out *o)
{
	return o->dest && strcmp(o->dest, "-") == 0;
}

int build_out_write(struct session *s, const struct build_out *o, const char *image, const struct layer_codec *codec,
		    struct err *e)
{
	struct image_ops_export x = {.image = image, .out = o->dest, .dir = o->type == BUILD_OUT_LOCAL, .merge = true};

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
