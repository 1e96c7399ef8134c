/* Heights of a layout's items: each near its neighbours' middle, none upon another (least squares, column by column).
 */
#include "src/cli/layered_priv.h"

#include "src/util/mem.h"

/* From one side in turn; as many again with both sides. */
#define SWEEPS 12

/* Neighbours of one column that touch: they move as one. */
struct layered_block {
	double sum, n; /* of wanted places of its first item's middle */
	double offset; /* of its last item from its first */
	size_t items;
};

static double layered_distance(const struct layered_work *w, size_t a, size_t b)
{
	return (w->items.v[a].h + w->items.v[b].h) / 2 + w->l->row_gap;
}

/* Middles as near to the wanted ones as the distances allow (pool adjacent violators). items: of one component. */
static void layered_settle(struct layered_work *w, const size_t *items, size_t n)
{
	AUTO_FREE struct layered_block *b = mem_array(n + 1, sizeof *b);
	size_t nb = 0, at = 0;

	for (size_t i = 0; i < n; i++) {
		b[nb++] = (struct layered_block){w->items.v[items[i]].want, 1, 0, 1};
		at = i;
		while (nb > 1) {
			struct layered_block *p = &b[nb - 2], *q = &b[nb - 1];
			double step = p->offset + layered_distance(w, items[at - q->items], items[at - q->items + 1]);

			if (p->sum / p->n + step <= q->sum / q->n)
				break;
			p->sum += q->sum - step * q->n;
			p->n += q->n;
			p->offset = step + q->offset;
			p->items += q->items;
			nb--;
		}
	}
	at = 0;
	for (size_t i = 0; i < nb; i++) {
		double y = b[i].sum / b[i].n;

		for (size_t k = 0; k < b[i].items; k++, at++) {
			if (k)
				y += layered_distance(w, items[at - 1], items[at]);
			w->items.v[items[at]].y = y;
		}
	}
}

static double layered_mean_y(const struct layered_work *w, const struct layered_item *it, bool left, bool both)
{
	double sum = 0;
	size_t n = 0;

	for (size_t i = 0; (left || both) && i < it->left.n; i++, n++)
		sum += w->items.v[it->left.v[i]].y;
	for (size_t i = 0; (!left || both) && i < it->right.n; i++, n++)
		sum += w->items.v[it->right.v[i]].y;
	return n ? sum / (double)n : it->y;
}

static void layered_column_heights(struct layered_work *w, const struct layered_column *c, bool left, bool both)
{
	for (size_t first = 0, end; first < c->items.n; first = end) {
		size_t component = w->items.v[c->items.v[first]].component;

		for (end = first; end < c->items.n && w->items.v[c->items.v[end]].component == component; end++) {
			struct layered_item *it = &w->items.v[c->items.v[end]];

			it->want = layered_mean_y(w, it, left, both);
		}
		layered_settle(w, c->items.v + first, end - first);
	}
}

void layered_heights(struct layered_work *w)
{
	for (size_t sweep = 0; sweep < 2 * SWEEPS; sweep++) {
		bool left = sweep % 2 == 0, both = sweep >= SWEEPS;

		for (size_t i = 0; i < w->ncolumns; i++)
			layered_column_heights(w, &w->columns[left ? i : w->ncolumns - 1 - i], left, both);
	}
}

void layered_stack(struct layered_work *w)
{
	struct layered *l = w->l;
	AUTO_FREE double *low = mem_array(l->components + 1, sizeof *low);
	AUTO_FREE double *high = mem_array(l->components + 1, sizeof *high);

	for (size_t i = 0; i < l->components; i++) {
		low[i] = 1e300;
		high[i] = -1e300;
	}
	for (size_t i = 0; i < w->items.n; i++) {
		const struct layered_item *it = &w->items.v[i];

		if (it->y - it->h / 2 < low[it->component])
			low[it->component] = it->y - it->h / 2;
		if (it->y + it->h / 2 > high[it->component])
			high[it->component] = it->y + it->h / 2;
	}
	l->tops = mem_zalloc((l->components + 1) * sizeof *l->tops);
	for (size_t i = 0; i < l->components; i++) {
		l->tops[i] = l->height;
		l->height += l->component_gap + high[i] - low[i];
	}
	for (size_t i = 0; i < w->items.n; i++) {
		struct layered_item *it = &w->items.v[i];

		it->y += l->tops[it->component] + l->component_gap - low[it->component];
	}
}
