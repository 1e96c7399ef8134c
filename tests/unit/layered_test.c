/* Graphs in columns. */
#include <check.h>
#include <string.h>

#include "src/cli/layered.h"
#include "unit.h"

struct graph {
	struct layered_node v[64];
	struct layered_edge e[64];
	struct layered l;
};

static void place(struct graph *g, size_t n, const size_t (*edges)[2], size_t nedges)
{
	memset(g, 0, sizeof *g);
	for (size_t i = 0; i < n; i++)
		g->v[i] = (struct layered_node){.w = 100, .h = 40};
	for (size_t i = 0; i < nedges; i++)
		g->e[i] = (struct layered_edge){.from = edges[i][0], .to = edges[i][1]};
	g->l = (struct layered){.v = g->v,
				.n = n,
				.edges = g->e,
				.nedges = nedges,
				.column_gap = 40,
				.row_gap = 10,
				.component_gap = 20};
	layered_place(&g->l);
}

/* No two boxes touch, all are inside, edges lead to the right from border to border. */
static void check(const struct graph *g)
{
	for (size_t i = 0; i < g->l.n; i++) {
		const struct layered_node *a = &g->v[i];

		ck_assert(a->x >= 0 && a->x + a->w <= g->l.width + 0.01);
		ck_assert(a->y >= 0 && a->y + a->h <= g->l.height + 0.01);
		for (size_t k = 0; k < i; k++) {
			const struct layered_node *b = &g->v[k];

			ck_assert(a->x + a->w <= b->x || b->x + b->w <= a->x || a->y + a->h <= b->y ||
				  b->y + b->h <= a->y);
		}
	}
	for (size_t i = 0; i < g->l.nedges; i++) {
		const struct layered_edge *e = &g->e[i];

		if (!e->points.n)
			continue;
		ck_assert(g->v[e->from].column < g->v[e->to].column);
		ck_assert_double_eq(e->points.v[0].x, g->v[e->from].x + 100);
		ck_assert_double_eq(e->points.v[e->points.n - 1].x, g->v[e->to].x);
		for (size_t k = 1; k < e->points.n; k++)
			ck_assert(e->points.v[k - 1].x <= e->points.v[k].x);
	}
}

START_TEST(a_chain_is_a_line)
{
	static const size_t edges[][2] = {{0, 1}, {1, 2}};
	struct graph g;

	place(&g, 3, edges, 2);
	check(&g);
	ck_assert_uint_eq(g.v[2].column, 2);
	ck_assert_double_eq_tol(g.v[0].y, g.v[2].y, 0.01);
	layered_release(&g.l);
}
END_TEST

START_TEST(a_long_edge_passes_the_boxes)
{
	static const size_t edges[][2] = {{0, 1}, {1, 2}, {0, 2}};
	struct graph g;

	place(&g, 3, edges, 3);
	check(&g);
	ck_assert_uint_eq(g.e[2].points.n, 4);
	/* where it crosses the middle column it is not inside of the box there */
	ck_assert(g.e[2].points.v[1].y < g.v[1].y || g.e[2].points.v[1].y > g.v[1].y + 40);
	layered_release(&g.l);
}
END_TEST

START_TEST(parts_are_stacked)
{
	static const size_t edges[][2] = {{0, 1}, {2, 3}};
	struct graph g;

	place(&g, 5, edges, 2);
	check(&g);
	ck_assert_uint_eq(g.l.components, 3);
	ck_assert(g.v[0].y + 40 <= g.v[2].y && g.v[2].y + 40 <= g.v[4].y);
	ck_assert(g.l.tops[0] < g.l.tops[1] && g.l.tops[1] < g.l.tops[2]);
	layered_release(&g.l);
}
END_TEST

START_TEST(crossings_are_undone)
{
	/* 0 → 3, 1 → 2: drawn in this order they would cross */
	static const size_t edges[][2] = {{4, 0}, {4, 1}, {0, 3}, {1, 2}, {2, 5}, {3, 5}};
	struct graph g;

	place(&g, 6, edges, 6);
	check(&g);
	ck_assert_int_eq(g.v[0].y < g.v[1].y, g.v[3].y < g.v[2].y);
	layered_release(&g.l);
}
END_TEST

START_TEST(circles_end)
{
	static const size_t edges[][2] = {{0, 1}, {1, 2}, {2, 1}, {3, 3}};
	struct graph g;

	place(&g, 4, edges, 4);
	check(&g);
	ck_assert_uint_eq(g.e[3].points.n, 0);
	layered_release(&g.l);
}
END_TEST

START_TEST(many)
{
	size_t edges[60][2];
	struct graph g;

	for (size_t i = 0; i < 60; i++) {
		edges[i][0] = i / 2;
		edges[i][1] = i + 2;
	}
	place(&g, 62, (const size_t(*)[2])edges, 60);
	check(&g);
	layered_release(&g.l);
	place(&g, 0, NULL, 0);
	layered_release(&g.l);
	place(&g, 1, NULL, 0);
	check(&g);
	layered_release(&g.l);
}
END_TEST

UNIT_MAIN("layered", a_chain_is_a_line, a_long_edge_passes_the_boxes, parts_are_stacked, crossings_are_undone,
	  circles_end, many)
