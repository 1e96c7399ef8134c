#include "src/session/treeview.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "src/session/nsjob.h"

void treeview_open_as(struct treeview *t, enum tier tier)
{
	*t = (struct treeview){.view = {.rows = owntab_new(),
					.names = tier == TIER_SOLO ? nameset_new() : NULL,
					.plain = tier == TIER_NONE,
					.solo = tier == TIER_SOLO}};
}

void treeview_open(struct treeview *t, const struct session *s)
{
	treeview_open_as(t, s->tier.tier);
}

void treeview_release(struct treeview *t)
{
	owntab_free(t->view.rows);
	nameset_free(t->view.names);
	owners_release(&t->made);
	*t = (struct treeview){0};
}

int treeview_layer(struct treeview *t, const struct session *s, const struct digest *diff_id, struct err *e)
{
	return store_layer_owners(s->store, s->tier.form, diff_id, &t->view, e);
}

int treeview_stack(struct treeview *t, const struct session *s, const struct digest_list *stack, struct err *e)
{
	for (size_t i = 0; i < stack->n; i++)
		if (treeview_layer(t, s, &stack->v[i], e) < 0)
			return -1;
	return 0;
}

struct preload {
	struct treeview *t;
	const struct session *s;
	const struct digest_list *stack;
	int fd, names_fd;
};

static int load_and_save(void *arg, struct err *e)
{
	struct preload *p = arg;

	if (treeview_stack(p->t, p->s, p->stack, e) < 0)
		return -1;
	if (p->t->view.names && nameset_save(p->t->view.names, p->names_fd, e) < 0)
		return -1;
	return owntab_save(p->t->view.rows, p->fd, e);
}

static bool has_lists(const struct session *s, const struct digest_list *stack)
{
	for (size_t i = 0; i < stack->n; i++)
		if (store_layer_has_owners(s->store, s->tier.form, &stack->v[i]))
			return true;
	return false;
}

int treeview_preload(struct treeview *t, const struct session *s, const struct digest_list *stack, struct err *e)
{
	AUTO_CLOSE int fd = -1, names = -1;

	if (!has_lists(s, stack))
		return 0;
	fd = memfd_create("slct-owners", MFD_CLOEXEC);
	names = memfd_create("slct-names", MFD_CLOEXEC);
	if (fd < 0 || names < 0)
		return err_sys(e, ERR_HOST, errno, "memory file");
	if (nsjob_run(s->nsfd, load_and_save, &(struct preload){t, s, stack, fd, names}, e) < 0)
		return -1;
	if (t->view.names && nameset_load(t->view.names, names, e) < 0)
		return -1;
	return owntab_load(t->view.rows, fd, e);
}
