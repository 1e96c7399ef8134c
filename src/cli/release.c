#include "src/cli/release.h"

#include <errno.h>
#include <sys/stat.h>

#include "src/util/mem.h"

static const struct release_format release_formats[] = {
	{"tar", RELEASE_TAR, CODEC_NONE, ".tar"},
	{"tar.gz", RELEASE_TAR, CODEC_GZIP, ".tar.gz"},
	{"tar.zst", RELEASE_TAR, CODEC_ZSTD, ".tar.zst"},
	{"dir", RELEASE_DIR, CODEC_NONE, ""},
	{"oci", RELEASE_OCI, CODEC_GZIP, ""},
};

const struct release_format *release_format(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(release_formats); i++) {
		if (strcmp(release_formats[i].name, name) == 0)
			return &release_formats[i];
	}
	return NULL;
}

const struct release_format *release_strategy(const char *strategy)
{
	return release_format(strategy && strcmp(strategy, "none") == 0 ? "tar" : "tar.gz");
}

int release_write(struct session *s, const char *image, const struct release_format *f, const char *out,
		  const struct fexport *rules, const char *sum_file, struct err *e)
{
	struct layer_codec codec = {f->codec, 0};
	struct image_ops_export x = {
		.image = image,
		.out = out,
		.dir = f->form == RELEASE_DIR,
		.codec = codec,
		.rules = rules,
		.sha512sum_file = sum_file,
	};

	if (f->form == RELEASE_OCI)
		return image_ops_save(s, &image, 1, IMAGE_OPS_OCI_DIR, out, &codec, e);
	return image_ops_export(s, &x, e);
}

int release_rules(const struct build_opts *b, const struct build_goal *g, struct fexport *out, struct err *e)
{
	for (size_t i = 0; g->flavor && i < b->paths.n; i++) {
		AUTO_FLAVOR struct flavor *f = NULL;

		if (!flavor_is_flavor(b->paths.v[i]))
			continue;
		f = flavor_load(b->paths.v[i], b->flavor_root, e);
		if (!f)
			return -1;
		if (strcmp(f->name, g->flavor) != 0)
			continue;
		fexport_copy(out, &f->export);
		return fexport_load(out, e);
	}
	fexport_usual(out);
	return 0;
}

/* Stages' names have slashes and colons between their parts. */
static char *release_joined(const char *stage, char with)
{
	char *name = mem_strdup(stage);

	for (char *p = name; *p; p++) {
		if (*p == '/' || *p == ':')
			*p = with;
	}
	return name;
}

char *release_path(const char *dir, const char *stage, const char *name, const char *suffix)
{
	AUTO_FREE char *base = release_joined(stage, '_');

	return mem_printf("%s/%s%s%s%s", dir, base, name ? "_" : "", name ? name : "", suffix);
}

char *release_container(const char *stage, const char *name)
{
	AUTO_FREE char *base = release_joined(stage, '-');

	return mem_printf("%s-%s", base, name);
}

const char *release_image(const struct build_goal *g)
{
	return g->name ? g->name : g->image.text;
}

int release_mkdirs(const char *path, struct err *e)
{
	AUTO_FREE char *own = mem_strdup(path);
	struct stat st;

	for (char *p = own + 1; *own; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = '\0';
		if (mkdir(own, 0777) < 0 && errno != EEXIST)
			return err_sys(e, ERR_INPUT, errno, "directory %s", own);
		*p = c;
		if (!c)
			break;
	}
	if (stat(path, &st) < 0)
		return err_sys(e, ERR_INPUT, errno, "directory %s", path);
	return S_ISDIR(st.st_mode) ? 0 : err_set(e, ERR_INPUT, "%s is not a directory", path);
}
