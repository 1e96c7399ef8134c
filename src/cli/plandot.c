/* A plan as a graph for graphviz. */
#include "src/cli/plandot.h"

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
	buf_quoted_add(out, plandot_str(s, "name"));
	buf_printf(out, " [style=filled, fillcolor=%s%s];\n", colour,
		   json_get_bool(s, "goal", false) ? ", penwidth=2" : "");
	for (size_t i = 0; i < json_len(needs); i++) {
		const struct json *n = json_at(needs, i);
		const char *stage = json_get_str(n, "stage");

		buf_str_add(out, "\t");
		buf_quoted_add(out, stage ? stage : plandot_str(n, "ref"));
		buf_str_add(out, " -> ");
		buf_quoted_add(out, plandot_str(s, "name"));
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
