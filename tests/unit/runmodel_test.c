/* A build's facts joined with what happened when: lanes, the critical path, layers. */
#include <check.h>
#include <string.h>

#include "src/cli/runmodel.h"
#include "src/util/json.h"
#include "unit.h"

#define MS INT64_C(1000000)

static struct json *facts(const char *text)
{
	struct err e = ERR_INIT;
	struct json *j = json_parse(text, strlen(text), 1 << 20, ERR_INPUT, "facts", &e);

	ck_assert_msg(j != NULL, "%s", e.msg);
	return j;
}

static void emit(struct runlog *l, enum event_kind kind, const char *stage, unsigned n)
{
	l->sink.emit(&l->sink, &(struct event){.kind = kind, .stage = stage, .n = n, .text = "RUN x"});
}

/* A step with times of its own instead of the clock's. */
static void step(struct runlog *l, const char *stage, unsigned n, int64_t from, int64_t to)
{
	struct runlog_stage *st;

	emit(l, EVENT_STEP_START, stage, n);
	emit(l, EVENT_STEP_DONE, stage, n);
	st = smap_get(&l->stages, stage);
	st->steps.v[st->steps.n - 1].begun = from * MS;
	st->steps.v[st->steps.n - 1].ended = to * MS;
}

static size_t stage_of(const struct runmodel *m, const char *name)
{
	for (size_t i = 0; i < m->stages.n; i++)
		if (strcmp(m->stages.v[i].name, name) == 0)
			return i;
	ck_abort_msg("no stage %s", name);
}

/* base; fast and slow stand on it, app stands on fast and takes files from slow in its second step. */
static const char diamond[] =
	"{\"stages\":["
	"{\"name\":\"f/app\",\"flavor\":\"f\",\"goal\":true,\"result\":\"built\","
	"\"needs\":[{\"stage\":\"f/fast\",\"kind\":\"from\"},{\"stage\":\"f/slow\",\"kind\":\"copy\"}],"
	"\"steps\":[{\"n\":1,\"reads\":[]},{\"n\":2,\"reads\":[\"f/slow\"]},{\"n\":3,\"reads\":[]}]},"
	"{\"name\":\"f/slow\",\"flavor\":\"f\",\"result\":\"built\",\"needs\":[{\"stage\":\"f/"
	"base\",\"kind\":\"from\"}],"
	"\"steps\":[{\"n\":1,\"reads\":[]}],\"layers\":[{\"id\":\"sha256:aa\",\"size\":10,\"image\":\"debian\"},"
	"{\"id\":\"sha256:bb\",\"size\":30,\"stage\":\"f/slow\",\"n\":1}]},"
	"{\"name\":\"f/fast\",\"flavor\":\"f\",\"result\":\"local\",\"needs\":[{\"stage\":\"f/"
	"base\",\"kind\":\"from\"}],"
	"\"steps\":[],\"layers\":[{\"id\":\"sha256:aa\",\"size\":10,\"image\":\"debian\"}]},"
	"{\"name\":\"f/"
	"base\",\"flavor\":\"f\",\"result\":\"built\",\"needs\":[{\"ref\":\"debian\",\"kind\":\"image\"}],"
	"\"steps\":[{\"n\":1,\"reads\":[]}]}]}";

static void fill(struct runlog *l)
{
	runlog_init(l, NULL);
	step(l, "f/base", 1, 10, 20);
	step(l, "f/slow", 1, 20, 90);
	step(l, "f/app", 1, 21, 30);
	step(l, "f/app", 2, 91, 95);
	step(l, "f/app", 3, 95, 99);
	runlog_end(l);
}

START_TEST(needs_come_first)
{
	AUTO_JSON struct json *j = facts(diamond);
	AUTO_RUNLOG struct runlog l;
	AUTO_RUNMODEL struct runmodel m;

	fill(&l);
	runmodel_init(&m, j, &l);
	ck_assert_uint_eq(m.stages.n, 4);
	ck_assert_uint_eq(m.flavors, 1);
	ck_assert_str_eq(m.stages.v[0].name, "f/base");
	ck_assert_str_eq(m.stages.v[0].label, "base");
	ck_assert_str_eq(m.stages.v[3].name, "f/app");
	ck_assert(m.stages.v[3].goal);
	ck_assert_str_eq(m.stages.v[0].needs.v[0].image, "debian");
	ck_assert_uint_eq(m.results[RUNMODEL_BUILT], 3);
	ck_assert_uint_eq(m.results[RUNMODEL_LOCAL], 1);
}
END_TEST

START_TEST(the_critical_path_goes_through_the_slowest)
{
	static const struct {
		const char *stage;
		unsigned n;
	} want[] = {{"f/base", 1}, {"f/slow", 1}, {"f/app", 2}, {"f/app", 3}};
	AUTO_JSON struct json *j = facts(diamond);
	AUTO_RUNLOG struct runlog l;
	AUTO_RUNMODEL struct runmodel m;

	fill(&l);
	runmodel_init(&m, j, &l);
	ck_assert_uint_eq(m.critical.n, ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		const struct runmodel_span *sp = &m.spans.v[m.critical.v[i]];

		ck_assert_str_eq(m.stages.v[sp->stage].name, want[i].stage);
		ck_assert_uint_eq(sp->step->n, want[i].n);
	}
	ck_assert(!m.spans.v[2].critical);
}
END_TEST

START_TEST(steps_at_one_time_have_lanes_of_their_own)
{
	AUTO_JSON struct json *j = facts(diamond);
	AUTO_RUNLOG struct runlog l;
	AUTO_RUNMODEL struct runmodel m;

	fill(&l);
	runmodel_init(&m, j, &l);
	ck_assert_uint_eq(m.lanes, 2);
	ck_assert_uint_eq(m.spans.v[0].lane, 0); /* base */
	ck_assert_uint_eq(m.spans.v[1].lane, 0); /* slow follows it */
	ck_assert_uint_eq(m.spans.v[2].lane, 1); /* app 1 */
	ck_assert_uint_eq(m.stages.v[stage_of(&m, "f/app")].ran, 3);
	ck_assert_int_eq(m.stages.v[stage_of(&m, "f/app")].busy_ns, (9 + 4 + 4) * MS);
}
END_TEST

START_TEST(a_layer_counts_once)
{
	AUTO_JSON struct json *j = facts(diamond);
	AUTO_RUNLOG struct runlog l;
	AUTO_RUNMODEL struct runmodel m;

	fill(&l);
	runmodel_init(&m, j, &l);
	ck_assert_uint_eq(m.layers.n, 2);
	ck_assert_str_eq(m.layers.v[0].id, "sha256:bb");
	ck_assert_uint_eq(m.layers.v[0].stage, stage_of(&m, "f/slow"));
	ck_assert_str_eq(m.layers.v[1].image, "debian");
	ck_assert_uint_eq(m.stages.v[stage_of(&m, "f/slow")].size, 40);
	ck_assert_uint_eq(m.stages.v[stage_of(&m, "f/slow")].own, 30);
}
END_TEST

START_TEST(of_nothing_there_is_nothing)
{
	AUTO_RUNLOG struct runlog l;
	AUTO_RUNMODEL struct runmodel m;

	runlog_init(&l, NULL);
	runlog_end(&l);
	runmodel_init(&m, NULL, &l);
	ck_assert_uint_eq(m.stages.n + m.spans.n + m.critical.n + m.layers.n + m.lanes, 0);
}
END_TEST

START_TEST(a_circle_ends)
{
	AUTO_JSON struct json *j =
		facts("{\"stages\":[{\"name\":\"a\",\"needs\":[{\"stage\":\"b\",\"kind\":\"from\"}]},"
		      "{\"name\":\"b\",\"needs\":[{\"stage\":\"a\",\"kind\":\"from\"}]}]}");
	AUTO_RUNLOG struct runlog l;
	AUTO_RUNMODEL struct runmodel m;

	runlog_init(&l, NULL);
	step(&l, "a", 1, 1, 2);
	runlog_end(&l);
	runmodel_init(&m, j, &l);
	ck_assert_uint_eq(m.stages.n, 2);
	ck_assert_uint_eq(m.critical.n, 1);
	ck_assert_uint_eq(m.results[RUNMODEL_UNKNOWN], 2);
}
END_TEST

START_TEST(the_end_of_a_long_output_is_kept)
{
	AUTO_RUNLOG struct runlog l;
	char big[RUNLOG_TAIL_MAX];
	const struct runlog_stage *st;

	memset(big, 'x', sizeof big);
	runlog_init(&l, NULL);
	emit(&l, EVENT_STEP_START, "a", 1);
	for (int i = 0; i < 5; i++)
		l.sink.emit(&l.sink,
			    &(struct event){
				    .kind = EVENT_OUTPUT, .stage = "a", .n = 1, .text = big, .text_len = sizeof big});
	l.sink.emit(&l.sink, &(struct event){.kind = EVENT_OUTPUT, .stage = "a", .n = 1, .text = "END", .text_len = 3});
	emit(&l, EVENT_STEP_ERROR, "a", 1);
	runlog_end(&l);
	st = smap_get(&l.stages, "a");
	ck_assert_int_eq(st->steps.v[0].state, RUNLOG_FAILED);
	ck_assert_uint_eq(st->steps.v[0].tail.n, RUNLOG_TAIL_MAX);
	ck_assert_str_eq(buf_str(&st->steps.v[0].tail) + RUNLOG_TAIL_MAX - 4, "xEND");
}
END_TEST

START_TEST(what_runs_at_the_end_was_stopped)
{
	AUTO_RUNLOG struct runlog l;
	const struct runlog_stage *st;

	runlog_init(&l, NULL);
	emit(&l, EVENT_STEP_START, "a", 1);
	runlog_end(&l);
	st = smap_get(&l.stages, "a");
	ck_assert_int_eq(st->steps.v[0].state, RUNLOG_STOPPED);
	ck_assert(st->steps.v[0].ended >= st->steps.v[0].begun);
}
END_TEST

UNIT_MAIN("runmodel", needs_come_first, the_critical_path_goes_through_the_slowest,
	  steps_at_one_time_have_lanes_of_their_own, a_layer_counts_once, of_nothing_there_is_nothing, a_circle_ends,
	  the_end_of_a_long_output_is_kept, what_runs_at_the_end_was_stopped)
