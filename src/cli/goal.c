/* Goals as operands. */
#include "src/cli/goal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/build/context.h"
#include "src/flavor/flavor.h"
#include "src/util/cleanup.h"
#include "src/util/mem.h"

void goal_release(struct goal *g)
{
	free(g->path);
	free(g->stage);
	*g = (struct goal){0};
}

static bool goal_is_path(const char *text)
{
	struct stat st;

	return context_is_foreign(text) || (stat(text, &st) == 0 && S_ISDIR(st.st_mode));
}

void goal_parse(const char *text, struct goal *out)
{
	*out = (struct goal){0};
	/* A flavor's stages are directories, too. */
	if (!strchr(text, '/') && text[0] != '.' && flavor_is_flavor(".")) {
		out->path = mem_strdup(".");
		out->stage = mem_strdup(text);
		return;
	}
	if (goal_is_path(text)) {
		out->path = mem_strdup(text);
		return;
	}
	/* The first colon behind a directory: an inner stage is STAGE:NAME. */
	for (const char *colon = strchr(text, ':'); colon; colon = strchr(colon + 1, ':')) {
		AUTO_FREE char *dir = mem_strndup(text, (size_t)(colon - text));

		if (!dir[0] || !goal_is_path(dir))
			continue;
		out->path = STEAL_PTR(dir);
		out->stage = mem_strdup(colon + 1);
		return;
	}
	out->path = mem_strdup(".");
	out->stage = mem_strdup(text);
}
