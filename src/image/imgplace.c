#include "src/image/imgplace.h"

#include <string.h>
#include <unistd.h>

#include "oci/indexfile.h"
#include "src/util/mem.h"

/* Of the names of a layout, in a hint. */
#define NAMES_SHOWN_BYTES 200

static const struct {
	const char *prefix;
	enum imgplace_kind kind;
} transports[] = {{"docker://", IMGPLACE_DOCKER},
		  {"store:", IMGPLACE_STORE},
		  {"oci:", IMGPLACE_OCI},
		  {"oci-archive:", IMGPLACE_OCI_ARCHIVE},
		  {"docker-archive:", IMGPLACE_DOCKER_ARCHIVE}};

/* A tag may be a full reference, and a directory's name may have colons. */
static void cut_tag(char *path, char **tag)
{
	char *colon = strchr(path, ':');

	for (size_t n = strlen(path); n > 0; n--) {
		char end = path[n];

		if (end && end != ':')
			continue;
		path[n] = '\0';
		if (access(path, F_OK) == 0) {
			*tag = end ? mem_strdup(path + n + 1) : NULL;
			return;
		}
		path[n] = end;
	}
	if (!colon)
		return;
	*tag = mem_strdup(colon + 1);
	*colon = '\0';
}

int imgplace_parse(const char *text, struct imgplace *out, struct err *e)
{
	*out = (struct imgplace){.kind = IMGPLACE_STORE};
	for (size_t i = 0; i < ARRAY_LEN(transports); i++) {
		size_t n = strlen(transports[i].prefix);

		if (strncmp(text, transports[i].prefix, n) != 0)
			continue;
		out->kind = transports[i].kind;
		text += n;
		break;
	}
	if (!text[0])
		return err_set(e, ERR_USAGE, "an image's name is missing behind its transport");
	out->name = mem_strdup(text);
	if (out->kind != IMGPLACE_STORE && out->kind != IMGPLACE_DOCKER)
		cut_tag(out->name, &out->tag);
	if (out->tag && !out->tag[0]) {
		imgplace_release(out);
		return err_set(e, ERR_USAGE, "%s: a tag is missing behind the colon", text);
	}
	return 0;
}

void imgplace_release(struct imgplace *p)
{
	free(p->name);
	free(p->tag);
	*p = (struct imgplace){0};
}

/* The names that an index has, some of them. */
static void hint_names(const struct layout_dir *d, const char *dir, struct err *e)
{
	AUTO_BUF struct buf names = BUF_INIT(NAMES_SHOWN_BYTES);

	for (size_t i = 0; i < d->index.n; i++) {
		const char *name = json_get_str(d->index.manifests[i].annotations, INDEXFILE_REF_NAME);

		if (name)
			buf_printf(&names, "%soci:%s:%s", names.n ? ", " : "", dir, name);
	}
	if (names.n)
		err_hint(e, "it has %s%s", buf_str(&names), names.over ? ", …" : "");
}

const struct descriptor *imgplace_find(const struct layout_dir *d, const struct imgplace *from, struct err *e)
{
	const struct descriptor *found;

	if (from->tag)
		found = layout_dir_find(d, from->tag);
	else
		found = d->index.n == 1 ? &d->index.manifests[0] : NULL;
	if (!found && from->tag) {
		err_set(e, ERR_NOT_FOUND, "layout %s has no image %s", from->name, from->tag);
		hint_names(d, from->name, e);
	} else if (!found) {
		err_set(e, ERR_INPUT, "layout %s has %zu images: which one is meant?", from->name, d->index.n);
		err_hint(e, "name its tag: oci:%s:TAG", from->name);
	}
	return found;
}
