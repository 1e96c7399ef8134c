#include "src/flavor/langdef.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "src/flavor/template.h"
#include "src/util/io.h"
#include "src/util/json.h"
#include "src/util/mem.h"

/* --- finding the file --- */

static char *langdef_find(const char *dir, const char *name)
{
	static const char *const places[] = {"flavor_base/", ""};

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		char *path = mem_printf("%s/%s%s", dir, places[i], name);

		if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return path;
		free(path);
	}
	return NULL;
}

/* --- the template --- */

static const struct {
	const char *name;
	size_t offset;
} langdef_names[] = {
	{"bucketfs_name", offsetof(struct langdef_place, bucketfs)},
	{"bucket_name", offsetof(struct langdef_place, bucket)},
	{"path_in_bucket", offsetof(struct langdef_place, path)},
	{"release_name", offsetof(struct langdef_place, container)},
};

static bool langdef_value(const void *arg, struct sv name, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(langdef_names); i++) {
		if (!sv_eq_str(name, langdef_names[i].name))
			continue;
		buf_str_add(out, *(const char *const *)(const void *)((const char *)arg + langdef_names[i].offset));
		return true;
	}
	return false;
}

static void langdef_known(const void *arg ATTR_UNUSED, struct strv *out)
{
	for (size_t i = 0; i < ARRAY_LEN(langdef_names); i++)
		strv_add(out, langdef_names[i].name);
}

static char *langdef_from_template(const char *file, const struct langdef_place *p, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(LANGDEF_MAX_BYTES), out = BUF_INIT(LANGDEF_MAX_BYTES);
	struct template_env env = {langdef_value, langdef_known, p};

	if (io_read_file(AT_FDCWD, file, &text, e) || template_render(file, buf_sv(&text), &env, &out, e))
		return NULL;
	if (out.over) {
		err_set(e, ERR_INPUT, "%s: more than %zu bytes", file, out.max);
		return NULL;
	}
	return sv_dup(sv_trim(buf_sv(&out)));
}

/* --- the definitions as JSON --- */

/* The query of a URL: RFC 3986 unreserved characters stay, a space is "+", as HTML forms have it. */
static void langdef_query(struct buf *out, const char *s)
{
	for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
		bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
			     strchr("_.-~", *p);

		if (plain || *p == ' ')
			buf_char_add(out, *p == ' ' ? '+' : (char)*p);
		else
			buf_printf(out, "%%%02X", *p);
	}
}

static int langdef_url(const struct json *def, const struct langdef_place *p, struct buf *out, struct err *e)
{
	const struct json *params = json_get(def, "parameters");
	const char *protocol = json_need_str(def, "protocol", ERR_INPUT, e), *program;

	if (!protocol)
		return -1;
	program = json_need_str(json_get(def, "udf_client_path"), "executable", ERR_INPUT, e);
	if (!program)
		return err_wrap(e, "udf_client_path");
	buf_printf(out, "%s:///%s/%s/%s%s", protocol, p->bucketfs, p->bucket, p->path, p->container);
	for (size_t i = 0; i < json_len(params); i++) {
		const char *key = json_need_str(json_at(params, i), "key", ERR_INPUT, e);
		const char *val = key ? json_need_str(json_at(params, i), "value", ERR_INPUT, e) : NULL;

		if (!val)
			return err_wrap(e, "parameters[%zu]", i);
		buf_char_add(out, i ? '&' : '?');
		langdef_query(out, key);
		buf_char_add(out, '=');
		langdef_query(out, val);
	}
	buf_printf(out, "#buckets/%s/%s/%s%s%s%s", p->bucketfs, p->bucket, p->path, p->container,
		   program[0] == '/' ? "" : "/", program);
	return 0;
}

static int langdef_one(const struct json *def, const struct langdef_place *p, struct buf *out, struct err *e)
{
	const struct json *aliases = json_need_array(def, "aliases", ERR_INPUT, e);

	if (!aliases)
		return -1;
	for (size_t i = 0; i < json_len(aliases); i++) {
		const char *alias = json_str(json_at(aliases, i));

		if (!alias || !alias[0] || strpbrk(alias, " ='\n"))
			return err_set(e, ERR_INPUT, "aliases[%zu] is no name", i);
		buf_printf(out, "%s%s=", out->n ? " " : "", alias);
		if (langdef_url(def, p, out, e))
			return -1;
	}
	return 0;
}

static int langdef_list(const struct json *j, const struct langdef_place *p, struct buf *out, struct err *e)
{
	const struct json *list;
	int64_t version;

	if (json_need_int(j, "schema_version", 0, 1000, &version, ERR_INPUT, e))
		return -1;
	if (version != LANGDEF_SCHEMA_VERSION)
		return err_set(e, ERR_INPUT, "schema_version %lld is not known: %d is", (long long)version,
			       LANGDEF_SCHEMA_VERSION);
	list = json_need_array(j, "language_definitions", ERR_INPUT, e);
	if (!list)
		return -1;
	for (size_t i = 0; i < json_len(list); i++) {
		if (langdef_one(json_at(list, i), p, out, e))
			return err_wrap(e, "language_definitions[%zu]", i);
	}
	return 0;
}

static char *langdef_from_json(const char *file, const struct langdef_place *p, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(LANGDEF_MAX_BYTES), out = BUF_INIT(LANGDEF_MAX_BYTES);
	AUTO_JSON struct json *j = NULL;

	if (io_read_file(AT_FDCWD, file, &text, e))
		return NULL;
	j = json_parse(text.p, text.n, LANGDEF_MAX_BYTES, ERR_INPUT, file, e);
	if (!j)
		return NULL;
	if (langdef_list(j, p, &out, e)) {
		err_wrap(e, "%s", file);
		return NULL;
	}
	return buf_steal(&out);
}

/* --- what others call --- */

/* "" or "a/b/": EXASLCT puts a slash behind a path that has none. */
static char *langdef_path(const char *path)
{
	struct sv v = sv_from(path ? path : "");

	while (v.n && v.p[v.n - 1] == '/')
		v.n--;
	while (v.n && v.p[0] == '/')
		v = sv_sub(v, 1, v.n);
	return v.n ? mem_printf("%.*s/", SV_ARG(v)) : mem_strdup("");
}

static char *langdef_refuse(char *definitions, struct err *e)
{
	AUTO_FREE char *own = definitions;

	if (!own)
		return NULL;
	if (strchr(own, '\'') || !own[0]) {
		err_set(e, ERR_INPUT,
			own[0] ? "the language definition has a quote (') in it, which would end the "
				 "statement"
			       : "the language definition is empty");
		return NULL;
	}
	return STEAL_PTR(own);
}

char *langdef_render(const char *flavor_dir, const struct langdef_place *p, struct err *e)
{
	AUTO_FREE char *template = langdef_find(flavor_dir, "language_definition");
	AUTO_FREE char *json = langdef_find(flavor_dir, "language_definitions.json");
	AUTO_FREE char *path = langdef_path(p->path);
	struct langdef_place with = *p;

	with.path = path;
	if (template)
		return langdef_refuse(langdef_from_template(template, &with, e), e);
	if (json)
		return langdef_refuse(langdef_from_json(json, &with, e), e);
	err_set(e, ERR_INPUT, "%s has no language_definition", flavor_dir);
	err_hint(e, "a file flavor_base/language_definition or flavor_base/language_definitions.json says how its "
		    "languages are started");
	return NULL;
}

int langdef_check(const char *flavor_dir, struct err *e)
{
	static const struct langdef_place any = {"bfsdefault", "default", "", "container"};
	AUTO_FREE char *template = langdef_find(flavor_dir, "language_definition");
	AUTO_FREE char *json = langdef_find(flavor_dir, "language_definitions.json");
	AUTO_FREE char *one = template ? langdef_refuse(langdef_from_template(template, &any, e), e) : NULL;
	AUTO_FREE char *two = json && (one || !template) ? langdef_from_json(json, &any, e) : NULL;

	return (template && !one) || (json && !two) ? -1 : 0;
}

char *langdef_change(const char *definitions, const struct smap *renames, bool add_builtin, struct err *e)
{
	static const char *const builtin[][2] = {
		{"JAVA", "builtin_java"}, {"PYTHON3", "builtin_python3"}, {"R", "builtin_r"}};
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	AUTO_SMAP struct smap seen = SMAP_STR;
	struct sv rest = sv_from(definitions);

	while (rest.p) {
		struct sv word = sv_cut(&rest, ' '), url = word;
		AUTO_FREE char *alias = sv_dup(sv_cut(&url, '='));
		const char *other = smap_get(renames, alias);

		smap_set_str(&seen, alias, "");
		buf_printf(&out, "%s%s%s%.*s", out.n ? " " : "", other ? other : alias, url.p ? "=" : "",
			   url.p ? (int)url.n : 0, url.p ? url.p : "");
	}
	for (size_t i = 0; i < renames->n; i++) {
		if (!smap_has(&seen, renames->v[i].key)) {
			err_set(e, ERR_USAGE, "there is no alias %s", renames->v[i].key);
			return NULL;
		}
	}
	for (size_t i = 0; add_builtin && i < ARRAY_LEN(builtin); i++) {
		if (!smap_has(&seen, builtin[i][0]))
			buf_printf(&out, " %s=%s", builtin[i][0], builtin[i][1]);
	}
	return buf_steal(&out);
}

char *langdef_alter(const char *scope, const char *definitions)
{
	return mem_printf("ALTER %s SET SCRIPT_LANGUAGES='%s';", scope, definitions);
}

char *langdef_message(const char *flavor_name, const char *definitions)
{
	AUTO_FREE char *session = langdef_alter("SESSION", definitions), *system = langdef_alter("SYSTEM", definitions);

	return mem_printf("\nIn SQL, you can activate the languages supported by the %s\n"
			  "flavor by using the following statements:\n\n\n"
			  "To activate the flavor only for the current session:\n\n%s\n\n\n"
			  "To activate the flavor on the system:\n\n%s\n",
			  flavor_name, session, system);
}
