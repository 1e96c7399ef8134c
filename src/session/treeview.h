/* How this session's tier keeps owners (ownview.h), for a worker that reads or writes trees: the view, the table of
 * what is recorded in the trees at hand, the list of what was recorded in a new one. */
#ifndef SLCT_TREEVIEW_H
#define SLCT_TREEVIEW_H

#include "oci/owners.h"
#include "src/session/session.h"

struct treeview {
	struct ownview view;
	struct owners made; /* for store_layer_publish_with() */
};

void treeview_open(struct treeview *t, const struct session *s);
void treeview_open_as(struct treeview *t, enum tier tier); /* for trees of another form */
void treeview_release(struct treeview *t);
#define AUTO_TREEVIEW AUTO(treeview_release)
/* What is recorded in a layer tree, or in all of a stack; trees that have lost records are repaired. In a worker inside
 * the user namespace, or (treeview_preload) in one that is not, which asks a child of its own. */
int treeview_layer(struct treeview *t, const struct session *s, const struct digest *diff_id, struct err *e);
int treeview_stack(struct treeview *t, const struct session *s, const struct digest_list *stack, struct err *e);
int treeview_preload(struct treeview *t, const struct session *s, const struct digest_list *stack, struct err *e);

#endif
