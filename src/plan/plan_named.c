/* Named contexts: --build-context NAME=SRC. */
#include <errno.h>
#include <string.h>

#include "src/plan/plan_load.h"
#include "src/plan/plan_ref.h"
#include "src/util/mem.h"

static const struct scheme {
	const char *start;
	enum plan_place place;
} schemes[] = {
	{"docker-image://", PLAN_PLACE_ANY},
	{"store:", PLAN_PLACE_STORE},
	{"oci-layout://", PLAN_PLACE_LAYOUT},
};

/* An image's name is the same in its short and its long form and with the tag "latest"; another text stands for
 * itself. */
static char *plain_name(const char *text)
{
	static const char latest[] = ":latest";
	AUTO_REF struct ref r = {0};
	struct err e = ERR_INIT;

	if (ref_parse(text, &r, &e) < 0) {
		err_release(&e);
		return mem_strdup(text);
	}
	char *name = ref_familiar(&r);
	size_t n = strlen(name), end = strlen(latest);

	if (n > end && strcmp(name + n - end, latest) == 0)
		name[n - end] = 0;
	return name;
}

const struct plan_named *plan_named_find(const struct plan *p, const char *name)
{
	if (!p->named.n)
		return NULL;
	AUTO_FREE char *plain = plain_name(name);

	for (size_t i = 0; i < p->named.n; i++)
		if (strcmp(p->named.v[i].name, plain) == 0)
			return &p->named.v[i];
	return NULL;
}

static int add_directory(struct plan *p, struct plan_named *n, const char *dir, struct err *e)
{
	AUTO_FREE char *real = realpath(dir, NULL);
	struct stat st;

	if (!real)
		return err_sys(e, ERR_INPUT, errno, "%s", dir);
	if (stat(real, &st) < 0 || !S_ISDIR(st.st_mode)) {
		err_set(e, ERR_INPUT, "%s is not a directory", dir);
		return err_hint(e, "an image is named docker-image://REF, store:NAME or oci-layout://DIR");
	}
	n->source = p->sources.n;
	struct plan_source *s = plan_load_source(p);

	source_add(&s->context, "", real);
	return plan_load_ignore(NULL, real, &s->context.ignore, e);
}

static int add_image(struct plan_named *n, enum plan_place place, const char *text, struct err *e)
{
	AUTO_REF struct ref r = {0};

	if (!text[0])
		return err_set(e, ERR_INPUT, "the image is missing");
	n->place = place;
	n->image = mem_strdup(text);
	return place == PLAN_PLACE_LAYOUT ? 0 : ref_parse(text, &r, e);
}

static int add_source(struct plan *p, struct plan_named *n, const char *src, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		size_t len = strlen(schemes[i].start);

		if (strncmp(src, schemes[i].start, len) == 0)
			return add_image(n, schemes[i].place, src + len, e);
	}
	if (strstr(src, "://")) {
		err_set(e, ERR_INPUT, "%s: no context can be had from there", src);
		return err_hint(e,
				"a directory, docker-image://REF, store:NAME, oci-layout://DIR[:TAG], an http or https "
				"URL and a git repository is one");
	}
	return add_directory(p, n, src, e);
}

static int check_name(const struct plan *p, const char *name, struct err *e)
{
	if (strcmp(name, PLAN_SCRATCH) == 0)
		return err_set(e, ERR_USAGE, "--build-context: scratch is always the empty image");
	if (plan_named_find(p, name))
		return err_set(e, ERR_USAGE, "--build-context: %s is given twice", name);
	return 0;
}

int plan_add_named_dir(struct plan *p, const char *name, const char *dir, size_t *source, struct err *e)
{
	struct plan_named n = {.source = p->sources.n};

	if (check_name(p, name, e) < 0)
		return -1;
	source_add(&plan_load_source(p)->context, "", dir);
	*source = n.source;
	n.name = plain_name(name);
	vec_push(&p->named, n);
	return 0;
}

int plan_add_named(struct plan *p, const char *text, struct err *e)
{
	const char *eq = strchr(text, '=');

	if (!eq || eq == text || !eq[1]) {
		err_set(e, ERR_USAGE, "--build-context: \"%s\" is not NAME=SRC", text);
		return err_hint(e, "as in --build-context tools=../tools");
	}
	AUTO_FREE char *name = mem_strndup(text, (size_t)(eq - text));
	struct plan_named n = {.source = PLAN_NONE};

	if (check_name(p, name, e) < 0)
		return -1;
	int rc = add_source(p, &n, eq + 1, e);

	n.name = plain_name(name);
	vec_push(&p->named, n);
	return rc < 0 ? err_wrap(e, "--build-context %s", name) : 0;
}
