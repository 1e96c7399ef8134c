/* Events and names that several parts of the build use. */
#include "src/build/state.h"

#include <string.h>

void state_emit(struct build *b, const struct event *ev)
{
	if (b->s->sink)
		b->s->sink->emit(b->s->sink, ev);
}

const char *state_short_name(const struct plan_stage *st)
{
	return st->name;
}

void state_emit_step(struct build *b, enum event_kind kind, const struct plan_stage *st, const struct plan_step *step,
		     const char *source, int64_t elapsed, const struct err *e)
{
	state_emit(b, &(struct event){.kind = kind,
				      .stage = state_short_name(st),
				      .n = step->n,
				      .m = (unsigned)st->steps.n,
				      .text = step->text,
				      .source = source,
				      .elapsed_ns = elapsed,
				      .err = e});
	if (kind == EVENT_STEP_META)
		b->counts.steps_meta++;
}
