/* Layout of a directed acyclic graph in columns from left to right (Sugiyama's method: columns by the longest path,
 * fewer crossings by barycenters, heights by least squares). Parts that no edge connects are stacked. Pure; the same
 * input gives the same picture. */
#ifndef SLCT_LAYERED_H
#define SLCT_LAYERED_H

#include "src/util/vec.h"

struct layered_point {
	double x, y;
};

struct layered_node {
	double w, h;	  /* in: size */
	double x, y;	  /* out: upper left corner */
	size_t column;	  /* out */
	size_t component; /* out: counted from 0, from above */
};

struct layered_edge {
	size_t from, to;		     /* in: indexes of nodes; from is left of to */
	VEC_OF(struct layered_point) points; /* out: where the line goes through, ends included */
};

struct layered {
	struct layered_node *v; /* the caller's */
	size_t n;
	struct layered_edge *edges; /* the caller's; layered_release() frees their points */
	size_t nedges;
	double column_gap, row_gap, component_gap; /* in */
	size_t components;			   /* out */
	double *tops;				   /* out: upper border of each component */
	double width, height;			   /* out */
};

/* Edges that would close a circle, or from a node to itself, get no points. */
void layered_place(struct layered *l);
void layered_release(struct layered *l);

#endif
