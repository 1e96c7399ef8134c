/* The stages as a graph: what each stands on and takes files from, from left to right. */
#include <string.h>

#include "src/cli/html.h"
#include "src/cli/layered.h"
#include "src/cli/page.h"
#include "src/util/mem.h"

/* A picture of more would show nothing; the list of stages has them all. */
#define PAGE_GRAPH_MAX 400

#define PAGE_GRAPH_LABEL	24  /* characters of a name */
#define PAGE_GRAPH_CHAR		7.6 /* pixels of one at the size of the style sheet */
#define PAGE_GRAPH_HEIGHT	40.0
#define PAGE_GRAPH_IMAGE_HEIGHT 26.0
#define PAGE_GRAPH_MARGIN	8.0

struct page_graph {
	struct page *p;
	VEC_OF(struct layered_node) nodes; /* the stages, then images */
	VEC_OF(const char *) images;	   /* of node stages.n + i */
	VEC_OF(struct layered_edge) edges;
	VEC_OF(bool) copies; /* by edge: files are copied */
	struct layered l;
};

static double page_graph_label_width(const char *text, size_t least)
{
	size_t n = html_width(text);

	n = n < least ? least : n > PAGE_GRAPH_LABEL ? PAGE_GRAPH_LABEL : n;
	return (double)n * PAGE_GRAPH_CHAR + 22;
}

/* An image has a node for each stage that uses it: a line to everything would hide the rest. */
static size_t page_graph_image(struct page_graph *g, const char *text)
{
	vec_push(&g->images, text);
	vec_push(&g->nodes, (struct layered_node){.w = page_graph_label_width(text, 4), .h = PAGE_GRAPH_IMAGE_HEIGHT});
	return g->nodes.n - 1;
}

static void page_graph_collect(struct page_graph *g)
{
	const struct runmodel *m = &g->p->m;

	for (size_t i = 0; i < m->stages.n; i++)
		vec_push(&g->nodes, (struct layered_node){.w = page_graph_label_width(m->stages.v[i].label, 12),
							  .h = PAGE_GRAPH_HEIGHT});
	for (size_t i = 0; i < m->stages.n; i++) {
		for (size_t k = 0; k < m->stages.v[i].needs.n; k++) {
			const struct runmodel_need *n = &m->stages.v[i].needs.v[k];
			size_t from = n->stage == RUNMODEL_NONE ? page_graph_image(g, n->image) : n->stage;

			vec_push(&g->edges, (struct layered_edge){.from = from, .to = i});
			vec_push(&g->copies, !n->base);
		}
	}
}

/* --- drawing --- */

static void page_graph_edge(struct page_graph *g, size_t i)
{
	const struct layered_edge *e = &g->edges.v[i];
	struct buf *out = g->p->out;

	if (!e->points.n)
		return;
	buf_printf(out, "<path class=\"e%s\" data-a=\"%zu\" data-b=\"%zu\" d=\"M%.0f %.1f",
		   g->copies.v[i] ? " copy" : "", e->from, e->to, e->points.v[0].x, e->points.v[0].y);
	for (size_t k = 1; k < e->points.n; k++) {
		const struct layered_point *a = &e->points.v[k - 1], *b = &e->points.v[k];
		double bend = (b->x - a->x) / 2;

		if (a->y - b->y < 0.05 && b->y - a->y < 0.05)
			buf_printf(out, "H%.0f", b->x);
		else
			buf_printf(out, "C%.0f %.1f %.0f %.1f %.0f %.1f", a->x + bend, a->y, b->x - bend, b->y, b->x,
				   b->y);
	}
	buf_str_add(out, "\"/>\n");
}

/* Second line of a stage's box. */
static void page_graph_note(struct page_graph *g, const struct runmodel_stage *st)
{
	char text[32];

	buf_str_add(g->p->out, runmodel_result_text(st->result));
	if (st->busy_ns && (st->result == RUNMODEL_BUILT || st->result == RUNMODEL_FAILED))
		buf_printf(g->p->out, " · %s", page_duration_text(st->busy_ns, text));
}

static void page_graph_stage(struct page_graph *g, size_t i)
{
	const struct runmodel_stage *st = &g->p->m.stages.v[i];
	const struct layered_node *n = &g->nodes.v[i];
	struct buf *out = g->p->out;

	buf_printf(out, "<a href=\"#s%zu\"><g class=\"n %s%s\" data-n=\"%zu\"><title>", i,
		   runmodel_result_class(st->result), st->goal ? " goal" : "", i);
	html_text(out, st->name);
	buf_printf(out, ": %s%s", runmodel_result_text(st->result), st->goal ? ", a goal" : "");
	buf_printf(out, "</title><rect x=\"%.0f\" y=\"%.1f\" width=\"%.0f\" height=\"%.0f\" rx=\"6\"/>", n->x, n->y,
		   n->w, n->h);
	buf_printf(out, "<text class=\"name\" x=\"%.0f\" y=\"%.1f\">", n->x + 11, n->y + 17);
	html_short(out, st->label, PAGE_GRAPH_LABEL);
	buf_printf(out, "</text><text class=\"note\" x=\"%.0f\" y=\"%.1f\">", n->x + 11, n->y + 32);
	page_graph_note(g, st);
	buf_str_add(out, "</text></g></a>\n");
}

static void page_graph_image_box(struct page_graph *g, size_t i)
{
	size_t at = g->p->m.stages.n + i;
	const struct layered_node *n = &g->nodes.v[at];
	struct buf *out = g->p->out;

	buf_printf(out, "<g class=\"n image\" data-n=\"%zu\"><title>image ", at);
	html_command(out, g->images.v[i]);
	buf_printf(out, "</title><rect x=\"%.0f\" y=\"%.1f\" width=\"%.0f\" height=\"%.0f\" rx=\"13\"/>", n->x, n->y,
		   n->w, n->h);
	buf_printf(out, "<text class=\"note\" x=\"%.0f\" y=\"%.1f\">", n->x + 11, n->y + 17);
	html_short(out, g->images.v[i], PAGE_GRAPH_LABEL);
	buf_str_add(out, "</text></g>\n");
}

/* Above each part its flavor, where there are several. */
static void page_graph_titles(struct page_graph *g)
{
	const struct runmodel *m = &g->p->m;

	for (size_t c = 0; m->flavors > 1 && c < g->l.components; c++) {
		const char *flavor = NULL;

		for (size_t i = 0; i < m->stages.n && !flavor; i++)
			if (g->nodes.v[i].component == c)
				flavor = m->stages.v[i].flavor;
		if (!flavor)
			continue;
		buf_printf(g->p->out, "<text class=\"flavor\" x=\"0\" y=\"%.1f\">", g->l.tops[c] + 20);
		html_short(g->p->out, flavor, 80);
		buf_str_add(g->p->out, "</text>\n");
	}
}

static void page_graph_draw(struct page_graph *g)
{
	struct buf *out = g->p->out;
	double w = g->l.width + 2 * PAGE_GRAPH_MARGIN, h = g->l.height + 2 * PAGE_GRAPH_MARGIN;

	buf_printf(out,
		   "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"graph\">\n"
		   "<svg id=\"graph-svg\" class=\"graph\" role=\"group\" aria-label=\"Graph of the stages\" "
		   "width=\"%.0f\" height=\"%.0f\" "
		   "viewBox=\"%.0f %.0f %.0f %.0f\">\n<title>Graph of %zu stages</title>\n",
		   w, h, -PAGE_GRAPH_MARGIN, -PAGE_GRAPH_MARGIN, w, h, g->p->m.stages.n);
	page_graph_titles(g);
	for (size_t i = 0; i < g->edges.n; i++)
		page_graph_edge(g, i);
	for (size_t i = 0; i < g->images.n; i++)
		page_graph_image_box(g, i);
	for (size_t i = 0; i < g->p->m.stages.n; i++)
		page_graph_stage(g, i);
	buf_str_add(out, "</svg>\n</div>\n");
}

static void page_graph_legend(struct page *p)
{
	bool shown[RUNMODEL_RESULTS] = {0};

	buf_str_add(p->out, "<ul class=\"legend\">\n");
	for (size_t i = 0; i < RUNMODEL_RESULTS; i++) {
		shown[i] = p->m.results[i] > 0;
		if (shown[i])
			buf_printf(p->out, "<li><i class=\"%s\"></i>%s <b>%zu</b></li>\n",
				   runmodel_result_class((enum runmodel_result)i),
				   runmodel_result_text((enum runmodel_result)i), p->m.results[i]);
	}
	buf_str_add(p->out,
		    "<li><i class=\"line\"></i>stands on</li>\n<li><i class=\"line copy\"></i>takes files from</li>\n"
		    "</ul>\n");
}

void page_graph(struct page *p)
{
	struct page_graph g = {.p = p};

	if (!p->m.stages.n)
		return;
	page_heading(p, "graph", "Stages", NULL);
	page_graph_legend(p);
	if (p->m.stages.n > PAGE_GRAPH_MAX) {
		buf_printf(p->out, "<p>%zu stages are too many for a picture; the list below has them all.</p>\n",
			   p->m.stages.n);
		return;
	}
	page_graph_collect(&g);
	g.l = (struct layered){.v = g.nodes.v,
			       .n = g.nodes.n,
			       .edges = g.edges.v,
			       .nedges = g.edges.n,
			       .column_gap = 44,
			       .row_gap = 12,
			       .component_gap = p->m.flavors > 1 ? 34 : 14};
	layered_place(&g.l);
	page_graph_draw(&g);
	layered_release(&g.l);
	vec_release(&g.nodes);
	vec_release(&g.images);
	vec_release(&g.edges);
	vec_release(&g.copies);
}
