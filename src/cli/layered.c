#include "src/cli/layered_priv.h"

#include "src/util/mem.h"

#define LAYERED_SWEEPS 12
/* Room that a long edge takes between the nodes that it passes. */
#define LAYERED_DUMMY_HEIGHT 6.0

/* --- columns --- */

static bool layered_is_edge(const struct layered_work *w, size_t i)
{
	return !w->back[i];
}

/* Longest path by repeated relaxation in topological order (Kahn). What a circle keeps from its turn stays at 0. */
static void layered_columns(struct layered_work *w)
{
	struct layered *l = w->l;
	AUTO_FREE size_t *open = mem_zalloc((l->n + 1) * sizeof *open);
	AUTO_FREE size_t *ready = mem_zalloc((l->n + 1) * sizeof *ready);
	AUTO_FREE bool *done = mem_zalloc(l->n + 1);
	size_t head = 0, tail = 0;

	for (size_t i = 0; i < l->nedges; i++)
		open[l->edges[i].to] += l->edges[i].from != l->edges[i].to;
	for (size_t i = 0; i < l->n; i++)
		if (!open[i])
			ready[tail++] = i;
	while (head < tail) {
		size_t at = ready[head++];

		done[at] = true;
		for (size_t i = 0; i < l->nedges; i++) {
			const struct layered_edge *e = &l->edges[i];

			if (e->from != at || e->to == at)
				continue;
			if (l->v[e->to].column < l->v[at].column + 1)
				l->v[e->to].column = l->v[at].column + 1;
			if (--open[e->to] == 0)
				ready[tail++] = e->to;
		}
	}
	for (size_t i = 0; i < l->nedges; i++)
		w->back[i] = l->edges[i].from == l->edges[i].to || !done[l->edges[i].from] || !done[l->edges[i].to];
}

/* What nothing leads to stands just before the first that it leads to. */
static void layered_pull_roots(struct layered_work *w)
{
	struct layered *l = w->l;

	for (size_t i = 0; i < l->n; i++) {
		size_t least = LAYERED_NONE;
		bool root = true;

		for (size_t k = 0; k < l->nedges; k++) {
			const struct layered_edge *e = &l->edges[k];

			if (layered_is_edge(w, k) && e->to == i)
				root = false;
			if (layered_is_edge(w, k) && e->from == i && l->v[e->to].column < least)
				least = l->v[e->to].column;
		}
		if (root && least != LAYERED_NONE)
			l->v[i].column = least - 1;
	}
}

/* --- components --- */

static size_t layered_find(size_t *parent, size_t i)
{
	while (parent[i] != i)
		i = parent[i] = parent[parent[i]];
	return i;
}

static void layered_components(struct layered_work *w)
{
	struct layered *l = w->l;
	AUTO_FREE size_t *parent = mem_array(l->n + 1, sizeof *parent);
	AUTO_FREE size_t *number = mem_array(l->n + 1, sizeof *number);

	for (size_t i = 0; i < l->n; i++) {
		parent[i] = i;
		number[i] = LAYERED_NONE;
	}
	for (size_t i = 0; i < l->nedges; i++)
		if (layered_is_edge(w, i))
			parent[layered_find(parent, l->edges[i].from)] = layered_find(parent, l->edges[i].to);
	for (size_t i = 0; i < l->n; i++) {
		size_t root = layered_find(parent, i);

		if (number[root] == LAYERED_NONE)
			number[root] = l->components++;
		l->v[i].component = number[root];
	}
}

/* --- items --- */

static size_t layered_add(struct layered_work *w, size_t node, size_t column, size_t component, double h)
{
	vec_push(&w->items, (struct layered_item){.node = node, .column = column, .component = component, .h = h});
	return w->items.n - 1;
}

static void layered_link(struct layered_work *w, size_t left, size_t right)
{
	vec_push(&w->items.v[left].right, right);
	vec_push(&w->items.v[right].left, left);
}

/* Items 0..n are the nodes; an edge over several columns gets a crossing in each between them. */
static void layered_items(struct layered_work *w)
{
	struct layered *l = w->l;

	for (size_t i = 0; i < l->n; i++) {
		layered_add(w, i, l->v[i].column, l->v[i].component, l->v[i].h);
		if (l->v[i].column >= w->ncolumns)
			w->ncolumns = l->v[i].column + 1;
	}
	for (size_t i = 0; i < l->nedges; i++) {
		const struct layered_edge *e = &l->edges[i];
		size_t at = e->from;

		for (size_t c = l->v[e->from].column + 1; layered_is_edge(w, i) && c < l->v[e->to].column; c++) {
			size_t next = layered_add(w, LAYERED_NONE, c, l->v[e->from].component, LAYERED_DUMMY_HEIGHT);

			layered_link(w, at, next);
			at = next;
		}
		if (layered_is_edge(w, i))
			layered_link(w, at, e->to);
	}
	w->columns = mem_zalloc((w->ncolumns + 1) * sizeof *w->columns);
	for (size_t i = 0; i < w->items.n; i++) {
		struct layered_column *c = &w->columns[w->items.v[i].column];

		w->items.v[i].order = c->items.n;
		vec_push(&c->items, i);
	}
}

/* --- order within columns --- */

static double layered_mean_order(const struct layered_work *w, const struct layered_item *it, bool left)
{
	size_t n = left ? it->left.n : it->right.n;
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)w->items.v[left ? it->left.v[i] : it->right.v[i]].order;
	return n ? sum / (double)n : (double)it->order;
}

/* Components stay apart, as they are stacked later. */
static bool layered_before(const struct layered_item *a, const struct layered_item *b)
{
	return a->component != b->component ? a->component < b->component : a->want < b->want;
}

/* By insertion: stable, and columns are short. */
static void layered_sort(struct layered_work *w, struct layered_column *c)
{
	for (size_t i = 1; i < c->items.n; i++) {
		size_t it = c->items.v[i], k = i;

		for (; k && layered_before(&w->items.v[it], &w->items.v[c->items.v[k - 1]]); k--)
			c->items.v[k] = c->items.v[k - 1];
		c->items.v[k] = it;
	}
	for (size_t i = 0; i < c->items.n; i++)
		w->items.v[c->items.v[i]].order = i;
}

static void layered_order(struct layered_work *w)
{
	for (size_t sweep = 0; sweep < LAYERED_SWEEPS; sweep++) {
		bool left = sweep % 2 == 0;

		for (size_t i = 0; i < w->ncolumns; i++) {
			struct layered_column *c = &w->columns[left ? i : w->ncolumns - 1 - i];

			for (size_t k = 0; k < c->items.n; k++)
				w->items.v[c->items.v[k]].want =
					layered_mean_order(w, &w->items.v[c->items.v[k]], left);
			layered_sort(w, c);
		}
	}
}

/* --- results --- */

static void layered_widths(struct layered_work *w, double *x, double *width)
{
	struct layered *l = w->l;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].w > width[l->v[i].column])
			width[l->v[i].column] = l->v[i].w;
	for (size_t c = 0; c < w->ncolumns; c++) {
		x[c] = l->width;
		l->width += width[c] + (c + 1 < w->ncolumns ? l->column_gap : 0);
	}
}

static void layered_line(struct layered_work *w, struct layered_edge *e, size_t *next, const double *x,
			 const double *width)
{
	const struct layered_node *from = &w->l->v[e->from], *to = &w->l->v[e->to];

	vec_push(&e->points, (struct layered_point){from->x + from->w, from->y + from->h / 2});
	for (size_t c = from->column + 1; c < to->column; c++) {
		double y = w->items.v[(*next)++].y;

		vec_push(&e->points, (struct layered_point){x[c], y});
		vec_push(&e->points, (struct layered_point){x[c] + width[c], y});
	}
	vec_push(&e->points, (struct layered_point){to->x, to->y + to->h / 2});
}

static void layered_results(struct layered_work *w)
{
	struct layered *l = w->l;
	AUTO_FREE double *x = mem_zalloc((w->ncolumns + 1) * sizeof *x);
	AUTO_FREE double *width = mem_zalloc((w->ncolumns + 1) * sizeof *width);
	size_t next = l->n; /* crossings follow the nodes in the order of the edges */

	layered_widths(w, x, width);
	for (size_t i = 0; i < l->n; i++) {
		l->v[i].x = x[l->v[i].column];
		l->v[i].y = w->items.v[i].y - l->v[i].h / 2;
	}
	for (size_t i = 0; i < l->nedges; i++)
		if (layered_is_edge(w, i))
			layered_line(w, &l->edges[i], &next, x, width);
}

void layered_place(struct layered *l)
{
	struct layered_work w = {.l = l, .back = mem_zalloc(l->nedges + 1)};

	layered_columns(&w);
	layered_pull_roots(&w);
	layered_components(&w);
	layered_items(&w);
	layered_order(&w);
	layered_heights(&w);
	layered_stack(&w);
	layered_results(&w);
	for (size_t i = 0; i < w.items.n; i++) {
		vec_release(&w.items.v[i].left);
		vec_release(&w.items.v[i].right);
	}
	for (size_t i = 0; i < w.ncolumns; i++)
		vec_release(&w.columns[i].items);
	vec_release(&w.items);
	free(w.columns);
	free(w.back);
}

void layered_release(struct layered *l)
{
	for (size_t i = 0; i < l->nedges; i++)
		vec_release(&l->edges[i].points);
	free(l->tops);
	l->tops = NULL;
}
