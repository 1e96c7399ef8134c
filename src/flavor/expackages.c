/* EXASLCT's model of packages files. */
#include "src/flavor/expackages.h"

#include "src/util/mem.h"
#include "src/util/vec.h"
#include "src/util/yaml.h"
#include "src/util/yamlpy.h"

#define EXPACKAGES_VERSION "1.0.0"

enum expackages_kind {
	EXPACKAGES_TEXT,
	EXPACKAGES_PATH, /* as Python's pathlib writes it */
	EXPACKAGES_URL,	 /* a host alone gets a slash */
	EXPACKAGES_TRUTH,
	EXPACKAGES_WORDS, /* a list of texts */
	EXPACKAGES_SET,	  /* the same, sorted */
	EXPACKAGES_NAMED, /* a mapping from any names to texts, or to models if there is `of` */
	EXPACKAGES_MODEL,
	EXPACKAGES_MODELS, /* a list of them */
};

struct expackages_field {
	const char *name; /* NULL ends a model */
	enum expackages_kind kind;
	const struct expackages_field *of;
	const char *dflt; /* written if the field is not given: a text, a truth; "" for an empty list or model */
};

#define EXPACKAGES_NAME                                                                                                \
	{                                                                                                              \
		"name", EXPACKAGES_TEXT, NULL, NULL                                                                    \
	}
#define EXPACKAGES_COMMENT                                                                                             \
	{                                                                                                              \
		"comment", EXPACKAGES_TEXT, NULL, NULL                                                                 \
	}
#define EXPACKAGES_VERSIONED {"version", EXPACKAGES_TEXT, NULL, NULL}, EXPACKAGES_COMMENT
#define EXPACKAGES_END                                                                                                 \
	{                                                                                                              \
		NULL, EXPACKAGES_TEXT, NULL, NULL                                                                      \
	}

static const struct expackages_field expackages_apt_package[] = {
	EXPACKAGES_NAME, EXPACKAGES_VERSIONED, {"repository", EXPACKAGES_TEXT, NULL, NULL}, EXPACKAGES_END};

static const struct expackages_field expackages_pip_package[] = {EXPACKAGES_NAME,
								 EXPACKAGES_VERSIONED,
								 {"extras", EXPACKAGES_WORDS, NULL, ""},
								 {"url", EXPACKAGES_TEXT, NULL, NULL},
								 EXPACKAGES_END};

static const struct expackages_field expackages_r_package[] = {EXPACKAGES_NAME, EXPACKAGES_VERSIONED, EXPACKAGES_END};

static const struct expackages_field expackages_conda_package[] = {EXPACKAGES_NAME,
								   EXPACKAGES_VERSIONED,
								   {"build", EXPACKAGES_TEXT, NULL, NULL},
								   {"channel", EXPACKAGES_TEXT, NULL, NULL},
								   EXPACKAGES_END};

static const struct expackages_field expackages_repo[] = {{"key_url", EXPACKAGES_URL, NULL, NULL},
							  {"entry", EXPACKAGES_TEXT, NULL, NULL},
							  {"out_file", EXPACKAGES_TEXT, NULL, NULL},
							  EXPACKAGES_COMMENT,
							  EXPACKAGES_END};

static const struct expackages_field expackages_apt[] = {{"repos", EXPACKAGES_NAMED, expackages_repo, NULL},
							 {"packages", EXPACKAGES_MODELS, expackages_apt_package, NULL},
							 EXPACKAGES_COMMENT,
							 EXPACKAGES_END};

static const struct expackages_field expackages_pip[] = {
	{"packages", EXPACKAGES_MODELS, expackages_pip_package, NULL},
	{"install_build_tools_ephemerally", EXPACKAGES_TRUTH, NULL, "false"},
	EXPACKAGES_COMMENT,
	EXPACKAGES_END};

static const struct expackages_field expackages_r[] = {
	{"packages", EXPACKAGES_MODELS, expackages_r_package, NULL}, EXPACKAGES_COMMENT, EXPACKAGES_END};

static const struct expackages_field expackages_conda[] = {
	{"channels", EXPACKAGES_SET, NULL, NULL},
	{"packages", EXPACKAGES_MODELS, expackages_conda_package, NULL},
	{"binary", EXPACKAGES_TEXT, NULL, "Micromamba"},
	EXPACKAGES_COMMENT,
	EXPACKAGES_END};

static const struct expackages_field expackages_pip_tool[] = {
	EXPACKAGES_VERSIONED, {"needs_break_system_packages", EXPACKAGES_TRUTH, NULL, "false"}, EXPACKAGES_END};

static const struct expackages_field expackages_micromamba[] = {
	EXPACKAGES_VERSIONED, {"root_prefix", EXPACKAGES_PATH, NULL, "/opt/conda"}, EXPACKAGES_END};

static const struct expackages_field expackages_bazel[] = {EXPACKAGES_VERSIONED, EXPACKAGES_END};

static const struct expackages_field expackages_tools[] = {
	{"pip", EXPACKAGES_MODEL, expackages_pip_tool, NULL},
	{"micromamba", EXPACKAGES_MODEL, expackages_micromamba, NULL},
	{"bazel", EXPACKAGES_MODEL, expackages_bazel, NULL},
	{"python_binary_path", EXPACKAGES_PATH, NULL, NULL},
	{"r_binary_path", EXPACKAGES_PATH, NULL, NULL},
	{"conda_binary_path", EXPACKAGES_PATH, NULL, NULL},
	{"mamba_binary_path", EXPACKAGES_PATH, NULL, NULL},
	EXPACKAGES_END};

static const struct expackages_field expackages_phase[] = {EXPACKAGES_NAME,
							   {"apt", EXPACKAGES_MODEL, expackages_apt, NULL},
							   {"pip", EXPACKAGES_MODEL, expackages_pip, NULL},
							   {"r", EXPACKAGES_MODEL, expackages_r, NULL},
							   {"conda", EXPACKAGES_MODEL, expackages_conda, NULL},
							   {"tools", EXPACKAGES_MODEL, expackages_tools, NULL},
							   {"variables", EXPACKAGES_NAMED, NULL, NULL},
							   EXPACKAGES_COMMENT,
							   EXPACKAGES_END};

static const struct expackages_field expackages_validation[] = {{"version_mandatory", EXPACKAGES_TRUTH, NULL, "true"},
								EXPACKAGES_END};

static const struct expackages_field expackages_step[] = {
	EXPACKAGES_NAME,
	{"phases", EXPACKAGES_MODELS, expackages_phase, NULL},
	{"validation_cfg", EXPACKAGES_MODEL, expackages_validation, ""},
	EXPACKAGES_COMMENT,
	EXPACKAGES_END};

static int expackages_wrong(const struct expackages_field *f, const char *what, struct err *e)
{
	err_set(e, ERR_INPUT, "%s is no %s", f->name, what);
	return -1;
}

static struct json *expackages_path(const char *text)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	size_t slashes = strspn(text, "/");

	if (slashes)
		buf_str_add(&out, slashes == 2 ? "//" : "/");
	for (const char *p = text + slashes; *p; p += strspn(p, "/")) {
		size_t n = strcspn(p, "/");

		if (n > 1 || p[0] != '.') {
			if (out.n && out.p[out.n - 1] != '/')
				buf_char_add(&out, '/');
			buf_add(&out, p, n);
		}
		p += n;
	}
	return json_new_str(out.n ? buf_str(&out) : ".");
}

static struct json *expackages_url(const char *text)
{
	const char *host = strstr(text, "://");
	AUTO_FREE char *with = mem_printf("%s/", text);

	return json_new_str(host && !strpbrk(host + 3, "/?#") ? with : text);
}

/* Texts of every kind. NULL with *e. */
static struct json *expackages_text(const struct expackages_field *f, struct json *v, struct err *e)
{
	const char *text = json_str(v);
	bool truth;

	if (f->kind == EXPACKAGES_TRUTH) {
		if (yaml_bool(v, &truth) == 0)
			return json_new_bool(truth);
		expackages_wrong(f, "boolean", e);
		return NULL;
	}
	if (!text) {
		expackages_wrong(f, "text", e);
		return NULL;
	}
	if (f->kind == EXPACKAGES_PATH)
		return expackages_path(text);
	return f->kind == EXPACKAGES_URL ? expackages_url(text) : json_new_str(text);
}

static struct json *expackages_words(const struct expackages_field *f, struct json *v, struct err *e)
{
	AUTO_STRV struct strv words = {0};

	if (json_to_strv(v, &words, ERR_INPUT, e)) {
		err_wrap(e, "%s", f->name);
		return NULL;
	}
	if (f->kind == EXPACKAGES_SET)
		strv_sort(&words);
	return json_from_strv(&words);
}

static struct json *expackages_model(const struct expackages_field *of, struct json *v, struct err *e);

/* NOLINTNEXTLINE(misc-no-recursion): the tables are three levels deep */
static struct json *expackages_list(const struct expackages_field *f, struct json *v, struct err *e)
{
	AUTO_JSON struct json *out = json_new_array();

	if (!json_is_array(v)) {
		expackages_wrong(f, "list", e);
		return NULL;
	}
	for (size_t i = 0; i < json_len(v); i++) {
		struct json *one = expackages_model(f->of, json_at(v, i), e);

		if (!one) {
			err_wrap(e, "%s[%zu]", f->name, i);
			return NULL;
		}
		json_append(out, one);
	}
	return STEAL_PTR(out);
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static struct json *expackages_named(const struct expackages_field *f, struct json *v, struct err *e)
{
	AUTO_JSON struct json *out = json_new_object();
	struct json *from = v;

	if (!json_is_object(v)) {
		expackages_wrong(f, "mapping", e);
		return NULL;
	}
	for (void *it = json_iter(from); it; it = json_iter_next(from, it)) {
		struct json *val = json_iter_val(it),
			    *one = f->of ? expackages_model(f->of, val, e) : expackages_text(f, val, e);

		if (!one)
			return NULL;
		json_set(out, json_iter_key(it), one);
	}
	return STEAL_PTR(out);
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static struct json *expackages_given(const struct expackages_field *f, struct json *v, struct err *e)
{
	switch (f->kind) {
	case EXPACKAGES_WORDS:
	case EXPACKAGES_SET:
		return expackages_words(f, v, e);
	case EXPACKAGES_NAMED:
		return expackages_named(f, v, e);
	case EXPACKAGES_MODEL:
		return expackages_model(f->of, v, e);
	case EXPACKAGES_MODELS:
		return expackages_list(f, v, e);
	case EXPACKAGES_TEXT:
	case EXPACKAGES_PATH:
	case EXPACKAGES_URL:
	case EXPACKAGES_TRUTH:
		break;
	}
	return expackages_text(f, v, e);
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static struct json *expackages_default(const struct expackages_field *f, struct err *e)
{
	AUTO_JSON struct json *v = f->kind == EXPACKAGES_MODEL	 ? json_new_object()
				   : f->kind == EXPACKAGES_WORDS ? json_new_array()
								 : json_new_str(f->dflt);

	return expackages_given(f, v, e);
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static struct json *expackages_model(const struct expackages_field *of, struct json *v, struct err *e)
{
	AUTO_JSON struct json *out = json_new_object();

	if (!json_is_object(v)) {
		err_set(e, ERR_INPUT, "this is no mapping");
		return NULL;
	}
	for (const struct expackages_field *f = of; f->name; f++) {
		struct json *val = json_get(v, f->name);
		bool given = val && !json_is_null(val);
		struct json *one;

		if (!given && !f->dflt)
			continue;
		one = given ? expackages_given(f, val, e) : expackages_default(f, e);
		if (!one) {
			err_wrap(e, "%s", f->name);
			return NULL;
		}
		json_set(out, f->name, one);
	}
	return STEAL_PTR(out);
}

int expackages_write(const char *stage, struct json *step, struct buf *out, struct err *e)
{
	AUTO_JSON struct json *file = json_new_object();
	AUTO_FREE char *comment = mem_printf("Automatically generated package file for build step %s", stage);
	struct json *steps = json_new_array(), *one;

	json_set(file, "build_steps", steps);
	json_set_str(file, "comment", comment);
	json_set_str(file, "version", EXPACKAGES_VERSION);
	one = expackages_model(expackages_step, step, e);
	if (!one)
		return err_wrap(e, "packages of %s", stage);
	json_append(steps, one);
	return yamlpy_write(file, out, e);
}
