/* The graph of stages: names, goals, cycles, closures, order. */
#include <string.h>

#include "src/plan/plan.h"
#include "src/util/mem.h"
#include "src/util/path.h"

static size_t find_exactly(const struct plan *p, const char *name)
{
	for (size_t i = 0; i < p->stages.n; i++)
		if (strcmp(p->stages.v[i].name, name) == 0)
			return i;
	return PLAN_NONE;
}

/* "FLAVOR-DIR:STAGE" names the flavor by its directory's last part; "FLAVOR/STAGE:INNER" is a name as it is. */
static char *full_name(const struct plan *p, const char *name)
{
	const char *colon = strchr(name, ':');

	if (!colon || find_exactly(p, name) != PLAN_NONE)
		return mem_strdup(name);
	AUTO_FREE char *dir = mem_strndup(name, (size_t)(colon - name));
	AUTO_FREE char *clean = path_clean(dir), *full = mem_printf("%s/%s", path_base(clean), colon + 1);

	return find_exactly(p, full) != PLAN_NONE ? STEAL_PTR(full) : mem_strdup(name);
}

static bool is_called(const struct plan_stage *st, const char *name)
{
	if (strcmp(st->name, name) == 0)
		return true;
	return st->flavor && strcmp(st->name + strlen(st->flavor) + 1, name) == 0;
}

static int unknown_stage(const struct plan *p, const char *name, struct err *e)
{
	AUTO_STRV struct strv names = {0};

	for (size_t i = 0; i < p->stages.n; i++)
		strv_add(&names, p->stages.v[i].name);
	AUTO_FREE char *known = strv_join(&names, ", ");

	err_set(e, ERR_INPUT, "there is no stage \"%s\"", name);
	return err_hint(e, "the stages are: %s", known);
}

size_t plan_find_stage(const struct plan *p, const char *name, struct err *e)
{
	AUTO_FREE char *full = full_name(p, name);
	size_t found = find_exactly(p, full);

	if (found != PLAN_NONE)
		return found;
	for (size_t i = 0; i < p->stages.n; i++) {
		if (!is_called(&p->stages.v[i], full))
			continue;
		if (found != PLAN_NONE) {
			err_set(e, ERR_INPUT, "stage \"%s\" is in several flavors", name);
			err_hint(e, "write %s or %s", p->stages.v[found].name, p->stages.v[i].name);
			return PLAN_NONE;
		}
		found = i;
	}
	if (found == PLAN_NONE)
		unknown_stage(p, name, e);
	return found;
}

/* A name without flavor means that stage of every flavor. */
static int mark_named(struct plan *p, const char *name, struct err *e)
{
	AUTO_FREE char *full = full_name(p, name);
	bool any = false;

	for (size_t i = 0; i < p->stages.n; i++)
		if (is_called(&p->stages.v[i], full))
			any = p->stages.v[i].goal = true;
	return any ? 0 : unknown_stage(p, name, e);
}

/* --- depth-first search --- */

enum colour { WHITE, GREY, BLACK };

struct dfs {
	const struct plan *p;
	enum colour *colour;
	size_t *path; /* stages on the way from the start */
	size_t depth;
	size_t *order; /* finished stages */
	size_t n;
};

static int report_cycle(const struct dfs *d, size_t again, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	size_t i = 0;

	while (d->path[i] != again)
		i++;
	for (; i < d->depth; i++)
		buf_printf(&text, "%s → ", d->p->stages.v[d->path[i]].name);
	buf_str_add(&text, d->p->stages.v[again].name);
	err_set(e, ERR_INPUT, "stages depend on each other in a circle: %s", buf_str(&text));
	err_hint(e, "remove one of these FROM or COPY --from references");
	return err_at(e, d->p->stages.v[again].file, d->p->stages.v[again].df->from->first_line, 1);
}

/* Recursion is as deep as the longest chain of stages, which the number of Dockerfiles bounds. */
static int visit(struct dfs *d, size_t at, struct err *e)
{
	const struct plan_stage *st = &d->p->stages.v[at];

	d->colour[at] = GREY;
	d->path[d->depth++] = at;
	for (size_t i = 0; i < st->needs.n; i++) {
		size_t next = st->needs.v[i].stage;

		if (next == PLAN_NONE || d->colour[next] == BLACK)
			continue;
		if (d->colour[next] == GREY)
			return report_cycle(d, next, e);
		if (visit(d, next, e) < 0)
			return -1;
	}
	d->depth--;
	d->colour[at] = BLACK;
	d->order[d->n++] = at;
	return 0;
}

static int search(const struct plan *p, size_t *order, struct err *e)
{
	size_t n = p->stages.n;
	AUTO_FREE enum colour *colour = mem_zalloc(n * sizeof *colour + 1);
	AUTO_FREE size_t *path = mem_array(n + 1, sizeof *path);
	struct dfs d = {.p = p, .colour = colour, .path = path, .order = order};

	for (size_t i = 0; i < n; i++)
		if (colour[i] == WHITE && visit(&d, i, e) < 0)
			return -1;
	return 0;
}

void plan_order(const struct plan *p, size_t *out)
{
	struct err e = ERR_INIT;

	/* plan_select_goals has refused cycles. */
	search(p, out, &e);
	err_release(&e);
}

void plan_mark_closure(struct plan *p)
{
	AUTO_FREE size_t *order = mem_array(p->stages.n + 1, sizeof *order);

	plan_order(p, order);
	for (size_t i = p->stages.n; i-- > 0;) {
		struct plan_stage *st = &p->stages.v[order[i]];

		st->needed |= st->goal;
		for (size_t k = 0; st->needed && k < st->needs.n; k++)
			if (st->needs.v[k].stage != PLAN_NONE)
				p->stages.v[st->needs.v[k].stage].needed = true;
	}
}

int plan_select_goals(struct plan *p, const struct strv *goals, struct err *e)
{
	AUTO_FREE size_t *order = mem_array(p->stages.n + 1, sizeof *order);

	if (search(p, order, e) < 0)
		return -1;
	for (size_t i = 0; i < goals->n; i++)
		if (mark_named(p, goals->v[i], e) < 0)
			return -1;
	for (size_t i = 0; i < p->defaults.n && !goals->n; i++)
		p->stages.v[p->defaults.v[i]].goal = true;
	plan_mark_closure(p);
	return 0;
}

/* A name without flavor means that stage of every flavor here, too. */
static int force_named(struct plan *p, const char *name, struct err *e)
{
	AUTO_FREE char *full = full_name(p, name);
	bool any = false;

	for (size_t i = 0; i < p->stages.n; i++) {
		struct plan_stage *st = &p->stages.v[i];

		if (!is_called(st, full))
			continue;
		any = true;
		st->forced = st->needed;
	}
	return any ? 0 : unknown_stage(p, name, e);
}

int plan_force(struct plan *p, const struct strv *names, struct err *e)
{
	AUTO_FREE size_t *order = mem_array(p->stages.n + 1, sizeof *order);

	for (size_t i = 0; i < p->stages.n && (!names || !names->n); i++)
		p->stages.v[i].forced = p->stages.v[i].needed;
	for (size_t i = 0; names && i < names->n; i++)
		if (force_named(p, names->v[i], e) < 0)
			return -1;
	plan_order(p, order);
	for (size_t i = 0; i < p->stages.n; i++) {
		struct plan_stage *st = &p->stages.v[order[i]];

		for (size_t k = 0; st->needed && k < st->needs.n; k++)
			if (st->needs.v[k].stage != PLAN_NONE)
				st->forced |= p->stages.v[st->needs.v[k].stage].forced;
	}
	return 0;
}
