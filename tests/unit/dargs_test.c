/* dargs: scopes of ARG and ENV, expanded instructions. Each case is a Dockerfile whose instructions run in order; what
 * a stage's RUN would get is compared. */
#include "src/dockerfile/dargs.h"
#include "src/dockerfile/dlimit.h"
#include "src/dockerfile/dparse.h"
#include "src/dockerfile/dstage.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

#define STAGES_MAX 8

/* What a planner does: the scopes of all stages, and the expanded instructions of the last one. */
struct world {
	struct dast_file *file;
	struct dstage_list stages;
	struct smap build_args;
	struct dargs *global, *scopes[STAGES_MAX];
	char *image, *platform; /* of the last FROM */
	VEC_OF(struct dast_instr *) steps;
};

static void world_release(struct world *w)
{
	for (size_t i = 0; i < w->steps.n; i++)
		dast_instr_free(w->steps.v[i]);
	vec_release(&w->steps);
	for (size_t i = 0; i < STAGES_MAX; i++)
		dargs_free(w->scopes[i]);
	dargs_free(w->global);
	dstage_release(&w->stages);
	dast_file_free(w->file);
	smap_release(&w->build_args);
	free(w->image);
	free(w->platform);
}

static int run_stage(struct world *w, size_t i, struct err *e)
{
	const struct dstage *s = &w->stages.stages.v[i];
	ssize_t base;

	free(w->image);
	free(w->platform);
	w->image = w->platform = NULL;
	if (dargs_from(w->global, s->from, &w->image, &w->platform, e))
		return -1;
	base = dstage_find(&w->stages, w->image, i, false);
	w->scopes[i] = dargs_stage(w->global, base < 0 ? NULL : w->scopes[base]);
	if (base < 0)
		dargs_base_env(w->scopes[i], "BASE=b=c");
	for (size_t k = 0; k < s->instrs.n; k++) {
		struct dast_instr *in = dargs_step(w->scopes[i], s->instrs.v[k], e);

		if (!in)
			return -1;
		vec_push(&w->steps, in);
	}
	return 0;
}

static int run(struct world *w, const char *text, const char *args, struct err *e)
{
	struct sv rest = sv_from(args);
	struct dargs_opts o = {
		.build_args = &w->build_args, .build_platform = "linux/amd64", .target_platform = "linux/arm/v7"};

	*w = (struct world){.build_args = SMAP_STR};
	while (rest.p && rest.n) {
		struct sv kv = sv_cut(&rest, ' '), key = sv_cut(&kv, '=');
		AUTO_FREE char *k = sv_dup(key), *v = sv_dup(kv);

		smap_set_str(&w->build_args, k, v);
	}
	w->file = dparse("Dockerfile", sv_from(text), e);
	ck_assert_msg(w->file != NULL, "%s", e->msg);
	unit_ok(dstage_view(w->file, &w->stages, e), *e);
	w->global = dargs_new(&o);
	for (size_t i = 0; i < w->stages.meta.n; i++)
		if (dargs_meta(w->global, w->stages.meta.v[i], e))
			return -1;
	for (size_t i = 0; i < w->stages.stages.n; i++)
		if (run_stage(w, i, e))
			return -1;
	return 0;
}

typedef void list_fn(const struct dargs *s, struct strv *out);

static void check_list(const struct world *w, list_fn *fn, const char *want)
{
	AUTO_STRV struct strv v = {0};
	AUTO_FREE char *got = NULL;

	fn(w->scopes[w->stages.stages.n - 1], &v);
	got = strv_join(&v, " ");
	ck_assert_str_eq(got, want);
}

static const struct {
	const char *text, *args, *run_env, *image_env;
} scopes[] = {
	{"FROM a\nENV A=1 B=2", "", "BASE=b=c A=1 B=2", "BASE=b=c A=1 B=2"},
	/* pairs of one line see the values from before it */
	{"FROM a\nENV A=1\nENV A=2 B=$A", "", "BASE=b=c A=2 B=1", "BASE=b=c A=2 B=1"},
	{"FROM a\nENV BASE=x$BASE", "", "BASE=xb=c", "BASE=xb=c"},
	{"FROM a\nENV A \"x  y\" $BASE", "", "BASE=b=c A=x  y b=c", "BASE=b=c A=x  y b=c"},
	{"FROM a\nARG A\nENV B=[$A]", "", "BASE=b=c B=[]", "BASE=b=c B=[]"},
	{"FROM a\nARG A\nENV B=[$A]", "A=1", "BASE=b=c A=1 B=[1]", "BASE=b=c B=[1]"},
	{"FROM a\nARG A=d", "A=1", "BASE=b=c A=1", "BASE=b=c"},
	{"FROM a\nARG A=d", "A=", "BASE=b=c A=", "BASE=b=c"},
	/* ARGs of one line see each other */
	{"FROM a\nARG A=1 B=$A C=${B}2", "", "BASE=b=c A=1 B=1 C=12", "BASE=b=c"},
	{"FROM a\nENV N=X\nARG ${N}Y=1", "XY=2", "BASE=b=c N=X ${N}Y=1", "BASE=b=c N=X"},
	/* the later of ENV and ARG counts; an ARG without a value is none */
	{"FROM a\nARG A=1\nENV A=2", "", "BASE=b=c A=2", "BASE=b=c A=2"},
	{"FROM a\nENV A=2\nARG A=1", "", "BASE=b=c A=1", "BASE=b=c A=2"},
	{"FROM a\nENV A=2\nARG A", "", "BASE=b=c A=2", "BASE=b=c A=2"},
	/* the global scope reaches a stage only by ARG */
	{"ARG A=g\nFROM a\nENV B=[$A]", "", "BASE=b=c B=[]", "BASE=b=c B=[]"},
	{"ARG A=g\nFROM a\nARG A", "", "BASE=b=c A=g", "BASE=b=c"},
	{"ARG A=g\nFROM a\nARG A=s", "", "BASE=b=c A=s", "BASE=b=c"},
	{"ARG A=g\nFROM a\nARG A=s", "A=c", "BASE=b=c A=c", "BASE=b=c"},
	{"ARG A=1\nARG B=${A}2 C=$B\nFROM a\nARG C", "", "BASE=b=c C=12", "BASE=b=c"},
	/* stages */
	{"FROM a AS x\nARG A=1\nENV E=2\nFROM b\nENV F=$A$E", "", "BASE=b=c F=", "BASE=b=c F="},
	{"FROM a AS x\nARG A=1\nENV E=2\nFROM x\nENV F=$A$E", "", "BASE=b=c A=1 E=2 F=12", "BASE=b=c E=2 F=12"},
	{"ARG I=x\nFROM a AS x\nENV E=2\nFROM ${I}", "", "BASE=b=c E=2", "BASE=b=c E=2"},
	/* platform arguments */
	{"FROM a\nENV B=[$TARGETARCH]", "", "BASE=b=c B=[]", "BASE=b=c B=[]"},
	{"FROM a\nARG TARGETPLATFORM TARGETOS TARGETARCH TARGETVARIANT BUILDVARIANT", "",
	 "BASE=b=c TARGETPLATFORM=linux/arm/v7 TARGETOS=linux TARGETARCH=arm TARGETVARIANT=v7 BUILDVARIANT=",
	 "BASE=b=c"},
	{"FROM a\nARG TARGETARCH", "TARGETARCH=x", "BASE=b=c TARGETARCH=x", "BASE=b=c"},
	{"FROM a\nARG TARGETSTAGE", "", "BASE=b=c TARGETSTAGE=default", "BASE=b=c"},
	/* proxies are no variables unless declared */
	{"FROM a\nENV B=[$HTTP_PROXY]", "HTTP_PROXY=p", "BASE=b=c B=[]", "BASE=b=c B=[]"},
	{"FROM a\nARG HTTP_PROXY", "HTTP_PROXY=p", "BASE=b=c HTTP_PROXY=p", "BASE=b=c"},
};

START_TEST(test_scopes)
{
	for (size_t i = 0; i < ARRAY_LEN(scopes); i++) {
		struct err e = ERR_INIT;
		struct world w;

		unit_ok(run(&w, scopes[i].text, scopes[i].args, &e), e);
		check_list(&w, dargs_run_env, scopes[i].run_env);
		check_list(&w, dargs_image_env, scopes[i].image_env);
		world_release(&w);
	}
}
END_TEST

static const struct {
	const char *in, *want; /* flags, words, pairs of the expanded instruction */
} steps[] = {
	{"RUN echo $A ${A:-b}", "[echo $A ${A:-b}]"},
	{"CMD [\"$A\"]", "[$A]"},
	{"ENTRYPOINT $A", "[$A]"},
	{"SHELL [\"$A\"]", "[$A]"},
	{"MAINTAINER $A", "[$A]"},
	{"HEALTHCHECK --interval=1s CMD $A", "interval=1s [CMD] [$A]"},
	{"ONBUILD ENV B=$A", ""},
	{"COPY --chown=$A:$S --chmod=$N --from=x \"$A\" [z] $S/", "chown=1:s p chmod= from=x [1] [[z]] [s p/]"},
	{"COPY [\"$A b\", \"'q'\", \"$S\"]", "[1 b] [q] [s p]"},
	{"ADD --checksum=$A --exclude=*.$S a b", "checksum=1 exclude=*.s p [a] [b]"},
	{"LABEL \"$S\"='$S' x=\"a $A\"", "{s p=$S} {x=a 1}"},
	{"LABEL x $S \"y\"", "{x=s p y}"},
	{"EXPOSE $A $P 9", "[1] [80] [81/udp] [9]"},
	{"EXPOSE \"$P\"", "[80 81/udp]"},
	{"VOLUME $S /v\\ w", "[s p] [/v] [w]"},
	{"VOLUME [\"/$A\"]", "[/1]"},
	{"USER $A:$S", "[1:s p]"},
	{"WORKDIR /$A/$S", "[/1/s p]"},
	{"STOPSIGNAL SIG$A", "[SIG1]"},
	{"RUN --mount=type=cache,target=/$A,id=$C x $A", "mount=type=cache,target=/1,\"id=c,rw=true\" [x $A]"},
	{"RUN --network=none --mount=type=ssh,required x", "network=none mount=type=ssh,required [x]"},
	{"COPY <<E /$A\n$A \"$S\" '\\$A' \\\\\nE", "[<<E] [/1] <1 \"s p\" '$A' \\\n>"},
	{"COPY <<'E' /\n$A\nE", "[<<'E'] [/] <$A\n>"},
	{"COPY <<-E /\n\t$A\n\t\tx\n\tE", "[<<-E] [/] <1\nx\n>"},
	{"RUN <<E\n$A\nE", "[<<E] <$A\n>"},
};

static void show(const struct dast_instr *in, struct buf *b)
{
	for (size_t i = 0; i < in->flags.n; i++)
		buf_printf(b, "%s=%s ", in->flags.v[i].name, in->flags.v[i].value);
	for (size_t i = 0; i < in->words.n; i++)
		buf_printf(b, "[%s] ", in->words.v[i].s);
	for (size_t i = 0; i < in->pairs.n; i++)
		buf_printf(b, "{%s=%s} ", in->pairs.v[i].key, in->pairs.v[i].value);
	for (size_t i = 0; i < in->heredocs.n; i++)
		buf_printf(b, "<%s> ", in->heredocs.v[i].content);
	if (b->n)
		b->p[--b->n] = 0;
}

START_TEST(test_steps)
{
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		AUTO_FREE char *text =
			mem_printf("FROM a\nENV A=1 S='s p' P='80 81/udp' C=c,rw=true\n%s\n", steps[i].in);
		AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
		struct err e = ERR_INIT;
		struct world w;

		unit_ok(run(&w, text, "", &e), e);
		show(w.steps.v[1], &b);
		ck_assert_str_eq(buf_str(&b), steps[i].want);
		world_release(&w);
	}
}
END_TEST

static const struct {
	const char *text, *part;
	unsigned line, col;
} bad[] = {
	{"FROM a\nENV A=1 B=${A:?gone}", "gone", 2, 9},
	{"FROM a\nWORKDIR 'x", "quote", 2, 9},
	{"FROM a\nLABEL a=b \"$X\"=c", "empty", 2, 11},
	{"FROM a\nCOPY --from=$A b c", "--from", 2, 6},
	{"FROM a\nRUN --mount=from=$A,target=/x b", "from", 2, 5},
	{"FROM a\nCOPY <<E /x\n${A\nE", "'}'", 2, 6},
	{"FROM $A", "empty", 1, 6},
	{"FROM --platform=${A a", "}", 1, 6},
	{"ARG A=${\nFROM a", "ARG", 1, 5},
};

START_TEST(test_bad)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = ERR_INIT;
		struct world w;
		int rc = run(&w, bad[i].text, "", &e);

		ck_assert_msg(rc == -1, "%s", bad[i].text);
		ck_assert_uint_eq(e.place.line, bad[i].line);
		ck_assert_uint_eq(e.place.col, bad[i].col);
		ck_assert_str_eq(e.place.file, "Dockerfile");
		ck_assert_ptr_nonnull(e.excerpt);
		unit_failed(e, ERR_INPUT, bad[i].part);
		world_release(&w);
	}
}
END_TEST

START_TEST(test_from)
{
	struct err e = ERR_INIT;
	struct world w;

	unit_ok(run(&w, "ARG T=3 R=\"r e\"\nFROM --platform=$BUILDPLATFORM x:${T} AS y\n", "T=4", &e), e);
	ck_assert_str_eq(w.image, "x:4");
	ck_assert_str_eq(w.platform, "linux/amd64");
	ck_assert_str_eq(dargs_get(w.global, "R"), "r e");
	world_release(&w);
	unit_ok(run(&w, "FROM scratch\n", "", &e), e);
	ck_assert_str_eq(w.image, "scratch");
	ck_assert_ptr_null(w.platform);
	world_release(&w);
}
END_TEST

START_TEST(test_lists)
{
	AUTO_STRV struct strv unused = {0};
	AUTO_FREE char *text = NULL;
	struct err e = ERR_INIT;
	struct world w;

	unit_ok(run(&w, "ARG G\nFROM a\nARG B=2 C\nENV X=$NONE$NONE${OTHER:-1}\n",
		    "G=1 no_proxy=h HTTPS_PROXY=i Http_Proxy=j TYPO=1 TARGETOS=x", &e),
		e);
	check_list(&w, dargs_declared, "B=2 C");
	check_list(&w, dargs_proxy_env, "no_proxy=h HTTPS_PROXY=i");
	check_list(&w, dargs_undefined, "NONE OTHER");
	dargs_unused(w.global, &unused);
	text = strv_join(&unused, " ");
	ck_assert_str_eq(text, "Http_Proxy TYPO");
	world_release(&w);
}
END_TEST

/* Values that double line by line end in an error, not in all memory. */
START_TEST(test_growth)
{
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct err e = ERR_INIT;
	struct world w;

	buf_str_add(&b, "FROM a\nENV A=0123456789\n");
	for (int i = 0; i < 100; i++)
		buf_str_add(&b, "ENV A=$A$A\n");
	ck_assert_int_eq(run(&w, buf_str(&b), "", &e), -1);
	unit_failed(e, ERR_INPUT, "bytes");
	world_release(&w);
	buf_clear(&b);
	buf_str_add(&b, "FROM a\nENV A=0123456789\n");
	for (int i = 0; i < 15; i++)
		buf_str_add(&b, "ENV A=$A$A\n");
	buf_str_add(&b, "LABEL");
	for (int i = 0; i < 10000; i++)
		buf_printf(&b, " l%d=$A", i);
	ck_assert_int_eq(run(&w, buf_str(&b), "", &e), -1);
	unit_failed(e, ERR_INPUT, "bytes");
	world_release(&w);
}
END_TEST

UNIT_MAIN("dargs", test_scopes, test_steps, test_bad, test_from, test_lists, test_growth)
