/* A plan as a graph for graphviz. */
#include "src/cli/plandot.h"

#include <string.h>

#include "src/util/log.h"

static const char *plandot_str(const struct json *j, const char *key)
{
	const char *text = json_get_str(j, key);

	return text ? text : "";
}

/* FROM a stage or an image. */
static bool plandot_is_base(const struct json *need)
{
	const char *kind = plandot_str(need, "kind");

	return strcmp(kind, "from") == 0 || strcmp(kind, "image") == 0;
}

/* Backslash and quote are escaped as in JSON, which in graphviz's label of the node ("\\N") gives the name again. */
static void plandot_name(struct buf *out, const char *name)
{
	AUTO_FREE char *clean = log_mask(name, strlen(name), false);

	buf_quoted_add(out, clean);
}

static void plandot_stage(const struct json *s, struct buf *out)
{
	static const struct {
		const char *state, *colour;
	} colours[] = {{"local", "palegreen"}, {"remote", "lightblue"}, {"build", "khaki"}};
	const struct json *needs = json_get(s, "needs");
	const char *colour = "white";

	for (size_t i = 0; i < ARRAY_LEN(colours); i++) {
		if (strcmp(plandot_str(s, "state"), colours[i].state) == 0)
			colour = colours[i].colour;
	}
	buf_str_add(out, "\t");
	plandot_name(out, plandot_str(s, "name"));
	buf_printf(out, " [style=filled, fillcolor=%s%s];\n", colour,
		   json_get_bool(s, "goal", false) ? ", penwidth=2" : "");
	for (size_t i = 0; i < json_len(needs); i++) {
		const struct json *n = json_at(needs, i);
		const char *stage = json_get_str(n, "stage");

		buf_str_add(out, "\t");
		plandot_name(out, stage ? stage : plandot_str(n, "ref"));
		buf_str_add(out, " -> ");
		plandot_name(out, plandot_str(s, "name"));
		buf_printf(out, " [style=%s];\n", plandot_is_base(n) ? "solid" : "dashed");
	}
}

void plandot_write(const struct json *plan, struct buf *out)
{
	const struct json *stages = json_get(plan, "stages");

	buf_str_add(out, "digraph slct {\n\tnode [shape=box];\n");
	for (size_t i = 0; i < json_len(stages); i++)
		plandot_stage(json_at(stages, i), out);
	buf_str_add(out, "}\n");
}
