/* Internal to layered: what its steps share. */
#ifndef SLCT_LAYERED_PRIV_H
#define SLCT_LAYERED_PRIV_H

#include "src/cli/layered.h"

#define LAYERED_NONE SIZE_MAX

/* A node, or a place where an edge crosses a column. */
struct layered_item {
	size_t node; /* LAYERED_NONE: a crossing */
	size_t column, component;
	double h, y;		    /* y: of its middle */
	double want;		    /* barycenter, then wanted y */
	size_t order;		    /* in its column */
	VEC_OF(size_t) left, right; /* items of the neighbouring columns */
};

struct layered_column {
	VEC_OF(size_t) items;
};

struct layered_work {
	struct layered *l;
	VEC_OF(struct layered_item) items;
	struct layered_column *columns;
	size_t ncolumns;
	bool *back; /* edges that are left out */
};

/* --- layered_height.c --- */
/* Places of the items' middles (y), after their order in the columns is settled. */
void layered_heights(struct layered_work *w);
/* Components one below the other: tops and height of the layout. */
void layered_stack(struct layered_work *w);

#endif
