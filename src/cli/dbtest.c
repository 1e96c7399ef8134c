#include "src/cli/dbtest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "src/util/mem.h"
#include "src/util/path.h"

#define DBTEST_VARIABLES_MAX ((size_t)1 << 20)
#define DBTEST_GENERIC_DIR   "generic"

void dbtest_items_release(struct dbtest_items *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].file);
		free(l->v[i].folder);
		free(l->v[i].language);
	}
	vec_release(l);
}

/* --- which tests --- */

static int dbtest_beneath(const char *path, struct err *e)
{
	if (path[0] != '/' && path_is_beneath(path))
		return 0;
	return err_set(e, ERR_INPUT, "test \"%s\" is not in the directory tests/test of the test container", path);
}

static int dbtest_list(const char *dir, const char *folder, struct strv *out, struct err *e)
{
	AUTO_FREE char *path = path_join(dir, folder);
	AUTO_CLOSEDIR DIR *d = opendir(path);
	const struct dirent *ent;

	if (!d) {
		err_sys(e, ERR_INPUT, errno, "test folder %s", path);
		return err_hint(e, "folders of tests are relative to tests/test of --test-container-folder");
	}
	while ((ent = readdir(d)))
		if (sv_ends(sv_from(ent->d_name), ".py"))
			strv_add(out, ent->d_name);
	strv_sort(out);
	return 0;
}

static int dbtest_folder(enum dbtest_kind kind, const char *dir, const char *folder, const char *language,
			 struct dbtest_items *out, struct err *e)
{
	AUTO_STRV struct strv files = {0};

	if (dbtest_beneath(folder, e) || dbtest_list(dir, folder, &files, e))
		return -1;
	for (size_t i = 0; i < files.n; i++)
		vec_push(out, (struct dbtest_item){.kind = kind,
						   .file = mem_printf("%s/%s", folder, files.v[i]),
						   .folder = mem_strdup(folder),
						   .language = mem_strdup_opt(language)});
	return 0;
}

static int dbtest_file(const char *dir, const char *file, struct dbtest_items *out, struct err *e)
{
	AUTO_FREE char *path = path_join(dir, file);

	if (dbtest_beneath(file, e))
		return -1;
	if (access(path, F_OK) < 0) {
		err_sys(e, ERR_INPUT, errno, "test file %s", path);
		return err_hint(e, "test files are relative to tests/test of --test-container-folder");
	}
	vec_push(out, (struct dbtest_item){.kind = DBTEST_FILES, .file = mem_strdup(file)});
	return 0;
}

int dbtest_find(const struct ftestset *set, const char *tests_dir, struct dbtest_items *out, struct err *e)
{
	for (size_t i = 0; i < set->folders.n; i++)
		if (dbtest_folder(DBTEST_FOLDER, tests_dir, set->folders.v[i], NULL, out, e))
			return -1;
	for (size_t i = 0; i < set->files.n; i++)
		if (dbtest_file(tests_dir, set->files.v[i], out, e))
			return -1;
	for (size_t i = 0; i < set->generic.n; i++)
		if (dbtest_folder(DBTEST_GENERIC, tests_dir, DBTEST_GENERIC_DIR, set->generic.v[i], out, e))
			return -1;
	return 0;
}

char *dbtest_path(const struct dbtest_item *it)
{
	static const char *const kinds[] = {
		[DBTEST_FOLDER] = "test_folder", [DBTEST_FILES] = "test_files", [DBTEST_GENERIC] = "generic"};
	const char *between = it->language ? it->language : "";

	/* Of a file that was named by itself EXASLCT keeps only the last part, so that two may be one. */
	return mem_printf("%s/%s%s%s%s%s", kinds[it->kind], it->folder ? it->folder : "", it->folder ? "/" : "",
			  between, it->language ? "/" : "", it->folder ? path_base(it->file) : it->file);
}

/* --- what they are called with --- */

/* In single quotes: ' becomes '\''. */
static void dbtest_quote(struct buf *out, const char *s)
{
	buf_char_add(out, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			buf_str_add(out, "'\\''");
		else
			buf_char_add(out, *s);
	}
	buf_char_add(out, '\'');
}

static void dbtest_option(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, " %s ", name);
	dbtest_quote(out, value);
}

char *dbtest_command(const struct dbtest_call *c, const struct dbtest_item *it)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	AUTO_FREE char *server = mem_printf("%s:%u", c->place->host, c->place->port);

	buf_str_add(&out, "cd " DBTEST_TESTS "/test/; python3 ");
	dbtest_quote(&out, it->file);
	dbtest_option(&out, "--server", server);
	dbtest_option(&out, "--user", c->place->user);
	dbtest_option(&out, "--password", c->place->password);
	dbtest_option(&out, "--script-languages", c->languages);
	buf_printf(&out,
		   " --lang-path " DBTEST_TESTS "/lang --loglevel=%s --driver=%s --jdbc-path "
		   "/downloads/JDBC/exajdbc.jar",
		   c->log_level ? c->log_level : "critical", c->odbc_driver);
	if (it->language)
		dbtest_option(&out, "--lang", it->language);
	/* Words of a shell, as EXASLCT passes them on. */
	for (size_t i = 0; i < c->restrictions->n; i++)
		buf_printf(&out, " %s", c->restrictions->v[i]);
	return buf_steal(&out);
}

char *dbtest_populate(const struct dbtest_place *p)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	AUTO_FREE char *server = mem_printf("%s:%u", p->host, p->port);

	buf_str_add(&out, "cd " DBTEST_DATA "/" DBTEST_POPULATE " && $EXAPLUS");
	dbtest_option(&out, "-c", server);
	buf_str_add(&out, " -x");
	dbtest_option(&out, "-u", p->user);
	dbtest_option(&out, "-p", p->password);
	buf_str_add(&out, " -f import.sql -jdbcparam 'validateservercertificate=0'");
	return buf_steal(&out);
}

/* --- what they find --- */

/* As Python writes the value that JSON has. */
static int dbtest_variable(const char *key, const struct json *v, struct strv *env, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(DBTEST_VARIABLES_MAX);

	if (json_is_object(v) || json_is_array(v) || json_is_null(v))
		return err_set(e, ERR_USAGE, "--test-environment-vars: the value of \"%s\" is no text and no number",
			       key);
	if (json_is_string(v))
		buf_str_add(&text, json_str(v));
	else if (json_is_bool(v))
		buf_str_add(&text, json_bool(v, false) ? "True" : "False");
	else
		json_write(v, &text);
	if (!key[0] || strchr(key, '='))
		return err_set(e, ERR_USAGE, "--test-environment-vars: \"%s\" is no name of a variable", key);
	strv_printf(env, "%s=%s", key, buf_str(&text));
	return 0;
}

int dbtest_variables(const char *text, struct strv *env, struct err *e)
{
	AUTO_JSON struct json *j = NULL;

	if (!text)
		return 0;
	j = json_parse(text, strlen(text), DBTEST_VARIABLES_MAX, ERR_USAGE, "--test-environment-vars", e);
	if (!j)
		return -1;
	if (!json_is_object(j))
		return err_set(e, ERR_USAGE, "--test-environment-vars: an object is wanted: {\"NAME\": \"value\"}");
	for (void *it = json_iter(j); it; it = json_iter_next(j, it))
		if (dbtest_variable(json_iter_key(it), json_iter_val(it), env, e))
			return -1;
	return 0;
}

void dbtest_environment(const char *name, struct strv *env)
{
	strv_add(env, "TEST_ENVIRONMENT_TYPE=external_db");
	strv_printf(env, "TEST_ENVIRONMENT_NAME=%s", name);
	/* The name that docker has for the network that the tests are in. */
	strv_add(env, "TEST_DOCKER_NETWORK_NAME=host");
}
